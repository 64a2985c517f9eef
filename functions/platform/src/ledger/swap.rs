//! One change of a ledger, with a store that may not answer.
//!
//! A conditional write that timed out, was reset or was answered with 5xx may have happened. When it is sent again and
//! then *refused*, the refusal may be the echo of its own first try. The nonce tells which. The SDK's retries are off
//! for these writes, because they would make such an echo look like a plain refusal.

use std::time::Duration;

use bytes::Bytes;
use contract::{JobId, keys};

use super::{Ledger, Nonce, StoredLedger, state};
use crate::{
    error::StoreError,
    ports::{Clock, ETag, Store},
};

/// The pause before the second try. It doubles up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Why a change did not happen, or may not have happened.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// Another worker changed the ledger since it was read.
    #[error("ledger `{key}` was changed by somebody else")]
    Lost {
        /// The ledger's key.
        key: String,
    },
    /// The store gave no clear answer until the time was over.
    #[error("ledger `{key}` could not be changed in time")]
    Store {
        /// The ledger's key.
        key: String,
        /// The store's last answer.
        #[source]
        source: StoreError,
    },
}

/// Reads the ledger of a job; `None` before its first claim.
///
/// # Errors
/// When the store does not answer, or the document is not a ledger that this code reads.
pub async fn read(store: &dyn Store, job: JobId) -> Result<Option<StoredLedger>, StoreError> {
    let key = keys::ledger(job);
    match store.get(&key, state::MAX_BYTES).await {
        Ok(object) => match Ledger::parse(&object.bytes) {
            Ok(ledger) => Ok(Some(StoredLedger {
                ledger,
                age_s: object.meta.age_s(),
                written: object.meta.last_modified,
                etag: object.meta.etag,
            })),
            Err(source) if source.is_newer() => Err(StoreError::Newer {
                key,
                source: Box::new(source),
            }),
            Err(source) => Err(StoreError::Damaged {
                key,
                source: Box::new(source),
            }),
        },
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a ledger: over the version `seen`, or as a new object when that is `None`. Clears up a doubtful answer by
/// reading.
///
/// Tries at least once, and again as long as the monotonic clock is before `until`.
///
/// # Errors
/// `Lost` when another worker was first, `Store` when it is not known whether the write happened.
pub async fn write(
    store: &dyn Store,
    clock: &dyn Clock,
    ledger: &Ledger,
    seen: Option<&ETag>,
    until: Duration,
) -> Result<ETag, SwapError> {
    let key = keys::ledger(ledger.job);
    let bytes = Bytes::from(ledger.to_json());
    let mut doubt = false;
    let mut pause = PAUSE;
    loop {
        let answer = match put(store, &key, bytes.clone(), seen).await {
            Ok(etag) => return Ok(etag),
            Err(StoreError::Exists { .. } | StoreError::Changed { .. }) if !doubt => {
                return Err(SwapError::Lost { key });
            }
            Err(error) if is_doubt(&error) => error,
            Err(source) => return Err(SwapError::Store { key, source }),
        };
        doubt = true;
        let answer = match look(store, ledger, seen).await {
            Ok(Seen::Ours(etag)) => return Ok(etag),
            Ok(Seen::Others) => return Err(SwapError::Lost { key }),
            Ok(Seen::Before) => answer,
            Err(error) => error,
        };
        if clock.monotonic() + pause >= until {
            return Err(SwapError::Store { key, source: answer });
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

async fn put(store: &dyn Store, key: &str, bytes: Bytes, seen: Option<&ETag>) -> Result<ETag, StoreError> {
    match seen {
        None => store.create(key, bytes).await,
        Some(etag) => store.swap(key, bytes, etag).await,
    }
}

/// Returns whether a write may have happened after this answer. A refusal counts too, because here it comes after a
/// doubtful answer.
fn is_doubt(error: &StoreError) -> bool {
    match error {
        StoreError::Doubt { .. }
        | StoreError::Unavailable { .. }
        | StoreError::Exists { .. }
        | StoreError::Changed { .. } => true,
        StoreError::NotFound { .. }
        | StoreError::Denied { .. }
        | StoreError::Unfit { .. }
        | StoreError::Refused { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Damaged { .. }
        | StoreError::Newer { .. }
        | StoreError::Unwritable { .. }
        | StoreError::Scratch { .. } => false,
    }
}

/// What is stored after a doubtful write.
enum Seen {
    /// Our own write.
    Ours(ETag),
    /// The version that the write was to replace.
    Before,
    /// Another worker's write.
    Others,
}

async fn look(store: &dyn Store, ours: &Ledger, before: Option<&ETag>) -> Result<Seen, StoreError> {
    let found = read(store, ours.job).await?;
    Ok(match (found, before) {
        (Some(found), _) if nonce(&found) == &ours.nonce => Seen::Ours(found.etag),
        (Some(found), Some(etag)) if found.etag == *etag => Seen::Before,
        (None, None) => Seen::Before,
        _ => Seen::Others,
    })
}

fn nonce(found: &StoredLedger) -> &Nonce {
    &found.ledger.nonce
}
