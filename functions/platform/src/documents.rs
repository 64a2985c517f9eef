//! Documents and blobs over the store port: what is read is checked against its name, what is created is adopted
//! where somebody was faster.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bytes::Bytes;
use contract::{Dataset, Digest, Spec, canonical, keys, spec::MAX_TEXT};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::StoreError,
    ports::{ObjectMeta, Store},
    threads::apart,
};

/// The size above which a JSON document of ours is refused, in bytes.
pub(crate) const MAX_DOCUMENT: u64 = 64 * 1024 * 1024;

/// The size above which a resolved spec is not read, in bytes: all that one text can become.
const MAX_RESOLVED: u64 = 4 * MAX_TEXT as u64;

/// Up to here a resolved spec is read in less time than a thread takes to begin, in bytes.
const SHORT_SPEC: usize = 64 * 1024;

/// Bytes that are not those that their name promises.
#[derive(Debug, thiserror::Error)]
#[error("its digest is {have}, its name says {named}")]
pub(crate) struct WrongDigest {
    /// The digest of the bytes.
    pub have: Digest,
    /// The digest in the name.
    pub named: Digest,
}

/// Reads a blob of at most `cap` bytes and checks its digest before anybody parses it.
///
/// # Errors
/// When the store does not give it, or gives other bytes.
pub async fn read_blob(store: &dyn Store, key: &str, named: Digest, cap: u64) -> Result<Bytes, StoreError> {
    let object = store.get(key, cap).await?;
    check(key, object.digest(), named)?;
    Ok(object.bytes)
}

/// Reads a blob of at most `cap` bytes and works on it while its digest is checked: for work that is cheap enough to be
/// thrown away where the store gave other bytes.
///
/// # Errors
/// As for [`read_blob`]; what the work says then does not count.
pub async fn work_on_blob<T: Send + 'static>(
    store: &dyn Store,
    key: &str,
    named: Digest,
    cap: u64,
    work: impl FnOnce(Bytes) -> T + Send + 'static,
) -> Result<T, StoreError> {
    let bytes = store.get(key, cap).await?.bytes;
    let checked = bytes.clone();
    // Damaged bytes may break the work in any way.
    let work = move || catch_unwind(AssertUnwindSafe(|| work(bytes)));
    let (have, made) = tokio::join!(apart(move || Digest::of(&checked)), apart(work));
    check(key, have, named)?;
    Ok(made.unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Reads a JSON document that is named by its digest.
///
/// # Errors
/// When the store does not give it, gives other bytes, or they are not such a document.
pub async fn read_named<T: DeserializeOwned>(store: &dyn Store, key: &str, named: Digest) -> Result<T, StoreError> {
    parse(key, &read_blob(store, key, named, MAX_DOCUMENT).await?)
}

/// Reads a JSON document; none where nothing lies there.
///
/// # Errors
/// When the store does not answer, or the bytes are not such a document.
pub async fn read<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<(T, ObjectMeta)>, StoreError> {
    match store.get(key, MAX_DOCUMENT).await {
        Ok(object) => Ok(Some((parse(key, &object.bytes)?, object.meta))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a document out as canonical JSON; `key` is where it shall lie, or how that begins.
///
/// # Errors
/// When JSON cannot hold it: what is written must be readable.
pub fn json(key: &str, document: &impl Serialize) -> Result<Bytes, StoreError> {
    let unwritable = |source| StoreError::Unwritable {
        key: key.to_owned(),
        source,
    };
    canonical(document).map(Bytes::from).map_err(unwritable)
}

/// Creates a JSON document, or adopts the one that somebody created before; gives what lies there now.
///
/// # Errors
/// When JSON cannot hold the document, the store does not answer, or what lies there is not such a document.
pub async fn create_or_adopt<T>(store: &dyn Store, key: &str, document: T) -> Result<T, StoreError>
where
    T: Serialize + DeserializeOwned,
{
    match store.create(key, json(key, &document)?).await {
        Ok(_) => Ok(document),
        // After a doubt the reader finds out; what is not there then was not written.
        Err(found @ (StoreError::Exists { .. } | StoreError::Doubt { .. })) => match read(store, key).await? {
            Some((there, _)) => Ok(there),
            None => Err(found),
        },
        Err(error) => Err(error),
    }
}

/// Returns whether an object lies at a key.
///
/// # Errors
/// When the store does not answer.
pub async fn is_there(store: &dyn Store, key: &str) -> Result<bool, StoreError> {
    match store.head(key).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads a resolved spec; a long one beside the runtime, because reading it takes as long as it is.
///
/// # Errors
/// When the store does not give it, or it is not the one that its name says. [`StoreError::Newer`] where it has what this
/// code does not know.
pub(crate) async fn read_spec(store: &dyn Store, dataset: &Dataset, digest: Digest) -> Result<Spec, StoreError> {
    let key = keys::resolved(dataset, digest);
    let bytes = read_blob(store, &key, digest, MAX_RESOLVED).await?;
    let spec = if bytes.len() <= SHORT_SPEC {
        Spec::from_json(&bytes)
    } else {
        apart(move || Spec::from_json(&bytes)).await
    };
    spec.map_err(|source| {
        if source.is_newer() {
            let source = Box::new(source);
            StoreError::Newer { key, source }
        } else {
            damaged(&key, source)
        }
    })
}

/// Reads a JSON document out of its bytes.
fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| damaged(key, error))
}

fn check(key: &str, have: Digest, named: Digest) -> Result<(), StoreError> {
    if have == named {
        Ok(())
    } else {
        Err(damaged(key, WrongDigest { have, named }))
    }
}

fn damaged(key: &str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Damaged {
        key: key.to_owned(),
        source: Box::new(source),
    }
}
