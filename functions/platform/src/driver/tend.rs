//! Does what the next delivery of a job's message would do, for the case that none comes.
//!
//! Nothing is worked on here: a job whose lease is over gets its message once more, so that a worker takes it over.

use std::sync::Arc;

use contract::{
    JobId, Message, Stage,
    identity::{self, Identity},
};

use super::{
    about::{About, Checked, EventJob},
    claim::{ClaimedLedger, NotOurs, claimant},
    send::{self, Walk},
    settle,
};
use crate::{
    class::{Class, Classify},
    documents,
    error::{QueueError, StoreError},
    event,
    host::Platform,
    ledger::{Action, Arrival, Ledger, Nonce, State, StoredLedger, Trigger, transition},
    outcome::{Ended, Outcome},
};

/// What was done for a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tended {
    /// Nothing: somebody works on it, or it has ended and what comes next was sent.
    Nothing,
    /// It had ended, and what comes next was sent and marked as sent.
    PassedOn,
    /// It had no worker any more, and its message was sent once more.
    Sent,
    /// It had too many attempts: it is failed as `exhausted`, and what follows a failure was sent.
    Failed,
    /// It has no worker any more, and its ledger does not say what it was claimed for: earlier code wrote it.
    Unknown,
}

/// Why nothing could be done for a job.
#[derive(Debug, thiserror::Error)]
pub enum TendError {
    /// The store does not answer, or the spec of the job or of its successors is missing or damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue does not answer.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Does for a job what the next delivery of its message would do, except for its work. Safe to repeat, also while other
/// processes do the same.
///
/// # Errors
/// When the store or the queue does not answer, or the job's spec is missing or damaged.
pub async fn tend(found: &StoredLedger, platform: &Platform) -> Result<Tended, TendError> {
    let ledger = &found.ledger;
    match transition::arrive(Some(found), &arrival(ledger), &claimant(platform), Nonce::fresh()) {
        Action::SendNext => pass_on(found, platform).await,
        Action::TakeOver(_) => send_trigger(ledger, platform).await,
        Action::Exhausted(claim) => exhaust(found, *claim, platform).await,
        Action::Acknowledge | Action::GiveBack { .. } | Action::Claim(_) | Action::Again => Ok(Tended::Nothing),
    }
}

/// Sends once more what comes after a job, although it was sent: to those of its successors that `is_known` does not
/// name, because their messages were lost before a worker saw them. A continuation counts as lost in any case. Returns
/// the number of messages.
///
/// Does nothing where the jobs of the successors have other ids today, because their recipe was raised since.
///
/// # Errors
/// When the store or the queue does not answer, or the spec of the successors is missing or damaged.
pub async fn send_lost(
    ledger: &Ledger,
    is_known: impl Fn(JobId) -> bool,
    platform: &Platform,
) -> Result<usize, TendError> {
    let Some(next) = ledger.next.as_ref().filter(|_| ledger.sent) else {
        return Ok(0);
    };
    let recipe = next.template.as_ref().map(|task| task.stage().recipe());
    if next.recipe != recipe {
        return Ok(0);
    }
    let mut messages = Walk::of(ledger).messages(next, None, platform).await?;
    messages.retain(|message| ledger.state == State::Yielded || !is_known(message.job));
    send::send_all(&messages, platform).await?;
    Ok(messages.len())
}

/// Returns what a message of the job asks of its ledger: for one that has yielded, the message from before the hop.
fn arrival(ledger: &Ledger) -> Arrival {
    Arrival {
        job: ledger.job,
        work: ledger.work,
        stage: ledger.stage,
        hop: if ledger.state == State::Yielded { 0 } else { ledger.hop },
        again: false,
    }
}

async fn pass_on(found: &StoredLedger, platform: &Platform) -> Result<Tended, TendError> {
    if let Some(next) = &found.ledger.next {
        let messages = Walk::of(&found.ledger).messages(next, None, platform).await?;
        send::send_all(&messages, platform).await?;
    }
    send::mark(found, platform).await;
    Ok(Tended::PassedOn)
}

/// Sends the message again for which a job was claimed.
async fn send_trigger(ledger: &Ledger, platform: &Platform) -> Result<Tended, TendError> {
    let (stage, body) = match &ledger.trigger {
        Some(Trigger::Message(message)) => {
            let message = Message {
                hop: ledger.hop,
                ..Message::clone(message)
            };
            (message.stage.stage(), message.to_json())
        }
        Some(Trigger::Upload(key)) => match upload_event(key, platform).await? {
            Some(event) => (Stage::Preprocess, event),
            None => return Ok(Tended::Nothing),
        },
        None => return Ok(Tended::Unknown),
    };
    platform.outbox.send(stage, &[body]).await?;
    Ok(Tended::Sent)
}

/// Returns the event of an uploaded object as a redelivery, which asks for no second walk; `None` when the object is
/// gone.
///
/// # Errors
/// When the store does not answer.
pub async fn upload_event(key: &str, platform: &Platform) -> Result<Option<String>, StoreError> {
    let meta = match platform.store.head(key).await {
        Ok(meta) => meta,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    // The first moment of the second in which the object was written: the store's own event is not earlier.
    let time = series::rfc3339(meta.last_modified).replace('Z', ".000Z");
    let bucket = &platform.host.bucket;
    Ok(Some(event::notification(bucket, key, Some(meta.etag.as_str()), &time)))
}

async fn exhaust(found: &StoredLedger, claim: Ledger, platform: &Platform) -> Result<Tended, TendError> {
    let ledger = &found.ledger;
    let why = NotOurs::Exhausted {
        claim: Box::new(ClaimedLedger {
            ledger: claim,
            etag: found.etag.clone(),
            asked: platform.clock.monotonic(),
        }),
        last: ledger.failure.clone(),
    };
    let outcome = match &ledger.trigger {
        Some(Trigger::Message(message)) => {
            let checked = checked(ledger, message, platform).await?;
            settle::not_ours(About::Job(&checked), why, platform).await
        }
        Some(Trigger::Upload(key)) => {
            let event = EventJob::of_key(ledger.job, key);
            settle::not_ours(About::Event(&event), why, platform).await
        }
        None => return Ok(Tended::Unknown),
    };
    Ok(match outcome {
        Outcome::Done {
            ended: Ended::Failed(_),
            ..
        } => Tended::Failed,
        // Another process was faster, or the store did not answer: the next look finds out.
        Outcome::Done { .. } | Outcome::GiveBack { .. } => Tended::Nothing,
    })
}

/// Returns the job of a ledger with its spec. Its ids are those of the ledger, also when its recipe was raised since.
async fn checked(ledger: &Ledger, message: &Message, platform: &Platform) -> Result<Checked, StoreError> {
    let task = &message.stage;
    let spec = documents::read_spec(platform.store.as_ref(), task.dataset(), task.spec()).await?;
    Ok(Checked {
        identity: Identity {
            job: ledger.job,
            work: ledger.work,
            ..identity::identify(task, &spec)
        },
        message: message.clone(),
        spec: Arc::new(spec),
    })
}

impl Classify for TendError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) => error.class(),
            Self::Queue(error) => error.class(),
        }
    }
}
