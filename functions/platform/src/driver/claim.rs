//! Finds out whose turn it is, and takes it.

use std::time::Duration;

use contract::Failure;

use super::about::About;
use crate::{
    error::StoreError,
    host::Platform,
    ledger::{
        Claimant, Found, Ledger, Nonce, Step, lease,
        swap::{self, SwapError},
        transition,
    },
    ports::ETag,
};

/// How often a lost race is looked at again before the message is given back.
const LOOKS: u32 = 8;

/// What a message found.
pub(crate) enum Claim {
    /// It is ours to work on.
    Held(Held),
    /// There is nothing to work on.
    NotOurs(NotOurs),
}

/// Why there is nothing to work on.
pub(crate) enum NotOurs {
    /// It has had too many attempts: it is ours to fail, against the version found.
    Exhausted {
        /// Our claim, not written.
        claim: Box<Held>,
        /// What went wrong last, where that attempt lived to say it.
        last: Option<Box<Failure>>,
    },
    /// It has ended but what comes next was not sent.
    Unsent(Found),
    /// It has ended, all is sent, and its upload was made again.
    Again(Found),
    /// Nothing is left to do.
    Over(Found),
    /// Somebody else works on it or is sending.
    Busy {
        /// When to look again.
        after: Duration,
    },
}

impl NotOurs {
    /// Somebody else was faster; what it did is looked at again soon.
    pub(super) fn busy() -> Self {
        Self::Busy {
            after: Duration::from_secs(1),
        }
    }
}

/// A ledger that this process may change, as long as nobody else has.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The document last written.
    pub(crate) ledger: Ledger,
    /// Its version.
    pub(crate) etag: ETag,
    /// When that write was asked for, on the monotonic clock.
    pub(crate) asked: Duration,
}

impl Held {
    /// Gives the moment at which this process must stop, on its monotonic clock.
    pub(crate) fn until(&self) -> Duration {
        lease::hold_until(self.asked, Duration::from_secs(self.ledger.lease_s))
    }

    /// Forgets the checkpoint of an earlier hop, because the work began again.
    pub(super) fn anew(self) -> Self {
        Self {
            ledger: transition::forget_checkpoint(&self.ledger),
            ..self
        }
    }
}

/// Claims the job of a message, or says why not.
pub(crate) async fn claim(about: About<'_>, platform: &Platform) -> Result<Claim, StoreError> {
    let me = me(platform);
    for _ in 0..LOOKS {
        let found = swap::read(platform.store.as_ref(), about.job()).await?;
        let arrival = about.arrival(found.as_ref());
        let (ledger, seen) = match (transition::arrive(found.as_ref(), &arrival, &me, Nonce::fresh()), found) {
            (Step::Claim(ledger), _) => (ledger, None),
            (Step::TakeOver(ledger), Some(found)) => (ledger, Some(found.etag)),
            (Step::Exhausted(ledger), Some(found)) => {
                let (etag, asked) = (found.etag, platform.clock.monotonic());
                let claim = Box::new(Held {
                    ledger: *ledger,
                    etag,
                    asked,
                });
                let last = found.ledger.failure;
                return Ok(Claim::NotOurs(NotOurs::Exhausted { claim, last }));
            }
            (Step::Again, Some(found)) => return Ok(Claim::NotOurs(NotOurs::Again(found))),
            (Step::SendNext, Some(found)) => return Ok(Claim::NotOurs(NotOurs::Unsent(found))),
            (Step::Acknowledge, Some(found)) => return Ok(Claim::NotOurs(NotOurs::Over(found))),
            (Step::GiveBack { after }, _) => return Ok(Claim::NotOurs(NotOurs::Busy { after })),
            (step, None) => unreachable!("{step:?} follows from a ledger that was found"),
        };
        if let Some(held) = take(*ledger, seen.as_ref(), platform).await? {
            return Ok(Claim::Held(held));
        }
    }
    Ok(Claim::NotOurs(NotOurs::busy()))
}

/// Claims a job that has ended and whose outputs are gone; `None` where somebody else was faster.
pub(crate) async fn reopen(found: &Found, platform: &Platform) -> Result<Option<Held>, StoreError> {
    let ledger = transition::reopen(&found.ledger, &me(platform), Nonce::fresh());
    take(ledger, Some(&found.etag), platform).await
}

fn me(platform: &Platform) -> Claimant<'_> {
    Claimant {
        owner: &platform.host.owner,
        lease_s: platform.host.lease.as_secs().max(1),
        max_attempts: platform.host.max_attempts,
        now_s: platform.clock.now_s(),
    }
}

/// Writes a claim; `None` where somebody else was faster. Its lease counts from before it was asked for.
async fn take(ledger: Ledger, seen: Option<&ETag>, platform: &Platform) -> Result<Option<Held>, StoreError> {
    let asked = platform.clock.monotonic();
    let (store, clock) = (platform.store.as_ref(), platform.clock.as_ref());
    let until = lease::hold_until(asked, Duration::from_secs(ledger.lease_s));
    match swap::write(store, clock, &ledger, seen, until).await {
        Ok(etag) => Ok(Some(Held { ledger, etag, asked })),
        Err(SwapError::Lost { .. }) => Ok(None),
        Err(SwapError::Store { source, .. }) => Err(source),
    }
}
