//! Messages that the S3 side puts into queues.

use std::collections::BTreeMap;

use redb::WriteTransaction;
use uuid::Uuid;

use super::{attributes::last_segment, error::Error, message::Message, rows::Rows};

/// Puts a message into the queue with this ARN inside the caller's own transaction, so that an object and its event
/// become durable in one step. After the commit the caller wakes receivers with [`Queues::wake`](super::Queues::wake).
///
/// Returns whether the queue exists; an event for a queue that was deleted since is dropped, as AWS does it.
///
/// # Units
/// `now_ms` is UTC milliseconds.
///
/// # Errors
/// When the queue's rows cannot be read or written; the caller then gives its transaction up.
pub(crate) fn enqueue(txn: &WriteTransaction, queue_arn: &str, body: &str, now_ms: i64) -> Result<bool, Error> {
    let mut rows = Rows::open(txn)?;
    let Some(queue) = rows.find(last_segment(queue_arn))? else {
        return Ok(false);
    };
    let message = Message {
        id: Uuid::new_v4().to_string(),
        body: body.to_owned(),
        attributes: BTreeMap::new(),
        trace_header: None,
        group: None,
        sender: "s3.amazonaws.com".to_owned(),
        sent_ms: now_ms,
        dead_letter_source: None,
        copy: false,
    };
    rows.put(queue.id, &message, now_ms + i64::from(queue.delay_s) * 1000)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::engine::Engine;
    use crate::settings::Settings;
    use crate::sqs::{Queues, rows::Counts};

    #[tokio::test]
    async fn a_message_of_the_store_comes_with_its_transaction_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        let settings = Settings::new("eu-west-1", "id", "secret");
        let queues = Queues::open(engine.clone(), settings).await.unwrap();
        queues.create("events", BTreeMap::new()).await.unwrap();
        let (arn, now_ms) = (queues.arn("events"), queues.now_ms());
        let to = arn.clone();
        let failed = engine.write(move |txn| {
            assert!(enqueue(txn, &to, "lost", now_ms).unwrap());
            panic!("the writer of the object gives up");
            #[expect(unreachable_code, reason = "gives the closure its type")]
            Ok::<(), ()>(())
        });
        assert!(failed.await.is_err());
        let counts = queues.counts(&queues.queue("events").unwrap()).unwrap();
        assert_eq!(counts, Counts::default());

        let wait = queues.receive("events", 1, None, Some(Duration::from_secs(20)));
        let put = async {
            let to = arn.clone();
            let put = engine.write(move |txn| enqueue(txn, &to, "an event", now_ms));
            put.await.unwrap().unwrap();
            queues.wake(&arn);
        };
        let (received, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(10), wait), put);
        let received = received.unwrap().unwrap();
        let bodies: Vec<&str> = received.iter().map(|taken| taken.message.body.as_str()).collect();
        assert_eq!(bodies, ["an event"]);

        let nowhere = queues.arn("none");
        let known = engine
            .write(move |txn| enqueue(txn, &nowhere, "x", now_ms))
            .await
            .unwrap();
        assert!(!known.unwrap());
    }
}
