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
            Self::Cut(CutError::Training { have, need, .. } | CutError::Holdout { have, need }) => {
                Class::never(FailureKind::Data)
                    .value(format!("{have} rows"))
                    .bound(format!("at least {need} rows"))
            }
            Self::Transform(source) => Class::never(FailureKind::Data).at(Place::from(source)),
            Self::Cut(CutError::NoTestRows) | Self::NothingObserved { .. } => Class::never(FailureKind::Data),
        }
    }
}
