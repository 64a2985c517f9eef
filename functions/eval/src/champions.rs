//! The champion log of one part. Its create-only entries are the truth; `current.json` is only a hint at the newest
//! one.

use contract::{Dataset, DecisionKind, Entry, PartId, RoundId, keys};
use platform::{
    Store, StoreError,
    documents::{create_or_adopt, json, read},
};
use serde::Deserialize;

/// By how many seconds the store's clock may go back between two writes of one round.
const CLOCK_SLACK_S: i64 = 300;

/// The champion log of one part.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    store: &'a dyn Store,
    dataset: &'a Dataset,
    part: PartId,
}

/// An entry as it is stored in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    /// The entry, as its decider wrote it.
    pub entry: Entry,
    /// When it was written, by the store's clock in UTC seconds.
    pub written: i64,
}

/// The fields that are read from the hint. It says where to start looking, and is never the truth.
#[derive(Deserialize)]
struct Hint {
    generation: u64,
}

impl<'a> Log<'a> {
    /// Returns the log of a part. Reads nothing.
    #[must_use]
    pub fn new(store: &'a dyn Store, dataset: &'a Dataset, part: PartId) -> Self {
        Self { store, dataset, part }
    }

    /// Returns the champion's entry: starts at the hint and goes on to the next generation until there is none. `None`
    /// when the log is empty.
    ///
    /// # Errors
    /// When the store does not answer, or an entry is damaged.
    pub async fn newest(&self) -> Result<Option<Logged>, StoreError> {
        let mut newest = self.entry(self.hinted().await?).await?;
        loop {
            let generation = newest.as_ref().map_or(0, |logged| logged.entry.generation) + 1;
            match self.entry(generation).await? {
                Some(later) => newest = Some(later),
                None => return Ok(newest),
            }
        }
    }

    /// Returns the entry that decided a round; `None` when it has none. Looks backwards from the newest entry to
    /// the time at which the round was opened (UTC seconds). Of several, the first one decided it: a refit or a person
    /// appended the others.
    ///
    /// # Errors
    /// When the store does not answer, or an entry is damaged.
    pub(crate) async fn entry_of(
        &self,
        round: RoundId,
        opened: i64,
        newest: Option<&Logged>,
    ) -> Result<Option<Entry>, StoreError> {
        let mut seen = newest.cloned();
        let mut found = None;
        while let Some(Logged { entry, written }) = seen {
            if written + CLOCK_SLACK_S < opened {
                break;
            }
            seen = self.entry(entry.generation - 1).await?;
            if entry.round == round && entry.kind != DecisionKind::Refit {
                found = Some(entry);
            }
        }
        Ok(found)
    }

    /// Appends the round's entry after the newest one. `settle` decides again whenever another round was faster.
    ///
    /// Returns the round's entry, also when another worker appended it.
    ///
    /// # Errors
    /// When the store does not answer, or an entry is damaged.
    pub async fn append(
        &self,
        round: RoundId,
        mut reigning: Option<Entry>,
        settle: impl Fn(Option<&Entry>) -> Entry,
    ) -> Result<Entry, StoreError> {
        loop {
            let entry = settle(reigning.as_ref());
            let key = keys::champion_entry(self.dataset, self.part, entry.generation);
            let there = create_or_adopt(self.store, &key, entry).await?;
            if there.round == round {
                return Ok(there);
            }
            reigning = Some(there);
        }
    }

    /// Appends the entry that `settle` makes of the newest one, if it makes any. Returns the newest entry.
    ///
    /// # Errors
    /// When the store does not answer, an entry is damaged, or the log is empty.
    pub(crate) async fn append_next(&self, settle: impl Fn(&Entry) -> Option<Entry>) -> Result<Entry, StoreError> {
        let key = keys::champion_entry(self.dataset, self.part, 1);
        let mut newest = self.newest().await?.ok_or(StoreError::NotFound { key })?.entry;
        while let Some(entry) = settle(&newest) {
            let key = keys::champion_entry(self.dataset, self.part, entry.generation);
            newest = create_or_adopt(self.store, &key, entry).await?;
        }
        Ok(newest)
    }

    /// Moves the hint forward to an entry. Best effort: readers look for later entries anyway.
    pub async fn hint(&self, entry: &Entry) {
        if let Err(error) = self.try_hint(entry).await {
            tracing::warn!(%error, generation = entry.generation, "champion hint not moved");
        }
    }

    async fn try_hint(&self, entry: &Entry) -> Result<(), StoreError> {
        let key = keys::champion_hint(self.dataset, self.part);
        let body = json(&key, entry)?;
        match read::<Hint>(self.store, &key).await {
            Ok(None) => self.store.create(&key, body).await?,
            Ok(Some((hint, meta))) if hint.generation < entry.generation => {
                self.store.swap(&key, body, &meta.etag).await?
            }
            Ok(Some(_)) => return Ok(()),
            Err(StoreError::Damaged { .. }) => self.store.put(&key, body).await?,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    async fn hinted(&self) -> Result<u64, StoreError> {
        match read::<Hint>(self.store, &keys::champion_hint(self.dataset, self.part)).await {
            Ok(hint) => Ok(hint.map_or(0, |(hint, _)| hint.generation)),
            Err(StoreError::Damaged { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Returns the entry of a generation. Generation 0 is before the first entry.
    pub(crate) async fn entry(&self, generation: u64) -> Result<Option<Logged>, StoreError> {
        if generation == 0 {
            return Ok(None);
        }
        let key = keys::champion_entry(self.dataset, self.part, generation);
        let found = read(self.store, &key).await?;
        Ok(found.map(|(entry, meta)| Logged {
            entry,
            written: meta.last_modified,
        }))
    }
}
