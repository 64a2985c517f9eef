//! One change of a ledger against a store that may not answer.
//!
//! A conditional write that timed out, was reset or was answered 5xx may have happened, and so may one that is refused
//! *after* such an answer: the refusal may be the echo of its own first try. The nonce tells. SDK retries are off for
//! these writes, or that echo would be taken for a straight refusal.

use std::time::Duration;

use bytes::Bytes;
use contract::{JobId, keys};

use super::{Found, Ledger, Nonce, state};
use crate::{
    error::StoreError,
    ports::{Clock, ETag, Store},
};

/// The pause before the first new try; it doubles up to [`MAX_PAUSE`].
const PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// A change that did not happen, or is not known to have happened.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// Somebody else changed the ledger: what was seen holds no longer.
    #[error("ledger `{key}` was changed by somebody else")]
    Lost {
        /// Its key.
        key: String,
    },
    /// The store did not answer for as long as there was time to ask.
    #[error("ledger `{key}` could not be changed in time")]
    Store {
        /// Its key.
        key: String,
        /// The last answer.
        #[source]
        source: StoreError,
    },
}

/// Reads the ledger of a job.
///
/// # Errors
/// When the store does not answer or the document is not ours.
pub async fn read(store: &dyn Store, job: JobId) -> Result<Option<Found>, StoreError> {
    let key = keys::ledger(job);
    match store.get(&key, state::MAX_BYTES).await {
        Ok(object) => match Ledger::parse(&object.bytes) {
            Ok(ledger) => Ok(Some(Found {
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

/// Writes a ledger against the version last seen, or where none was seen, and clears up any doubt.
///
/// Asks at least once, and again as long as the monotonic clock stands before `until`.
///
/// # Errors
/// `Lost` when somebody else was first, `Store` when it is not known how it ended.
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

/// Says whether a write may have happened after this answer. A refusal counts here because it came after a doubt.
fn is_doubt(error: &StoreError) -> bool {
    match error {
        StoreError::Doubt { .. }
        | StoreError::Unavailable { .. }
        | StoreError::Exists { .. }
        | StoreError::Changed { .. } => true,
        StoreError::NotFound { .. }
        | StoreError::Denied { .. }
        | StoreError::Refused { .. }
        | StoreError::TooLarge { .. }
        | StoreError::Damaged { .. }
        | StoreError::Newer { .. }
        | StoreError::Unwritable { .. }
        | StoreError::Scratch { .. } => false,
    }
}

/// What lies there after a doubtful write.
enum Seen {
    /// Our own write.
    Ours(ETag),
    /// What lay there before it.
    Before,
    /// Somebody else's write.
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

fn nonce(found: &Found) -> &Nonce {
    &found.ledger.nonce
}
