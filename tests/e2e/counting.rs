//! Ports that count what functions do through them.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::Stage;
use platform::{
    Delivered, Downloaded, ETag, Listed, Object, ObjectMeta, Outbox, Queue, QueueError, Store, StoreError,
    ledger::{Ledger, State},
};

/// Counts the messages that functions send.
pub(crate) struct CountedQueue {
    pub(crate) inner: Arc<dyn Queue>,
    pub(crate) sent: AtomicUsize,
}

/// Counts how often each ledger was committed and each document created.
pub(crate) struct CountedStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) commits: Mutex<BTreeMap<String, usize>>,
    pub(crate) created: Mutex<BTreeMap<String, usize>>,
}

impl CountedStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            commits: Mutex::default(),
            created: Mutex::default(),
        }
    }
}

#[async_trait]
impl Outbox for CountedQueue {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        self.sent.fetch_add(bodies.len(), Ordering::Relaxed);
        self.inner.send(stage, bodies).await
    }
}

#[async_trait]
impl Queue for CountedQueue {
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError> {
        self.inner.receive(stage, max, wait).await
    }

    async fn delete(&self, stage: Stage, handle: &str) -> Result<(), QueueError> {
        self.inner.delete(stage, handle).await
    }

    async fn extend(&self, stage: Stage, handle: &str, visibility: Duration) -> Result<(), QueueError> {
        self.inner.extend(stage, handle, visibility).await
    }
}

#[async_trait]
impl Store for CountedStore {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        self.inner.get(key, cap).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.inner.put(key, bytes).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        let etag = self.inner.create(key, bytes).await?;
        *self.created.lock().unwrap().entry(key.to_owned()).or_default() += 1;
        Ok(etag)
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        let commits = Ledger::parse(&bytes).is_ok_and(|ledger| is_commit(&ledger));
        let etag = self.inner.swap(key, bytes, seen).await?;
        if commits {
            *self.commits.lock().unwrap().entry(key.to_owned()).or_default() += 1;
        }
        Ok(etag)
    }

    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        self.inner.upload(key, file, metadata).await
    }

    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError> {
        self.inner.download(key, seen, file, cap).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError> {
        self.inner.list(prefix, after, max).await
    }
}

/// A commit is unsent, unless there is nothing to send; marking it as sent is a swap of its own.
fn is_commit(ledger: &Ledger) -> bool {
    let nothing = ledger.next.as_ref().is_none_or(|next| next.template.is_none());
    ledger.state == State::Committed && (!ledger.sent || nothing)
}
