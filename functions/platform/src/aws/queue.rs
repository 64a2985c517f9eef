use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_sqs::{
    Client,
    config::timeout::TimeoutConfig,
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry},
};
use contract::Stage;
use serde::Deserialize;

use super::{connect::TOTAL, reason::reason};
use crate::{
    error::QueueError,
    ports::{Delivered, Outbox, Queue},
};

/// The largest number of messages in one request.
const BATCH: usize = 10;
/// The largest size of one request in bytes; older servers take no more.
const BATCH_BYTES: usize = 256 * 1024;
/// How often a batch is sent when the server refuses some of its entries.
const SEND_TRIES: u32 = 4;
/// The longest visibility timeout that SQS allows, in seconds.
const MAX_VISIBILITY_S: u64 = 43_200;

/// The queues of all stages on SQS or a compatible server.
pub struct SqsQueue {
    client: Client,
    configured: BTreeMap<Stage, String>,
    /// URLs that the server returned. They are never built here, because each server has its own form.
    found: Mutex<BTreeMap<Stage, String>>,
    /// Whether these are the dead-letter queues of the stages' queues.
    dead: bool,
}

/// The attribute of a queue that names its dead-letter queue.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
}

impl SqsQueue {
    /// Wraps a client. `configured` holds the URLs of queues that are not named `flits-{stage}`.
    #[must_use]
    pub fn new(client: Client, configured: BTreeMap<Stage, String>) -> Self {
        Self {
            client,
            configured,
            found: Mutex::default(),
            dead: false,
        }
    }

    /// Returns a queue's URL, which the server is asked for once.
    ///
    /// # Errors
    /// When there is no such queue, or the server does not answer.
    pub async fn url(&self, stage: Stage) -> Result<String, QueueError> {
        let known = self.lock().get(&stage).cloned();
        if let Some(url) = known {
            return Ok(url);
        }
        let url = match self.configured.get(&stage) {
            Some(url) => url.clone(),
            None => self.url_of(&format!("flits-{stage}")).await?,
        };
        let url = if self.dead { self.dead_url(&url).await? } else { url };
        self.lock().insert(stage, url.clone());
        Ok(url)
    }

    async fn url_of(&self, name: &str) -> Result<String, QueueError> {
        let found = self.client.get_queue_url().queue_name(name).send().await;
        let found = found.map_err(|error| failed(name, error))?;
        found.queue_url.ok_or_else(|| QueueError::Unavailable {
            queue: name.to_owned(),
            source: "the answer has no `QueueUrl`".into(),
        })
    }

    /// Returns the URL of the dead-letter queue that the redrive policy of a queue names.
    async fn dead_url(&self, url: &str) -> Result<String, QueueError> {
        let asked = self.client.get_queue_attributes().queue_url(url);
        let answer = asked.attribute_names(QueueAttributeName::RedrivePolicy).send().await;
        let attributes = answer.map_err(|error| failed(url, error))?.attributes;
        let policy = attributes.and_then(|mut all| all.remove(&QueueAttributeName::RedrivePolicy));
        let policy = policy.and_then(|text| serde_json::from_str::<RedrivePolicy>(&text).ok());
        let name = policy
            .as_ref()
            .and_then(|policy| policy.dead_letter_target_arn.rsplit(':').next());
        match name {
            Some(name) => self.url_of(name).await,
            None => Err(QueueError::NoQueue {
                queue: format!("dead-letter queue of {url}"),
            }),
        }
    }

    /// Forgets the URL when there is no queue behind it: the queue may have been recreated under another URL.
    fn checked<T>(&self, stage: Stage, answer: Result<T, QueueError>) -> Result<T, QueueError> {
        if matches!(answer, Err(QueueError::NoQueue { .. })) {
            self.lock().remove(&stage);
        }
        answer
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Stage, String>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one batch, and sends again the entries that failed for the server's reasons.
    async fn send_batch(&self, url: &str, bodies: &[String]) -> Result<(), QueueError> {
        let mut left: Vec<usize> = (0..bodies.len()).collect();
        for attempt in 1.. {
            let entries = left.iter().map(|i| entry(*i, &bodies[*i])).collect();
            let sent = self
                .client
                .send_message_batch()
                .queue_url(url)
                .set_entries(Some(entries))
                .send()
                .await;
            let sent = sent.map_err(|error| failed(url, error))?;
            let Some(first) = sent.failed().first() else {
                return Ok(());
            };
            let source = format!("{}: {}", first.code(), first.message().unwrap_or("no reason given"));
            left = sent
                .failed()
                .iter()
                .filter_map(|entry| entry.id().parse().ok())
                .collect();
            if sent
                .failed()
                .iter()
                .any(aws_sdk_sqs::types::BatchResultErrorEntry::sender_fault)
                || attempt == SEND_TRIES
            {
                let (asked, failed) = (bodies.len(), left.len());
                return Err(QueueError::NotSent {
                    queue: url.to_owned(),
                    asked,
                    failed,
                    source: source.into(),
                });
            }
            pause(attempt).await;
        }
        unreachable!("the last try returns")
    }
}

#[async_trait]
impl Outbox for SqsQueue {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        if bodies.is_empty() {
            return Ok(());
        }
        let url = self.url(stage).await?;
        for batch in batches(bodies) {
            let sent = self.send_batch(&url, batch).await;
            self.checked(stage, sent)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError> {
        let url = self.url(stage).await?;
        let receive = self
            .client
            .receive_message()
            .queue_url(&url)
            .max_number_of_messages(i32::try_from(max.clamp(1, BATCH)).unwrap_or(10))
            .wait_time_seconds(i32::try_from(wait.as_secs().min(20)).unwrap_or(20))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let long = TimeoutConfig::builder()
            .operation_attempt_timeout(wait + TOTAL)
            .operation_timeout(wait + TOTAL)
            .build();
        let patient = aws_sdk_sqs::config::Config::builder().timeout_config(long);
        let received = receive.customize().config_override(patient).send().await;
        let received = self.checked(stage, received.map_err(|error| failed(&url, error)))?;
        Ok(received
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(delivered)
            .collect())
    }

    async fn delete(&self, stage: Stage, handle: &str) -> Result<(), QueueError> {
        let url = self.url(stage).await?;
        let deleted = self
            .client
            .delete_message()
            .queue_url(&url)
            .receipt_handle(handle)
            .send()
            .await;
        match self.checked(stage, deleted.map_err(|error| failed(&url, error))) {
            // Already deleted, or received again by another worker: in both cases there is nothing to delete.
            Ok(_) | Err(QueueError::Stale { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn extend(&self, stage: Stage, handle: &str, visibility: Duration) -> Result<(), QueueError> {
        let url = self.url(stage).await?;
        let seconds = (visibility.as_secs() + u64::from(visibility.subsec_nanos() > 0)).min(MAX_VISIBILITY_S);
        let extend = self
            .client
            .change_message_visibility()
            .queue_url(&url)
            .receipt_handle(handle);
        let extended = extend
            .visibility_timeout(i32::try_from(seconds).unwrap_or(i32::MAX))
            .send()
            .await;
        self.checked(stage, extended.map(drop).map_err(|error| failed(&url, error)))
    }

    fn dead_letters(&self) -> Option<Arc<dyn Queue>> {
        Some(Arc::new(Self {
            client: self.client.clone(),
            configured: self.configured.clone(),
            found: Mutex::default(),
            dead: true,
        }))
    }
}

fn entry(id: usize, body: &str) -> SendMessageBatchRequestEntry {
    let entry = SendMessageBatchRequestEntry::builder()
        .id(id.to_string())
        .message_body(body);
    entry.build().expect("id and body are set")
}

/// Splits messages into requests by number and by size.
fn batches(bodies: &[String]) -> Vec<&[String]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, body) in bodies.iter().enumerate() {
        if i > start && (i - start == BATCH || bytes + body.len() > BATCH_BYTES) {
            batches.push(&bodies[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += body.len();
    }
    batches.push(&bodies[start..]);
    batches
}

fn delivered(message: aws_sdk_sqs::types::Message) -> Option<Delivered> {
    let attributes = message.attributes.unwrap_or_default();
    let count = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let sent_ms = attributes.get(&MessageSystemAttributeName::SentTimestamp);
    Some(Delivered {
        sent: sent_ms.and_then(|ms| ms.parse::<i64>().ok()).map(|ms| ms / 1000),
        receive_count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        id: message.message_id?,
        handle: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
    })
}

/// Returns the error that a response means for the caller. Servers differ in their error codes: with or without a
/// prefix, and with two names for a missing queue.
fn failed<E>(queue: &str, error: SdkError<E>) -> QueueError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let queue = queue.to_owned();
    let code = error
        .code()
        .and_then(|code| code.rsplit(['.', '#']).next())
        .unwrap_or_default()
        .to_owned();
    let denied = error
        .raw_response()
        .is_some_and(|response| matches!(response.status().as_u16(), 401 | 403));
    let source = reason(error);
    match code.as_str() {
        "QueueDoesNotExist" | "NonExistentQueue" => QueueError::NoQueue { queue },
        // AWS calls an expired handle an invalid parameter.
        "ReceiptHandleIsInvalid" | "MessageNotInflight" | "InvalidParameterValue" => QueueError::Stale { queue },
        _ if denied => QueueError::Denied { queue, source },
        _ => QueueError::Unavailable { queue, source },
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits for a real queue, whose time cannot be injected"
)]
async fn pause(attempt: u32) {
    tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_cut_by_number_and_by_size() {
        let small = vec!["x".to_owned(); 23];
        assert_eq!(batches(&small).iter().map(|b| b.len()).collect::<Vec<_>>(), [10, 10, 3]);
        let large = vec!["x".repeat(60_000); 9];
        assert_eq!(batches(&large).iter().map(|b| b.len()).collect::<Vec<_>>(), [4, 4, 1]);
    }
}
