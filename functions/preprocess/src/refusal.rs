//! What the child that reads the files tells its parent of an error.

use contract::FailureKind;
use platform::{Class, Classify, Place, error::chain};
use serde::{Deserialize, Serialize};

/// A refusal by the child, as a failure records it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The text of the error and of all its causes, outermost first.
    pub message: String,
    /// The kind of the failure.
    pub kind: FailureKind,
    /// Where in the files the error lies.
    pub place: Place,
}

impl Refusal {
    pub(crate) fn of(error: &dyn Classify) -> Self {
        let Class { kind, place, .. } = error.class();
        Self {
            message: chain(error),
            kind,
            place,
        }
    }
}
