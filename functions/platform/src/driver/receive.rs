//! The ledger of an event that never becomes work: no valid dataset or spec, or a test file that is not there yet.
//!
//! The front door finds this out before there is a job of a stage, so the event has a job of its own
//! ([`contract::identity::receive_job`]). A second delivery of the same event finds its ledger and is only
//! acknowledged.

use std::time::Duration;

use contract::Next;

use super::{
    about::{About, EventJob},
    claim::{Claim, ClaimedLedger, claim},
    settle,
};
use crate::{
    class::Classify,
    error::chain,
    host::Platform,
    ledger::{Completion, Nonce, State, swap, transition},
    outcome::{Delivery, Outcome},
};

/// Fails an event for good: writes `failed/{job}.json`, then the ledger.
pub async fn fail(event: &EventJob, error: &dyn Classify, delivery: &Delivery, platform: &Platform) -> Outcome {
    match claimed(event, delivery, platform).await {
        Ok(held) => settle::fail(About::Event(event), &held, error, 0.0, platform).await,
        Err(outcome) => outcome,
    }
}

/// Gives an event back because something is not there yet. After `bound` it fails and says what was missing.
pub async fn wait(
    event: &EventJob,
    (after, why): (Duration, String),
    bound: Duration,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    match claimed(event, delivery, platform).await {
        Ok(held) => settle::wait(About::Event(event), &held, after, why, bound.as_secs(), platform).await,
        Err(outcome) => outcome,
    }
}

/// Gives an event back because its error may go away. The attempts are counted like those of any job, so they end.
pub async fn later(event: &EventJob, error: &dyn Classify, delivery: &Delivery, platform: &Platform) -> Outcome {
    match claimed(event, delivery, platform).await {
        Ok(held) => settle::later(About::Event(event), &held, error, platform).await,
        Err(outcome) => outcome,
    }
}

/// Ends the ledger of an event that became a job of a stage after it had waited or failed for a time. Best effort: a
/// ledger that stays open only looks as if the event still waited.
pub async fn close(event: &EventJob, platform: &Platform) {
    let store = platform.store.as_ref();
    let found = match swap::read(store, event.job).await {
        Ok(Some(found)) if found.ledger.state == State::Released => found,
        Ok(_) | Err(_) => return,
    };
    // Not claimed: a claim counts an attempt, and the event may have none left.
    let result = Completion {
        adopted: false,
        at: platform.clock.now_s(),
    };
    let closed = transition::commit(&found.ledger, result, Next::nothing(), 0.0, Nonce::fresh());
    let clock = platform.clock.as_ref();
    if let Err(error) = swap::write(store, clock, &closed, Some(&found.etag), clock.monotonic()).await {
        tracing::debug!(
            error = chain(&error),
            "an event became a job, but its ledger stays open"
        );
    }
}

async fn claimed(event: &EventJob, delivery: &Delivery, platform: &Platform) -> Result<ClaimedLedger, Outcome> {
    let about = About::Event(event);
    match claim(about, platform).await {
        Ok(Claim::Ours(held)) => Ok(held),
        Ok(Claim::NotOurs(why)) => Err(settle::not_ours(about, why, platform).await),
        Err(error) => Err(settle::cannot_claim(about, &error, delivery, platform).await),
    }
}
