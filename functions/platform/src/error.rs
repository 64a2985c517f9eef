//! Errors of the ports, and what they mean for the job.

use contract::{CanonicalError, FailureKind};

use crate::class::{Class, Classify};

/// The error of the code behind a port. Ports are trait objects, so its type is not known here.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A request that the store did not fulfil.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no object at the key.
    #[error("object `{key}` does not exist")]
    NotFound {
        /// The key that was read.
        key: String,
    },
    /// A create found an object at its key.
    #[error("object `{key}` exists already")]
    Exists {
        /// The key that was to be created.
        key: String,
    },
    /// A conditional read or write found another version.
    #[error("object `{key}` has changed")]
    Changed {
        /// The key that was read or swapped.
        key: String,
    },
    /// The store does not know, or did not say, whether a write happened.
    #[error("it is not known whether `{key}` was written")]
    Doubt {
        /// The key that was written.
        key: String,
        /// The error of the adapter.
        #[source]
        source: Cause,
    },
    /// A read or a listing failed; nothing was changed.
    #[error("the store did not answer for `{key}`")]
    Unavailable {
        /// The key, or the prefix of a listing.
        key: String,
        /// The error of the adapter.
        #[source]
        source: Cause,
    },
    /// Credentials or permissions are missing, or the bucket does not exist.
    #[error("the store refuses access to `{key}`")]
    Denied {
        /// The key, or the prefix of a listing.
        key: String,
        /// The error of the adapter.
        #[source]
        source: Cause,
    },
    /// Conditional writes do not work there, so nothing can be claimed.
    #[error("the store {store} cannot be used: {why}")]
    Unfit {
        /// The key that was to be written.
        key: String,
        /// The server.
        store: String,
        /// What it did wrong.
        why: String,
    },
    /// The store can never fulfil the request, for example because it does not allow the key.
    #[error("the store cannot take `{key}`")]
    Refused {
        /// The key, or the prefix of a listing.
        key: String,
        /// The error of the adapter.
        #[source]
        source: Cause,
    },
    /// The object is larger than its reader allows.
    #[error("object `{key}` has {have} bytes, at most {bound} are read")]
    TooLarge {
        /// The key that was read.
        key: String,
        /// Its size in bytes, or how much of it had arrived.
        have: u64,
        /// The most bytes that are read.
        bound: u64,
    },
    /// The bytes do not match the digest in their name, or are not a document of the expected type.
    #[error("object `{key}` is damaged")]
    Damaged {
        /// The key that was read.
        key: String,
        /// What is wrong with the bytes.
        #[source]
        source: Cause,
    },
    /// JSON cannot hold a document of ours; nothing was written.
    #[error("cannot write `{key}`")]
    Unwritable {
        /// The key, or the beginning of it.
        key: String,
        /// What JSON cannot hold.
        #[source]
        source: CanonicalError,
    },
    /// The bytes are undamaged, but have a version or a field that only newer code knows.
    #[error("object `{key}` was written by newer code")]
    Newer {
        /// The key that was read.
        key: String,
        /// The version or the field.
        #[source]
        source: Cause,
    },
    /// The scratch directory could not be read or written.
    #[error("cannot keep `{key}` in scratch space")]
    Scratch {
        /// The key of the object that was uploaded or downloaded.
        key: String,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
}

/// Returns the text of an error and of all its causes, outermost first.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Returns the text of a panic; a fixed text when its value is not one.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is not text")
}

impl StoreError {
    /// Returns whether only newer code can read the object.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        matches!(self, Self::Newer { .. })
    }

    /// Returns the key that was asked for.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::NotFound { key }
            | Self::Exists { key }
            | Self::Changed { key }
            | Self::Doubt { key, .. }
            | Self::Unavailable { key, .. }
            | Self::Denied { key, .. }
            | Self::Unfit { key, .. }
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
            // A person repairs missing permissions; the attempts in the ledger bound the wait.
            Self::Exists { .. }
            | Self::Changed { .. }
            | Self::Doubt { .. }
            | Self::Unavailable { .. }
            | Self::Denied { .. }
            | Self::Unfit { .. }
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

/// A request that a queue did not fulfil.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no such queue.
    #[error("queue `{queue}` does not exist")]
    NoQueue {
        /// The queue's name or URL.
        queue: String,
    },
    /// Some messages were not sent, or may not have been sent.
    #[error("{failed} of {asked} messages were not taken by queue `{queue}`")]
    NotSent {
        /// The queue's URL.
        queue: String,
        /// The number of messages in the request.
        asked: usize,
        /// The number of messages that were refused or are in doubt.
        failed: usize,
        /// The queue's reason for the first of them.
        #[source]
        source: Cause,
    },
    /// The queue did not answer.
    #[error("queue `{queue}` did not answer")]
    Unavailable {
        /// The queue's name or URL.
        queue: String,
        /// The error of the adapter.
        #[source]
        source: Cause,
    },
    /// The receipt handle is no longer valid: the message was deleted, or delivered again.
    #[error("the receipt handle is no longer valid in queue `{queue}`")]
    Stale {
        /// The queue's name or URL.
        queue: String,
    },
    /// Credentials or permissions are missing.
    #[error("queue `{queue}` refuses access")]
    Denied {
        /// The queue's name or URL.
        queue: String,
        /// The error of the adapter.
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
