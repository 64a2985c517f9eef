//! Operations on messages: from a request to an answer.

use std::time::Duration;

use uuid::Uuid;

use super::rules::{bounded, check_entries, split};
use crate::sqs::{
    attributes::{self, Queue, last_segment},
    error::Error,
    message::{self, Attributes, MAX_BYTES, Message},
    queues::{NewMessage, Queues},
    receipt::Receipt,
    rows::Taken,
    wire,
};

impl Queues {
    pub(in crate::sqs) async fn send_message(&self, ask: wire::Of<wire::Outgoing>) -> Result<wire::Sent, Error> {
        let name = last_segment(&ask.queue_url).to_owned();
        let (draft, sent) = self.draft(&self.queue(&name)?, ask.what)?;
        self.send(name, vec![draft]).await?;
        Ok(sent)
    }

    pub(in crate::sqs) async fn send_batch(
        &self,
        ask: wire::Batch<wire::Outgoing>,
    ) -> Result<wire::BatchAnswer<wire::Sent>, Error> {
        check_entries(&ask.entries)?;
        let have = ask
            .entries
            .iter()
            .map(|e| message::size(&e.what.message_body, &e.what.message_attributes))
            .sum();
        if have > MAX_BYTES {
            return Err(Error::BatchTooLong { have });
        }
        let name = last_segment(&ask.queue_url).to_owned();
        let queue = self.queue(&name)?;
        let mut drafts = Vec::new();
        let outcomes = ask.entries.into_iter().map(|entry| {
            let (id, drafted) = (entry.id, self.draft(&queue, entry.what));
            (
                id,
                drafted.map(|(draft, sent)| {
                    drafts.push(draft);
                    sent
                }),
            )
        });
        let answer = split(outcomes.collect());
        self.send(name, drafts).await?;
        Ok(answer)
    }

    pub(in crate::sqs) async fn receive_message(&self, ask: wire::ReceiveMessage) -> Result<wire::Messages, Error> {
        let max = bounded("MaxNumberOfMessages", ask.max_number_of_messages, 1, 10)?.unwrap_or(1);
        let visibility_s = bounded("VisibilityTimeout", ask.visibility_timeout, 0, 43_200)?;
        let wait = bounded("WaitTimeSeconds", ask.wait_time_seconds, 0, 20)?;
        let wait = wait.map(|seconds| Duration::from_secs(u64::from(seconds)));
        fifo_only("ReceiveRequestAttemptId", ask.receive_request_attempt_id.clone())?;
        check_asked(&ask)?;
        let name = last_segment(&ask.queue_url);
        let taken = self.receive(name, max as usize, visibility_s, wait).await?;
        Ok(wire::Messages {
            messages: taken.into_iter().map(|one| received(one, &ask)).collect(),
        })
    }

    pub(in crate::sqs) async fn delete_message(&self, ask: wire::Of<wire::Deletion>) -> Result<(), Error> {
        let queue = self.queue(last_segment(&ask.queue_url))?;
        let receipt = Receipt::parse(&ask.what.receipt_handle, queue.id)?;
        self.durable(move |rows| rows.delete(receipt)).await
    }

    pub(in crate::sqs) async fn delete_batch(
        &self,
        ask: wire::Batch<wire::Deletion>,
    ) -> Result<wire::BatchAnswer<wire::Nothing>, Error> {
        check_entries(&ask.entries)?;
        let queue = self.queue(last_segment(&ask.queue_url))?;
        let outcomes = self.durable(move |rows| {
            let one = |entry: wire::BatchEntry<wire::Deletion>| {
                let receipt = Receipt::parse(&entry.what.receipt_handle, queue.id);
                (
                    entry.id,
                    receipt
                        .and_then(|receipt| rows.delete(receipt))
                        .map(|()| wire::Nothing {}),
                )
            };
            Ok(ask.entries.into_iter().map(one).collect())
        });
        Ok(split(outcomes.await?))
    }

    pub(in crate::sqs) async fn change_visibility(&self, ask: wire::Of<wire::Change>) -> Result<(), Error> {
        let name = last_segment(&ask.queue_url).to_owned();
        let (receipt, seconds) = change(&self.queue(&name)?, &ask.what)?;
        let now_ms = self.now_ms();
        self.relaxed(move |rows| rows.extend(receipt, now_ms, seconds)).await?;
        self.wake(&name);
        Ok(())
    }

    pub(in crate::sqs) async fn change_batch(
        &self,
        ask: wire::Batch<wire::Change>,
    ) -> Result<wire::BatchAnswer<wire::Nothing>, Error> {
        check_entries(&ask.entries)?;
        let name = last_segment(&ask.queue_url).to_owned();
        let (queue, now_ms) = (self.queue(&name)?, self.now_ms());
        let outcomes = self.relaxed(move |rows| {
            let one = |entry: wire::BatchEntry<wire::Change>| {
                let wanted = change(&queue, &entry.what);
                let changed = wanted.and_then(|(receipt, seconds)| rows.extend(receipt, now_ms, seconds));
                (entry.id, changed.map(|()| wire::Nothing {}))
            };
            Ok(ask.entries.into_iter().map(one).collect())
        });
        let answer = split(outcomes.await?);
        self.wake(&name);
        Ok(answer)
    }

    /// Checks one message to send and returns it with its answer.
    fn draft(&self, queue: &Queue, ask: wire::Outgoing) -> Result<(NewMessage, wire::Sent), Error> {
        fifo_only("MessageDeduplicationId", ask.message_deduplication_id)?;
        let group = ask.message_group_id.map(group).transpose()?;
        let delay_s = bounded("DelaySeconds", ask.delay_seconds, 0, 900)?;
        message::check(&ask.message_body, &ask.message_attributes, queue.maximum_bytes as usize)?;
        let trace_header = trace_header(&ask.message_system_attributes)?;
        let message = Message {
            id: Uuid::new_v4().to_string(),
            body: ask.message_body,
            attributes: ask.message_attributes,
            trace_header,
            group,
            sender: self.settings.access_key.clone(),
            sent_ms: self.now_ms(),
            dead_letter_source: None,
            copy: false,
        };
        let sent = wire::Sent {
            message_id: message.id.clone(),
            md5_of_body: message::md5_hex(message.body.as_bytes()),
            md5_of_attributes: message::md5_of_attributes(&message.attributes),
            md5_of_system_attributes: message::md5_of_attributes(&ask.message_system_attributes),
        };
        Ok((NewMessage { message, delay_s }, sent))
    }
}

fn change(queue: &Queue, ask: &wire::Change) -> Result<(Receipt, u32), Error> {
    let seconds = bounded("VisibilityTimeout", ask.visibility_timeout, 0, 43_200)?;
    Ok((
        Receipt::parse(&ask.receipt_handle, queue.id)?,
        seconds.ok_or(Error::Missing("VisibilityTimeout"))?,
    ))
}

fn fifo_only(parameter: &'static str, given: Option<String>) -> Result<(), Error> {
    given.map_or(Ok(()), |value| {
        let reason = "it belongs to first-in-first-out queues, which this server does not have".to_owned();
        Err(Error::Parameter {
            parameter,
            value,
            reason,
        })
    })
}

/// Checks the tenant of a fair queue. Messages are delivered in the order in which they were sent, which a fair queue
/// allows.
fn group(value: String) -> Result<String, Error> {
    let plain = value.bytes().all(|b| b.is_ascii_graphic());
    if plain && (1..=128).contains(&value.len()) {
        return Ok(value);
    }
    Err(Error::Parameter {
        parameter: "MessageGroupId",
        value: format!("`{value}`"),
        reason: "it must be 1 to 128 letters, digits and signs of ASCII".to_owned(),
    })
}

fn trace_header(attributes: &Attributes) -> Result<Option<String>, Error> {
    match attributes.keys().find(|name| *name != "AWSTraceHeader") {
        Some(other) => Err(Error::Parameter {
            parameter: "MessageSystemAttributes",
            value: other.clone(),
            reason: "AWSTraceHeader is the only one that can be sent".to_owned(),
        }),
        None => Ok(attributes
            .get("AWSTraceHeader")
            .and_then(|header| header.string_value.clone())),
    }
}

fn received(taken: Taken, ask: &wire::ReceiveMessage) -> wire::Received {
    let Taken {
        message,
        receipt,
        received,
        first_received_ms,
    } = taken;
    let system = [
        ("SenderId", Some(message.sender)),
        ("SentTimestamp", Some(message.sent_ms.to_string())),
        ("ApproximateReceiveCount", Some(received.to_string())),
        ("ApproximateFirstReceiveTimestamp", Some(first_received_ms.to_string())),
        ("AWSTraceHeader", message.trace_header),
        ("DeadLetterQueueSourceArn", message.dead_letter_source),
        ("MessageGroupId", message.group),
    ];
    let asked = |name: &str| {
        ask.attribute_names
            .iter()
            .chain(&ask.message_system_attribute_names)
            .any(|asked| asked == "All" || asked == name)
    };
    let system = system
        .into_iter()
        .filter(|(name, _)| asked(name))
        .filter_map(|(name, value)| Some((name, value?)));
    let mut attributes = message.attributes;
    attributes.retain(|name, _| ask.message_attribute_names.iter().any(|asked| matches(asked, name)));
    wire::Received {
        message_id: message.id,
        receipt_handle: receipt.to_handle(),
        md5_of_body: message::md5_hex(message.body.as_bytes()),
        body: message.body,
        attributes: system.collect(),
        // Of the returned attributes only, as on AWS: SDKs check exactly those.
        md5_of_attributes: message::md5_of_attributes(&attributes),
        message_attributes: attributes,
    }
}

/// Refuses names of system attributes that no message can have.
fn check_asked(ask: &wire::ReceiveMessage) -> Result<(), Error> {
    const KNOWN: [&str; 10] = [
        "All",
        "AWSTraceHeader",
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "DeadLetterQueueSourceArn",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    ];
    // The older of the two lists may name attributes of queues, which messages do not have.
    let older = ask.attribute_names.iter().filter(|name| !attributes::is_known(name));
    let asked = older.chain(&ask.message_system_attribute_names);
    match asked.into_iter().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(unknown) => Err(Error::AttributeName(unknown.clone())),
        None => Ok(()),
    }
}

/// Returns whether an asked name (`All`, `*`, `prefix.*` or a plain name) includes an attribute.
fn matches(asked: &str, name: &str) -> bool {
    asked == "All"
        || asked == "*"
        || asked == name
        || asked.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix))
}
