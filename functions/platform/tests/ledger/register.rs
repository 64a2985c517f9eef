//! A store with one register, and its clock. The test chooses what happens to each write, and every write that takes
//! effect is checked against what the model allows its writer.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use platform::{Clock, Downloaded, ETag, Listed, Object, ObjectMeta, Store, StoreError, ledger::Ledger};

use crate::model::{Fact, History};

/// What happens to one write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Answered,
    NeverArrives,
    ArrivesUnanswered,
    /// The writer gives up waiting, and the write arrives later.
    ArrivesLate,
}

/// The store with one register, and its clock.
#[derive(Default)]
pub(crate) struct Register(Mutex<Inner>);

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) now_s: i64,
    /// The document, its version, and when it was written.
    pub(crate) there: Option<(Ledger, u64, i64)>,
    writes: u64,
    pub(crate) history: History,
    /// What each write means, by its nonce.
    pub(crate) meanings: BTreeMap<String, Meaning>,
    pub(crate) landed: BTreeSet<String>,
    pub(crate) fates: VecDeque<Fate>,
    /// Writes that have not arrived yet: the version that their writer saw, and the document.
    pub(crate) late: Vec<(Option<ETag>, Ledger)>,
    pub(crate) corners: BTreeSet<&'static str>,
}

#[derive(Clone)]
pub(crate) struct Meaning {
    pub(crate) facts: Vec<Fact>,
    /// The claim under which it was written, for writers that must be holders.
    pub(crate) holder: Option<u64>,
}

impl Register {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    fn put(&self, bytes: &[u8], seen: Option<&ETag>) -> Result<ETag, StoreError> {
        let ledger = Ledger::parse(bytes).unwrap();
        let mut inner = self.lock();
        let key = || "ledger".to_owned();
        let doubt = || {
            Err(StoreError::Doubt {
                key: key(),
                source: "timed out".into(),
            })
        };
        match inner.fates.pop_front().unwrap_or(Fate::Answered) {
            Fate::Answered => match (inner.take_effect(ledger, seen), seen) {
                (Some(etag), _) => Ok(etag),
                (None, None) => Err(StoreError::Exists { key: key() }),
                (None, Some(_)) => Err(StoreError::Changed { key: key() }),
            },
            Fate::NeverArrives => doubt(),
            Fate::ArrivesUnanswered => {
                inner.corners.insert("doubt resolved");
                inner.take_effect(ledger, seen);
                doubt()
            }
            Fate::ArrivesLate => {
                inner.late.push((seen.cloned(), ledger));
                doubt()
            }
        }
    }
}

impl Inner {
    fn etag(&self) -> Option<ETag> {
        self.there
            .as_ref()
            .map(|(_, version, _)| ETag::new(&version.to_string()))
    }

    /// Writes if the version seen is still there, and checks that the writer may.
    fn take_effect(&mut self, ledger: Ledger, seen: Option<&ETag>) -> Option<ETag> {
        if self.etag().as_ref() != seen {
            return None;
        }
        let Meaning { facts, holder } = self.meanings[&nonce(&ledger)].clone();
        if holder.is_some() {
            assert_eq!(
                self.history.holder(),
                holder,
                "{facts:?} took effect after the claim was lost"
            );
        }
        if let Some((before, ..)) = &self.there {
            assert!(ledger.token >= before.token, "a token fell");
            assert!(ledger.hop >= before.hop, "a hop was repeated");
            assert!(
                !before.state.is_final() || ledger.state == before.state,
                "an end was undone"
            );
        }
        assert!(self.landed.insert(nonce(&ledger)), "a write took effect twice");
        for fact in facts {
            self.history.add(self.now_s, fact);
        }
        self.writes += 1;
        self.there = Some((ledger, self.writes, self.now_s));
        self.etag()
    }

    /// Lets a late write arrive.
    pub(crate) fn land(&mut self, at: usize) {
        if at < self.late.len() {
            let (seen, ledger) = self.late.swap_remove(at);
            let lands = self.take_effect(ledger, seen.as_ref()).is_some();
            self.corners.extend(lands.then_some("late landing"));
        }
    }
}

#[async_trait]
impl Store for Register {
    async fn get(&self, key: &str, _cap: u64) -> Result<Object, StoreError> {
        let inner = self.lock();
        let Some((ledger, _, last_modified)) = &inner.there else {
            return Err(StoreError::NotFound { key: key.to_owned() });
        };
        let bytes = Bytes::from(ledger.to_json());
        let meta = ObjectMeta {
            etag: inner.etag().unwrap(),
            version: None,
            size: bytes.len() as u64,
            last_modified: *last_modified,
            date: inner.now_s,
            metadata: BTreeMap::new(),
        };
        Ok(Object { meta, bytes })
    }

    async fn create(&self, _key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.put(&bytes, None)
    }

    async fn swap(&self, _key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.put(&bytes, Some(seen))
    }

    async fn head(&self, _key: &str) -> Result<ObjectMeta, StoreError> {
        unreachable!("ledgers are read and swapped")
    }

    async fn put(&self, _key: &str, _bytes: Bytes) -> Result<ETag, StoreError> {
        unreachable!("ledgers are read and swapped")
    }

    async fn upload(&self, _: &str, _: &Path, _: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        unreachable!("ledgers are read and swapped")
    }

    async fn download(&self, _: &str, _: &ETag, _: &Path, _: u64) -> Result<Downloaded, StoreError> {
        unreachable!("ledgers are read and swapped")
    }

    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("ledgers are read and swapped")
    }

    async fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Listed>, StoreError> {
        unreachable!("ledgers are read and swapped")
    }
}

#[async_trait]
impl Clock for Register {
    fn now_s(&self) -> i64 {
        self.lock().now_s
    }

    fn monotonic(&self) -> Duration {
        seconds(self.now_s())
    }

    async fn sleep(&self, _: Duration) {}
}

pub(crate) fn seconds(now_s: i64) -> Duration {
    Duration::from_secs(u64::try_from(now_s).unwrap())
}

pub(crate) fn nonce(ledger: &Ledger) -> String {
    serde_json::to_string(&ledger.nonce).unwrap()
}
