//! Claims the job of a message, or finds out why it cannot be claimed.

use std::time::Duration;

use contract::Failure;

use super::about::About;
use crate::{
    error::StoreError,
    host::Platform,
    ledger::{
        Action, Claimant, Ledger, Nonce, StoredLedger, lease,
        swap::{self, SwapError},
        transition,
    },
    ports::ETag,
};

/// How often a claim is tried when other workers win the race, before the message is given back.
const LOOKS: u32 = 8;

/// The result of an attempt to claim.
pub(crate) enum Claim {
    /// The claim is written: this process works on the job.
    Ours(ClaimedLedger),
    /// There is nothing to work on.
    NotOurs(NotOurs),
}

/// Why there is nothing to work on.
pub(crate) enum NotOurs {
    /// The job has had too many attempts. This process fails it, with one swap against the version found.
    Exhausted {
        /// The claim to fail, not written.
        claim: Box<ClaimedLedger>,
        /// The failure of the last attempt; `None` when that attempt died before it could report one.
        last: Option<Box<Failure>>,
    },
    /// The job has ended, but what comes next was not sent.
    Unsent(StoredLedger),
    /// The job has ended, what comes next was sent, and the same bytes were uploaded again.
    Again(StoredLedger),
    /// The job has ended and nothing is left to do.
    Over(StoredLedger),
    /// Another worker works on the job or is sending what comes next.
    Busy {
        /// How long to wait before the next look.
        after: Duration,
    },
}

impl NotOurs {
    /// Returns the answer after a lost race: look again soon at what the winner did.
    pub(super) fn busy() -> Self {
        Self::Busy {
            after: Duration::from_secs(1),
        }
    }
}

/// A ledger that this process has claimed and may change.
#[derive(Clone, Debug)]
pub(crate) struct ClaimedLedger {
    /// The document as this process wrote it last.
    pub(crate) ledger: Ledger,
    /// The version of the document, which the next write replaces.
    pub(crate) etag: ETag,
    /// When that write was sent, on the monotonic clock.
    pub(crate) asked: Duration,
}

impl ClaimedLedger {
    /// Returns the moment at which this process must stop, on its monotonic clock.
    pub(crate) fn until(&self) -> Duration {
        lease::hold_until(self.asked, Duration::from_secs(self.ledger.lease_s))
    }

    /// Forgets the checkpoint of an earlier hop, because the work began again from the start.
    pub(super) fn anew(self) -> Self {
        Self {
            ledger: transition::forget_checkpoint(&self.ledger),
            ..self
        }
    }
}

/// Claims the job of a message, or says why it cannot.
pub(crate) async fn claim(about: About<'_>, platform: &Platform) -> Result<Claim, StoreError> {
    let claimant = claimant(platform);
    for _ in 0..LOOKS {
        let found = swap::read(platform.store.as_ref(), about.job()).await?;
        let arrival = about.arrival(found.as_ref());
        let (ledger, seen) = match (
            transition::arrive(found.as_ref(), &arrival, &claimant, Nonce::fresh()),
            found,
        ) {
            (Action::Claim(ledger), _) => (ledger, None),
            (Action::TakeOver(ledger), Some(found)) => (ledger, Some(found.etag)),
            (Action::Exhausted(ledger), Some(found)) => {
                let (etag, asked) = (found.etag, platform.clock.monotonic());
                let claim = Box::new(ClaimedLedger {
                    ledger: *ledger,
                    etag,
                    asked,
                });
                let last = found.ledger.failure;
                return Ok(Claim::NotOurs(NotOurs::Exhausted { claim, last }));
            }
            (Action::Again, Some(found)) => return Ok(Claim::NotOurs(NotOurs::Again(found))),
            (Action::SendNext, Some(found)) => return Ok(Claim::NotOurs(NotOurs::Unsent(found))),
            (Action::Acknowledge, Some(found)) => return Ok(Claim::NotOurs(NotOurs::Over(found))),
            (Action::GiveBack { after }, _) => return Ok(Claim::NotOurs(NotOurs::Busy { after })),
            (action, None) => unreachable!("{action:?} follows from a ledger that was found"),
        };
        let ledger = Ledger {
            trigger: about.trigger(),
            ..*ledger
        };
        if let Some(held) = take(ledger, seen.as_ref(), platform).await? {
            return Ok(Claim::Ours(held));
        }
    }
    Ok(Claim::NotOurs(NotOurs::busy()))
}

/// Claims a job again that has ended and whose outputs are gone; `None` when another worker was faster.
pub(crate) async fn reopen(
    about: About<'_>,
    found: &StoredLedger,
    platform: &Platform,
) -> Result<Option<ClaimedLedger>, StoreError> {
    let ledger = Ledger {
        trigger: about.trigger(),
        ..transition::reopen(&found.ledger, &claimant(platform), Nonce::fresh())
    };
    take(ledger, Some(&found.etag), platform).await
}

/// Returns this process as one that asks for a claim.
pub(super) fn claimant(platform: &Platform) -> Claimant<'_> {
    Claimant {
        owner: &platform.host.owner,
        lease_s: platform.host.lease.as_secs().max(1),
        max_attempts: platform.host.max_attempts,
        now_s: platform.clock.now_s(),
    }
}

/// Writes a claim; `None` when another worker was faster. The lease counts from before the write was sent.
async fn take(ledger: Ledger, seen: Option<&ETag>, platform: &Platform) -> Result<Option<ClaimedLedger>, StoreError> {
    let asked = platform.clock.monotonic();
    let (store, clock) = (platform.store.as_ref(), platform.clock.as_ref());
    let until = lease::hold_until(asked, Duration::from_secs(ledger.lease_s));
    match swap::write(store, clock, &ledger, seen, until).await {
        Ok(etag) => Ok(Some(ClaimedLedger { ledger, etag, asked })),
        Err(SwapError::Lost { .. }) => Ok(None),
        Err(SwapError::Store { source, .. }) => Err(source),
    }
}
