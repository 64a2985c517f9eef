//! Errors while a forecast is made.

use contract::{Digest, FailureKind};
use forecast::{ArtifactError, ForecastError};
use part::PartError;
use platform::{Class, Classify, Place, StoreError};
use series::{Frequency, TransformError};

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The message asks for a forecast on request, which is not supported.
    #[error("forecasts on request are not supported yet, the job names request `{request}`")]
    Request {
        /// The digest of the request.
        request: Digest,
    },
    /// The store did not fulfil a request.
    #[error("cannot read the champion and its data, or write the forecast")]
    Store(#[from] StoreError),
    /// The champion log names another artifact than the job.
    #[error("generation {generation} of the champion log names artifact `{have}`, the job `{want}`")]
    OtherChampion {
        /// The generation of the entry.
        generation: u64,
        /// The artifact in the log.
        have: Digest,
        /// The artifact in the job.
        want: Digest,
    },
    /// The champion's artifact was fitted on another cut than its entry says.
    #[error("the artifact was fitted on cut `{have}`, the champion log names `{want}`")]
    OtherCut {
        /// The cut that the artifact names.
        have: String,
        /// The cut in the log.
        want: Digest,
    },
    /// The clean part is damaged, or is not one.
    #[error("cannot read the columns of the clean part")]
    Part(#[from] PartError),
    /// The artifact is damaged, or is not one.
    #[error("cannot read the champion's artifact")]
    Artifact(#[from] ArtifactError),
    /// The clean part does not have the champion's columns, or a value cannot be transformed.
    #[error("cannot apply the champion's transform to the clean part")]
    Transform(#[from] TransformError),
    /// The champion was fitted on a time axis with another frequency.
    #[error("the clean part has frequency {have}, the champion forecasts at {want}")]
    OtherFrequency {
        /// The frequency of the clean part.
        have: Frequency,
        /// The champion's frequency.
        want: Frequency,
    },
    /// No target has a value in any row.
    #[error("no target has a value in any of {rows} rows")]
    NothingObserved {
        /// The number of rows.
        rows: usize,
    },
    /// The champion needs more rows of history than there are.
    #[error("{have} rows are observed, the champion needs {need}")]
    ShortHistory {
        /// The number of rows up to the last observed one.
        have: usize,
        /// The number of rows that the champion needs.
        need: usize,
    },
    /// The champion cannot forecast.
    #[error("the champion cannot forecast")]
    Forecast(#[from] ForecastError),
    /// A forecast is not finite.
    #[error("the forecast of `{target}` at step {step} is not a finite number")]
    NotFinite {
        /// The target's name.
        target: String,
        /// The step, from 1.
        step: usize,
    },
}

impl Classify for InferError {
    fn class(&self) -> Class {
        let data = Class::never(FailureKind::Data);
        match self {
            Self::Store(source) => source.class(),
            Self::Request { .. } => Class::never(FailureKind::Event),
            Self::OtherChampion { .. } | Self::OtherCut { .. } | Self::Part(_) | Self::Artifact(_) => {
                Class::never(FailureKind::Store)
            }
            Self::Transform(source) => data.at(Place::from(source)),
            Self::OtherFrequency { have, want } => data.value(have.to_string()).bound(want.to_string()),
            Self::ShortHistory { have, need } => data
                .value(format!("{have} rows"))
                .bound(format!("at least {need} rows")),
            Self::NotFinite { target, .. } => Class::never(FailureKind::Diverged)
                .column(target)
                .bound("a finite number"),
            Self::Forecast(ForecastError::NotFinite { .. }) => Class::never(FailureKind::Diverged),
            Self::NothingObserved { .. } | Self::Forecast(_) => data,
        }
    }
}
