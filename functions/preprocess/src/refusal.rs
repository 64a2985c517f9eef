//! Why a file is refused: all problems that were found, each with its place.

use contract::FailureKind;
use platform::{Class, Place};
use serde::{Deserialize, Serialize};

/// One problem of a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong and what to do, with file, row, column, value and bound.
    pub message: String,
    /// Where in the file it lies.
    pub place: Place,
}

/// A refused file. It has at least one problem.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// The problems, the most important one first.
    pub problems: Vec<Problem>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            place: Place::default(),
        }
    }

    pub(crate) fn row(mut self, row: u64) -> Self {
        self.place.row = Some(row);
        self
    }

    pub(crate) fn column(mut self, column: impl Into<String>) -> Self {
        self.place.column = Some(column.into());
        self
    }

    pub(crate) fn value(mut self, value: impl Into<String>) -> Self {
        self.place.value = Some(value.into());
        self
    }

    pub(crate) fn bound(mut self, bound: impl Into<String>) -> Self {
        self.place.bound = Some(bound.into());
        self
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems }
    }
}

impl Refusal {
    /// Returns the class of a file's refusal: the same file is refused again.
    pub(crate) fn class(&self) -> Class {
        let place = self.problems.first().map(|problem| problem.place.clone());
        Class::never(FailureKind::Data).at(place.unwrap_or_default())
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let messages: Vec<_> = self.problems.iter().map(|problem| problem.message.as_str()).collect();
        f.write_str(&messages.join("; "))
    }
}

impl std::error::Error for Refusal {}
