//! A member of a Kafka consumer group that hands records over.
//!
//! Offsets are committed after the hand-over, never before. While queue or store cannot be reached, the partitions are
//! paused and the group is polled all the same, so that the member keeps its place in it.

mod connect;
mod context;

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use platform::{Platform, Stop, error::chain, threads::run_blocking};
use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tokio::sync::oneshot;

use self::context::Context;
use super::{Handed, Properties, Record, hand_over};

/// The most records that are handed over before their offsets are committed.
const BATCH: usize = 100;
/// The pause after the first try in vain; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long the group is not polled while records are handed over.
const PATIENCE: Duration = Duration::from_secs(2);
/// When a commit that failed is tried again, unless a later one comes first.
const COMMIT_AGAIN: Duration = Duration::from_secs(5);
/// How long leaving the group may take.
const LEAVE: Duration = Duration::from_secs(10);

/// Which records are taken, and as whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The brokers that are asked first: `host:port`, separated by commas.
    pub brokers: String,
    /// The topic.
    pub topic: String,
    /// The consumer group.
    pub group: String,
    /// Further settings of the client, by librdkafka's names.
    pub properties: Properties,
}

/// A member of the group.
struct Member<'a> {
    consumer: Arc<StreamConsumer<Context>>,
    options: &'a Options,
    platform: &'a Platform,
    /// Whether offsets of records that are done are not committed yet.
    owes: bool,
}

/// Takes records and hands them over until `stop` is asked for. Then the batch in hand is finished, its offsets are
/// committed, and the group is left.
///
/// # Errors
/// When no broker answers, the topic does not exist, or something is wrong that another try would not change.
pub async fn run(options: &Options, platform: &Platform, stop: &Stop) -> anyhow::Result<()> {
    let consumer = tokio::select! {
        () = stop.asked() => return Ok(()),
        consumer = connect::connect(options) => consumer?,
    };
    let Options {
        brokers, topic, group, ..
    } = options;
    tracing::info!(brokers, topic, group, "the source takes records");
    let mut member = Member {
        consumer,
        options,
        platform,
        owes: false,
    };
    let served = member.serve(stop).await;
    member.leave().await;
    served
}

impl Member<'_> {
    async fn serve(&mut self, stop: &Stop) -> anyhow::Result<()> {
        while !stop.is_asked() {
            let records = self.receive(stop).await?;
            self.deliver(records, stop).await?;
        }
        Ok(())
    }

    /// Waits for a record and returns it with those that have arrived behind it; nothing when `stop` is asked for.
    async fn receive(&mut self, stop: &Stop) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        while records.is_empty() {
            tokio::select! {
                () = stop.asked() => return Ok(records),
                message = self.consumer.recv() => records.extend(self.record(message)?),
                () = self.platform.clock.sleep(COMMIT_AGAIN), if self.owes => self.commit().await,
            }
        }
        while records.len() < BATCH {
            let Some(message) = self.consumer.recv().now_or_never() else {
                break;
            };
            records.extend(self.record(message)?);
        }
        Ok(records)
    }

    /// Hands records over and commits their offsets. Tries again until all are done, or `stop` is asked for.
    async fn deliver(&mut self, mut records: Vec<Record>, stop: &Stop) -> anyhow::Result<()> {
        let mut pause = FIRST_PAUSE;
        while !records.is_empty() {
            let handing_over = hand_over(&self.options.topic, &records, self.platform);
            let (handed, arrived) = self.polling(handing_over).await?;
            let Handed {
                done,
                next,
                messages,
                dead,
                stopped,
            } = handed;
            if done > 0 {
                tracing::info!(records = done, messages, dead, "records are handed over");
                self.store_offsets(next);
                self.commit().await;
                records.drain(..done);
                pause = FIRST_PAUSE;
            }
            records.extend(arrived);
            if let Some(error) = stopped {
                let (error, pause_s) = (chain(error.as_ref()), pause.as_secs_f64());
                tracing::warn!(
                    error,
                    pause_s,
                    records = records.len(),
                    "records wait to be handed over"
                );
                let waiting = async {
                    tokio::select! {
                        () = stop.asked() => {}
                        () = self.platform.clock.sleep(pause) => {}
                    }
                };
                let ((), arrived) = self.polling_at_once(waiting).await?;
                records.extend(arrived);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            if stop.is_asked() {
                return Ok(());
            }
            self.keep_ours(&mut records)?;
        }
        self.resume()
    }

    /// Does something that may take long; returns its result, and the records that arrived meanwhile.
    async fn polling<T>(&self, doing: impl Future<Output = T>) -> anyhow::Result<(T, Vec<Record>)> {
        let mut doing = pin!(doing);
        // Most of it is short, and to pause throws away what was read ahead.
        if let Ok(done) = tokio::time::timeout(PATIENCE, &mut doing).await {
            return Ok((done, Vec::new()));
        }
        self.polling_at_once(doing).await
    }

    /// Polls the group with all partitions paused until `doing` is done. What arrives all the same is of partitions that
    /// the group gave meanwhile.
    async fn polling_at_once<T>(&self, doing: impl Future<Output = T>) -> anyhow::Result<(T, Vec<Record>)> {
        let (mut doing, mut arrived) = (pin!(doing), Vec::new());
        self.pause()?;
        loop {
            tokio::select! {
                done = &mut doing => return Ok((done, arrived)),
                message = self.consumer.recv() => {
                    arrived.extend(self.record(message)?);
                    self.pause()?;
                }
            }
        }
    }

    /// Drops the records of partitions that the group has taken away: their next owner reads them again.
    fn keep_ours(&self, records: &mut Vec<Record>) -> anyhow::Result<()> {
        let ours = self.assignment()?;
        records.retain(|record| ours.find_partition(&self.options.topic, record.partition).is_some());
        Ok(())
    }

    /// Returns a record; `None` for an error that the client recovers from by itself, which [`Context`] has logged.
    fn record(&self, message: KafkaResult<BorrowedMessage<'_>>) -> anyhow::Result<Option<Record>> {
        let message = match message {
            Ok(message) => message,
            Err(error) if is_final(&error) => {
                let Options {
                    brokers, topic, group, ..
                } = self.options;
                let what = format!("group `{group}` cannot read topic `{topic}` at `{brokers}`");
                return Err(anyhow::Error::new(error).context(what));
            }
            Err(_) => return Ok(None),
        };
        Ok(Some(Record {
            partition: message.partition(),
            offset: message.offset(),
            value: message.payload().unwrap_or_default().to_vec(),
        }))
    }

    /// Remembers how far each partition is done, for this commit and, should it fail, for any later one.
    fn store_offsets(&mut self, offsets: BTreeMap<i32, i64>) {
        for (partition, next) in offsets {
            let mut one = TopicPartitionList::new();
            let stored = one
                .add_partition_offset(&self.options.topic, partition, Offset::Offset(next))
                .and_then(|()| self.consumer.store_offsets(&one));
            match stored {
                Ok(()) => self.owes = true,
                // The group has taken the partition away; its next owner hands these records over once more.
                Err(error) => tracing::debug!(partition, error = %error, "an offset is not ours to commit"),
            }
        }
    }

    async fn commit(&mut self) {
        let consumer = self.consumer.clone();
        let committed = run_blocking(move || consumer.commit_consumer_state(CommitMode::Sync)).await;
        self.owes = match committed {
            Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => false,
            Err(error) => {
                tracing::warn!(error = chain(&error), "offsets are not committed yet");
                true
            }
        };
    }

    fn assignment(&self) -> anyhow::Result<TopicPartitionList> {
        self.consumer
            .assignment()
            .context("cannot tell which partitions are ours")
    }

    fn pause(&self) -> anyhow::Result<()> {
        self.consumer
            .pause(&self.assignment()?)
            .context("cannot pause partitions")
    }

    fn resume(&self) -> anyhow::Result<()> {
        self.consumer
            .resume(&self.assignment()?)
            .context("cannot resume partitions")
    }

    /// Leaves the group, so that others take the partitions over at once. Bounded, because a broker may be gone.
    async fn leave(self) {
        let (left, leaving) = oneshot::channel();
        let consumer = self.consumer;
        // No thread of the runtime: that would wait for it.
        std::thread::spawn(move || {
            drop(consumer);
            let _ = left.send(());
        });
        if tokio::time::timeout(LEAVE, leaving).await.is_err() {
            tracing::warn!("the group did not answer; it notices by itself that this member is gone");
        }
    }
}

/// Returns whether the client cannot recover from an error by itself.
fn is_final(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed | RDKafkaErrorCode::TopicAuthorizationFailed)
        )
}
