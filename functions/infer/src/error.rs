//! What can go wrong while a forecast is made.

use contract::{Digest, FailureKind, Stage};
use forecast::{ArtifactError, ForecastError};
use part::PartError;
use platform::{Classify, Place, Retry, StoreError};
use series::{Frequency, TransformError};

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The message is for another stage.
    #[error("a job of stage `{stage}` came to `infer`")]
    Misrouted {
        /// The stage it is for.
        stage: Stage,
    },
    /// The message asks for what is not built.
    #[error("forecasts on request are not supported yet, the job names request `{request}`")]
    Request {
        /// The request.
        request: Digest,
    },
    /// The manifest of the work names outputs of another stage.
    #[error("the manifest of this work names no forecast")]
    ForeignManifest,
    /// The store failed.
    #[error("cannot read the champion and its data, or write the forecast")]
    Store(#[from] StoreError),
    /// The champion log names another artifact than the job.
    #[error("generation {generation} of the champion log names artifact `{have}`, the job `{want}`")]
    OtherChampion {
        /// The generation.
        generation: u64,
        /// The artifact in the log.
        have: Digest,
        /// The artifact in the job.
        want: Digest,
    },
    /// The champion's artifact was fitted on other rows than its entry says.
    #[error("the artifact was fitted on cut `{have}`, the champion log names `{want}`")]
    OtherCut {
        /// The cut in the artifact.
        have: String,
        /// The cut in the log.
        want: Digest,
    },
    /// The clean part is not one.
    #[error("cannot read the columns of the clean part")]
    Clean(#[from] PartError),
    /// The artifact is not one.
    #[error("cannot read the champion's artifact")]
    Artifact(#[from] ArtifactError),
    /// The champion's columns are not there.
    #[error("cannot apply the champion's transform to the clean part")]
    Transform(#[from] TransformError),
    /// The champion forecasts on another grid.
    #[error("the clean part has frequency {have}, the champion forecasts at {want}")]
    OtherFrequency {
        /// The frequency of the clean part.
        have: Frequency,
        /// The champion's frequency.
        want: Frequency,
    },
    /// No target has any value.
    #[error("no target has a value in any of {rows} rows")]
    NothingObserved {
        /// The rows.
        rows: usize,
    },
    /// The champion looks further back than the data goes.
    #[error("{have} rows are observed, the champion needs {need}")]
    ShortHistory {
        /// The rows up to the last observed one.
        have: usize,
        /// The rows that the champion looks back.
        need: usize,
    },
    /// The champion cannot forecast.
    #[error("the champion cannot forecast")]
    Forecast(#[from] ForecastError),
    /// A forecast is not a number.
    #[error("the forecast of `{target}` at step {step} is not a finite number")]
    NotFinite {
        /// The target.
        target: String,
        /// The step, from 1.
        step: usize,
    },
}

impl Classify for InferError {
    fn retry(&self) -> Retry {
        match self {
            Self::Store(source) => source.retry(),
            Self::Misrouted { .. }
            | Self::Request { .. }
            | Self::ForeignManifest
            | Self::OtherChampion { .. }
            | Self::OtherCut { .. }
            | Self::Clean(_)
            | Self::Artifact(_)
            | Self::Transform(_)
            | Self::OtherFrequency { .. }
            | Self::NothingObserved { .. }
            | Self::ShortHistory { .. }
            | Self::Forecast(_)
            | Self::NotFinite { .. } => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::NotFinite { .. } | Self::Forecast(ForecastError::NotFinite { .. }) => FailureKind::Diverged,
            Self::Misrouted { .. } | Self::Request { .. } => FailureKind::Event,
            Self::Store(source) => source.kind(),
            Self::ForeignManifest
            | Self::OtherChampion { .. }
            | Self::OtherCut { .. }
            | Self::Clean(_)
            | Self::Artifact(_) => FailureKind::Store,
            Self::Transform(_)
            | Self::OtherFrequency { .. }
            | Self::NothingObserved { .. }
            | Self::ShortHistory { .. }
            | Self::Forecast(_) => FailureKind::Data,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Store(source) => source.place(),
            Self::Transform(source) => Place::from(source),
            Self::OtherFrequency { have, want } => Place {
                value: Some(have.to_string()),
                bound: Some(want.to_string()),
                ..Place::default()
            },
            Self::ShortHistory { have, need } => Place {
                value: Some(format!("{have} rows")),
                bound: Some(format!("at least {need} rows")),
                ..Place::default()
            },
            Self::NotFinite { target, .. } => Place {
                column: Some(target.clone()),
                bound: Some("a finite number".to_owned()),
                ..Place::default()
            },
            Self::Misrouted { .. }
            | Self::Request { .. }
            | Self::ForeignManifest
            | Self::OtherChampion { .. }
            | Self::OtherCut { .. }
            | Self::Clean(_)
            | Self::Artifact(_)
            | Self::NothingObserved { .. }
            | Self::Forecast(_) => Place::default(),
        }
    }
}
