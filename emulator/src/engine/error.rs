//! What can go wrong in the storage engine.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the storage engine could not read or write.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// A file or directory of the store failed.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// The database failed; the writes of this transaction did not happen.
    #[error("the database of the embedded store failed")]
    Database(#[source] Arc<redb::Error>),
    /// The database panicked while it read its file.
    #[error("the database of the embedded store cannot be read")]
    Unreadable,
    /// Another change in the same transaction failed midway, so nothing was written. It is safe to try again.
    #[error("the transaction was given up because a neighbour broke off")]
    Aborted,
    /// The closure itself panicked; nothing of it was written.
    #[error("the write panicked")]
    Panicked,
    /// The writer has ended.
    #[error("the embedded store is closed")]
    Closed,
}

impl<E: Into<redb::Error>> From<E> for EngineError {
    fn from(error: E) -> Self {
        Self::Database(Arc::new(error.into()))
    }
}

impl EngineError {
    /// Returns whether the files of the store are the cause, so that opening it again fails in the same way.
    pub(crate) fn is_damage(&self) -> bool {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        match self {
            Self::Unreadable | Self::Panicked | Self::Aborted => true,
            Self::Database(error) => match &**error {
                redb::Error::Io(error) => matches!(error.kind(), InvalidData | UnexpectedEof),
                redb::Error::DatabaseAlreadyOpen => false,
                _ => true,
            },
            Self::File { .. } | Self::Closed => false,
        }
    }

    /// Returns the error of one file operation.
    pub(crate) fn file(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::File {
            path: path.into(),
            source: Arc::new(source),
        }
    }
}
