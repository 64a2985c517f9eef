//! Errors while a member is fitted.

use std::time::Duration;

use contract::{Digest, FailureKind, MemberName};
use forecast::{ArtifactError, FitError, ForecastError, IntervalError};
use part::PartError;
use platform::{Class, Classify, Place, StoreError};
use series::TransformError;

/// Why a member was not fitted.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The artifact that is to be fitted again is gone.
    #[error("the artifact `{parent}`, which is to be fitted again, is gone")]
    NoParent {
        /// The digest of the artifact.
        parent: Digest,
        /// How long to wait for it.
        after: Duration,
    },
    /// The spec has no such member.
    #[error("the spec has no member `{member}`")]
    NoMember {
        /// The member that the message names.
        member: MemberName,
    },
    /// The member is made of the others, so it is not trained.
    #[error("member `{member}` is made of the others when the round is decided, it is not trained")]
    Virtual {
        /// The member's name.
        member: MemberName,
    },
    /// The store did not fulfil a request.
    #[error("cannot read the cut and its rows, or write the artifact")]
    Store(#[from] StoreError),
    /// The clean part is damaged, or is not one.
    #[error("cannot read the columns of the clean part")]
    Part(#[from] PartError),
    /// The clean part does not have the columns of the transform, or a value cannot be transformed.
    #[error("cannot apply the transform to the clean part")]
    Transform(#[from] TransformError),
    /// The fit failed.
    #[error("cannot fit `{member}`")]
    Fit {
        /// The member's name.
        member: MemberName,
        /// The error of the fit.
        #[source]
        source: FitError,
    },
    /// The intervals of the fitted model cannot be measured.
    #[error("cannot measure the intervals of `{member}`")]
    Intervals {
        /// The member's name.
        member: MemberName,
        /// The error of the measurement.
        #[source]
        source: IntervalError,
    },
    /// The fitted model cannot be written, for example because a weight is not finite.
    #[error("cannot write the artifact of `{member}`")]
    Artifact {
        /// The member's name.
        member: MemberName,
        /// The error of the artifact.
        #[source]
        source: ArtifactError,
    },
}

impl Classify for TrainError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) => source.class(),
            Self::Virtual { .. } => Class::never(FailureKind::Event),
            // A diverged fit leaves weights that are not finite.
            Self::Artifact {
                source: ArtifactError::NotFinite { .. },
                ..
            } => Class::never(FailureKind::Diverged),
            Self::NoMember { .. } | Self::Artifact { .. } => Class::never(FailureKind::Spec),
            Self::Part(_) | Self::NoParent { .. } => Class::never(FailureKind::Store),
            Self::Transform(source) => Class::never(FailureKind::Data).at(Place::from(source)),
            Self::Intervals { source, .. } => of_intervals(source),
            Self::Fit { source, .. } => of_fit(source),
        }
    }
}

/// Returns the class of an interval error. A diverged fit leaves forecasts that are not finite.
fn of_intervals(error: &IntervalError) -> Class {
    match error {
        IntervalError::NotFinite { .. } | IntervalError::Forecast(ForecastError::NotFinite { .. }) => {
            Class::never(FailureKind::Diverged)
        }
        _ => Class::never(FailureKind::Data),
    }
}

fn of_fit(error: &FitError) -> Class {
    let (data, spec) = (Class::never(FailureKind::Data), Class::never(FailureKind::Spec));
    match error {
        FitError::Diverged { loss, bound, .. } => Class::never(FailureKind::Diverged)
            .value(loss.to_string())
            .bound(format!("a loss below {bound:e}")),
        FitError::TooFewWindows { have, need } => data
            .value(format!("{have} windows"))
            .bound(format!("at least {need} windows")),
        FitError::Mismatch { have, need, .. } => data.value(have.to_string()).bound(need.to_string()),
        FitError::NotFinite { input, value, .. } => {
            data.column(input).value(value.to_string()).bound("a finite number")
        }
        FitError::Singular { target, lambda } => spec.column(target).value(format!("lambda {lambda:e}")),
        FitError::TooLarge { have, bound } => spec
            .value(format!("{have} bytes"))
            .bound(format!("at most {bound} bytes")),
        FitError::NothingSelects { have } => spec
            .value(format!("{have} windows that select"))
            .bound("at least 1 window"),
        FitError::NoLibtorch => spec.value("backend = \"tch\"").bound("a build with `--features tch`"),
        FitError::NoTrial { .. } | FitError::Refused { .. } => spec,
        FitError::Checkpoint(_) => Class::never(FailureKind::Store),
    }
}
