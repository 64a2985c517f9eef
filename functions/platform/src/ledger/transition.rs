//! What a ledger means for a message that finds it, and every change that a ledger can undergo. Pure: no clock, no
//! store.
//!
//! Each change returns the next document, which the caller swaps against the version that it saw last. No other changes
//! exist.

use std::time::Duration;

use contract::{Digest, FailedStage, Failure, FailureKind, JobId, Next, WorkId};
use forecast::Progress;

use super::{Completion, Ledger, Nonce, State, lease, state::VERSION};
use crate::ports::ETag;

/// How many hops a job may make. A hop without progress is refused anyway; this bounds the others.
pub(crate) const MAX_HOPS: u32 = 64;

/// What a message asks of a ledger.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    /// The job of the message.
    pub job: JobId,
    /// The work of the job; equal to `job` for an event.
    pub work: WorkId,
    /// The stage, or `receive` for an event.
    pub stage: FailedStage,
    /// The number of the continuation that the message asks for, from 0.
    pub hop: u32,
    /// Whether the same bytes were uploaded again since the ledger was written. Then a job that has ended is examined
    /// once more.
    pub again: bool,
}

/// The process that asks for a claim.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Claimant<'a> {
    /// The name that the ledger will show.
    pub owner: &'a str,
    /// How long its claims hold, in seconds.
    pub lease_s: u64,
    /// How many attempts after the first one may follow.
    pub max_attempts: u32,
    /// The time of day, UTC seconds.
    pub now_s: i64,
}

/// A ledger as it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredLedger {
    /// The document, with all known fields.
    pub ledger: Ledger,
    /// The version of the document.
    pub etag: ETag,
    /// Its age in seconds, by the store's clock.
    pub age_s: i64,
    /// When it was written, by the store's clock in UTC seconds.
    pub written: i64,
}

/// What to do about a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Create this ledger, then work.
    Claim(Box<Ledger>),
    /// Swap the ledger that was found for this one, then work.
    TakeOver(Box<Ledger>),
    /// There were too many attempts: fail this claim, in one swap against the ledger that was found.
    Exhausted(Box<Ledger>),
    /// Another worker holds the lease: look again when it has expired.
    GiveBack {
        /// The rest of the lease, never zero.
        after: Duration,
    },
    /// The job has moved on but nobody is sending what comes next: send it, mark it as sent, acknowledge.
    SendNext,
    /// The job has ended and what comes next was sent, but the same bytes were uploaded again. Check the job's outputs:
    /// when they are still stored, send once more; otherwise work anew.
    Again,
    /// Nothing is left to do for this message.
    Acknowledge,
}

/// Why a job cannot stop here and continue as another hop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoHop {
    /// It has made no progress since the last hop.
    #[error("stopped without progress")]
    NoProgress,
    /// It has made too many hops.
    #[error("made {MAX_HOPS} hops, more are refused")]
    TooMany,
}

/// Returns what to do about a message, given the ledger that it finds.
#[must_use]
pub fn arrive(found: Option<&StoredLedger>, message: &Arrival, me: &Claimant<'_>, nonce: Nonce) -> Action {
    let Some(found) = found else {
        return Action::Claim(Box::new(claim(message, me, nonce)));
    };
    let ledger = &found.ledger;
    match (ledger.state, remaining(found, me)) {
        (State::Released, _) => take_over(ledger, ledger.attempt, me, nonce),
        // The continuation of this hop has arrived, so it was sent, whether marked or not.
        (State::Yielded, _) if message.hop >= ledger.hop => take_over(ledger, ledger.attempt, me, nonce),
        (State::Committed | State::Failed, _) if message.again && ledger.sent && is_outside(ledger) => {
            Action::TakeOver(Box::new(reopen(ledger, me, nonce)))
        }
        (State::Committed | State::Failed | State::Yielded, _) if message.again && ledger.sent => Action::Again,
        // Done, failed, or a message from before the hop. What comes next must be sent before this message is
        // acknowledged.
        (State::Committed | State::Failed | State::Yielded, _) if ledger.sent => Action::Acknowledge,
        (_, Some(after)) => Action::GiveBack { after },
        (State::Committed | State::Failed | State::Yielded, None) => Action::SendNext,
        (State::Running, None) => take_over(ledger, ledger.attempt.saturating_add(1), me, nonce),
    }
}

/// Returns whether a new upload of the same bytes can end differently. An event is examined anew each time, and so is a
/// failure whose cause lies outside of the job.
fn is_outside(ledger: &Ledger) -> bool {
    let outside = |failure: &Failure| match failure.kind {
        FailureKind::TimedOut | FailureKind::Exhausted | FailureKind::Store => true,
        FailureKind::Data | FailureKind::Spec | FailureKind::Event | FailureKind::Diverged => false,
    };
    ledger.stage == FailedStage::Receive || ledger.failure.as_deref().is_some_and(outside)
}

/// Claims a job that has ended, because its outputs are gone or its failure may not happen again.
#[must_use]
pub fn reopen(ended: &Ledger, me: &Claimant<'_>, nonce: Nonce) -> Ledger {
    Ledger {
        token: ended.token + 1,
        hop: ended.hop,
        progress: ended.checkpoint.and(ended.progress),
        checkpoint: ended.checkpoint,
        seconds: ended.seconds,
        started: ended.started,
        ..claim(
            &Arrival {
                job: ended.job,
                work: ended.work,
                stage: ended.stage,
                hop: ended.hop,
                again: true,
            },
            me,
            nonce,
        )
    }
}

/// Renews a claim: the same token, a fresh date.
#[must_use]
pub fn renew(held: &Ledger, nonce: Nonce) -> Ledger {
    Ledger { nonce, ..held.clone() }
}

/// Gives a job back after an attempt that may succeed next time. The failure stays in the ledger, for people and for
/// the claimant that may have to give up.
#[must_use]
pub fn release_later(held: &Ledger, failure: Option<Failure>, nonce: Nonce) -> Ledger {
    let attempt = held.attempt.saturating_add(1);
    Ledger {
        attempt,
        failure: failure.map(Box::new),
        // The attempt came past the input that it may have waited for.
        waiting_since: None,
        ..released(held, nonce)
    }
}

/// Gives a job back because an input is not there yet. This costs no attempt. `now_s` is the store's time in UTC
/// seconds.
#[must_use]
pub fn release_waiting(held: &Ledger, now_s: i64, nonce: Nonce) -> Ledger {
    Ledger {
        waiting_since: held.waiting_since.or(Some(now_s)),
        ..released(held, nonce)
    }
}

/// Gives a job back because its host was asked to stop. This costs no attempt.
#[must_use]
pub fn release_stopped(held: &Ledger, nonce: Nonce) -> Ledger {
    released(held, nonce)
}

/// Forgets a checkpoint that is gone or damaged. The work begins again, and the next hop may stop at any progress.
#[must_use]
pub(crate) fn forget_checkpoint(held: &Ledger) -> Ledger {
    Ledger {
        checkpoint: None,
        progress: None,
        ..held.clone()
    }
}

/// Stops a job before its end, to continue from a checkpoint that is already stored.
///
/// `next` returns the continuation for a hop number.
///
/// # Errors
/// When the job has made no progress since the last hop, or has made too many hops.
pub fn yield_(
    held: &Ledger,
    (progress, checkpoint): (Progress, Digest),
    next: impl FnOnce(u32) -> Next,
    seconds: f64,
    nonce: Nonce,
) -> Result<Ledger, NoHop> {
    if progress <= held.progress.unwrap_or(Progress { epoch: 0, batch: 0 }) {
        return Err(NoHop::NoProgress);
    }
    if held.hop >= MAX_HOPS {
        return Err(NoHop::TooMany);
    }
    let hop = held.hop + 1;
    Ok(Ledger {
        state: State::Yielded,
        nonce,
        attempt: 0,
        hop,
        progress: Some(progress),
        checkpoint: Some(checkpoint),
        waiting_since: None,
        next: Some(next(hop)),
        sent: false,
        seconds: held.seconds + seconds,
        ..held.clone()
    })
}

/// Commits a job whose manifest is written. Only this makes it done.
#[must_use]
pub fn commit(held: &Ledger, result: Completion, next: Next, seconds: f64, nonce: Nonce) -> Ledger {
    let ended = ended(held, State::Committed, next, seconds, nonce);
    Ledger {
        result: Some(result),
        checkpoint: None,
        ..ended
    }
}

/// Fails a job for good, after `failed/{job}.json` was written. The checkpoint stays, for a replay.
#[must_use]
pub fn fail(held: &Ledger, failure: Failure, next: Next, seconds: f64, nonce: Nonce) -> Ledger {
    Ledger {
        failure: Some(Box::new(failure)),
        ..ended(held, State::Failed, next, seconds, nonce)
    }
}

/// Marks what comes next as sent.
#[must_use]
pub fn mark_sent(ledger: &Ledger, nonce: Nonce) -> Ledger {
    Ledger {
        nonce,
        sent: true,
        ..ledger.clone()
    }
}

/// Reopens a failed job for a person who has repaired the cause; `None` when the job has not failed.
#[must_use]
pub fn replay(ledger: &Ledger, nonce: Nonce) -> Option<Ledger> {
    (ledger.state == State::Failed).then(|| Ledger {
        attempt: 0,
        waiting_since: None,
        failure: None,
        next: None,
        ..released(ledger, nonce)
    })
}

/// Returns for how long the claim on a ledger still holds.
fn remaining(found: &StoredLedger, me: &Claimant<'_>) -> Option<Duration> {
    if lease::is_void(&found.ledger.owner, me.owner) {
        return None;
    }
    lease::remaining(found.ledger.lease_s, found.age_s)
}

/// Returns the first claim of a job. A continuation whose ledger was deleted keeps its hop number and begins again.
fn claim(message: &Arrival, me: &Claimant<'_>, nonce: Nonce) -> Ledger {
    Ledger {
        version: VERSION,
        job: message.job,
        work: message.work,
        stage: message.stage,
        state: State::Running,
        token: 1,
        nonce,
        owner: me.owner.to_owned(),
        lease_s: me.lease_s,
        attempt: 0,
        hop: message.hop,
        progress: None,
        waiting_since: None,
        checkpoint: None,
        result: None,
        failure: None,
        next: None,
        sent: false,
        trigger: None,
        started: me.now_s,
        seconds: 0.0,
    }
}

fn take_over(ledger: &Ledger, attempt: u32, me: &Claimant<'_>, nonce: Nonce) -> Action {
    let taken = Box::new(Ledger {
        state: State::Running,
        token: ledger.token + 1,
        nonce,
        owner: me.owner.to_owned(),
        lease_s: me.lease_s,
        attempt,
        failure: None,
        next: None,
        sent: false,
        ..ledger.clone()
    });
    if attempt > me.max_attempts {
        Action::Exhausted(taken)
    } else {
        Action::TakeOver(taken)
    }
}

fn released(held: &Ledger, nonce: Nonce) -> Ledger {
    Ledger {
        state: State::Released,
        nonce,
        sent: false,
        ..held.clone()
    }
}

/// Returns what both ends of a job have in common. When there is nothing to send, it is marked as sent at once.
fn ended(held: &Ledger, state: State, next: Next, seconds: f64, nonce: Nonce) -> Ledger {
    let sent = next.template.is_none();
    Ledger {
        state,
        nonce,
        waiting_since: None,
        sent,
        next: (!sent).then_some(next),
        seconds: held.seconds + seconds,
        ..held.clone()
    }
}
