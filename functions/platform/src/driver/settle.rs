//! Writes how a job ended, or gives it back, and tells the host what to do with the message.

use std::time::Duration;

use contract::{Digest, JobId, Next, keys};
use forecast::Progress;

use super::{
    about::{About, Checked},
    claim::{ClaimedLedger, NotOurs},
    failure::{Fault, describe},
    perform::Ending,
    send,
};
use crate::{
    class::{Classify, Retry},
    documents,
    error::{StoreError, chain},
    host::Platform,
    ledger::{
        Completion, Ledger, Nonce, State, StoredLedger, lease,
        swap::{self, SwapError},
        transition::{self, NoHop},
    },
    outcome::{Delivery, Ended, Outcome},
};

/// Settles an attempt whose lease still holds.
pub(super) async fn settle(
    checked: &Checked,
    held: ClaimedLedger,
    ending: Ending,
    seconds: f64,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    let about = About::Job(checked);
    match ending {
        Ending::Done { adopted, next, .. } => commit(about, &held, adopted, next, seconds, platform).await,
        Ending::Stopped { progress, checkpoint } => {
            let stopped = Stopped {
                progress,
                checkpoint,
                seconds,
                asked: delivery.stop.is_asked(),
            };
            stop(checked, &held, stopped, platform).await
        }
        Ending::Wait { after, why } => wait(about, &held, after, why, checked.spec.split.wait, platform).await,
        Ending::Failed(error) => failed(about, &held, error.as_ref(), seconds, platform).await,
    }
}

/// Commits a job whose manifest is written: this one swap makes it done.
async fn commit(
    about: About<'_>,
    held: &ClaimedLedger,
    adopted: bool,
    next: Next,
    seconds: f64,
    platform: &Platform,
) -> Outcome {
    let result = Completion {
        adopted,
        at: platform.clock.now_s(),
    };
    let ledger = transition::commit(&held.ledger, result, next, seconds, Nonce::fresh());
    end(about, held, ledger, Ended::Committed { reused: adopted }, platform).await
}

/// Fails a job for good: writes `failed/{job}.json` first, then makes the one swap.
pub(crate) async fn fail(
    about: About<'_>,
    held: &ClaimedLedger,
    error: &dyn Classify,
    seconds: f64,
    platform: &Platform,
) -> Outcome {
    let failure = describe(about, error, held.ledger.attempt, platform).await;
    tracing::error!(stage = about.stage_name(), kind = ?failure.kind, error = failure.message, "failed for good");
    let key = keys::failed(about.job());
    let written = match documents::json(&key, &failure) {
        // Overwrites: after a replay the newest cause counts, and the ledger says whether the job has failed at all.
        Ok(document) => platform.store.put(&key, document).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        return later(about, held, &error, platform).await;
    }
    let next = about.after_failure(&failure.message);
    let ledger = transition::fail(&held.ledger, failure.clone(), next, seconds, Nonce::fresh());
    end(about, held, ledger, Ended::Failed(Box::new(failure)), platform).await
}

/// Does what is left to do for a message when there is nothing to work on.
pub(crate) async fn not_ours(about: About<'_>, why: NotOurs, platform: &Platform) -> Outcome {
    let job = about.job();
    match why {
        NotOurs::Exhausted { claim, last } => {
            let fault = Fault::gave_up(claim.ledger.attempt, platform.host.max_attempts, last.as_deref());
            fail(about, &claim, &fault, 0.0, platform).await
        }
        NotOurs::Unsent(found) => pass_on(about, &found, ended(&found.ledger), platform).await,
        NotOurs::Again(found) | NotOurs::Over(found) => Outcome::Done {
            job,
            ended: ended(&found.ledger),
        },
        NotOurs::Busy { after } => give_back(job, after, "somebody else works on it".to_owned()),
    }
}

async fn failed(
    about: About<'_>,
    held: &ClaimedLedger,
    error: &dyn Classify,
    seconds: f64,
    platform: &Platform,
) -> Outcome {
    if error.class().may_pass() {
        later(about, held, error, platform).await
    } else {
        fail(about, held, error, seconds, platform).await
    }
}

/// Gives a job back after an attempt that may succeed next time.
pub(crate) async fn later(
    about: About<'_>,
    held: &ClaimedLedger,
    error: &dyn Classify,
    platform: &Platform,
) -> Outcome {
    let attempt = held.ledger.attempt;
    let failure = describe(about, error, attempt, platform).await;
    tracing::warn!(
        stage = about.stage_name(),
        attempt,
        error = failure.message,
        "attempt failed"
    );
    let why = failure.message.clone();
    let asked = match error.class().retry {
        Retry::Later { after } => after.unwrap_or_default(),
        Retry::Never => Duration::ZERO,
    };
    let ledger = transition::release_later(&held.ledger, Some(failure), Nonce::fresh());
    release(about, held, ledger, lease::backoff(attempt).max(asked), why, platform).await
}

/// Gives a job back because something is not there yet, for at most `bound_s` seconds. They count on the store's clock,
/// which all workers share.
pub(crate) async fn wait(
    about: About<'_>,
    held: &ClaimedLedger,
    after: Duration,
    why: String,
    bound_s: u64,
    platform: &Platform,
) -> Outcome {
    let now_s = match platform.store.head(&keys::ledger(about.job())).await {
        Ok(ledger) => ledger.date,
        Err(error) => return later(about, held, &error, platform).await,
    };
    let waited_s = now_s - held.ledger.waiting_since.unwrap_or(now_s);
    let left_s = bound_s.saturating_sub(u64::try_from(waited_s).unwrap_or(0));
    if left_s == 0 {
        return fail(about, held, &Fault::Waited { waited_s, bound_s, why }, 0.0, platform).await;
    }
    let ledger = transition::release_waiting(&held.ledger, now_s, Nonce::fresh());
    release(
        about,
        held,
        ledger,
        after.min(Duration::from_secs(left_s)),
        why,
        platform,
    )
    .await
}

struct Stopped {
    progress: Progress,
    checkpoint: Vec<u8>,
    seconds: f64,
    /// By a signal, not by a deadline.
    asked: bool,
}

/// Continues as another hop. Without progress the job is given back instead.
async fn stop(checked: &Checked, held: &ClaimedLedger, stopped: Stopped, platform: &Platform) -> Outcome {
    let about = About::Job(checked);
    let task = &checked.message.stage;
    let digest = Digest::of(&stopped.checkpoint);
    let next = |hop| Next::continuation(task.clone(), hop);
    let going_on = (stopped.progress, digest);
    let ledger = match transition::yield_(&held.ledger, going_on, next, stopped.seconds, Nonce::fresh()) {
        Ok(ledger) => ledger,
        Err(NoHop::NoProgress) if stopped.asked => {
            let ledger = transition::release_stopped(&held.ledger, Nonce::fresh());
            return release(
                about,
                held,
                ledger,
                Duration::from_secs(1),
                "asked to stop".to_owned(),
                platform,
            )
            .await;
        }
        // A deadline that is too short for any progress counts as an attempt. Otherwise the job would come back for
        // ever.
        Err(NoHop::NoProgress) => return later(about, held, &Fault::NoTime, platform).await,
        Err(error @ NoHop::TooMany) => return fail(about, held, &Fault::Hop(error), stopped.seconds, platform).await,
    };
    let key = keys::checkpoint(task.dataset(), task.part(), digest);
    if let Err(error) = platform.store.put_named(&key, stopped.checkpoint.into()).await {
        return later(about, held, &error, platform).await;
    }
    let hop = ledger.hop;
    end(about, held, ledger, Ended::Yielded { hop }, platform).await
}

/// Writes the end of a job, sends what comes next, and marks it as sent.
async fn end(about: About<'_>, held: &ClaimedLedger, ledger: Ledger, ended: Ended, platform: &Platform) -> Outcome {
    match swap(held, &ledger, platform).await {
        Ok(found) => pass_on(about, &found, ended, platform).await,
        Err(error) => unsettled(about, &error, platform),
    }
}

async fn pass_on(about: About<'_>, found: &StoredLedger, ended: Ended, platform: &Platform) -> Outcome {
    if !found.ledger.sent {
        if let Err(error) = send::send(about, found, platform).await {
            return not_sent(about, error.as_ref(), platform);
        }
        send::mark(found, platform).await;
    }
    Outcome::Done {
        job: about.job(),
        ended,
    }
}

/// Sends what comes after an ended job once more, because the same bytes were uploaded again.
pub(super) async fn send_again(about: About<'_>, found: &StoredLedger, platform: &Platform) -> Outcome {
    match send::send(about, found, platform).await {
        Ok(()) => Outcome::Done {
            job: about.job(),
            ended: ended(&found.ledger),
        },
        Err(error) => not_sent(about, error.as_ref(), platform),
    }
}

fn not_sent(about: About<'_>, error: &dyn Classify, platform: &Platform) -> Outcome {
    let why = format!("its successors could not be sent: {}", chain(error));
    tracing::warn!(error = why, "a job has ended, but what comes next was not sent");
    give_back(about.job(), a_lease(platform), why)
}

/// Writes that a job may be claimed again. Best effort: without this the lease expires.
async fn release(
    about: About<'_>,
    held: &ClaimedLedger,
    ledger: Ledger,
    after: Duration,
    why: String,
    platform: &Platform,
) -> Outcome {
    match swap(held, &ledger, platform).await {
        Ok(_) => give_back(about.job(), after, why),
        Err(error) => unsettled(about, &error, platform),
    }
}

async fn swap(held: &ClaimedLedger, ledger: &Ledger, platform: &Platform) -> Result<StoredLedger, SwapError> {
    let (store, clock) = (platform.store.as_ref(), platform.clock.as_ref());
    let etag = swap::write(store, clock, ledger, Some(&held.etag), held.until()).await?;
    Ok(StoredLedger {
        ledger: ledger.clone(),
        etag,
        age_s: 0,
        written: platform.clock.now_s(),
    })
}

fn ended(ledger: &Ledger) -> Ended {
    match (ledger.state, &ledger.failure) {
        (State::Committed, _) => Ended::Committed { reused: true },
        (State::Failed, Some(failure)) => Ended::Failed(failure.clone()),
        (State::Failed | State::Yielded | State::Released | State::Running, _) => Ended::Stale,
    }
}

/// Gives back a job whose lease was lost. Whatever its work has written, nothing points to it.
pub(super) fn lost(about: About<'_>, platform: &Platform) -> Outcome {
    give_back(about.job(), a_lease(platform), "the lease was lost".to_owned())
}

/// Gives back a message whose ledger could not be read or written. A damaged ledger stays damaged, so after
/// `host.max_attempts` deliveries the job fails without it.
pub(crate) async fn cannot_claim(
    about: About<'_>,
    error: &StoreError,
    delivery: &Delivery,
    platform: &Platform,
) -> Outcome {
    let bound = platform.host.max_attempts;
    if error.class().may_pass() || delivery.receive_count <= bound {
        return cannot_begin(about.job(), error, delivery);
    }
    match fail_without_ledger(about, error, delivery, platform).await {
        Ok(outcome) => outcome,
        Err(error) => cannot_begin(about.job(), error.as_ref(), delivery),
    }
}

/// Fails a job whose ledger is damaged: writes the reason and sends what follows a failure, so that its round does not
/// wait for it. Safe to repeat, because successors have ledgers of their own.
async fn fail_without_ledger(
    about: About<'_>,
    error: &StoreError,
    delivery: &Delivery,
    platform: &Platform,
) -> Result<Outcome, Box<dyn Classify>> {
    let failure = describe(about, error, delivery.receive_count, platform).await;
    tracing::error!(
        stage = about.stage_name(),
        error = failure.message,
        "failed for good, its ledger is damaged"
    );
    let key = keys::failed(about.job());
    let put = async { platform.store.put(&key, documents::json(&key, &failure)?).await };
    put.await.map_err(|error| Box::new(error) as Box<dyn Classify>)?;
    send::send_next(about, &about.after_failure(&failure.message), platform).await?;
    Ok(Outcome::Done {
        job: about.job(),
        ended: Ended::Failed(Box::new(failure)),
    })
}

/// Gives back a message that no work could begin with.
pub(crate) fn cannot_begin(job: JobId, error: &(dyn std::error::Error + 'static), delivery: &Delivery) -> Outcome {
    let why = chain(error);
    tracing::error!(error = why, deliveries = delivery.receive_count, "cannot begin");
    give_back(job, lease::backoff(delivery.receive_count.saturating_sub(1)), why)
}

fn unsettled(about: About<'_>, error: &SwapError, platform: &Platform) -> Outcome {
    let why = chain(error);
    tracing::warn!(error = why, "the end of a job could not be written");
    give_back(about.job(), a_lease(platform), why)
}

fn give_back(job: JobId, after: Duration, why: String) -> Outcome {
    Outcome::GiveBack {
        job,
        after: jittered(after),
        why,
    }
}

/// Returns the time after which a lease that is written now has expired.
fn a_lease(platform: &Platform) -> Duration {
    platform.host.lease + Duration::from_secs(1)
}

/// Adds up to an eighth, and at least up to half a second, so that jobs that waited together do not return together.
fn jittered(after: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers all jobs return together, which is slow but not wrong.
    let _ = getrandom::fill(&mut byte);
    let spread = (after / 8).max(Duration::from_millis(500));
    after + spread * u32::from(byte[0]) / 255
}
