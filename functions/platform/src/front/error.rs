use contract::{FailureKind, ParseDigestError, Stage, UploadError, spec::SpecErrors};

use crate::{
    class::{Class, Classify},
    error::StoreError,
};

/// Why an upload is rejected, or cannot be examined now.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// A notification reached a stage that takes none.
    #[error("an S3 notification reached `{stage}`, only `preprocess` takes them")]
    Stage {
        /// The stage that it reached.
        stage: Stage,
    },
    /// The event is about another bucket.
    #[error("bucket `{have}` is not allowed, `{allowed}` is")]
    Bucket {
        /// The bucket of the event.
        have: String,
        /// The bucket of this host.
        allowed: String,
    },
    /// The key is not that of an upload.
    #[error("this object is no upload")]
    Key(#[source] UploadError),
    /// The upload has the name of a test file.
    #[error("`{file}` ends in `_test`, which names the test file of another upload")]
    TestName {
        /// The file's name, without `raw/{dataset}/`.
        file: String,
    },
    /// The upload is larger than this host reads.
    #[error("`{key}` has {have} bytes, `host.max_upload` allows {bound}")]
    TooLarge {
        /// The key of the upload.
        key: String,
        /// Its size in bytes.
        have: u64,
        /// `host.max_upload`, in bytes.
        bound: u64,
    },
    /// The metadata `flits-spec` is not a digest.
    #[error("metadata `flits-spec` is wrong")]
    SpecName(#[source] ParseDigestError),
    /// The metadata names a spec that is missing or cannot be read.
    #[error("cannot read the spec that metadata `flits-spec` names")]
    SpecDocument(#[source] StoreError),
    /// The text of the spec is not UTF-8.
    #[error("`{key}` is not UTF-8")]
    SpecText {
        /// The key of the spec.
        key: String,
        /// The offset of the first byte that is not UTF-8.
        #[source]
        source: std::str::Utf8Error,
    },
    /// The spec has unknown keys, or values outside of their range.
    #[error("the spec is wrong")]
    Spec(#[source] SpecErrors),
    /// The store did not fulfil a request.
    #[error("cannot look at the upload")]
    Store(#[source] StoreError),
}

impl FrontError {
    /// Returns whether only newer code can accept the upload.
    pub(super) fn is_newer(&self) -> bool {
        matches!(self, Self::SpecDocument(error) if error.is_newer())
    }
}

impl Classify for FrontError {
    fn class(&self) -> Class {
        let (event, spec) = (Class::never(FailureKind::Event), Class::never(FailureKind::Spec));
        match self {
            Self::Store(error) => error.class(),
            // Whatever the cause, it is the spec that is missing.
            Self::SpecDocument(error) => Class {
                kind: FailureKind::Spec,
                ..error.class()
            },
            Self::Stage { stage } => event.value(stage.name()).bound(Stage::Preprocess.name()),
            Self::Bucket { have, allowed } => event.value(have).bound(allowed),
            Self::Key(error) => event.value(key_of(error)).bound("raw/{dataset}/{file}"),
            Self::TestName { file } => event.value(file).bound("a name that does not end in `_test`"),
            Self::TooLarge { have, bound, .. } => Class::never(FailureKind::Data)
                .value(format!("{have} bytes"))
                .bound(format!("at most {bound} bytes")),
            Self::SpecName(error) => spec.value(&error.value).bound("64 lower-case hexadecimal digits"),
            // Only the first problem has a field here; the message has all.
            Self::Spec(SpecErrors(problems)) => match problems.first() {
                Some(problem) => spec
                    .value(format!("{} = {}", problem.path, problem.value))
                    .bound(problem.bound()),
                None => spec,
            },
            Self::SpecText { .. } => spec,
        }
    }
}

fn key_of(error: &UploadError) -> &str {
    match error {
        UploadError::Shape { key } | UploadError::Dataset { key, .. } | UploadError::Segment { key, .. } => key,
    }
}
