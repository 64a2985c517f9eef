//! The ports: an object store, a queue and a clock.
//!
//! Ports move bytes and know no jobs. Each has only the operations that are used, and every adapter passes the same
//! suite (`tests/ports`).

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{Digest, Stage};

use crate::error::{QueueError, StoreError};

/// The name of one version of an object's bytes, without quotes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ETag(String);

/// What a store says about an object besides its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectMeta {
    /// The version of the bytes.
    pub etag: ETag,
    /// The version id; `None` when the bucket keeps no versions.
    pub version: Option<String>,
    /// The size in bytes.
    pub size: u64,
    /// When the object was written, by the store's clock in UTC seconds.
    pub last_modified: i64,
    /// When the store answered, by the same clock in UTC seconds.
    pub date: i64,
    /// User metadata. Names are in lower case and without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

/// An object with all its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    /// What the store says about the object.
    pub meta: ObjectMeta,
    /// The whole content, at most as many bytes as the reader allowed.
    pub bytes: Bytes,
}

impl Object {
    /// Returns the digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

/// One object of a listing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The whole key, with the prefix of the listing.
    pub key: String,
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// When the object was written, by the store's clock in UTC seconds.
    pub last_modified: i64,
}

/// A signed address for one `PUT`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The URL.
    pub url: String,
    /// The headers that the request must have besides.
    pub headers: BTreeMap<String, String>,
}

/// A file that was downloaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Downloaded {
    /// The size in bytes.
    pub size: u64,
    /// The digest of the bytes, computed while they were written.
    pub digest: Digest,
}

/// An object store: one bucket with conditional writes.
///
/// After a write has returned, every read and every condition sees it. Of several writers that create the same key, or
/// replace the same version, exactly one succeeds.
///
/// # Example
/// ```
/// use bytes::Bytes;
/// use platform::{Store, StoreError};
/// use testing::memory::World;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = World::new().store;
/// let first = store.create("jobs/a.json", Bytes::from_static(b"1")).await?;
/// let second = store.create("jobs/a.json", Bytes::from_static(b"2")).await;
/// assert!(matches!(second, Err(StoreError::Exists { .. })), "an object is created once");
///
/// store.swap("jobs/a.json", Bytes::from_static(b"2"), &first).await?;
/// let late = store.swap("jobs/a.json", Bytes::from_static(b"3"), &first).await;
/// assert!(matches!(late, Err(StoreError::Changed { .. })), "a version is replaced once");
/// assert_eq!(store.get("jobs/a.json", 1024).await?.bytes, "2");
/// # Ok::<_, StoreError>(())
/// # }).unwrap();
/// ```
///
/// # Errors
/// Reads fail with `NotFound`, `Unavailable`, `Denied`, `TooLarge`; writes with `Doubt` where it is not known whether
/// they happened.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Reads an object of at most `cap` bytes.
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError>;

    /// Reads an object of at most `cap` bytes (`If-None-Match`); `None` while the version `seen` is stored.
    /// Two requests, unless an adapter needs one.
    async fn get_changed(&self, key: &str, seen: &ETag, cap: u64) -> Result<Option<Object>, StoreError> {
        if self.head(key).await?.etag == *seen {
            return Ok(None);
        }
        self.get(key, cap).await.map(Some)
    }

    /// Reads what the store says about an object, without its bytes.
    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError>;

    /// Writes an object over whatever is stored at the key. For blobs whose name is their digest, and for hints.
    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError>;

    /// Writes a blob whose name is its digest, like [`Store::put`]. Readers check the digest, so a checksum is enough
    /// on the way to the store.
    async fn put_named(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.put(key, bytes).await
    }

    /// Creates an object (`If-None-Match: *`). Fails with `Exists` when there is one already.
    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError>;

    /// Replaces the version `seen` (`If-Match`). Fails with `Changed` when another version, or no object, is stored.
    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError>;

    /// Writes a file with user metadata over whatever is stored at the key. For uploads.
    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError>;

    /// Returns a link with which anybody can write an object with user metadata until `valid` is over, at most 7 days.
    ///
    /// Refused where the store has no addresses.
    async fn upload_link(
        &self,
        key: &str,
        _metadata: &BTreeMap<String, String>,
        _valid: Duration,
    ) -> Result<Link, StoreError> {
        Err(StoreError::Refused {
            key: key.to_owned(),
            source: "this store has no addresses".into(),
        })
    }

    /// Writes one version of an object to a file and computes its digest on the way. Fails with `Changed` when another
    /// version is stored.
    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError>;

    /// Deletes an object; does nothing when there is none. No function deletes anything: this is for objects that only
    /// probe the store.
    async fn delete(&self, key: &str) -> Result<(), StoreError>;

    /// Lists up to `max` (at most 1,000) objects whose keys have a prefix, in key order, starting after the key
    /// `after`.
    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError>;
}

/// One delivery of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// The queue's id of the message, the same on every delivery.
    pub id: String,
    /// The text that was sent.
    pub body: String,
    /// The receipt handle, which allows to delete or hide this delivery. Void once the message is received again.
    pub handle: String,
    /// The number of this delivery, from 1.
    pub receive_count: u32,
    /// When the message was sent, by the queue's clock in UTC seconds; `None` where the server does not say it.
    pub sent: Option<i64>,
}

/// Where messages to stages go: their queues, or something that calls them.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Sends messages to a stage, in as few requests as possible. After an error some of them may have been sent.
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError>;
}

/// The queues of all stages.
#[async_trait]
pub trait Queue: Outbox {
    /// Receives up to `max` (at most 10) messages. Waits up to `wait` (at most 20 s) for the first one.
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError>;

    /// Deletes a delivered message. A handle that is no longer valid deletes nothing and is no error.
    async fn delete(&self, stage: Stage, handle: &str) -> Result<(), QueueError>;

    /// Sets the visibility timeout of a delivery, counted from now. Zero gives the message back at once. Fails with
    /// `Stale` when the handle is void.
    async fn extend(&self, stage: Stage, handle: &str, visibility: Duration) -> Result<(), QueueError>;

    /// Returns the queues that keep what was received too often, as queues of the same stages; `None` where nothing is
    /// set aside. A message that is received from one of them is hidden for a time, like any other.
    fn dead_letters(&self) -> Option<Arc<dyn Queue>> {
        None
    }
}

/// The clock of this process. Only the store's clock is common to all processes.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// Returns the time of day in UTC seconds: for people, never for a decision.
    fn now_s(&self) -> i64;

    /// Returns the time since a fixed moment of this process. It never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits for `time`.
    async fn sleep(&self, time: Duration);
}

impl ETag {
    /// Wraps an `ETag` and removes the quotes, which only some answers have.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim_matches('"').to_owned())
    }

    /// Returns the text without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text with quotes, as in the headers `If-Match` and `ETag`.
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
    /// Returns the age in whole seconds, by the store's clock.
    #[must_use]
    pub fn age_s(&self) -> i64 {
        self.date - self.last_modified
    }
}
