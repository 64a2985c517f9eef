//! The operations: from a checked request to an answer.

use std::{collections::BTreeMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::{
    ACCOUNT, Draft, Error, MoveTask, Queues,
    attributes::{self, Queue, last_segment},
    message::{self, Attributes, MAX_BYTES, Message},
    receipt::Receipt,
    rows::Taken,
    wire,
};

/// The most entries of a batch.
const BATCH: usize = 10;

impl Queues {
    pub(super) async fn create_queue(&self, base: &str, ask: wire::CreateQueue) -> Result<wire::QueueUrl, Error> {
        self.create(&ask.queue_name, ask.attributes, ask.tags).await?;
        Ok(wire::QueueUrl {
            queue_url: url(base, &ask.queue_name),
        })
    }

    pub(super) fn get_queue_url(&self, base: &str, ask: &wire::GetQueueUrl) -> Result<wire::QueueUrl, Error> {
        self.queue(&ask.queue_name)?;
        Ok(wire::QueueUrl {
            queue_url: url(base, &ask.queue_name),
        })
    }

    pub(super) fn list_queues(&self, base: &str, ask: wire::ListQueues) -> Result<wire::QueueUrls, Error> {
        let prefix = ask.queue_name_prefix;
        let names = self
            .all()?
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| name.starts_with(&prefix))
            .collect();
        let (names, next_token) = page(names, ask.max_results, ask.next_token)?;
        Ok(wire::QueueUrls {
            queue_urls: names.iter().map(|name| url(base, name)).collect(),
            next_token,
        })
    }

    pub(super) fn list_sources(&self, base: &str, ask: wire::OfQueue) -> Result<wire::SourceQueues, Error> {
        let name = last_segment(&ask.queue_url);
        self.queue(name)?;
        let arn = self.arn(name);
        let gives_up_to = |queue: &Queue| {
            queue
                .redrive
                .as_ref()
                .is_some_and(|to| to.dead_letter_target_arn == arn)
        };
        let names = self
            .all()?
            .into_iter()
            .filter(|(_, queue)| gives_up_to(queue))
            .map(|(name, _)| name)
            .collect();
        let (names, next_token) = page(names, ask.max_results, ask.next_token)?;
        Ok(wire::SourceQueues {
            queue_urls: names.iter().map(|name| url(base, name)).collect(),
            next_token,
        })
    }

    pub(super) async fn delete_the_queue(&self, ask: wire::OfQueue) -> Result<(), Error> {
        self.delete_queue(last_segment(&ask.queue_url).to_owned()).await
    }

    pub(super) async fn purge_queue(&self, ask: wire::OfQueue) -> Result<(), Error> {
        self.purge(last_segment(&ask.queue_url).to_owned()).await
    }

    pub(super) fn get_attributes(&self, ask: &wire::GetAttributes) -> Result<wire::AttributeValues, Error> {
        let name = last_segment(&ask.queue_url);
        let queue = self.queue(name)?;
        let counts = self.counts(&queue)?;
        let mut attributes = queue.stored();
        attributes.extend([
            ("QueueArn".to_owned(), self.arn(name)),
            ("ApproximateNumberOfMessages".to_owned(), counts.visible.to_string()),
            (
                "ApproximateNumberOfMessagesNotVisible".to_owned(),
                counts.in_flight.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesDelayed".to_owned(),
                counts.delayed.to_string(),
            ),
        ]);
        if let Some(unknown) = ask.attribute_names.iter().find(|name| !attributes::is_known(name)) {
            return Err(Error::AttributeName(unknown.clone()));
        }
        let asked = |name: &String| ask.attribute_names.iter().any(|asked| asked == "All" || asked == name);
        attributes.retain(|name, _| asked(name));
        Ok(wire::AttributeValues { attributes })
    }

    pub(super) async fn set_queue_attributes(&self, ask: wire::SetAttributes) -> Result<(), Error> {
        self.set_attributes(last_segment(&ask.queue_url).to_owned(), ask.attributes)
            .await
    }

    pub(super) async fn tag_queue(&self, ask: wire::TagQueue) -> Result<(), Error> {
        self.tag(last_segment(&ask.queue_url).to_owned(), ask.tags, Vec::new())
            .await
    }

    pub(super) async fn untag_queue(&self, ask: wire::UntagQueue) -> Result<(), Error> {
        self.tag(last_segment(&ask.queue_url).to_owned(), BTreeMap::new(), ask.tag_keys)
            .await
    }

    pub(super) fn list_tags(&self, ask: &wire::OfQueue) -> Result<wire::Tags, Error> {
        Ok(wire::Tags {
            tags: self.queue(last_segment(&ask.queue_url))?.tags,
        })
    }

    pub(super) async fn send_message(&self, ask: wire::SendMessage) -> Result<wire::Sent, Error> {
        let name = last_segment(&ask.queue_url).to_owned();
        let (draft, sent) = self.draft(&self.queue(&name)?, ask.outgoing)?;
        self.send(name, vec![draft]).await?;
        Ok(sent)
    }

    pub(super) async fn send_batch(
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

    pub(super) async fn receive_message(&self, ask: wire::ReceiveMessage) -> Result<wire::Messages, Error> {
        let max = bounded("MaxNumberOfMessages", ask.max_number_of_messages, 1, 10)?.unwrap_or(1);
        let visibility_s = bounded("VisibilityTimeout", ask.visibility_timeout, 0, 43_200)?;
        let wait = bounded("WaitTimeSeconds", ask.wait_time_seconds, 0, 20)?;
        let wait = wait.map(|seconds| Duration::from_secs(u64::from(seconds)));
        let name = last_segment(&ask.queue_url);
        let taken = self.receive(name, max as usize, visibility_s, wait).await?;
        Ok(wire::Messages {
            messages: taken.into_iter().map(|one| received(one, &ask)).collect(),
        })
    }

    pub(super) async fn delete_message(&self, ask: wire::DeleteMessage) -> Result<(), Error> {
        let queue = self.queue(last_segment(&ask.queue_url))?;
        let receipt = Receipt::parse(&ask.deletion.receipt_handle, queue.id)?;
        self.durable(move |rows| rows.delete(receipt)).await
    }

    pub(super) async fn delete_batch(
        &self,
        ask: wire::Batch<wire::Deletion>,
    ) -> Result<wire::BatchAnswer<wire::Nothing>, Error> {
        check_entries(&ask.entries)?;
        let queue = self.queue(last_segment(&ask.queue_url))?;
        let outcomes = self.durable(move |rows| {
            let one = |entry: wire::Entry<wire::Deletion>| {
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

    pub(super) async fn change_visibility(&self, ask: wire::ChangeVisibility) -> Result<(), Error> {
        let name = last_segment(&ask.queue_url).to_owned();
        let (receipt, seconds) = change(&self.queue(&name)?, &ask.change)?;
        let now_ms = self.now_ms();
        self.relaxed(move |rows| rows.extend(receipt, now_ms, seconds)).await?;
        self.wake(&name);
        Ok(())
    }

    pub(super) async fn change_batch(
        &self,
        ask: wire::Batch<wire::Change>,
    ) -> Result<wire::BatchAnswer<wire::Nothing>, Error> {
        check_entries(&ask.entries)?;
        let name = last_segment(&ask.queue_url).to_owned();
        let (queue, now_ms) = (self.queue(&name)?, self.now_ms());
        let outcomes = self.relaxed(move |rows| {
            let one = |entry: wire::Entry<wire::Change>| {
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

    pub(super) async fn start_move(&self, ask: wire::StartMove) -> Result<wire::TaskHandle, Error> {
        let from = self.queue(last_segment(&ask.source_arn))?;
        let target = ask.destination_arn.as_deref().map(|arn| last_segment(arn).to_owned());
        if let Some(target) = &target {
            self.queue(target)?;
        }
        let now_ms = self.now_ms();
        let (moved, reached) = self
            .durable(move |rows| rows.redrive(&from, target.as_deref(), now_ms))
            .await?;
        reached.iter().for_each(|name| self.wake(name));
        let task = MoveTask {
            source_arn: ask.source_arn,
            destination_arn: ask.destination_arn,
            moved,
            started_ms: now_ms,
        };
        self.tasks
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(task);
        Ok(wire::TaskHandle {
            task_handle: URL_SAFE_NO_PAD.encode(Uuid::new_v4()),
        })
    }

    pub(super) fn list_moves(&self, ask: &wire::ListMoves) -> Result<wire::Moves, Error> {
        self.queue(last_segment(&ask.source_arn))?;
        let tasks = self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_source = tasks.iter().rev().filter(|task| task.source_arn == ask.source_arn);
        let results = of_source
            .take(ask.max_results.unwrap_or(1).min(10))
            .map(|task| wire::Move {
                status: "COMPLETED",
                source_arn: task.source_arn.clone(),
                destination_arn: task.destination_arn.clone(),
                approximate_number_of_messages_moved: task.moved,
                approximate_number_of_messages_to_move: task.moved,
                started_timestamp: task.started_ms,
            });
        Ok(wire::Moves {
            results: results.collect(),
        })
    }

    /// Checks one message to send and gives it with its answer.
    fn draft(&self, queue: &Queue, ask: wire::Outgoing) -> Result<(Draft, wire::Sent), Error> {
        let fifo = ask.message_group_id.map(|id| ("MessageGroupId", id));
        if let Some((parameter, value)) = fifo.or(ask.message_deduplication_id.map(|id| ("MessageDeduplicationId", id)))
        {
            let reason = "it belongs to first-in-first-out queues, which this server does not have".to_owned();
            return Err(Error::Parameter {
                parameter,
                value,
                reason,
            });
        }
        let delay_s = bounded("DelaySeconds", ask.delay_seconds, 0, 900)?;
        message::check(&ask.message_body, &ask.message_attributes, queue.maximum_bytes as usize)?;
        let trace_header = trace_header(&ask.message_system_attributes)?;
        let message = Message {
            id: Uuid::new_v4().to_string(),
            body: ask.message_body,
            attributes: ask.message_attributes,
            trace_header,
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
        Ok((Draft { message, delay_s }, sent))
    }
}

fn url(base: &str, name: &str) -> String {
    format!("{base}/{ACCOUNT}/{name}")
}

/// Gives one page of sorted names and the token of the next one; without a size there is one page of at most 1,000.
fn page(names: Vec<String>, max: Option<usize>, token: Option<String>) -> Result<(Vec<String>, Option<String>), Error> {
    let size = max.unwrap_or(1000);
    if !(1..=1000).contains(&size) {
        let reason = "it must be between 1 and 1000".to_owned();
        return Err(Error::Parameter {
            parameter: "MaxResults",
            value: size.to_string(),
            reason,
        });
    }
    let after = token
        .and_then(|token| URL_SAFE_NO_PAD.decode(token).ok())
        .and_then(|name| String::from_utf8(name).ok());
    let mut rest = names
        .into_iter()
        .filter(|name| after.as_ref().is_none_or(|after| name > after));
    let page: Vec<_> = rest.by_ref().take(size).collect();
    let more = max.is_some() && rest.next().is_some();
    let next = page.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(last));
    Ok((page, next))
}

fn check_entries<E>(entries: &[wire::Entry<E>]) -> Result<(), Error> {
    match entries.len() {
        0 => return Err(Error::EmptyBatch),
        1..=BATCH => {}
        have => return Err(Error::TooManyEntries { have }),
    }
    for (at, wire::Entry { id, .. }) in entries.iter().enumerate() {
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !plain || !(1..=80).contains(&id.len()) {
            return Err(Error::EntryId(id.clone()));
        }
        if entries[..at].iter().any(|earlier| earlier.id == *id) {
            return Err(Error::IdsNotDistinct(id.clone()));
        }
    }
    Ok(())
}

fn split<A>(outcomes: Vec<(String, Result<A, Error>)>) -> wire::BatchAnswer<A> {
    let mut answer = wire::BatchAnswer {
        successful: Vec::new(),
        failed: Vec::new(),
    };
    for (id, outcome) in outcomes {
        match outcome {
            Ok(one) => answer.successful.push(wire::Succeeded { id, answer: one }),
            Err(error) => answer.failed.push(wire::Failed {
                id,
                sender_fault: error.is_senders(),
                code: error.code().query,
                message: error.to_string(),
            }),
        }
    }
    answer
}

fn bounded(parameter: &'static str, value: Option<i64>, low: u32, high: u32) -> Result<Option<u32>, Error> {
    let Some(value) = value else { return Ok(None) };
    let fitting = u32::try_from(value).ok().filter(|value| (low..=high).contains(value));
    fitting.map(Some).ok_or_else(|| Error::Parameter {
        parameter,
        value: value.to_string(),
        reason: format!("it must be between {low} and {high}"),
    })
}

fn change(queue: &Queue, ask: &wire::Change) -> Result<(Receipt, u32), Error> {
    let seconds = bounded("VisibilityTimeout", ask.visibility_timeout, 0, 43_200)?;
    Ok((
        Receipt::parse(&ask.receipt_handle, queue.id)?,
        seconds.ok_or(Error::Missing("VisibilityTimeout"))?,
    ))
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
        // Of what is given back, as the service does it: SDKs check it against exactly that.
        md5_of_attributes: message::md5_of_attributes(&attributes),
        message_attributes: attributes,
    }
}

/// Says whether an asked name, `All`, `.*` or `prefix.*` means an attribute.
fn matches(asked: &str, name: &str) -> bool {
    asked == "All" || asked == name || asked.strip_suffix(".*").is_some_and(|prefix| name.starts_with(prefix))
}
