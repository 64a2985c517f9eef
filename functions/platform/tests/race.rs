//! A store is tried before the first conditional write: one that lets several writers win is refused.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Classify as _, Downloaded, ETag, Listed, Object, ObjectMeta, Store, StoreError, race::ProvenStore};
use testing::memory::World;

/// A store that looks whether a key is free, and then writes: two writers at once both find it free.
struct Careless {
    inner: Arc<dyn Store>,
    silent: AtomicBool,
}

impl Careless {
    fn heard(&self, key: &str) -> Result<(), StoreError> {
        if self.silent.swap(false, Ordering::Relaxed) {
            let (key, source) = (key.to_owned(), "silence".into());
            return Err(StoreError::Unavailable { key, source });
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Careless {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        self.heard(key)?;
        self.inner.get(key, cap).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.inner.put(key, bytes).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        if self.inner.head(key).await.is_ok() {
            return Err(StoreError::Exists { key: key.to_owned() });
        }
        tokio::task::yield_now().await;
        self.inner.put(key, bytes).await
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.inner.swap(key, bytes, seen).await
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

fn proven(inner: Arc<dyn Store>) -> ProvenStore {
    ProvenStore::new(inner, "http://store".to_owned())
}

#[tokio::test]
async fn a_store_in_which_several_writers_win_is_refused_by_name_and_reason() {
    let world = World::new();
    let careless = Arc::new(Careless {
        inner: world.store.clone(),
        silent: false.into(),
    });
    let store = proven(careless.clone());
    assert!(store.create("a", Bytes::new()).await.is_err());
    let etag = store.put("b", Bytes::new()).await.unwrap();
    let error = store.swap("b", Bytes::new(), &etag).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the store http://store cannot be used: round 0: 16 of 16 writers that raced to create one object succeeded, \
         exactly 1 must"
    );
    assert!(error.class().may_pass(), "another store may stand there tomorrow");
    assert_eq!(world.store.keys(), ["b"], "nothing is left of the race");
    assert!(store.list("", None, 10).await.is_ok(), "reading goes on");
    // One writer after the other finds nothing wrong.
    assert!(careless.create("c", Bytes::new()).await.is_ok());
    assert!(careless.create("c", Bytes::new()).await.is_err());
}

#[tokio::test]
async fn a_store_that_passes_is_tried_once_by_all_processes() {
    let world = World::new();
    proven(world.store.clone()).create("a", Bytes::new()).await.unwrap();
    assert_eq!(world.store.keys(), ["a", "doctor/conditional-writes.json"]);
    let careless = Arc::new(Careless {
        inner: world.store.clone(),
        silent: false.into(),
    });
    let noted = proven(careless.clone());
    assert!(noted.create("b", Bytes::new()).await.is_ok(), "the note is believed");
    let other = ProvenStore::new(careless, "http://other".to_owned());
    assert!(other.create("c", Bytes::new()).await.is_err(), "it is about one server");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_tried_again() {
    let store = proven(Arc::new(Careless {
        inner: World::new().store,
        silent: true.into(),
    }));
    let first = store.create("a", Bytes::new()).await.unwrap_err();
    assert!(matches!(first, StoreError::Unavailable { .. }), "{first}");
    let second = store.create("a", Bytes::new()).await.unwrap_err();
    assert!(matches!(second, StoreError::Unfit { .. }), "{second}");
}
