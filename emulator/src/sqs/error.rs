//! Why queue requests fail, and the codes that SDKs match on.

use crate::engine::EngineError;

/// A request that is refused, or storage that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The queue does not exist.
    #[error("the queue `{0}` does not exist")]
    NoQueue(String),
    /// A queue of this name has other attributes.
    #[error("a queue `{name}` exists with another value of {attribute}")]
    Exists {
        /// The queue's name.
        name: String,
        /// The attribute that differs.
        attribute: String,
    },
    /// A parameter breaks its rule.
    #[error("value {value} for parameter {parameter} is invalid: {reason}")]
    Parameter {
        /// The parameter.
        parameter: &'static str,
        /// What was given.
        value: String,
        /// The rule.
        reason: String,
    },
    /// A required parameter is absent.
    #[error("the request must contain the parameter {0}")]
    Missing(&'static str),
    /// An attribute that queues do not have.
    #[error("unknown attribute {0}")]
    AttributeName(String),
    /// An attribute's value breaks its rule.
    #[error("value {value} for attribute {name} is invalid: {reason}")]
    AttributeValue {
        /// The attribute.
        name: String,
        /// What was given.
        value: String,
        /// The rule.
        reason: String,
    },
    /// A character that AWS does not allow, because XML does not.
    #[error(
        "the message holds the character U+{0:04X}; allowed are #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD, #x10000 and above"
    )]
    Contents(u32),
    /// The text is not a receipt handle of this queue.
    #[error("the receipt handle is not valid: {0}")]
    ReceiptHandle(&'static str),
    /// The message was deleted, or received again since, so this delivery cannot be hidden for longer.
    #[error("value {0} for parameter ReceiptHandle is invalid: the message does not exist or was received again since")]
    Superseded(String),
    /// A batch without entries.
    #[error("the batch has no entries, at least 1 is needed")]
    EmptyBatch,
    /// A batch with too many entries.
    #[error("the batch has {have} entries, at most 10 are taken")]
    TooManyEntries {
        /// How many it has.
        have: usize,
    },
    /// Two entries with one id.
    #[error("the batch entry id `{0}` stands twice")]
    IdsNotDistinct(String),
    /// An entry id with other characters.
    #[error("the batch entry id `{0}` is not 1 to 80 characters of [A-Za-z0-9_-]")]
    EntryId(String),
    /// All bodies of a batch together are too large.
    #[error("the batch has {have} bytes, at most 1048576 are taken")]
    BatchTooLong {
        /// How many it has.
        have: usize,
    },
    /// An operation that this server does not have.
    #[error("the operation `{0}` is not supported")]
    Operation(String),
    /// A body that is not the operation's JSON.
    #[error("the request body is not the operation's JSON")]
    Shape(#[source] serde_json::Error),
    /// No signature, or one of another kind.
    #[error("the request carries no AWS4-HMAC-SHA256 signature in its Authorization header")]
    Unsigned,
    /// Another access key.
    #[error("the access key id is not known here")]
    AccessKey,
    /// The signature is not that of the secret key.
    #[error("the request signature does not match: {0}")]
    Signature(&'static str),
    /// The rows could not be read or written.
    #[error("the storage of the queues failed")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The codes of an error in an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Code {
    /// The type in the JSON protocol.
    pub(super) shape: &'static str,
    /// The code of the older query protocol, which SDKs read from the header `x-amzn-query-error`.
    pub(super) query: &'static str,
    /// The HTTP status.
    pub(super) status: u16,
}

const fn code(shape: &'static str, query: &'static str) -> Code {
    Code {
        shape,
        query,
        status: 400,
    }
}

impl Error {
    /// Returns the codes that clients match on, as in AWS's own model.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::NoQueue(_) => code(
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Self::Exists { .. } => code("com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists"),
            // AWS has one code for both.
            Self::Parameter { .. } | Self::Superseded(_) => code(
                "com.amazon.coral.service#InvalidParameterValueException",
                "InvalidParameterValue",
            ),
            Self::Missing(_) => code(
                "com.amazon.coral.service#MissingRequiredParameterException",
                "MissingParameter",
            ),
            Self::AttributeName(_) => code("com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName"),
            Self::AttributeValue { .. } => code("com.amazonaws.sqs#InvalidAttributeValue", "InvalidAttributeValue"),
            Self::Contents(_) => code("com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents"),
            Self::ReceiptHandle(_) => code("com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::EmptyBatch => code(
                "com.amazonaws.sqs#EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Self::TooManyEntries { .. } => code(
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::IdsNotDistinct(_) => code(
                "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::EntryId(_) => code(
                "com.amazonaws.sqs#InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Self::BatchTooLong { .. } => code(
                "com.amazonaws.sqs#BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Self::Operation(_) => code(
                "com.amazonaws.sqs#UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
            ),
            Self::Shape(_) => code("com.amazon.coral.service#SerializationException", "MalformedInput"),
            Self::Unsigned => Code {
                status: 403,
                ..code(
                    "com.amazon.coral.service#MissingAuthenticationTokenException",
                    "MissingAuthenticationToken",
                )
            },
            Self::AccessKey => Code {
                status: 403,
                ..code(
                    "com.amazon.coral.service#UnrecognizedClientException",
                    "InvalidClientTokenId",
                )
            },
            Self::Signature(_) => Code {
                status: 403,
                ..code(
                    "com.amazon.coral.service#InvalidSignatureException",
                    "SignatureDoesNotMatch",
                )
            },
            Self::Storage(_) => Code {
                status: 500,
                ..code("com.amazon.coral.service#InternalFailure", "InternalFailure")
            },
        }
    }

    /// Returns whether the request caused the error, and not the server.
    pub(super) fn is_senders(&self) -> bool {
        !matches!(self, Self::Storage(_))
    }
}

impl From<redb::StorageError> for Error {
    fn from(error: redb::StorageError) -> Self {
        Self::Storage(Box::new(error))
    }
}

impl From<redb::TableError> for Error {
    fn from(error: redb::TableError) -> Self {
        Self::Storage(Box::new(error))
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self::Storage(Box::new(error))
    }
}

/// Returns an error and its causes in one line, outermost first.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |cause| cause.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
