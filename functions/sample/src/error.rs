//! Errors while a part is cut.

use contract::FailureKind;
use part::PartError;
use platform::{Class, Classify, Place, StoreError};
use series::{CutError, TransformError};

/// Why a part was not cut.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The store did not fulfil a request.
    #[error("cannot read the clean part or write the cut and its round")]
    Store(#[from] StoreError),
    /// The clean part is damaged, or is not one.
    #[error("cannot read the columns of the clean part")]
    Part(#[from] PartError),
    /// There are fewer rows than the spec needs.
    #[error("cannot cut the rows as the spec asks")]
    Cut(#[from] CutError),
    /// No transform can be fitted on the training rows.
    #[error("cannot fit the transform")]
    Transform(#[from] TransformError),
    /// A given season that the rows cannot show.
    #[error("`forecast.seasons` has {season} steps, which do not fit twice into the {rows} rows before the holdout")]
    LongSeason {
        /// The season in steps.
        season: usize,
        /// The rows before the holdout.
        rows: usize,
    },
    /// No target has a value in any row.
    #[error("no target has a value in any of {rows} rows")]
    NothingObserved {
        /// The number of rows.
        rows: usize,
    },
}

impl Classify for SampleError {
    fn class(&self) -> Class {
        match self {
            Self::Store(source) => source.class(),
            Self::Part(_) => Class::never(FailureKind::Store),
            Self::Cut(CutError::NoTraining { rows }) => Class::never(FailureKind::Data)
                .value(format!("{rows} rows"))
                .bound("at least 1 training row".to_owned()),
            Self::LongSeason { season, rows } => Class::never(FailureKind::Data)
                .value(format!("{season} steps"))
                .bound(format!("at most {} steps", rows / 2)),
            Self::Transform(source) => Class::never(FailureKind::Data).at(Place::from(source)),
            Self::Cut(CutError::NoTestRows) | Self::NothingObserved { .. } => Class::never(FailureKind::Data),
        }
    }
}
