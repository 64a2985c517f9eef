//! What the holder of a job can do, and the job of all these tests.

use contract::{Dataset, Digest, FailedStage, Failure, FailureKind, Next, PartId, SampleTask, Stage, Task};
use forecast::Progress;
use platform::ledger::{Completion, Ledger, Nonce, transition};

use crate::model::Fact;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Renew,
    Later,
    Wait,
    Stop,
    /// Stops with this many more batches than the last checkpoint.
    Yield(u32),
    Commit,
    Fail,
}

/// Returns the ledger after a holder's act, and the fact that it means.
pub(crate) fn after(ledger: &Ledger, act: Act, now_s: i64) -> (Ledger, Fact) {
    let fresh = Nonce::fresh();
    match act {
        Act::Renew => (transition::renew(ledger, fresh), Fact::Renewed),
        Act::Later => (transition::release_later(ledger, None, fresh), Fact::Later),
        Act::Wait => (transition::release_waiting(ledger, now_s, fresh), Fact::Excused),
        Act::Stop => (transition::release_stopped(ledger, fresh), Fact::Excused),
        Act::Yield(batches) => {
            let before = ledger.progress.unwrap_or(Progress { epoch: 0, batch: 0 });
            let progress = Progress {
                batch: before.batch + u64::from(batches),
                ..before
            };
            let next = |hop| Next::continuation(task(), hop);
            match transition::yield_(ledger, (progress, job()), next, 1.0, fresh.clone()) {
                Ok(ledger) => (ledger, Fact::Yielded),
                Err(_) => (transition::release_stopped(ledger, fresh), Fact::Excused),
            }
        }
        Act::Commit => {
            let result = Completion {
                adopted: false,
                at: now_s,
            };
            (
                transition::commit(ledger, result, successor(), 1.0, fresh),
                Fact::Committed,
            )
        }
        Act::Fail => (
            transition::fail(ledger, failure(), successor(), 1.0, fresh),
            Fact::Failed,
        ),
    }
}

pub(crate) fn job() -> Digest {
    Digest::of(b"the job")
}

fn task() -> Task {
    Task::Sample(SampleTask {
        dataset: "ours".parse::<Dataset>().unwrap(),
        part: PartId { index: 0, of: 1 },
        spec: job(),
        salt: String::new(),
        clean: job(),
    })
}

pub(crate) fn successor() -> Next {
    Next::one(task())
}

pub(crate) fn failure() -> Failure {
    Failure {
        job: job(),
        stage: FailedStage::Stage(Stage::Preprocess),
        dataset: None,
        key: "raw/ours/a.csv".to_owned(),
        kind: FailureKind::Exhausted,
        message: "gave up".to_owned(),
        member: None,
        row: None,
        column: None,
        value: None,
        bound: None,
        attempt: 0,
        at: "2023-11-14T22:13:20Z".to_owned(),
    }
}
