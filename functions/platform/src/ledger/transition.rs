//! What a message that finds a ledger means, and every change a ledger can undergo. Pure: no clock, no store.
//!
//! A change gives the next document; whoever wants it swaps it against the version last seen. What is not here cannot
//! happen to a ledger.

use std::time::Duration;

use contract::{Digest, FailedStage, Failure, FailureKind, JobId, Next, WorkId};
use forecast::Progress;

use super::{Completion, Ledger, Nonce, State, lease, state::VERSION};
use crate::ports::ETag;

/// How many hops a job may make. A hop that cannot raise progress is refused anyway; this bounds the rest.
pub(crate) const MAX_HOPS: u32 = 64;

/// What a message asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Arrival {
    /// The job.
    pub job: JobId,
    /// Its work.
    pub work: WorkId,
    /// The stage, or `receive`.
    pub stage: FailedStage,
    /// Which continuation the message is.
    pub hop: u32,
    /// Whether the upload was made again after what the ledger says: what ended is looked at once more.
    pub again: bool,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Claimant<'a> {
    /// The name that the ledger will show.
    pub owner: &'a str,
    /// How long its claims hold, in seconds.
    pub lease_s: u64,
    /// How many attempts may end without a result.
    pub max_attempts: u32,
    /// The time of day, UTC seconds.
    pub now_s: i64,
}

/// A ledger as it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    /// The document.
    pub ledger: Ledger,
    /// Its version.
    pub etag: ETag,
    /// Its age by the store's clock, in seconds.
    pub age_s: i64,
    /// When it was written by the store's clock, UTC seconds.
    pub written: i64,
}

/// What to do about a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// Create this ledger, then work.
    Claim(Box<Ledger>),
    /// Swap the ledger found for this one, then work.
    TakeOver(Box<Ledger>),
    /// There were too many attempts: fail this claim, in one swap against the ledger found.
    Exhausted(Box<Ledger>),
    /// Somebody holds the lease; look again after its rest.
    GiveBack {
        /// The rest, never zero.
        after: Duration,
    },
    /// The job has moved on but nobody is sending what comes next: send it, mark it, acknowledge.
    SendNext,
    /// The job has ended and what comes next was sent, but the upload was made again: check what it left; where that is
    /// there, send once more, else work anew.
    Again,
    /// Nothing is left to do for this message.
    Acknowledge,
}

/// Why a job cannot stop here and go on later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoHop {
    /// It stands where it stood.
    #[error("stopped without progress")]
    NoProgress,
    /// It has gone on too often.
    #[error("made {MAX_HOPS} hops, more are refused")]
    TooMany,
}

/// Decides what a message means, given the ledger it finds.
#[must_use]
pub fn arrive(found: Option<&Found>, message: &Arrival, me: &Claimant<'_>, nonce: Nonce) -> Step {
    let Some(found) = found else {
        return Step::Claim(Box::new(claim(message, me, nonce)));
    };
    let ledger = &found.ledger;
    match (ledger.state, rest(found, me)) {
        (State::Released, _) => take_over(ledger, ledger.attempt, me, nonce),
        // The continuation of this hop has arrived, so somebody did send it, marked or not.
        (State::Yielded, _) if message.hop >= ledger.hop => take_over(ledger, ledger.attempt, me, nonce),
        (State::Committed | State::Failed, _) if message.again && ledger.sent && is_outside(ledger) => {
            Step::TakeOver(Box::new(reopen(ledger, me, nonce)))
        }
        (State::Committed | State::Failed | State::Yielded, _) if message.again && ledger.sent => Step::Again,
        // Done, failed, or a message from before the hop: what comes next must have been sent before this one goes.
        (State::Committed | State::Failed | State::Yielded, _) if ledger.sent => Step::Acknowledge,
        (_, Some(after)) => Step::GiveBack { after },
        (State::Committed | State::Failed | State::Yielded, None) => Step::SendNext,
        (State::Running, None) => take_over(ledger, ledger.attempt.saturating_add(1), me, nonce),
    }
}

/// Returns whether a new upload of the same bytes can end differently: an event is judged anew each time, and so is a
/// failure whose cause lies outside of the job.
fn is_outside(ledger: &Ledger) -> bool {
    let outside = |failure: &Failure| match failure.kind {
        FailureKind::TimedOut | FailureKind::Exhausted | FailureKind::Store => true,
        FailureKind::Data | FailureKind::Spec | FailureKind::Event | FailureKind::Diverged => false,
    };
    ledger.stage == FailedStage::Receive || ledger.failure.as_deref().is_some_and(outside)
}

/// Claims a job that has ended: what it left is gone, or its failure may not come again.
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

/// Gives a job back after an attempt that may go better next time. What went wrong stays in the ledger for people, and
/// for the claimant that may have to give up.
#[must_use]
pub fn release_later(held: &Ledger, failure: Option<Failure>, nonce: Nonce) -> Ledger {
    let attempt = held.attempt.saturating_add(1);
    Ledger {
        attempt,
        failure: failure.map(Box::new),
        // It came beyond what it may have waited for.
        waiting_since: None,
        ..released(held, nonce)
    }
}

/// Gives a job back because something is not there yet. Costs no attempt. `now_s` is the store's time.
#[must_use]
pub fn release_waiting(held: &Ledger, now_s: i64, nonce: Nonce) -> Ledger {
    Ledger {
        waiting_since: held.waiting_since.or(Some(now_s)),
        ..released(held, nonce)
    }
}

/// Gives a job back because its host is asked to stop. Costs no attempt.
#[must_use]
pub fn release_stopped(held: &Ledger, nonce: Nonce) -> Ledger {
    released(held, nonce)
}

/// Forgets a checkpoint that is gone or damaged: the job begins again, and the next hop may stand anywhere.
#[must_use]
pub(crate) fn forget_checkpoint(held: &Ledger) -> Ledger {
    Ledger {
        checkpoint: None,
        progress: None,
        ..held.clone()
    }
}

/// Stops a job on the way, to go on with a checkpoint that is already stored.
///
/// `next` makes the continuation from its hop number.
///
/// # Errors
/// When the job has not moved since the last hop, or has made too many.
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

/// Commits a job whose manifest is written. The only moment at which it becomes done.
#[must_use]
pub fn commit(held: &Ledger, result: Completion, next: Next, seconds: f64, nonce: Nonce) -> Ledger {
    let ended = ended(held, State::Committed, next, seconds, nonce);
    Ledger {
        result: Some(result),
        checkpoint: None,
        ..ended
    }
}

/// Fails a job for good, `failed/{job}.json` being written. The checkpoint stays, for a replay.
#[must_use]
pub fn fail(held: &Ledger, failure: Failure, next: Next, seconds: f64, nonce: Nonce) -> Ledger {
    Ledger {
        failure: Some(Box::new(failure)),
        ..ended(held, State::Failed, next, seconds, nonce)
    }
}

/// Notes that what comes next was sent.
#[must_use]
pub fn mark_sent(ledger: &Ledger, nonce: Nonce) -> Ledger {
    Ledger {
        nonce,
        sent: true,
        ..ledger.clone()
    }
}

/// Opens a failed job again, for a person who has mended its cause; none where it has not failed.
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

/// Gives how long the claim on a ledger still holds.
fn rest(found: &Found, me: &Claimant<'_>) -> Option<Duration> {
    if lease::is_void(&found.ledger.owner, me.owner) {
        return None;
    }
    lease::rest(found.ledger.lease_s, found.age_s)
}

/// The first claim of a job. A continuation whose ledger was cleaned away keeps its hop and begins again.
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
        started: me.now_s,
        seconds: 0.0,
    }
}

fn take_over(ledger: &Ledger, attempt: u32, me: &Claimant<'_>, nonce: Nonce) -> Step {
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
        Step::Exhausted(taken)
    } else {
        Step::TakeOver(taken)
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

/// What both ends of a job share. With nothing to send there is nothing to mark.
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
