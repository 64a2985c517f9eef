//! Whether a store keeps the promise that everything rests on: of several writers that create one key, one succeeds.
//!
//! Some servers accept conditional writes and answer as if they kept the condition, but let several writers win when they
//! race. One writer after the other shows nothing, so [`race`] has them write at once. [`ProvenStore`] does so before the
//! first conditional write through it.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{sync::OnceCell, task::JoinSet};

use crate::{
    documents,
    error::{StoreError, chain},
    ledger::Nonce,
    ports::{Downloaded, ETag, Link, Listed, Object, ObjectMeta, Store},
};

/// Writers in each round.
pub const WRITERS: usize = 16;
/// The size of each write in bytes, large enough that writers overlap.
const BYTES: usize = 300_000;
/// Rounds before the first conditional write. A store that is wrong in every second round passes one time in 4,000.
const ROUNDS: usize = 12;
/// The note that a store has passed. The bucket's lifecycle deletes it after a day, so stores are tried once a day.
const NOTE: &str = "doctor/conditional-writes.json";
/// The largest note that is read, in bytes.
const LARGEST_NOTE: u64 = 4096;

/// Why a store cannot be used, or could not be tried.
#[derive(Debug, thiserror::Error)]
pub enum RaceError {
    /// It let several writers create one key, or none.
    #[error("round {round}: {winners} of {WRITERS} writers that raced to create one object succeeded, exactly 1 must")]
    Winners {
        /// The round, from 0.
        round: usize,
        /// How many writers succeeded.
        winners: usize,
    },
    /// It did not answer.
    #[error(transparent)]
    Store(StoreError),
}

/// Lets writers race for new keys, `rounds` times. What they write is deleted again.
///
/// # Errors
/// When not exactly one writer wins a round, or the store does not answer.
pub async fn race(store: &Arc<dyn Store>, rounds: usize) -> Result<(), RaceError> {
    let prefix = format!("doctor/{}/", Nonce::fresh().as_str());
    let keys: Vec<_> = (0..rounds).map(|round| format!("{prefix}{round}")).collect();
    let raced = race_for(&keys, store).await;
    for key in &keys {
        if let Err(error) = store.delete(key).await {
            // They are small, and the lifecycle deletes them.
            tracing::debug!(prefix, error = chain(&error), "what the race wrote stays");
            break;
        }
    }
    raced
}

async fn race_for(keys: &[String], store: &Arc<dyn Store>) -> Result<(), RaceError> {
    for (round, key) in keys.iter().enumerate() {
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            let (store, key) = (store.clone(), key.clone());
            let body = Bytes::from(vec![u8::try_from(writer).unwrap_or_default(); BYTES]);
            writers.spawn(async move { store.create(&key, body).await });
        }
        let mut winners = 0;
        for written in writers.join_all().await {
            match written {
                Ok(_) => winners += 1,
                Err(StoreError::Exists { .. }) => {}
                Err(error) => return Err(RaceError::Store(error)),
            }
        }
        if winners != 1 {
            return Err(RaceError::Winners { round, winners });
        }
    }
    Ok(())
}

/// A store that takes conditional writes only once they were seen to work, on this server or by another process today.
pub struct ProvenStore {
    inner: Arc<dyn Store>,
    /// The server, for people.
    name: String,
    /// Whether the store has passed; why it has not, in words.
    proven: OnceCell<Result<(), String>>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    /// The server that has passed.
    store: String,
    rounds: usize,
    writers: usize,
}

impl ProvenStore {
    /// Wraps the store of the server `name`. Asks for nothing yet.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, name: String) -> Self {
        let proven = OnceCell::new();
        Self { inner, name, proven }
    }

    /// Fails when conditional writes do not work. A store that does not answer is tried again with the next write.
    async fn prove(&self, key: &str) -> Result<(), StoreError> {
        let proven = self.proven.get_or_try_init(|| self.find_out()).await?;
        proven.clone().map_err(|why| StoreError::Unfit {
            key: key.to_owned(),
            store: self.name.clone(),
            why,
        })
    }

    async fn find_out(&self) -> Result<Result<(), String>, StoreError> {
        if self.is_noted().await? {
            return Ok(Ok(()));
        }
        match race(&self.inner, ROUNDS).await {
            Ok(()) => self.note().await.map(Ok),
            Err(RaceError::Store(error)) => Err(error),
            Err(error @ RaceError::Winners { .. }) => {
                tracing::error!(store = self.name, error = chain(&error), "the store cannot be used");
                Ok(Err(error.to_string()))
            }
        }
    }

    async fn is_noted(&self) -> Result<bool, StoreError> {
        match self.inner.get(NOTE, LARGEST_NOTE).await {
            Ok(object) => Ok(serde_json::from_slice::<Note>(&object.bytes).is_ok_and(|note| note.store == self.name)),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn note(&self) -> Result<(), StoreError> {
        let note = Note {
            store: self.name.clone(),
            rounds: ROUNDS,
            writers: WRITERS,
        };
        self.inner.put(NOTE, documents::json(NOTE, &note)?).await.map(drop)
    }
}

#[async_trait]
impl Store for ProvenStore {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        self.inner.get(key, cap).await
    }

    async fn get_changed(&self, key: &str, seen: &ETag, cap: u64) -> Result<Option<Object>, StoreError> {
        self.inner.get_changed(key, seen, cap).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.inner.put(key, bytes).await
    }

    async fn put_named(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.inner.put_named(key, bytes).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.prove(key).await?;
        self.inner.create(key, bytes).await
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.prove(key).await?;
        self.inner.swap(key, bytes, seen).await
    }

    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        self.inner.upload(key, file, metadata).await
    }

    async fn upload_link(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        valid: Duration,
    ) -> Result<Link, StoreError> {
        self.inner.upload_link(key, metadata, valid).await
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
