//! Documents and blobs in the store. What is read is checked against its name. A document that another writer created
//! first is adopted.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bytes::Bytes;
use contract::{Dataset, Digest, Spec, canonical, keys, spec::MAX_TEXT};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::StoreError,
    ports::{ObjectMeta, Store},
    threads::run_blocking,
};

/// The largest JSON document of ours that is read, in bytes.
pub(crate) const MAX_DOCUMENT: u64 = 64 * 1024 * 1024;

/// The largest resolved spec that is read, in bytes: the most that one text can become.
const MAX_RESOLVED: u64 = 4 * MAX_TEXT as u64;

/// A resolved spec up to this size, in bytes, is parsed in less time than a thread takes to start.
const SHORT_SPEC: usize = 64 * 1024;

/// The bytes of a blob do not have the digest in its name.
#[derive(Debug, thiserror::Error)]
#[error("its digest is {have}, its name says {named}")]
pub(crate) struct WrongDigest {
    /// The digest of the bytes.
    pub have: Digest,
    /// The digest in the name.
    pub named: Digest,
}

/// Reads a blob of at most `cap` bytes and checks its digest before its bytes are parsed.
///
/// # Errors
/// When the store cannot read it, or its bytes have another digest.
pub async fn read_blob(store: &dyn Store, key: &str, named: Digest, cap: u64) -> Result<Bytes, StoreError> {
    let object = store.get(key, cap).await?;
    check(key, object.digest(), named)?;
    Ok(object.bytes)
}

/// Reads a blob of at most `cap` bytes and works on it while its digest is computed. For work that is cheap enough to
/// throw away when the digest is wrong.
///
/// # Errors
/// As [`read_blob`]. When the digest is wrong, the result of the work is dropped.
pub async fn work_on_blob<T: Send + 'static>(
    store: &dyn Store,
    key: &str,
    named: Digest,
    cap: u64,
    work: impl FnOnce(Bytes) -> T + Send + 'static,
) -> Result<T, StoreError> {
    let bytes = store.get(key, cap).await?.bytes;
    let checked = bytes.clone();
    // Damaged bytes may make the work panic; the wrong digest is the better report.
    let work = move || catch_unwind(AssertUnwindSafe(|| work(bytes)));
    let (have, made) = tokio::join!(run_blocking(move || Digest::of(&checked)), run_blocking(work));
    check(key, have, named)?;
    Ok(made.unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Reads a JSON document whose name is its digest.
///
/// # Errors
/// When the store cannot read it, its bytes have another digest, or they are not a document of this type.
pub async fn read_named<T: DeserializeOwned>(store: &dyn Store, key: &str, named: Digest) -> Result<T, StoreError> {
    parse(key, &read_blob(store, key, named, MAX_DOCUMENT).await?)
}

/// Reads a JSON document; `None` when there is no object at the key.
///
/// # Errors
/// When the store does not answer, or the bytes are not a document of this type.
pub async fn read<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<(T, ObjectMeta)>, StoreError> {
    match store.get(key, MAX_DOCUMENT).await {
        Ok(object) => Ok(Some((parse(key, &object.bytes)?, object.meta))),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns a document as canonical JSON. `key` names it in an error: its key, or the beginning of it.
///
/// # Errors
/// When JSON cannot hold the document, for example a number that is not finite. What is written must be readable.
pub fn json(key: &str, document: &impl Serialize) -> Result<Bytes, StoreError> {
    let unwritable = |source| StoreError::Unwritable {
        key: key.to_owned(),
        source,
    };
    canonical(document).map(Bytes::from).map_err(unwritable)
}

/// Creates a JSON document, or adopts the one that another writer created first. Returns the document that is stored
/// now.
///
/// # Errors
/// When JSON cannot hold the document, the store does not answer, or the stored object is not a document of this type.
pub async fn create_or_adopt<T>(store: &dyn Store, key: &str, document: T) -> Result<T, StoreError>
where
    T: Serialize + DeserializeOwned,
{
    match store.create(key, json(key, &document)?).await {
        Ok(_) => Ok(document),
        // After a doubtful write, reading decides: if nothing is stored then, nothing was written.
        Err(found @ (StoreError::Exists { .. } | StoreError::Doubt { .. })) => match read(store, key).await? {
            Some((there, _)) => Ok(there),
            None => Err(found),
        },
        Err(error) => Err(error),
    }
}

/// Returns whether there is an object at a key.
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

/// Reads a resolved spec. A long one is parsed on a blocking thread, because parsing takes time.
///
/// # Errors
/// When the store cannot read it, or its bytes have another digest. [`StoreError::Newer`] when it has fields that this
/// code does not know.
pub(crate) async fn read_spec(store: &dyn Store, dataset: &Dataset, digest: Digest) -> Result<Spec, StoreError> {
    let key = keys::resolved(dataset, digest);
    let bytes = read_blob(store, &key, digest, MAX_RESOLVED).await?;
    let spec = if bytes.len() <= SHORT_SPEC {
        Spec::from_json(&bytes)
    } else {
        run_blocking(move || Spec::from_json(&bytes)).await
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

/// Parses a JSON document that was read from `key`.
///
/// # Errors
/// When the bytes are not a document of this type.
pub fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
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
