//! The event of a host: an SQS batch, an S3 notification, or one bare message. All of them become records.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

/// The records of one invocation.
#[derive(Clone, PartialEq, Debug)]
pub struct Invocation {
    /// The records; a notification or a bare message becomes one record.
    pub event: SqsEvent,
    /// Whether a queue holds the records. If so, it delivers those again that are reported as failed.
    pub queued: bool,
}

/// Why an event is not an invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The event is not JSON.
    #[error("event is not JSON")]
    Json(#[source] serde_json::Error),
    /// The event looks like an SQS batch, but cannot be parsed as one.
    #[error("event is not an SQS batch")]
    Batch(#[source] serde_json::Error),
}

impl Invocation {
    /// Parses the text of an event.
    ///
    /// # Errors
    /// When it is not JSON, or is an SQS batch whose records cannot be parsed.
    pub fn parse(text: &str) -> Result<Self, InvocationError> {
        Self::from_value(serde_json::from_str(text).map_err(InvocationError::Json)?)
    }

    /// Reads a parsed event.
    ///
    /// # Errors
    /// When it is an SQS batch whose records cannot be parsed.
    pub fn from_value(event: Value) -> Result<Self, InvocationError> {
        let first = event.get("Records").and_then(|records| records.get(0));
        // The event source of S3 has another name in each store. Records of SQS always have a body.
        let queued = first.is_some_and(|record| record.get("body").is_some());
        if queued {
            let event = serde_json::from_value(event).map_err(InvocationError::Batch)?;
            return Ok(Self { event, queued });
        }
        let mut record = SqsMessage::default();
        record.message_id = Some("event".to_owned());
        record.body = Some(event.to_string());
        let mut batch = SqsEvent::default();
        batch.records.push(record);
        Ok(Self { event: batch, queued })
    }
}
