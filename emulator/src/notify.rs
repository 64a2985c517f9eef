//! What the S3 side puts into queues.

use redb::WriteTransaction;

use super::sqs;

/// Puts a message into the queue with this ARN inside the caller's own transaction, so that an object and its event
/// become durable in one step. After the commit the caller wakes receivers with [`sqs::Queues::wake`].
///
/// Gives whether the queue exists; an event for one that was deleted since is dropped, as the service does it.
///
/// # Units
/// `now_ms` is UTC milliseconds.
///
/// # Errors
/// When the queue's rows cannot be read or written; the caller then gives its transaction up.
pub fn enqueue(txn: &WriteTransaction, queue_arn: &str, body: &str, now_ms: i64) -> Result<bool, sqs::Error> {
    sqs::enqueue(txn, queue_arn, body, now_ms)
}
