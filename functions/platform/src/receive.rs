//! The ledger of an event that never becomes work: no valid dataset or spec, or a test file that is not there yet.
//!
//! The front door finds that out before there is a job, so the event has one of its own
//! ([`contract::identity::receive_job`]); a second delivery of the same event finds it and is only acknowledged.

use std::time::Duration;

use crate::{
    Classify, Delivery, Outcome, Platform,
    driver::{self, About, Claim, Held},
};

pub use crate::driver::Event;

/// Fails an event for good: `failed/{job}.json`, then the ledger.
pub async fn fail(event: &Event, error: &dyn Classify, delivery: &Delivery, platform: &Platform) -> Outcome {
    match claimed(event, delivery, platform).await {
        Ok(held) => driver::fail(About::Event(event), &held, error, 0.0, platform).await,
        Err(outcome) => outcome,
    }
}

/// Gives an event back because something is not there yet. After `bound` it fails with what was missing.
pub async fn wait(
    event: &Event,
    (after, why): (Duration, String),
    bound: Duration,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    match claimed(event, delivery, platform).await {
        Ok(held) => driver::wait(About::Event(event), &held, after, why, bound.as_secs(), platform).await,
        Err(outcome) => outcome,
    }
}

async fn claimed(event: &Event, delivery: &Delivery, platform: &Platform) -> Result<Held, Outcome> {
    let about = About::Event(event);
    match driver::claim(about, platform).await {
        Ok(Claim::Held(held)) => Ok(held),
        Ok(Claim::NotOurs(why)) => Err(driver::not_ours(about, why, platform).await),
        Err(error) => Err(driver::cannot_begin(event.job, &error, delivery)),
    }
}
