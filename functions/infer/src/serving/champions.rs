//! The champions in memory, each checked against the store at most every 5 seconds.
//!
//! Five seconds after the last look somebody looks whether a newer one reigns, one at a time. On a busy server no request waits
//! for that; one that comes later than ten seconds after the last look waits. When the look fails, the last good champion goes on and is flagged as stale.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contract::{Dataset, Entry, PartId, keys};
use platform::{ETag, Platform, StoreError, documents::parse, error::chain, http::Refusal, metrics::ChampionFacts};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::{
    champion::{Champion, entry},
    name::{ModelName, Version},
};
use crate::InferError;

/// How long a champion is served without a look at the store.
const CHECK: Duration = Duration::from_secs(5);
/// How long it is served while somebody looks, so that no request of a busy server waits for the store.
const ASIDE: Duration = Duration::from_secs(10);
/// How many champions are held; the one that was not asked for longest goes first.
const HELD: usize = 64;
/// The largest document that is read, in bytes.
const DOCUMENT: u64 = 16 << 20;
/// How many entries back an artifact is looked for.
const BACK: u64 = 100;

/// The champions of all datasets that were asked for.
pub(super) struct Champions {
    pub(super) platform: Platform,
    slots: Mutex<HashMap<Dataset, Arc<Slot>>>,
}

/// A champion that a request goes on with to its end.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) champion: Arc<Champion>,
    /// Why a newer champion may exist that is not served; `None` when this one was compared with the store.
    pub(super) stale: Option<String>,
}

#[derive(Default)]
struct Slot {
    present: Mutex<Option<Present>>,
    /// Held by the request that looks; the version of the hint that was seen last.
    looking: Arc<AsyncMutex<Option<ETag>>>,
}

#[derive(Clone)]
struct Present {
    served: Served,
    checked: Duration,
    asked: Duration,
}

/// Why a champion cannot be had.
enum Lost {
    Store(StoreError),
    /// Its artifact, its cut or its spec.
    Broken(u64, InferError),
    Nobody,
}

impl Champions {
    pub(super) fn new(platform: Platform) -> Self {
        Self {
            platform,
            slots: Mutex::default(),
        }
    }

    /// Returns the champion that a name asks for.
    ///
    /// # Errors
    /// When there is none, or it cannot be read and none is in memory.
    pub(super) async fn get(self: &Arc<Self>, name: &ModelName) -> Result<Served, Refusal> {
        match &name.version {
            Version::Reigning => self.reigning(&name.dataset).await,
            version => self.version(&name.dataset, version).await,
        }
    }

    async fn reigning(self: &Arc<Self>, dataset: &Dataset) -> Result<Served, Refusal> {
        let slot = self.slot(dataset);
        let now = self.platform.clock.monotonic();
        let present = slot.present(now);
        if let Some(Present { served, checked, .. }) = &present {
            if now < *checked + CHECK {
                return Ok(served.clone());
            }
            if now < *checked + ASIDE {
                if let Ok(hint) = slot.looking.clone().try_lock_owned() {
                    tokio::spawn(self.clone().look_aside(dataset.clone(), slot, hint));
                }
                return Ok(served.clone());
            }
        }
        let mut hint = match (slot.looking.try_lock(), present) {
            (Ok(hint), _) => hint,
            (Err(_), Some(present)) => return Ok(present.served),
            (Err(_), None) => {
                let hint = slot.looking.lock().await;
                // The request that looked has found it meanwhile.
                if let Some(present) = slot.present(now) {
                    return Ok(present.served);
                }
                hint
            }
        };
        let looked = self.look_into(dataset, &slot, &mut hint).await;
        looked.map_err(|lost| {
            self.lock().remove(dataset);
            lost.refusal(dataset)
        })
    }

    /// Looks beside the requests, which go on with the champion in memory.
    async fn look_aside(self: Arc<Self>, dataset: Dataset, slot: Arc<Slot>, mut hint: OwnedMutexGuard<Option<ETag>>) {
        // A failure is noted in the slot: the champion in memory goes on as stale.
        let _ = self.look_into(&dataset, &slot, &mut hint).await;
    }

    /// Looks which champion reigns and keeps it. Fails only where none is in memory.
    async fn look_into(&self, dataset: &Dataset, slot: &Slot, hint: &mut Option<ETag>) -> Result<Served, Lost> {
        let before = slot
            .present(self.platform.clock.monotonic())
            .map(|present| present.served.champion);
        let served = match (self.look(dataset, before.clone(), hint).await, before) {
            (Ok(champion), _) => Served { champion, stale: None },
            (Err(lost), Some(champion)) => {
                let why = lost.text();
                tracing::warn!(%dataset, error = why, "the last good champion goes on");
                Served {
                    champion,
                    stale: Some(why),
                }
            }
            (Err(lost), None) => return Err(lost),
        };
        slot.set(&served, self.platform.clock.monotonic());
        self.note(&served);
        Ok(served)
    }

    /// Looks which champion reigns: a conditional read of the hint, then of the next entry until there is none.
    async fn look(
        &self,
        dataset: &Dataset,
        before: Option<Arc<Champion>>,
        seen: &mut Option<ETag>,
    ) -> Result<Arc<Champion>, Lost> {
        let store = self.platform.store.as_ref();
        let key = keys::champion_hint(dataset, PartId::WHOLE);
        let hint = match seen {
            Some(seen) => store.get_changed(&key, seen, DOCUMENT).await,
            None => store.get(&key, DOCUMENT).await.map(Some),
        };
        let mut newest: Option<Entry> = match hint {
            Ok(Some(object)) => {
                *seen = Some(object.meta.etag.clone());
                parse(&key, &object.bytes).ok()
            }
            // The hint is best effort: the log is the truth.
            Ok(None) | Err(StoreError::NotFound { .. }) => None,
            Err(error) => return Err(Lost::Store(error)),
        };
        let known = before.as_ref().map_or(0, |champion| champion.entry.generation);
        let mut generation = newest.as_ref().map_or(0, |entry| entry.generation).max(known);
        while let Some(next) = entry(store, dataset, generation + 1).await.map_err(Lost::Store)? {
            generation = next.generation;
            newest = Some(next);
        }
        match (newest, before) {
            (Some(newest), _) if newest.generation > known => {
                let generation = newest.generation;
                let loaded = Champion::load(dataset, newest, &self.platform).await;
                loaded.map(Arc::new).map_err(|error| Lost::Broken(generation, error))
            }
            (_, Some(champion)) => Ok(champion),
            (_, None) => Err(Lost::Nobody),
        }
    }

    /// Returns a champion of the log that need not reign. It is read anew for each request.
    async fn version(self: &Arc<Self>, dataset: &Dataset, version: &Version) -> Result<Served, Refusal> {
        let reigning = self.reigning(dataset).await?;
        let newest = reigning.champion.entry.generation;
        let is_asked = |champion: &Entry| match version {
            Version::Reigning => true,
            Version::Generation(generation) => champion.generation == *generation,
            Version::Artifact(digits) => champion.artifact.hex().starts_with(digits),
        };
        if is_asked(&reigning.champion.entry) {
            return Ok(reigning);
        }
        let candidates = match version {
            Version::Generation(generation) => *generation..generation + 1,
            _ => newest.saturating_sub(BACK).max(1)..newest,
        };
        let store = self.platform.store.as_ref();
        for generation in candidates.rev() {
            let Some(found) = entry(store, dataset, generation).await? else {
                break;
            };
            if is_asked(&found) {
                let loaded = Champion::load(dataset, found, &self.platform).await;
                let champion = loaded.map_err(|error| Lost::Broken(generation, error).refusal(dataset))?;
                return Ok(Served {
                    champion: Arc::new(champion),
                    stale: None,
                });
            }
        }
        let (asked, bound) = match version {
            Version::Artifact(digits) => (
                digits.clone(),
                format!(
                    "an artifact of generations {} to {newest}",
                    newest.saturating_sub(BACK).max(1)
                ),
            ),
            Version::Generation(generation) => (generation.to_string(), format!("1 to {newest}")),
            Version::Reigning => (String::new(), String::new()),
        };
        Err(
            Refusal::not_found(format!("dataset `{dataset}` has no champion `{asked}`"))
                .at("model", format!("{dataset}@{asked}"))
                .bound(bound),
        )
    }

    fn slot(&self, dataset: &Dataset) -> Arc<Slot> {
        let mut slots = self.lock();
        if let Some(slot) = slots.get(dataset) {
            return slot.clone();
        }
        if slots.len() >= HELD {
            let oldest = slots
                .iter()
                .min_by_key(|(_, slot)| slot.asked())
                .map(|(dataset, _)| dataset.clone());
            slots.retain(|name, _| Some(name) != oldest.as_ref());
        }
        slots.entry(dataset.clone()).or_default().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Dataset, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, served: &Served) {
        let Champion { dataset, entry, .. } = &*served.champion;
        self.platform.metrics.champion(&ChampionFacts {
            dataset: dataset.to_string(),
            observed_end: entry.observed_end,
            score: entry.score.map(|score| (entry.metric.clone(), score)),
            stale: served.stale.is_some(),
        });
    }
}

impl Slot {
    /// Returns what is in memory, and notes that it was asked for.
    fn present(&self, now: Duration) -> Option<Present> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = present.as_mut() {
            present.asked = now;
        }
        present.clone()
    }

    fn set(&self, served: &Served, now: Duration) {
        *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Some(Present {
            served: served.clone(),
            checked: now,
            asked: now,
        });
    }

    fn asked(&self) -> Duration {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is being loaded is in use.
        present.as_ref().map_or(Duration::MAX, |present| present.asked)
    }
}

impl Lost {
    fn text(&self) -> String {
        match self {
            Self::Store(error) => chain(error),
            Self::Broken(generation, error) => format!("generation {generation} cannot be read: {}", chain(error)),
            Self::Nobody => "its champion log is gone".to_owned(),
        }
    }

    fn refusal(self, dataset: &Dataset) -> Refusal {
        match self {
            Self::Nobody => {
                Refusal::not_found(format!("dataset `{dataset}` has no champion")).at("model", dataset.as_str())
            }
            Self::Store(error) => error.into(),
            Self::Broken(..) => {
                let why = self.text();
                tracing::error!(%dataset, error = why, "a champion cannot be served");
                Refusal::unavailable(format!("the champion of `{dataset}` cannot be served: {why}"))
                    .at("model", dataset.as_str())
            }
        }
    }
}
