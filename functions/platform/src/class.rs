//! How an error is classified: whether to try again, what kind of failure it is, and where in the input it lies.

use std::time::Duration;

use contract::FailureKind;
use serde::{Deserialize, Serialize};
use series::{LARGEST, TransformError};

/// What every error of a stage or a port says about itself.
///
/// There is no default body: each new variant is classified by hand.
pub trait Classify: std::error::Error + Send + Sync + 'static {
    /// Returns whether to try again, the kind of failure, and its place in the input.
    fn class(&self) -> Class;
}

/// What an error means for its job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Class {
    /// Whether the same job can end differently.
    pub retry: Retry,
    /// The kind that is written to `failed/{job}.json`.
    pub kind: FailureKind,
    /// Where in the input the error is; all `None` when it is not about the input.
    pub place: Place,
}

/// Whether the same job can end differently when it is done again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// It can, because the cause lies outside of the job.
    Later {
        /// The shortest time to wait; `None` when the other side named no time.
        after: Option<Duration>,
    },
    /// It cannot: the job itself is wrong.
    Never,
}

/// Where in the input an error is. What is not known is `None`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    /// The row in the file, counted from 1 with the header as row 1.
    pub row: Option<u64>,
    /// The name of the column.
    pub column: Option<String>,
    /// The wrong value, as text.
    pub value: Option<String>,
    /// The bound that the value breaks, as text.
    pub bound: Option<String>,
}

impl Class {
    /// Returns the class of an error that the same job meets every time.
    #[must_use]
    pub fn never(kind: FailureKind) -> Self {
        Self::of(Retry::Never, kind)
    }

    /// Returns the class of an error that may go away.
    #[must_use]
    pub fn later(kind: FailureKind) -> Self {
        Self::of(Retry::Later { after: None }, kind)
    }

    fn of(retry: Retry, kind: FailureKind) -> Self {
        Self {
            retry,
            kind,
            place: Place::default(),
        }
    }

    /// Returns whether the same job can end differently.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.retry != Retry::Never
    }

    /// Returns the class with a place in the input.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// Returns the class with the row of the error, counted from 1 with the header as row 1.
    #[must_use]
    pub fn row(mut self, row: u64) -> Self {
        self.place.row = Some(row);
        self
    }

    /// Returns the class with the name of the column.
    #[must_use]
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.place.column = Some(column.into());
        self
    }

    /// Returns the class with the value that was wrong.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.place.value = Some(value.into());
        self
    }

    /// Returns the class with the bound that was broken.
    #[must_use]
    pub fn bound(mut self, bound: impl Into<String>) -> Self {
        self.place.bound = Some(bound.into());
        self
    }
}

impl From<&TransformError> for Place {
    /// Returns the column, the value and the bound of a transform's error.
    fn from(error: &TransformError) -> Self {
        let (column, value, bound) = match error {
            TransformError::MissingColumn { column } => (Some(column), None, None),
            TransformError::NoValues { column, .. } => (Some(column), None, Some("at least 1 value".to_owned())),
            TransformError::TooManyMissing { column, have, bound } => {
                (Some(column), Some(have.to_string()), Some(format!("at most {bound}")))
            }
            TransformError::TooLarge { column, value, .. } => (
                Some(column),
                Some(format!("{value:e}")),
                Some(format!("between -{LARGEST:e} and {LARGEST:e}")),
            ),
            TransformError::TooFar {
                column,
                value,
                offset,
                scale,
                ..
            } => (
                Some(column),
                Some(format!("{value:e}")),
                Some(format!("a distance from {offset:e} that can be scaled by {scale:e}")),
            ),
            TransformError::Rows { have, bound } => (None, Some(format!("{have} rows")), Some(format!("{bound} rows"))),
        };
        Self {
            row: None,
            column: column.cloned(),
            value,
            bound,
        }
    }
}
