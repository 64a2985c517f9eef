//! The state of an upload that no job has begun with: it was refused, waits, or was replaced or deleted.

use contract::{Failure, identity::receive_job};
use platform::{Platform, Store, StoreError, ledger::State, walk};

use crate::submit::Prepared;

/// The state of an upload that no job has begun with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum UploadState {
    /// It waits, and for what, where that is known.
    Open(Option<String>),
    /// It was refused, and why.
    Refused(Box<Failure>),
    /// It was replaced or deleted; says which.
    Gone(String),
}

/// One version of an uploaded object.
#[derive(Debug, Clone)]
pub(super) struct Uploaded {
    bucket: String,
    key: String,
    version: String,
    spec: String,
    /// When it was written, UTC seconds of the store's clock. An earlier refusal belongs to an earlier upload.
    written: i64,
}

impl Uploaded {
    /// Reads the version of an upload right after it was made.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn of(prepared: &Prepared, platform: &Platform) -> Result<Self, StoreError> {
        let key = prepared.upload.key();
        let meta = platform.store.head(&key).await?;
        Ok(Self {
            bucket: platform.host.bucket.clone(),
            version: meta.version.unwrap_or_else(|| meta.etag.as_str().to_owned()),
            key,
            spec: prepared.first.stage.spec().hex(),
            written: meta.last_modified,
        })
    }

    /// Returns when it was written, UTC seconds of the store's clock.
    #[must_use]
    pub(super) fn written(&self) -> i64 {
        self.written
    }

    /// Finds out its state.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn state(&self, store: &dyn Store) -> Result<UploadState, StoreError> {
        let mut waits = None;
        // It may have been refused before or after its spec was known.
        for text in [self.spec.as_bytes(), b""] {
            let job = receive_job(&self.bucket, &self.key, &self.version, text);
            let Some(found) = walk::stored_ledger(store, job)
                .await?
                .filter(|found| found.written >= self.written)
            else {
                continue;
            };
            match (found.ledger.state, found.ledger.failure) {
                (State::Failed, Some(failure)) => return Ok(UploadState::Refused(failure)),
                (State::Released, Some(failure)) => waits = Some(format!("another try after: {}", failure.message)),
                (State::Released, None) => waits = Some("its test file".to_owned()),
                _ => {}
            }
        }
        match store.head(&self.key).await {
            Ok(meta) if meta.version.as_deref().unwrap_or(meta.etag.as_str()) == self.version => {
                Ok(UploadState::Open(waits))
            }
            Ok(_) => Ok(UploadState::Gone(format!(
                "a later upload took the place of `{}` before a function received it",
                self.key
            ))),
            Err(StoreError::NotFound { .. }) => Ok(UploadState::Gone(format!(
                "`{}` was deleted before a function received it",
                self.key
            ))),
            Err(error) => Err(error),
        }
    }
}
