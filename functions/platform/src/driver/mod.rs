//! Runs a message to its end: claim, adopt or work, conclude, commit, send, mark. [`crate::ledger`] decides what to do
//! in each case; this module does it.
//!
//! `claim` finds out whose turn it is, `hold` renews the lease while `perform` works, `settle` writes how the job
//! ended, and `send` sends what comes next. Acknowledging is left to the host, which gets an [`Outcome`]. Where no
//! message comes any more, [`tend`](mod@tend) does what its delivery would have done.

mod about;
mod claim;
mod failure;
mod hold;
mod log;
mod perform;
pub mod receive;
mod send;
mod settle;
pub mod tend;

use bytes::Bytes;
use contract::{Message, keys};
use forecast::Progress;
use tracing::Instrument as _;

use self::{
    about::{About, CheckError, Checked},
    claim::{Claim, ClaimedLedger, NotOurs, claim},
    hold::Lease,
    perform::{Before, Ending, look, perform},
};
use crate::{
    class::Classify as _,
    documents,
    error::{StoreError, chain},
    host::Platform,
    ledger::{Ledger, State, StoredLedger},
    outcome::{Delivery, Outcome},
    traces,
    work::{ErasedWork, Job},
};

pub use about::EventJob;
pub(crate) use settle::cannot_begin;

/// The largest checkpoint that is read, in bytes.
const MAX_CHECKPOINT: u64 = 1024 * 1024 * 1024;

/// Runs one message to its end, or gives it back.
///
/// Never fails: every error ends as an [`Outcome`], in the ledger and in the log.
pub async fn run(work: &dyn ErasedWork, message: Message, delivery: &Delivery, platform: &Platform) -> Outcome {
    let span = tracing::info_span!("walk", trace = %message.trace, job = %message.job.short(), hop = message.hop);
    traces::join(&span, &message.trace);
    let running = async {
        match about::check(work.stage(), &message, platform).await {
            Ok(checked) => arrive(work, &checked, delivery, platform).await,
            Err(error) => refuse(&message, &error, delivery, platform).await,
        }
    };
    // On the heap: this future holds all documents of a job, and a host runs many at once.
    Box::pin(running).instrument(span).await
}

/// Ends a message that no work can begin with. The ledger of its job stays untouched, because the message may name the
/// wrong job.
async fn refuse(message: &Message, error: &CheckError, delivery: &Delivery, platform: &Platform) -> Outcome {
    if error.class().may_pass() {
        return cannot_begin(message.job, error, delivery);
    }
    receive::fail(&EventJob::of_message(message, platform), error, delivery, platform).await
}

async fn arrive(work: &dyn ErasedWork, checked: &Checked, delivery: &Delivery, platform: &Platform) -> Outcome {
    let about = About::Job(checked);
    // Outputs of earlier work are looked up while the claim is made. When the same work finishes only after this look,
    // it is done once more with equal bytes, and its manifest is adopted when ours is written.
    let before = look(platform.store.as_ref(), checked);
    let (claimed, before) = tokio::join!(claim(about, platform), before);
    match claimed {
        Ok(Claim::Ours(held)) => proceed(work, checked, held, before, delivery, platform).await,
        Ok(Claim::NotOurs(NotOurs::Again(found))) => again(work, checked, &found, before, delivery, platform).await,
        Ok(Claim::NotOurs(why)) => settle::not_ours(about, why, platform).await,
        Err(error) => settle::cannot_claim(about, &error, delivery, platform).await,
    }
}

/// Answers a new upload of known bytes. When all outputs of the job are still stored, what comes next is sent once
/// more; otherwise the job begins anew.
async fn again(
    work: &dyn ErasedWork,
    checked: &Checked,
    found: &StoredLedger,
    before: Result<Before, StoreError>,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    let about = About::Job(checked);
    let stands = match &before {
        _ if found.ledger.state != State::Committed => Ok(true),
        Ok(Before::Left(_)) => stands(checked, platform).await,
        Ok(Before::Nothing | Before::Lost) => Ok(false),
        Err(error) => return settle::cannot_claim(about, error, delivery, platform).await,
    };
    let reopened = match stands {
        Ok(true) => return settle::send_again(about, found, platform).await,
        Ok(false) => claim::reopen(about, found, platform).await,
        Err(error) => Err(error),
    };
    match reopened {
        Ok(Some(held)) => proceed(work, checked, held, before, delivery, platform).await,
        Ok(None) => settle::not_ours(about, NotOurs::busy(), platform).await,
        Err(error) => settle::cannot_claim(about, &error, delivery, platform).await,
    }
}

/// Returns whether the document is stored that the job's conclusion left for its siblings.
async fn stands(checked: &Checked, platform: &Platform) -> Result<bool, StoreError> {
    match keys::joined(&checked.message.stage, checked.identity.job) {
        Some(key) => documents::is_there(platform.store.as_ref(), &key).await,
        None => Ok(true),
    }
}

/// Works under a lease, then settles the attempt.
async fn proceed(
    work: &dyn ErasedWork,
    checked: &Checked,
    held: ClaimedLedger,
    before: Result<Before, StoreError>,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    let claimed = held.ledger.clone();
    log::started(checked, &claimed);
    let stage = checked.message.stage.stage();
    platform.metrics.claimed(stage, claimed.token);
    let began = platform.clock.monotonic();
    let lease = Lease::start(held, stage, delivery, platform);
    let resume = resume(checked, &claimed, platform).await;
    let from_the_start = matches!(resume, Ok(None));
    let ending = match resume {
        Ok(resume) => perform(work, &job(checked, &claimed, resume, &lease), before, platform).await,
        Err(error) => Ending::Failed(Box::new(error)),
    };
    let seconds = platform.clock.monotonic().saturating_sub(began).as_secs_f64();
    log::ended(checked, &claimed, &ending, seconds);
    platform.metrics.worked(stage, seconds);
    match lease.end().await {
        Some(held) if from_the_start => settle::settle(checked, held.anew(), ending, seconds, delivery, platform).await,
        Some(held) => settle::settle(checked, held, ending, seconds, delivery, platform).await,
        None => settle::lost(About::Job(checked), platform),
    }
}

fn job(checked: &Checked, claimed: &Ledger, resume: Option<(Progress, Bytes)>, lease: &Lease) -> Job {
    Job {
        task: checked.message.stage.clone(),
        spec: checked.spec.clone(),
        identity: checked.identity.clone(),
        attempt: claimed.attempt,
        resume,
        stop: lease.stop.clone(),
    }
}

/// Reads the checkpoint of an earlier hop. When it is gone or damaged, the work begins again from the start.
async fn resume(
    checked: &Checked,
    claimed: &Ledger,
    platform: &Platform,
) -> Result<Option<(Progress, Bytes)>, StoreError> {
    let (Some(progress), Some(digest)) = (claimed.progress, claimed.checkpoint) else {
        return Ok(None);
    };
    let task = &checked.message.stage;
    let key = keys::checkpoint(task.dataset(), task.part(), digest);
    match documents::read_blob(platform.store.as_ref(), &key, digest, MAX_CHECKPOINT).await {
        Ok(bytes) => Ok(Some((progress, bytes))),
        Err(error @ (StoreError::NotFound { .. } | StoreError::Damaged { .. })) => {
            tracing::warn!(error = chain(&error), "the checkpoint is lost, the work begins again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
