//! Errors of an upload, and the class of each.

use contract::FailureKind;
use platform::{
    Class, Classify, Place, StoreError,
    child::{ChildError, Death},
};
use series::TableError;

use crate::refusal::Refusal;

/// Why an upload cannot become a clean part.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessError {
    /// The store did not fulfil a request.
    #[error("cannot read the upload or keep the clean part")]
    Store(#[from] StoreError),
    /// The object was replaced or deleted since its receipt was written.
    #[error("object `{key}` is gone: it was replaced or deleted")]
    Gone {
        /// The key of the object.
        key: String,
    },
    /// The message is for another stage, or an input is missing.
    #[error("the message is no job of this stage: {what}")]
    Message {
        /// What is wrong with the message.
        what: &'static str,
    },
    /// The process that reads the files died of their content, before it had an answer.
    #[error("reading {files} {death}")]
    Died {
        /// The keys of the files.
        files: String,
        /// Why it died.
        death: Death,
    },
    /// The process that reads the files could not start, or was told to end, whatever the files hold.
    #[error("the files could not be read in a child process")]
    Child(#[source] ChildError),
    /// The files are refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The clean columns make no table. They were checked before, so this is a fault of this code.
    #[error("the clean columns are no table")]
    Table(#[from] TableError),
    /// The clean part could not be written.
    #[error("the clean part cannot be written")]
    Write(#[from] part::WriteError),
}

impl Classify for PreprocessError {
    fn class(&self) -> Class {
        let data = Class::never(FailureKind::Data);
        match self {
            Self::Store(source) => source.class(),
            Self::Refused(refusal) => refusal.class(),
            Self::Child(_) => Class::later(FailureKind::Exhausted),
            Self::Gone { .. } | Self::Message { .. } => Class::never(FailureKind::Event),
            Self::Died { death, .. } => data.at(Place {
                bound: death.bound(),
                ..Place::default()
            }),
            Self::Table(_) | Self::Write(_) => data,
        }
    }
}
