//! What goes wrong in the driver itself, and how any failure is told.

use contract::{Failure, FailureKind};

use super::About;
use crate::{
    Classify, Place, Platform, Retry,
    error::chain,
    ledger::transition::{MAX_HOPS, NoHop},
};

/// An attempt or a job that ended without the stage saying why.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The stage panicked.
    #[error("panicked: {what}")]
    Panicked { what: String },
    /// Its time was over before it had moved.
    #[error("the deadline came before any progress")]
    NoTime,
    /// It cannot go on as another hop.
    #[error("cannot go on as another hop")]
    Hop(#[source] NoHop),
    /// Too many attempts.
    #[error("gave up after {attempts} attempts without a result, `host.max_attempts` is {bound}; the last one {last}")]
    GaveUp { attempts: u32, bound: u32, last: String },
    /// Something that was waited for did not come.
    #[error("waited {waited_s} s, at most {bound_s} s are waited, for {why}")]
    Waited { waited_s: i64, bound_s: u64, why: String },
}

impl Classify for Fault {
    fn retry(&self) -> Retry {
        match self {
            Self::Panicked { .. } | Self::NoTime => Retry::Later { after: None },
            Self::Hop(_) | Self::GaveUp { .. } | Self::Waited { .. } => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Panicked { .. } | Self::NoTime | Self::Hop(_) | Self::GaveUp { .. } => FailureKind::Exhausted,
            Self::Waited { .. } => FailureKind::TimedOut,
        }
    }

    fn place(&self) -> Place {
        let of = |value: String, bound: String| Place {
            value: Some(value),
            bound: Some(bound),
            ..Place::default()
        };
        match self {
            Self::Panicked { .. } | Self::NoTime | Self::Hop(NoHop::NoProgress) => Place::default(),
            Self::Hop(NoHop::TooMany) => of(format!("{} hops", MAX_HOPS + 1), format!("at most {MAX_HOPS} hops")),
            Self::GaveUp { attempts, bound, .. } => {
                of(format!("{attempts} attempts"), format!("`host.max_attempts` = {bound}"))
            }
            Self::Waited { waited_s, bound_s, .. } => of(format!("{waited_s} s"), format!("at most {bound_s} s")),
        }
    }
}

impl Fault {
    /// Tells of a job that had too many attempts; the last one left `last`.
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

/// Writes a failure out: what, where, which value, which bound, and the whole chain of causes.
pub(super) async fn describe(about: About<'_>, error: &dyn Classify, attempt: u32, platform: &Platform) -> Failure {
    let Place {
        row,
        column,
        value,
        bound,
    } = error.place();
    Failure {
        job: about.job(),
        stage: about.stage(),
        dataset: about.dataset().cloned(),
        key: about.key(platform.store.as_ref()).await,
        kind: error.kind(),
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
