//! What can go wrong while a member is scored or its round decided.

use contract::{Digest, FailureKind, Stage};
use forecast::{ArtifactError, ForecastError, IntervalError};
use part::PartError;
use platform::{Classify, Place, Retry, StoreError};
use series::TransformError;

/// Why a member was not scored, or its round not decided.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The message is for another stage.
    #[error("a job of stage `{stage}` came to `eval`")]
    Misrouted {
        /// The stage it is for.
        stage: Stage,
    },
    /// The manifest of the work names outputs of another stage.
    #[error("the manifest of this work names no scores")]
    ForeignManifest,
    /// The store failed.
    #[error("cannot read or write what the round needs")]
    Store(#[from] StoreError),
    /// The clean part is not one.
    #[error("cannot read the columns of the clean part")]
    Clean(#[from] PartError),
    /// The artifact is not one.
    #[error("cannot read the artifact")]
    Artifact(#[from] ArtifactError),
    /// The artifact was fitted on other rows.
    #[error("the artifact was fitted on cut `{have}`, the round is scored on `{want}`")]
    OtherCut {
        /// The cut in the artifact.
        have: String,
        /// The round's cut.
        want: Digest,
    },
    /// The transform does not fit the clean part.
    #[error("cannot apply the transform to the clean part")]
    Transform(#[from] TransformError),
    /// The model cannot forecast.
    #[error("cannot forecast the holdout")]
    Forecast(#[from] ForecastError),
    /// The intervals of an ensemble cannot be measured.
    #[error("cannot measure intervals")]
    Intervals(#[from] IntervalError),
    /// The members of an ensemble are too large together.
    #[error("the members' artifacts have {bytes} bytes together, at most {bound} are mixed on this host")]
    TooMuch {
        /// Their bytes, as far as they were read.
        bytes: u64,
        /// The bound: a quarter of `host.memory`.
        bound: u64,
    },
    /// A forecast is not a number.
    #[error("the forecast of `{target}` at {time} is not a finite number")]
    NotFinite {
        /// The target.
        target: String,
        /// The time of the step, RFC 3339 UTC.
        time: String,
    },
}

impl Classify for EvalError {
    fn retry(&self) -> Retry {
        match self {
            Self::Store(source) => source.retry(),
            Self::Misrouted { .. }
            | Self::ForeignManifest
            | Self::Clean(_)
            | Self::Artifact(_)
            | Self::OtherCut { .. }
            | Self::Transform(_)
            | Self::Forecast(_)
            | Self::Intervals(_)
            | Self::TooMuch { .. }
            | Self::NotFinite { .. } => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::NotFinite { .. } | Self::Forecast(ForecastError::NotFinite { .. }) => FailureKind::Diverged,
            Self::Misrouted { .. } => FailureKind::Event,
            Self::Store(source) => source.kind(),
            Self::ForeignManifest | Self::Clean(_) | Self::Artifact(_) | Self::OtherCut { .. } => FailureKind::Store,
            Self::Transform(_) | Self::Forecast(_) | Self::Intervals(_) | Self::TooMuch { .. } => FailureKind::Data,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Store(source) => source.place(),
            Self::Transform(source) => Place::from(source),
            Self::TooMuch { bytes, bound } => Place {
                value: Some(format!("{bytes} bytes")),
                bound: Some(format!("at most {bound} bytes")),
                ..Place::default()
            },
            Self::NotFinite { target, .. } => Place {
                column: Some(target.clone()),
                bound: Some("a finite number".to_owned()),
                ..Place::default()
            },
            Self::Misrouted { .. }
            | Self::ForeignManifest
            | Self::Clean(_)
            | Self::Artifact(_)
            | Self::OtherCut { .. }
            | Self::Forecast(_)
            | Self::Intervals(_) => Place::default(),
        }
    }
}
