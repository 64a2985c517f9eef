//! One batch: each record is handled on its own, so that a bad one never fails the others.

use std::{collections::HashMap, panic::AssertUnwindSafe, time::Duration};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use contract::{FailureKind, Stage};
use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    class::{Class, Classify},
    driver::{self, EventJob, receive},
    error::chain,
    event::{Body, BodyError},
    front,
    host::Platform,
    outcome::{Delivery, Ended, Outcome},
    ports::Queue,
    stop::Stop,
    work::ErasedWork,
};

/// The result of one record.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Handled {
    /// The queue's id of the record.
    pub id: String,
    /// The outcome of each job in the record; empty when there was nothing to do.
    pub outcomes: Vec<Outcome>,
    /// Whether the record must be delivered again.
    pub again: bool,
}

/// A body whose handling panicked outside of its stage.
#[derive(Debug, thiserror::Error)]
#[error("handling it panicked {deliveries} times")]
struct Panicked {
    deliveries: u32,
}

/// Handles a batch. The records that the answer does not name are acknowledged.
///
/// The answer cannot name a record without an id. A batch with such a record is given back as a whole, untouched.
pub async fn handle_batch(
    work: &dyn ErasedWork,
    event: SqsEvent,
    stop: &Stop,
    platform: &Platform,
) -> SqsBatchResponse {
    let ids: Option<Vec<String>> = event.records.iter().map(id).collect();
    let Some(ids) = ids else {
        tracing::error!(
            stage = work.stage().name(),
            "a record has no message id, the whole batch is given back"
        );
        // An empty id fails the whole batch on Lambda. The other ids are for hosts that go by names.
        let known = event.records.iter().filter_map(id);
        return response(std::iter::once(String::new()).chain(known));
    };
    // As many records at once as the host has threads: one that waits for the store lets another run, and computations
    // do not pile up.
    let records = event.records.into_iter().zip(ids);
    let handled = stream::iter(records)
        .map(|(record, id)| handle_record(work, record, id, stop, platform))
        .buffer_unordered(platform.host.threads.max(1))
        .collect::<Vec<_>>()
        .await;
    response(
        handled
            .into_iter()
            .filter(|handled| handled.again)
            .map(|handled| handled.id),
    )
}

/// Handles one record to its end. A panic is reported like a failure.
pub(crate) async fn handle_record(
    work: &dyn ErasedWork,
    record: SqsMessage,
    id: String,
    stop: &Stop,
    platform: &Platform,
) -> Handled {
    if stop.should_stop() {
        if let Some(handle) = &record.receipt_handle {
            // Not begun: another worker may take it at once.
            hide(&*platform.queue, work.stage(), handle, Duration::ZERO).await;
        }
        return Handled {
            id,
            outcomes: Vec::new(),
            again: true,
        };
    }
    let attributes = record.attributes;
    if let Some(age) = age(&attributes, platform) {
        platform.metrics.waited(work.stage(), age);
    }
    let count = attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok());
    let delivery = Delivery {
        handle: record.receipt_handle,
        receive_count: count.unwrap_or(1),
        stop: stop.clone(),
    };
    let body = record.body.unwrap_or_default();
    let handling = AssertUnwindSafe(handle_body(work, &body, &delivery, platform)).catch_unwind();
    let outcomes = match handling.await {
        Ok(outcomes) => outcomes,
        Err(_) => vec![panicked(work, &body, &delivery, platform).await],
    };
    for outcome in &outcomes {
        platform.metrics.handled(work.stage(), outcome);
    }
    let again = give_back(work, &outcomes, &delivery, platform).await;
    Handled { id, outcomes, again }
}

/// Returns how long ago a message was sent; `None` when the queue does not say.
fn age(attributes: &HashMap<String, String>, platform: &Platform) -> Option<Duration> {
    let sent: i64 = attributes.get("SentTimestamp")?.parse().ok()?;
    let age = platform.clock.now_s().saturating_mul(1_000).saturating_sub(sent);
    Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)))
}

/// Does what a body asks for.
async fn handle_body(work: &dyn ErasedWork, body: &str, delivery: &Delivery, platform: &Platform) -> Vec<Outcome> {
    match Body::parse(body) {
        Ok(Body::Test) => Vec::new(),
        Ok(Body::Message(message)) => vec![driver::run(work, *message, delivery, platform).await],
        Ok(Body::Uploads(uploads)) => {
            let mut outcomes = Vec::new();
            for upload in uploads {
                outcomes.extend(front::receive(work, &upload, delivery, platform).await);
            }
            outcomes
        }
        Err(error) => vec![refuse(work, body, error, delivery, platform).await],
    }
}

/// Records the failure of a body that can never be accepted, so that it is acknowledged and does not come back for
/// ever. A body that newer code wrote is given back until such code takes it, or the queue's redrive policy sets it
/// aside.
async fn refuse(
    work: &dyn ErasedWork,
    body: &str,
    error: BodyError,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    let event = EventJob::of_body(work.stage(), body.as_bytes(), platform);
    if error.class().may_pass() {
        return driver::cannot_begin(event.job, &error, delivery);
    }
    receive::fail(&event, &error, delivery, platform).await
}

/// Gives back a message whose handling panicked outside of its stage. Only the queue counts that: after
/// `host.max_attempts` deliveries the failure is recorded and the message acknowledged.
async fn panicked(work: &dyn ErasedWork, body: &str, delivery: &Delivery, platform: &Platform) -> Outcome {
    let event = EventJob::of_body(work.stage(), body.as_bytes(), platform);
    let deliveries = delivery.receive_count;
    let error = Panicked { deliveries };
    if deliveries <= platform.host.max_attempts {
        return driver::cannot_begin(event.job, &error, delivery);
    }
    let noting = AssertUnwindSafe(receive::fail(&event, &error, delivery, platform)).catch_unwind();
    match noting.await {
        Ok(outcome) => outcome,
        Err(_) => driver::cannot_begin(event.job, &error, delivery),
    }
}

/// Returns whether the message must come again, and hides it until then.
async fn give_back(work: &dyn ErasedWork, outcomes: &[Outcome], delivery: &Delivery, platform: &Platform) -> bool {
    let waits = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::GiveBack { after, .. } => Some(*after),
        Outcome::Done { .. } => None,
    });
    let Some(after) = waits.min() else { return false };
    if let Some(handle) = &delivery.handle {
        hide(&*platform.queue, work.stage(), handle, after).await;
    }
    true
}

/// Hides a message for some time. Best effort: without this it comes again when its present visibility timeout ends.
pub(crate) async fn hide(queue: &dyn Queue, stage: Stage, handle: &str, after: Duration) {
    if let Err(error) = queue.extend(stage, handle, after).await {
        tracing::debug!(
            stage = stage.name(),
            error = chain(&error),
            "cannot hide the message that is given back"
        );
    }
}

fn id(record: &SqsMessage) -> Option<String> {
    record.message_id.clone().filter(|id| !id.is_empty())
}

fn response(failed: impl Iterator<Item = String>) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed
        .map(|id| {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            failure
        })
        .collect();
    response
}

impl Classify for Panicked {
    fn class(&self) -> Class {
        Class::never(FailureKind::Exhausted)
    }
}

/// Returns what became of a record, for people and programs.
pub(crate) fn report(handled: &Handled) -> Value {
    let outcomes: Vec<Value> = handled.outcomes.iter().map(outcome).collect();
    json!({"record": handled.id, "acknowledged": !handled.again, "outcomes": outcomes})
}

fn outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::GiveBack { job, after, why } => {
            json!({"job": job, "ended": "given-back", "after_s": after.as_secs_f64(), "why": why})
        }
        Outcome::Done { job, ended } => match ended {
            Ended::Committed { reused } => json!({"job": job, "ended": "committed", "reused": reused}),
            Ended::Failed(failure) => json!({"job": job, "ended": "failed", "failure": failure}),
            Ended::Yielded { hop } => json!({"job": job, "ended": "yielded", "hop": hop}),
            Ended::Stale => json!({"job": job, "ended": "stale"}),
        },
    }
}
