//! What can go wrong while a part is cut.

use contract::{FailureKind, Stage};
use part::PartError;
use platform::{Classify, Place, Retry, StoreError};
use series::{CutError, TransformError};

/// Why a part was not cut.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The message is for another stage.
    #[error("a job of stage `{stage}` came to `sample`")]
    Misrouted {
        /// The stage it is for.
        stage: Stage,
    },
    /// The manifest of the work names outputs of another stage.
    #[error("the manifest of this work names no cut")]
    ForeignManifest,
    /// The store failed.
    #[error("cannot read the clean part or write the cut and its round")]
    Store(#[from] StoreError),
    /// The clean part is not one.
    #[error("cannot read the columns of the clean part")]
    Clean(#[from] PartError),
    /// The rows are too few for the spec.
    #[error("cannot cut the rows as the spec asks")]
    Cut(#[from] CutError),
    /// The training rows carry no transform.
    #[error("cannot fit the transform")]
    Transform(#[from] TransformError),
    /// No target has any value.
    #[error("no target has a value in any of {rows} rows")]
    NothingObserved {
        /// The rows.
        rows: usize,
    },
}

impl Classify for SampleError {
    fn retry(&self) -> Retry {
        match self {
            Self::Store(source) => source.retry(),
            Self::Misrouted { .. }
            | Self::ForeignManifest
            | Self::Clean(_)
            | Self::Cut(_)
            | Self::Transform(_)
            | Self::NothingObserved { .. } => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Misrouted { .. } => FailureKind::Event,
            Self::ForeignManifest | Self::Clean(_) => FailureKind::Store,
            Self::Store(source) => source.kind(),
            Self::Cut(_) | Self::Transform(_) | Self::NothingObserved { .. } => FailureKind::Data,
        }
    }

    fn place(&self) -> Place {
        match self {
            Self::Store(source) => source.place(),
            Self::Transform(source) => Place::from(source),
            Self::Cut(source) => cut_place(*source),
            Self::Misrouted { .. } | Self::ForeignManifest | Self::Clean(_) | Self::NothingObserved { .. } => {
                Place::default()
            }
        }
    }
}

fn cut_place(error: CutError) -> Place {
    match error {
        CutError::Training { have, need, .. } | CutError::Holdout { have, need } => Place {
            value: Some(format!("{have} rows")),
            bound: Some(format!("at least {need} rows")),
            ..Place::default()
        },
        CutError::NoTestRows => Place::default(),
    }
}
