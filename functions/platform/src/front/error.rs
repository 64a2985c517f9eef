use contract::{FailureKind, ParseDigestError, Stage, UploadError, spec::SpecErrors};

use crate::{
    class::{Class, Classify},
    error::StoreError,
};

/// An upload that is turned away, or that cannot be looked at now.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// A notification reached a stage that takes none.
    #[error("an S3 notification reached `{stage}`, only `preprocess` takes them")]
    Stage {
        /// The stage.
        stage: Stage,
    },
    /// The bucket is not ours.
    #[error("bucket `{have}` is not allowed, `{allowed}` is")]
    Bucket {
        /// The bucket of the event.
        have: String,
        /// The bucket that is allowed.
        allowed: String,
    },
    /// The key is no upload.
    #[error("this object is no upload")]
    Key(#[source] UploadError),
    /// The name is that of a test file.
    #[error("`{file}` ends in `_test`, which names the test file of another upload")]
    TestName {
        /// The file.
        file: String,
    },
    /// The upload is larger than this host reads.
    #[error("`{key}` has {have} bytes, `host.max_upload` allows {bound}")]
    TooLarge {
        /// The key.
        key: String,
        /// Its size.
        have: u64,
        /// The bound.
        bound: u64,
    },
    /// The metadata names no spec.
    #[error("metadata `flits-spec` is wrong")]
    SpecName(#[source] ParseDigestError),
    /// The metadata names a spec that is not there, or is not one.
    #[error("cannot read the spec that metadata `flits-spec` names")]
    SpecDocument(#[source] StoreError),
    /// The spec's text is not text.
    #[error("`{key}` is not UTF-8")]
    SpecText {
        /// The key.
        key: String,
        /// Why.
        #[source]
        source: std::str::Utf8Error,
    },
    /// The spec is wrong.
    #[error("the spec is wrong")]
    Spec(#[source] SpecErrors),
    /// The store did not do what was asked.
    #[error("cannot look at the upload")]
    Store(#[source] StoreError),
}

impl FrontError {
    /// Returns whether only newer code can take the upload.
    pub(super) fn is_newer(&self) -> bool {
        matches!(self, Self::SpecDocument(error) if error.is_newer())
    }
}

impl Classify for FrontError {
    fn class(&self) -> Class {
        let (event, spec) = (Class::never(FailureKind::Event), Class::never(FailureKind::Spec));
        match self {
            Self::Store(error) => error.class(),
            // Whatever happened to it, it is the spec that cannot be had.
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
            // The first of them; the message has all.
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
