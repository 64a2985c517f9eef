//! What can go wrong at a port, and what that means for the job.

use contract::{CanonicalError, FailureKind};

use crate::class::{Class, Classify};

/// The error of whatever stands behind a port; ports are trait objects, so its type is not known here.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A store that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing lies there.
    #[error("object `{key}` does not exist")]
    NotFound {
        /// The key.
        key: String,
    },
    /// A create found an object.
    #[error("object `{key}` exists already")]
    Exists {
        /// The key.
        key: String,
    },
    /// A conditional read or write found another version.
    #[error("object `{key}` has changed")]
    Changed {
        /// The key.
        key: String,
    },
    /// A write that may or may not have happened.
    #[error("it is not known whether `{key}` was written")]
    Doubt {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A read or list that did not happen.
    #[error("the store did not answer for `{key}`")]
    Unavailable {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Credentials or rights are missing, or the bucket is.
    #[error("the store refuses access to `{key}`")]
    Denied {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A request that the store can never accept, for example a key it does not take.
    #[error("the store cannot take `{key}`")]
    Refused {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// More bytes than the reader allows.
    #[error("object `{key}` has {have} bytes, at most {bound} are read")]
    TooLarge {
        /// The key.
        key: String,
        /// Its size, or how far it was read.
        have: u64,
        /// The cap.
        bound: u64,
    },
    /// Bytes that are not what their name or type says.
    #[error("object `{key}` is damaged")]
    Damaged {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A document of ours that JSON cannot hold; nothing of it was written.
    #[error("cannot write `{key}`")]
    Unwritable {
        /// The key, or what it begins with.
        key: String,
        /// Why.
        #[source]
        source: CanonicalError,
    },
    /// Bytes that are those that their name promises, and have what only newer code knows.
    #[error("object `{key}` was written by newer code")]
    Newer {
        /// The key.
        key: String,
        /// What is not known.
        #[source]
        source: Cause,
    },
    /// The scratch directory failed.
    #[error("cannot keep `{key}` in scratch space")]
    Scratch {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Writes an error out with its whole chain of causes, outermost first.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Returns the text of a panic.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text")
}

impl StoreError {
    /// Returns whether only newer code can read what lies there.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }

    /// Gives the key that was asked for.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::NotFound { key }
            | Self::Exists { key }
            | Self::Changed { key }
            | Self::Doubt { key, .. }
            | Self::Unavailable { key, .. }
            | Self::Denied { key, .. }
            | Self::Refused { key, .. }
            | Self::TooLarge { key, .. }
            | Self::Damaged { key, .. }
            | Self::Newer { key, .. }
            | Self::Unwritable { key, .. }
            | Self::Scratch { key, .. } => key,
        }
    }
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        match self {
            // Rights are repaired by a person; the attempts in the ledger bound the wait.
            Self::Exists { .. }
            | Self::Changed { .. }
            | Self::Doubt { .. }
            | Self::Unavailable { .. }
            | Self::Denied { .. }
            | Self::Newer { .. }
            | Self::Scratch { .. } => Class::later(FailureKind::Store),
            Self::NotFound { .. } | Self::Refused { .. } | Self::Damaged { .. } => Class::never(FailureKind::Store),
            Self::TooLarge { have, bound, .. } => Class::never(FailureKind::Data)
                .value(format!("{have} bytes"))
                .bound(format!("at most {bound} bytes")),
            Self::Unwritable { source, .. } => match source {
                CanonicalError::NotFinite { value, .. } => Class::never(FailureKind::Data)
                    .value(value.to_string())
                    .bound("a finite number"),
                CanonicalError::Shape(_) => Class::never(FailureKind::Data),
            },
        }
    }
}

/// A queue that did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such queue.
    #[error("queue `{queue}` does not exist")]
    NoQueue {
        /// Its name or URL.
        queue: String,
    },
    /// Some messages may not have been sent.
    #[error("{failed} of {asked} messages were not taken by queue `{queue}`")]
    NotSent {
        /// The queue.
        queue: String,
        /// How many were to be sent.
        asked: usize,
        /// How many were refused or are in doubt.
        failed: usize,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The queue did not answer.
    #[error("queue `{queue}` did not answer")]
    Unavailable {
        /// The queue.
        queue: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The receipt handle is no longer valid: the message is done, or somebody else's now.
    #[error("the receipt handle is no longer valid in queue `{queue}`")]
    Stale {
        /// The queue.
        queue: String,
    },
    /// Credentials or rights are missing.
    #[error("queue `{queue}` refuses access")]
    Denied {
        /// The queue.
        queue: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl Classify for QueueError {
    fn class(&self) -> Class {
        match self {
            Self::NoQueue { .. }
            | Self::NotSent { .. }
            | Self::Unavailable { .. }
            | Self::Stale { .. }
            | Self::Denied { .. } => Class::later(FailureKind::Store),
        }
    }
}
