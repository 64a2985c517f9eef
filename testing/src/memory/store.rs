use std::{
    collections::BTreeMap,
    ops::Bound,
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::Digest;

use super::lock::lock;
use platform::{Clock, Downloaded, ETag, Listed, Object, ObjectMeta, Store, StoreError};

/// The longest key that S3 allows, in bytes.
const MAX_KEY: usize = 1024;

/// An object store in memory.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    objects: Mutex<BTreeMap<String, Stored>>,
}

#[derive(Clone)]
struct Stored {
    bytes: Bytes,
    etag: ETag,
    last_modified: i64,
    metadata: BTreeMap<String, String>,
}

impl MemoryStore {
    /// Returns an empty store that dates its objects by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            objects: Mutex::default(),
        }
    }

    /// Deletes an object, as a person or a lifecycle rule does. Returns whether there was one.
    pub fn remove(&self, key: &str) -> bool {
        lock(&self.objects).remove(key).is_some()
    }

    /// Returns all keys in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        lock(&self.objects).keys().cloned().collect()
    }

    fn find(&self, key: &str) -> Result<Stored, StoreError> {
        let missing = || StoreError::NotFound { key: key.to_owned() };
        lock(&self.objects).get(key).cloned().ok_or_else(missing)
    }

    fn meta(&self, stored: &Stored) -> ObjectMeta {
        ObjectMeta {
            etag: stored.etag.clone(),
            version: None,
            size: stored.bytes.len() as u64,
            last_modified: stored.last_modified,
            date: self.clock.now_s(),
            metadata: stored.metadata.clone(),
        }
    }

    /// Writes an object when `allowed` permits it for the present one. Check and write are one step.
    fn write(
        &self,
        key: &str,
        bytes: Bytes,
        metadata: BTreeMap<String, String>,
        allowed: impl FnOnce(Option<&Stored>) -> Result<(), StoreError>,
    ) -> Result<ETag, StoreError> {
        if key.is_empty() || key.len() > MAX_KEY {
            let source = format!("a key has 1 to {MAX_KEY} bytes, this one {}", key.len()).into();
            return Err(StoreError::Refused {
                key: key.to_owned(),
                source,
            });
        }
        let mut objects = lock(&self.objects);
        allowed(objects.get(key))?;
        let etag = etag_of(&bytes);
        let stored = Stored {
            bytes,
            etag: etag.clone(),
            last_modified: self.clock.now_s(),
            metadata,
        };
        objects.insert(key.to_owned(), stored);
        Ok(etag)
    }
}

/// Returns the `ETag` of bytes. As in S3, equal bytes have equal `ETag`s, so a swap does not notice a change from A to
/// B and back to A. A writer that must notice it adds a nonce.
fn etag_of(bytes: &[u8]) -> ETag {
    ETag::new(&Digest::of(bytes).hex()[..32])
}

fn check_cap(key: &str, have: u64, bound: u64) -> Result<(), StoreError> {
    if have > bound {
        return Err(StoreError::TooLarge {
            key: key.to_owned(),
            have,
            bound,
        });
    }
    Ok(())
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        let stored = self.find(key)?;
        check_cap(key, stored.bytes.len() as u64, cap)?;
        Ok(Object {
            meta: self.meta(&stored),
            bytes: stored.bytes,
        })
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        Ok(self.meta(&self.find(key)?))
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.write(key, bytes, BTreeMap::new(), |_| Ok(()))
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.write(key, bytes, BTreeMap::new(), |present| match present {
            Some(_) => Err(StoreError::Exists { key: key.to_owned() }),
            None => Ok(()),
        })
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.write(key, bytes, BTreeMap::new(), |present| match present {
            Some(stored) if stored.etag == *seen => Ok(()),
            _ => Err(StoreError::Changed { key: key.to_owned() }),
        })
    }

    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        let scratch = |source| StoreError::Scratch {
            key: key.to_owned(),
            source,
        };
        let bytes = tokio::fs::read(file).await.map_err(scratch)?;
        self.write(key, bytes.into(), metadata.clone(), |_| Ok(()))
    }

    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError> {
        let stored = self.find(key)?;
        if stored.etag != *seen {
            return Err(StoreError::Changed { key: key.to_owned() });
        }
        check_cap(key, stored.bytes.len() as u64, cap)?;
        let scratch = |source| StoreError::Scratch {
            key: key.to_owned(),
            source,
        };
        tokio::fs::write(file, &stored.bytes).await.map_err(scratch)?;
        Ok(Downloaded {
            size: stored.bytes.len() as u64,
            digest: Digest::of(&stored.bytes),
        })
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError> {
        let objects = lock(&self.objects);
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.to_owned()),
            _ => Bound::Included(prefix.to_owned()),
        };
        let listed = |(key, stored): (&String, &Stored)| Listed {
            key: key.clone(),
            etag: stored.etag.clone(),
            size: stored.bytes.len() as u64,
            last_modified: stored.last_modified,
        };
        let range = objects.range((from, Bound::Unbounded));
        Ok(range
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(max.min(1000))
            .map(listed)
            .collect())
    }
}
