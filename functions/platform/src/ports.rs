//! What the world must offer: an object store, a queue and a clock.
//!
//! Ports move bytes and know no job. Each has the verbs that are used and no more, and every adapter passes the same
//! suite in `tests/ports`.

use std::{collections::BTreeMap, fmt, path::Path, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{Digest, Stage};

use crate::error::{QueueError, StoreError};

/// Names one version of an object's bytes, without quotes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ETag(String);

/// What a store says about an object besides its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectMeta {
    /// The version of the bytes.
    pub etag: ETag,
    /// The version id, where the bucket keeps versions.
    pub version: Option<String>,
    /// The size in bytes.
    pub size: u64,
    /// When the object was written, by the store's clock in whole seconds UTC.
    pub last_modified: i64,
    /// When the store answered, by the same clock.
    pub date: i64,
    /// User metadata, names in lower case without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

/// An object read whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// What the store says about it.
    pub meta: ObjectMeta,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Object {
    /// Digests its bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// One line of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// When the object was written, by the store's clock in whole seconds UTC.
    pub last_modified: i64,
}

/// A file that was downloaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Downloaded {
    /// Its size in bytes.
    pub size: u64,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// An object store: one bucket with conditional writes.
///
/// # Errors
/// Reads fail with `NotFound`, `Unavailable`, `Denied`, `TooLarge`; writes with `Doubt` where it is not known whether
/// they happened.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads an object of at most `cap` bytes.
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError>;

    /// Says what lies at a key.
    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError>;

    /// Writes an object whatever was there: for blobs that are named by their digest, and for hints.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError>;

    /// Writes a blob that is named by its digest, like [`Store::put`]. Whoever reads it checks it against its name, so on
    /// its way a checksum is enough.
    async fn put_named(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.put(key, bytes).await
    }

    /// Writes an object where none is (`If-None-Match: *`); `Exists` where one is.
    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError>;

    /// Writes an object over the version last seen (`If-Match`); `Changed` where another one, or none, lies there.
    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError>;

    /// Writes a file with user metadata, whatever was there: for uploads.
    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError>;

    /// Streams one version of an object into a file while hashing it; `Changed` where another version lies there.
    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError>;

    /// Removes an object; where none lies there is nothing to do. No function removes anything: this is for what was only
    /// a probe.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Lists up to `max` (at most 1,000) keys with a prefix, in key order, beginning behind `after`.
    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError>;
}

/// One message on its way through a handler.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// The queue's id of the message, the same on every delivery.
    pub id: String,
    /// What was sent.
    pub body: String,
    /// The right to delete or extend this delivery; void once the message is received again.
    pub handle: String,
    /// Which delivery this is, from 1.
    pub receive_count: u32,
}

/// The queues of all stages.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Sends messages to a stage, in as few requests as possible. On an error some of them may have been sent.
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError>;

    /// Receives up to `max` (at most 10) messages, waiting up to `wait` (at most 20 s) for the first.
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError>;

    /// Deletes a delivery; a handle that is no longer valid deletes nothing and is no error.
    async fn delete(&self, stage: Stage, handle: &str) -> Result<(), QueueError>;

    /// Hides a delivery from now for `visibility`; zero gives it back at once. `Stale` where the handle is void.
    async fn extend(&self, stage: Stage, handle: &str, visibility: Duration) -> Result<(), QueueError>;
}

/// The clock of this process. Only the store's clock is shared between processes.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Gives the time of day, UTC seconds: for people, never for a decision.
    fn now_s(&self) -> i64;

    /// Gives the time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits.
    async fn sleep(&self, time: Duration);
}

impl ETag {
    /// Wraps an `ETag`, taking off the quotes that some answers have and others have not.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim_matches('"').to_owned())
    }

    /// Gives the text without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the text as the header fields `If-Match` and `ETag` want it.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ObjectMeta {
    /// Gives the age in whole seconds, by the store's own clock.
    #[must_use]
    pub fn age_s(&self) -> i64 {
        self.date - self.last_modified
    }
}
