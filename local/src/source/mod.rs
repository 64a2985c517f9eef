//! Notifications from a broker, on their way to the queue of `preprocess`.
//!
//! Promises: a record counts as done only when its messages are on the queue, or it lies under `dead/` with the reason.
//! So nothing is lost, and what comes twice is noticed by the stages. Refuses: to work on anything here.
//!
//! What is done with a record depends on no broker and stands in this file.

#[cfg(feature = "kafka")]
pub mod kafka;
mod properties;

use std::collections::BTreeMap;

use contract::Stage;
use platform::{
    Platform,
    event::CloudEvent,
    handover::{self, Asked, Unfit},
};
use serde::Deserialize;

pub use self::properties::{Properties, Property, PropertyError};

/// How many records are handed over together: as many messages as a queue takes in one request.
const TOGETHER: usize = 10;

/// One record of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The partition that it was read from.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Its value: a notification, or a CloudEvent in JSON that holds one.
    pub value: Vec<u8>,
}

/// How far handing over came.
#[derive(Default, Debug)]
pub struct Handed {
    /// How many records, from the first one on, are done and need not be read again.
    pub done: usize,
    /// The offset after the last of those in each of their partitions: what a group commits.
    pub next: BTreeMap<i32, i64>,
    /// How many messages were put on the queue for them.
    pub messages: usize,
    /// How many of them were put aside.
    pub dead: usize,
    /// Why it went no further; `None` at the end.
    pub stopped: Option<anyhow::Error>,
}

/// Hands records of a topic over, in their order, up to the first ones that the queue or the store does not take. Some of
/// those may have been sent.
pub async fn hand_over(topic: &str, records: &[Record], platform: &Platform) -> Handed {
    let mut handed = Handed::default();
    for some in records.chunks(TOGETHER) {
        match hand_over_together(topic, some, platform).await {
            Ok((messages, dead)) => {
                handed.done += some.len();
                handed.messages += messages;
                handed.dead += dead;
            }
            Err(error) => {
                handed.stopped = Some(error);
                break;
            }
        }
    }
    handed.next = next_offsets(&records[..handed.done]);
    handed
}

/// Hands a few records over and returns how many messages were sent and how many records were put aside.
async fn hand_over_together(topic: &str, records: &[Record], platform: &Platform) -> anyhow::Result<(usize, usize)> {
    let (mut messages, mut dead) = (Vec::new(), 0);
    for record in records {
        match asked(&record.value, &platform.host.bucket) {
            Ok(bodies) => messages.extend(bodies),
            Err(why) => {
                let Record {
                    partition,
                    offset,
                    value,
                } = record;
                let reason = format!("record {offset} of partition {partition} of topic `{topic}`: {why}");
                handover::bury(&String::from_utf8_lossy(value), &reason, platform).await?;
                dead += 1;
            }
        }
    }
    if !messages.is_empty() {
        platform.outbox.send(Stage::Preprocess, &messages).await?;
    }
    Ok((messages.len(), dead))
}

/// Returns the offset after the last record of each partition, in whatever order they were read.
fn next_offsets(done: &[Record]) -> BTreeMap<i32, i64> {
    let mut next = BTreeMap::new();
    for record in done {
        let after = record.offset + 1;
        next.entry(record.partition)
            .and_modify(|offset: &mut i64| *offset = after.max(*offset))
            .or_insert(after);
    }
    next
}

/// Returns the messages that a value asks for, or why it can never be accepted.
fn asked(value: &[u8], bucket: &str) -> Result<Vec<String>, String> {
    let body = body(value)?;
    match handover::asked(&body, bucket) {
        Ok(Asked::HandOver(messages)) => Ok(messages),
        Ok(Asked::Nothing) => Ok(Vec::new()),
        Ok(Asked::Work(stage)) => Err(format!(
            "it is a job for `{stage}`, only notifications are taken from a topic"
        )),
        // Only jobs have versions, and no code of ours sends jobs to a topic: waiting would stop the partition.
        Err(Unfit::Never(why) | Unfit::Later(why)) => Err(why),
    }
}

/// The member of JSON that only a CloudEvent has.
#[derive(Deserialize)]
struct Claims {
    specversion: Option<serde_json::Value>,
}

/// Returns the text of a notification. A CloudEvent in the structured mode is unpacked; in the binary mode the value is
/// the notification itself.
fn body(value: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(value).map_err(|error| format!("its value is not UTF-8: {error}"))?;
    let claims = serde_json::from_str(text);
    if let Ok(Claims { specversion: Some(_) }) = claims {
        let event = CloudEvent::structured(value).map_err(|error| error.to_string())?;
        return Ok(event.data);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contract::{Dead, Digest, VERSION, keys};
    use platform::{Store as _, event::notification};
    use serde_json::json;
    use testing::memory::{Fault, Faults, How, When, World};

    use super::*;

    const TOPIC: &str = "uploads";

    fn platform(world: &World) -> Platform {
        Platform::new(
            world.store.clone(),
            world.queue.clone(),
            world.clock.clone(),
            testing::host(),
        )
    }

    /// Returns a platform whose operation with this number times out, once.
    fn failing(at: usize, world: &World) -> (Platform, Arc<Faults>) {
        let fault = Fault {
            at,
            when: When::Before,
            how: How::TimeOut,
        };
        let faults = Faults::new(Some(fault));
        let (store, queue) = (faults.store(world.store.clone()), faults.queue(world.queue.clone()));
        (platform(world).on(store, queue), faults)
    }

    fn about(bucket: &str, number: i64) -> String {
        notification(bucket, &format!("raw/cell/{number}.csv"), None, "2026-11-30T00:00:00Z")
    }

    fn record(offset: i64, value: impl Into<Vec<u8>>) -> Record {
        Record {
            partition: 0,
            offset,
            value: value.into(),
        }
    }

    /// Returns the records of so many uploads.
    fn records(count: i64) -> Vec<Record> {
        (0..count)
            .map(|offset| record(offset, about("flits", offset)))
            .collect()
    }

    fn queued(world: &World) -> Vec<String> {
        world.queue.bodies(Stage::Preprocess)
    }

    async fn dead(world: &World, value: &[u8]) -> Dead {
        let text = String::from_utf8_lossy(value);
        let key = keys::dead(Digest::of(text.as_bytes()));
        let object = world.store.get(&key, 1 << 20).await.unwrap();
        let dead: Dead = serde_json::from_slice(&object.bytes).unwrap();
        assert_eq!(dead.body, text);
        dead
    }

    #[tokio::test]
    async fn records_are_handed_over_in_their_order() {
        let world = World::new();
        let records = records(23);
        let handed = hand_over(TOPIC, &records, &platform(&world)).await;
        assert!(handed.stopped.is_none(), "{handed:?}");
        assert_eq!((handed.done, handed.messages, handed.dead), (23, 23, 0));
        assert_eq!(handed.next, BTreeMap::from([(0, 23)]));
        let expected: Vec<String> = (0..23).map(|number| about("flits", number)).collect();
        assert_eq!(queued(&world), expected);
    }

    #[tokio::test]
    async fn what_can_never_be_accepted_is_kept_with_its_place_and_the_rest_goes_on() {
        let digest = "0af7651916cd43dd8448eb211c80319c".repeat(2);
        let train = json!({"dataset": "cell", "part": [0, 1], "spec": digest, "salt": "", "cut": digest, "round": digest, "member": "gru"});
        let job = json!({
            "version": VERSION, "recipe": 1, "job": digest, "hop": 0, "trace": &digest[..32], "stage": {"train": train},
        });
        for (what, value, reason) in [
            ("poison", b"not json".to_vec(), "body is not JSON"),
            ("no text", vec![0xff, 0xfe], "its value is not UTF-8"),
            ("nothing", Vec::new(), "body is not JSON"),
            (
                "a foreign bucket",
                about("other", 1).into_bytes(),
                "only `flits` is allowed",
            ),
            ("a job", job.to_string().into_bytes(), "it is a job for `train`"),
            ("a job of newer code", br#"{"version":99}"#.to_vec(), "99"),
            ("half a CloudEvent", br#"{"specversion":"1.0"}"#.to_vec(), "has no `id`"),
        ] {
            let world = World::new();
            let mut records = records(3);
            records[1].value.clone_from(&value);
            let handed = hand_over(TOPIC, &records, &platform(&world)).await;
            assert!(handed.stopped.is_none(), "{what}: {handed:?}");
            assert_eq!((handed.done, handed.messages, handed.dead), (3, 2, 1), "{what}");
            assert_eq!(queued(&world), [about("flits", 0), about("flits", 2)], "{what}");
            let kept = dead(&world, &value).await.reason;
            assert!(
                kept.starts_with("record 1 of partition 0 of topic `uploads`: "),
                "{what}: {kept}"
            );
            assert!(kept.contains(reason), "{what}: {kept}");
        }
    }

    #[tokio::test]
    async fn what_asks_for_nothing_is_done() {
        let world = World::new();
        let removed = about("flits", 1).replace("ObjectCreated:Put", "ObjectRemoved:Delete");
        let records = [record(0, r#"{"Event":"s3:TestEvent"}"#), record(1, removed)];
        let handed = hand_over(TOPIC, &records, &platform(&world)).await;
        assert_eq!((handed.done, handed.messages, handed.dead), (2, 0, 0), "{handed:?}");
        assert!(queued(&world).is_empty() && world.store.keys().is_empty());
    }

    #[tokio::test]
    async fn a_cloud_event_is_unpacked() {
        let world = World::new();
        let inner: serde_json::Value = serde_json::from_str(&about("flits", 1)).unwrap();
        let event = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "com.example.put", "data": inner});
        let handed = hand_over(TOPIC, &[record(0, event.to_string())], &platform(&world)).await;
        assert_eq!((handed.done, handed.messages), (1, 1), "{handed:?}");
        assert_eq!(queued(&world), [inner.to_string()]);
    }

    #[tokio::test]
    async fn while_the_queue_is_gone_nothing_counts_as_done_and_nothing_is_lost() {
        let world = World::new();
        let (platform, faults) = failing(1, &world);
        let records = records(25);
        let handed = hand_over(TOPIC, &records, &platform).await;
        assert_eq!(handed.done, 10);
        let why = format!("{:#}", handed.stopped.unwrap());
        assert!(why.contains("queue `flits-preprocess` did not answer"), "{why}");
        assert_eq!(handed.next, BTreeMap::from([(0, 10)]));

        let handed = hand_over(TOPIC, &records[handed.done..], &platform).await;
        assert!(handed.stopped.is_none(), "{handed:?}");
        assert_eq!(handed.done, 15);
        assert_eq!(queued(&world).len(), 25);
        assert_eq!(faults.operations().len(), 4, "{:?}", faults.operations());
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_put_aside_yet_is_not_done() {
        let world = World::new();
        let (platform, _) = failing(0, &world);
        let records = [record(0, "not json"), record(1, about("flits", 1))];
        let handed = hand_over(TOPIC, &records, &platform).await;
        assert_eq!((handed.done, handed.next.len()), (0, 0));
        assert!(handed.stopped.is_some());
        assert!(queued(&world).is_empty(), "the records behind it wait");
        let handed = hand_over(TOPIC, &records, &platform).await;
        assert_eq!((handed.done, handed.dead), (2, 1), "{handed:?}");
    }

    #[test]
    fn each_partition_has_its_own_offset_whatever_the_order() {
        let read = |partition, offset| Record {
            partition,
            offset,
            value: Vec::new(),
        };
        // The last one was read again after a rebalance.
        let done = [read(0, 7), read(2, 0), read(0, 8), read(1, 40), read(0, 7)];
        assert_eq!(next_offsets(&done), BTreeMap::from([(0, 9), (1, 41), (2, 1)]));
        assert!(next_offsets(&[]).is_empty());
    }
}
