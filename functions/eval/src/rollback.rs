//! What a person can do to the champion log: pin an earlier champion, and remove the pin.
//!
//! Both append an entry, so the log keeps what was before. A pinned champion reigns until the pin is removed, whatever
//! rounds decide.

use contract::{Dataset, DecisionKind, Digest, Entry, ForecastDocument, InferTask, Latest, PartId, Spec, keys};
use platform::{
    Store, StoreError,
    documents::{is_there, read, read_named},
};

use crate::champions::Log;

/// Why the log was not changed.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// The log has no entry.
    #[error("dataset `{dataset}` has no champion")]
    Empty {
        /// The dataset.
        dataset: Dataset,
    },
    /// The generation is not in the log.
    #[error("dataset `{dataset}` has no generation {asked}; it has 1 to {newest}")]
    NoGeneration {
        /// The dataset.
        dataset: Dataset,
        /// The generation that was asked for.
        asked: u64,
        /// The newest generation.
        newest: u64,
    },
    /// No entry names another artifact than the champion's.
    #[error("dataset `{dataset}` has no earlier champion: generations 1 to {newest} name the artifact {}", artifact.short())]
    NothingEarlier {
        /// The dataset.
        dataset: Dataset,
        /// The newest generation.
        newest: u64,
        /// The artifact of all of them.
        artifact: Digest,
    },
    /// An object that the earlier champion needs is gone.
    #[error("generation {generation} of dataset `{dataset}` cannot reign again: `{key}` is gone")]
    Gone {
        /// The dataset.
        dataset: Dataset,
        /// The generation that was asked for.
        generation: u64,
        /// The key of the object.
        key: String,
    },
    /// There is no pin to remove.
    #[error("dataset `{dataset}` is not pinned; its newest generation {newest} is `{kind}`")]
    NotPinned {
        /// The dataset.
        dataset: Dataset,
        /// The newest generation.
        newest: u64,
        /// What the newest entry records.
        kind: &'static str,
    },
    /// The store does not answer, or an entry is damaged.
    #[error("cannot read or write the champion log")]
    Store(#[from] StoreError),
}

/// Pins the champion of a generation; without one, the newest whose artifact is not the present champion's. Appends
/// nothing where that artifact is pinned already. Returns the newest entry.
///
/// # Errors
/// When there is no such generation, what its champion needs is gone, or the store does not answer.
pub async fn pin(
    store: &dyn Store,
    dataset: &Dataset,
    part: PartId,
    generation: Option<u64>,
) -> Result<Entry, RollbackError> {
    let log = Log::new(store, dataset, part);
    let newest = newest(&log, dataset).await?;
    let target = match generation {
        Some(generation) => {
            log.entry(generation)
                .await?
                .map(|logged| logged.entry)
                .ok_or_else(|| RollbackError::NoGeneration {
                    dataset: dataset.clone(),
                    asked: generation,
                    newest: newest.generation,
                })?
        }
        None => earlier(&log, dataset, &newest).await?,
    };
    for key in [
        keys::artifact(dataset, part, target.artifact),
        keys::cut(dataset, part, target.sample),
    ] {
        if !is_there(store, &key).await? {
            return Err(RollbackError::Gone {
                dataset: dataset.clone(),
                generation: target.generation,
                key,
            });
        }
    }
    let pin = |reigning: &Entry| {
        let pinned = reigning.kind == DecisionKind::Pinned && reigning.artifact == target.artifact;
        (!pinned).then(|| Entry {
            generation: reigning.generation + 1,
            kind: DecisionKind::Pinned,
            previous: Some(reigning.generation),
            reason: format!(
                "a person pinned {} of generation {} in place of {} of generation {}",
                target.member, target.generation, reigning.member, reigning.generation
            ),
            ..target.clone()
        })
    };
    appended(&log, pin).await
}

/// Removes the pin: the champion stays until a round replaces it. Returns the newest entry.
///
/// # Errors
/// When nothing is pinned, or the store does not answer.
pub async fn unpin(store: &dyn Store, dataset: &Dataset, part: PartId) -> Result<Entry, RollbackError> {
    let log = Log::new(store, dataset, part);
    let newest = newest(&log, dataset).await?;
    if newest.kind != DecisionKind::Pinned {
        return Err(RollbackError::NotPinned {
            dataset: dataset.clone(),
            newest: newest.generation,
            kind: word(newest.kind),
        });
    }
    let unpin = |reigning: &Entry| {
        (reigning.kind == DecisionKind::Pinned).then(|| Entry {
            generation: reigning.generation + 1,
            kind: DecisionKind::Kept,
            previous: Some(reigning.generation),
            reason: format!(
                "a person removed the pin of {}, which reigns until a round replaces it",
                reigning.member
            ),
            ..reigning.clone()
        })
    };
    appended(&log, unpin).await
}

/// Returns the job that forecasts with an entry's champion: from the history of the newest forecast or, without one,
/// from the champion's own clean part.
///
/// # Errors
/// When the store does not answer, or a document is damaged or missing.
pub async fn forecast(
    store: &dyn Store,
    dataset: &Dataset,
    part: PartId,
    entry: &Entry,
) -> Result<(InferTask, Spec), StoreError> {
    let spec = platform::walk::spec(store, dataset, entry.spec).await?;
    let clean = match read::<Latest>(store, &keys::latest(dataset, part)).await? {
        Some((latest, _)) => {
            let newest: ForecastDocument = read_named(store, &latest.key, latest.forecast).await?;
            newest.clean
        }
        None => entry.clean,
    };
    let task = InferTask {
        dataset: dataset.clone(),
        part,
        spec: entry.spec,
        salt: spec.salt.clone(),
        clean,
        generation: entry.generation,
        artifact: entry.artifact,
        request: None,
    };
    Ok((task, spec))
}

async fn newest(log: &Log<'_>, dataset: &Dataset) -> Result<Entry, RollbackError> {
    let newest = log.newest().await?;
    newest.map(|logged| logged.entry).ok_or_else(|| RollbackError::Empty {
        dataset: dataset.clone(),
    })
}

/// Returns the newest entry with another artifact.
async fn earlier(log: &Log<'_>, dataset: &Dataset, newest: &Entry) -> Result<Entry, RollbackError> {
    for generation in (1..newest.generation).rev() {
        if let Some(logged) = log.entry(generation).await?
            && logged.entry.artifact != newest.artifact
        {
            return Ok(logged.entry);
        }
    }
    Err(RollbackError::NothingEarlier {
        dataset: dataset.clone(),
        newest: newest.generation,
        artifact: newest.artifact,
    })
}

async fn appended(log: &Log<'_>, settle: impl Fn(&Entry) -> Option<Entry>) -> Result<Entry, RollbackError> {
    let entry = log.append_next(settle).await?;
    log.hint(&entry).await;
    Ok(entry)
}

fn word(kind: DecisionKind) -> &'static str {
    match kind {
        DecisionKind::Replaced => "replaced",
        DecisionKind::Kept => "kept",
        DecisionKind::Pinned => "pinned",
        DecisionKind::Refit => "refit",
    }
}
