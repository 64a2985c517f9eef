//! Failures of the driver itself, and how every failure is described.

use contract::{Failure, FailureKind};

use super::about::About;
use crate::{
    class::{Class, Classify, Place},
    error::chain,
    host::Platform,
    ledger::transition::{MAX_HOPS, NoHop},
};

/// An attempt or a job that ended without an error of its stage.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The stage panicked.
    #[error("panicked: {what}")]
    Panicked { what: String },
    /// The deadline came before any progress.
    #[error("the deadline came before any progress")]
    NoTime,
    /// It cannot continue as another hop.
    #[error("cannot go on as another hop")]
    Hop(#[source] NoHop),
    /// It had too many attempts.
    #[error("gave up after {attempts} attempts without a result, `host.max_attempts` is {bound}; the last one {last}")]
    GaveUp { attempts: u32, bound: u32, last: String },
    /// Something that it waited for did not come.
    #[error("waited {waited_s} s, at most {bound_s} s are allowed, for {why}")]
    Waited { waited_s: i64, bound_s: u64, why: String },
}

impl Classify for Fault {
    fn class(&self) -> Class {
        let exhausted = Class::never(FailureKind::Exhausted);
        match self {
            Self::Panicked { .. } | Self::NoTime => Class::later(FailureKind::Exhausted),
            Self::Hop(NoHop::NoProgress) => exhausted,
            Self::Hop(NoHop::TooMany) => exhausted
                .value(format!("{} hops", MAX_HOPS + 1))
                .bound(format!("at most {MAX_HOPS} hops")),
            Self::GaveUp { attempts, bound, .. } => exhausted
                .value(format!("{attempts} attempts"))
                .bound(format!("`host.max_attempts` = {bound}")),
            Self::Waited { waited_s, bound_s, .. } => Class::never(FailureKind::TimedOut)
                .value(format!("{waited_s} s"))
                .bound(format!("at most {bound_s} s")),
        }
    }
}

impl Fault {
    /// Returns the fault of a job with too many attempts. `last` is the failure of the last attempt; `None` when it
    /// died before it could report one.
    pub(super) fn gave_up(attempt: u32, bound: u32, last: Option<&Failure>) -> Self {
        let last = match last {
            Some(failure) => format!("ended with: {}", failure.message),
            None => "was killed or lost its host, without a word".to_owned(),
        };
        Self::GaveUp {
            attempts: attempt,
            bound,
            last,
        }
    }
}

/// Returns the failure document of an error: what, where, which value, which bound, and the whole chain of causes.
pub(super) async fn describe(about: About<'_>, error: &dyn Classify, attempt: u32, platform: &Platform) -> Failure {
    let Class { kind, place, .. } = error.class();
    let Place {
        row,
        column,
        value,
        bound,
    } = place;
    Failure {
        job: about.job(),
        stage: about.stage(),
        dataset: about.dataset().cloned(),
        key: about.key(platform.store.as_ref()).await,
        kind,
        message: chain(error),
        member: about.member().cloned(),
        row,
        column,
        value,
        bound,
        attempt,
        at: series::rfc3339(platform.clock.now_s()),
    }
    .bounded()
}
