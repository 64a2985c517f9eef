//! Errors while a member is scored or its round is decided.

use contract::{Digest, FailureKind};
use forecast::{ArtifactError, ForecastError, IntervalError};
use part::PartError;
use platform::{Class, Classify, Place, StoreError};
use series::TransformError;

/// Why a member was not scored, or its round not decided.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The store did not fulfil a request.
    #[error("cannot read or write what the round needs")]
    Store(#[from] StoreError),
    /// The clean part is damaged, or is not one.
    #[error("cannot read the columns of the clean part")]
    Part(#[from] PartError),
    /// The artifact is damaged, or is not one.
    #[error("cannot read the artifact")]
    Artifact(#[from] ArtifactError),
    /// The artifact was fitted on another cut.
    #[error("the artifact was fitted on cut `{have}`, the round is scored on `{want}`")]
    OtherCut {
        /// The cut that the artifact names.
        have: String,
        /// The digest of the round's cut.
        want: Digest,
    },
    /// The clean part does not have the columns of the transform, or a value cannot be transformed.
    #[error("cannot apply the transform to the clean part")]
    Transform(#[from] TransformError),
    /// The model cannot forecast.
    #[error("cannot forecast the holdout")]
    Forecast(#[from] ForecastError),
    /// The intervals of the ensemble cannot be measured.
    #[error("cannot measure intervals")]
    Intervals(#[from] IntervalError),
    /// The artifacts of an ensemble's members are too large together.
    #[error("the members' artifacts have {bytes} bytes together, at most {bound} are mixed on this host")]
    TooMuch {
        /// The sum of their sizes in bytes, as far as they were read.
        bytes: u64,
        /// The bound in bytes: a quarter of `host.memory`.
        bound: u64,
    },
    /// A forecast is not finite.
    #[error("the forecast of `{target}` at {time} is not a finite number")]
    NotFinite {
        /// The target's name.
        target: String,
        /// The time of the step, RFC 3339 in UTC.
        time: String,
    },
}

impl Classify for EvalError {
    fn class(&self) -> Class {
        let data = Class::never(FailureKind::Data);
        match self {
            Self::Store(source) => source.class(),
            Self::Part(_) | Self::Artifact(_) | Self::OtherCut { .. } => Class::never(FailureKind::Store),
            Self::Transform(source) => data.at(Place::from(source)),
            Self::TooMuch { bytes, bound } => data
                .value(format!("{bytes} bytes"))
                .bound(format!("at most {bound} bytes")),
            Self::NotFinite { target, .. } => Class::never(FailureKind::Diverged)
                .column(target)
                .bound("a finite number"),
            Self::Forecast(ForecastError::NotFinite { .. }) => Class::never(FailureKind::Diverged),
            Self::Forecast(_) | Self::Intervals(_) => data,
        }
    }
}
