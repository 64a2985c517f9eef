//! What became of an upload that no job began with: it was refused, waits, or is not the newest of its name any more.

use contract::{Failure, identity::receive_job};
use platform::{Platform, Store, StoreError, ledger::State, walk};

use crate::submit::Prepared;

/// What became of an upload.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Nothing yet, as far as anybody can see; says what is waited for where that is known.
    Open(Option<String>),
    /// It was refused.
    Refused(Box<Failure>),
    /// It is gone, and why.
    Gone(String),
}

/// An upload that was made, as the store tells it from others of its name.
#[derive(Debug, Clone)]
pub struct Placed {
    bucket: String,
    key: String,
    version: String,
    spec: String,
    /// When it was written by the store's clock, UTC seconds. What was refused before that was an earlier upload.
    written: i64,
}

impl Placed {
    /// Looks at an upload right after it was made.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(prepared: &Prepared, platform: &Platform) -> Result<Self, StoreError> {
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

    /// Returns when it was written by the store's clock, UTC seconds.
    #[must_use]
    pub fn written(&self) -> i64 {
        self.written
    }

    /// Finds out what became of it.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn fate(&self, store: &dyn Store) -> Result<Fate, StoreError> {
        let mut waits = None;
        // Whoever refused it may or may not have known its spec.
        for text in [self.spec.as_bytes(), b""] {
            let job = receive_job(&self.bucket, &self.key, &self.version, text);
            let Some(found) = walk::found(store, job)
                .await?
                .filter(|found| found.written >= self.written)
            else {
                continue;
            };
            match (found.ledger.state, found.ledger.failure) {
                (State::Failed, Some(failure)) => return Ok(Fate::Refused(failure)),
                (State::Released, Some(failure)) => waits = Some(format!("another try after: {}", failure.message)),
                (State::Released, None) => waits = Some("its test file".to_owned()),
                _ => {}
            }
        }
        match store.head(&self.key).await {
            Ok(meta) if meta.version.as_deref().unwrap_or(meta.etag.as_str()) == self.version => Ok(Fate::Open(waits)),
            Ok(_) => Ok(Fate::Gone(format!(
                "a later upload took the place of `{}` before a function received it",
                self.key
            ))),
            Err(StoreError::NotFound { .. }) => Ok(Fate::Gone(format!(
                "`{}` was deleted before a function received it",
                self.key
            ))),
            Err(error) => Err(error),
        }
    }
}
