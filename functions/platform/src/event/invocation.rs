//! What a host hands over: an SQS batch, an S3 notification, or one bare message. All become one shape: records.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde_json::Value;

/// One invocation's records.
#[derive(Clone, PartialEq, Debug)]
pub struct Invocation {
    /// The records.
    pub event: SqsEvent,
    /// Whether a queue holds them: it then delivers again what is reported as failed.
    pub queued: bool,
}

/// An event that is no invocation.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// Not JSON.
    #[error("event is not JSON")]
    Json(#[source] serde_json::Error),
    /// Meant to be an SQS batch.
    #[error("event is not an SQS batch")]
    Batch(#[source] serde_json::Error),
}

impl Invocation {
    /// Reads an event's text.
    ///
    /// # Errors
    /// When it is not JSON, or an SQS batch whose records are misshapen.
    pub fn parse(text: &str) -> Result<Self, InvocationError> {
        Self::from_value(serde_json::from_str(text).map_err(InvocationError::Json)?)
    }

    /// Reads an event.
    ///
    /// # Errors
    /// When it is an SQS batch whose records are misshapen.
    pub fn from_value(event: Value) -> Result<Self, InvocationError> {
        let first = event.get("Records").and_then(|records| records.get(0));
        // S3 names itself differently from store to store; SQS is always `aws:sqs` and has bodies.
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
