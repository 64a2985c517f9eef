use contract::{FailureKind, ParseDigestError, Stage, UploadError, spec::SpecErrors};

use crate::error::{Classify, Place, Retry, StoreError};

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
    fn retry(&self) -> Retry {
        match self {
            Self::SpecDocument(error) | Self::Store(error) => error.retry(),
            Self::Stage { .. }
            | Self::Bucket { .. }
            | Self::Key(_)
            | Self::TestName { .. }
            | Self::TooLarge { .. }
            | Self::SpecName(_)
            | Self::SpecText { .. }
            | Self::Spec(_) => Retry::Never,
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Stage { .. } | Self::Bucket { .. } | Self::Key(_) | Self::TestName { .. } => FailureKind::Event,
            Self::TooLarge { .. } => FailureKind::Data,
            Self::SpecName(_) | Self::SpecDocument(_) | Self::SpecText { .. } | Self::Spec(_) => FailureKind::Spec,
            Self::Store(error) => error.kind(),
        }
    }

    fn place(&self) -> Place {
        let of = |value: String, bound: String| Place {
            value: Some(value),
            bound: Some(bound),
            ..Place::default()
        };
        match self {
            Self::Stage { stage } => of(stage.to_string(), "preprocess".to_owned()),
            Self::Bucket { have, allowed } => of(have.clone(), allowed.clone()),
            Self::TestName { file } => of(file.clone(), "a name that does not end in `_test`".to_owned()),
            Self::TooLarge { have, bound, .. } => of(format!("{have} bytes"), format!("at most {bound} bytes")),
            Self::SpecName(error) => of(error.value.clone(), "64 lower-case hexadecimal digits".to_owned()),
            Self::Key(error) => of(key_of(error).to_owned(), "raw/{dataset}/{file}".to_owned()),
            // The first of them; the message has all.
            Self::Spec(SpecErrors(problems)) => problems.first().map_or_else(Place::default, |problem| {
                of(
                    format!("{} = {}", problem.path, problem.value),
                    problem.bound().to_owned(),
                )
            }),
            Self::SpecDocument(error) | Self::Store(error) => error.place(),
            Self::SpecText { .. } => Place::default(),
        }
    }
}

fn key_of(error: &UploadError) -> &str {
    match error {
        UploadError::Shape { key } | UploadError::Dataset { key, .. } | UploadError::Segment { key, .. } => key,
    }
}
