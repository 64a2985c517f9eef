//! Why an S3 request fails.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode};

use crate::engine::EngineError;
use crate::sqs;

/// Why a request failed. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request asks for something that S3 answers with an error.
    #[error("the request is refused")]
    Refused(#[source] S3Error),
    /// The engine failed.
    #[error("the store failed")]
    Store(#[from] EngineError),
    /// A row does not contain what this program writes.
    #[error("a row of the store cannot be read")]
    Row(#[from] serde_json::Error),
    /// An event could not be put into its queue.
    #[error("an event cannot be announced")]
    Queue(#[from] sqs::Error),
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        Self::Refused(error)
    }
}

impl From<redb::StorageError> for Error {
    fn from(error: redb::StorageError) -> Self {
        Self::Store(error.into())
    }
}

impl From<redb::TableError> for Error {
    fn from(error: redb::TableError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Error> for S3Error {
    fn from(error: Error) -> Self {
        let code = match &error {
            // The client may repeat the request: it then runs in a new transaction.
            Error::Store(EngineError::Aborted | EngineError::Closed) => S3ErrorCode::ServiceUnavailable,
            Error::Refused(_) | Error::Row(_) | Error::Queue(_) | Error::Store(_) => S3ErrorCode::InternalError,
        };
        match error {
            Error::Refused(refusal) => refusal,
            other => Self::with_source(code, Box::new(other)),
        }
    }
}

/// Returns an error with a code that S3 has and the protocol crate does not know.
pub(super) fn coded(code: &'static str, status: StatusCode) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::Custom(code.into()));
    error.set_status_code(status);
    error
}
