//! Whole listings of a prefix.

use std::collections::HashSet;

use contract::{Digest, JobId, keys};
use platform::{Listed, Store, StoreError};

/// How many keys are asked for at once.
const PAGE: usize = 1_000;

/// All ledgers that the store listed.
pub(crate) struct Ledgers {
    /// The ledgers as listed.
    pub keys: Vec<Listed>,
    /// Their jobs.
    pub jobs: HashSet<JobId>,
}

impl Ledgers {
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Lists the ledgers.
pub(crate) async fn jobs(store: &dyn Store) -> Result<Ledgers, StoreError> {
    let keys = all(keys::JOBS, store).await?;
    let jobs = keys.iter().filter_map(|listed| digest(&listed.key)).collect();
    Ok(Ledgers { keys, jobs })
}

/// Lists the uploads.
pub(crate) async fn raw(store: &dyn Store) -> Result<Vec<Listed>, StoreError> {
    all(keys::RAW, store).await
}

/// Lists everything below a prefix.
pub(crate) async fn all(prefix: &str, store: &dyn Store) -> Result<Vec<Listed>, StoreError> {
    let mut objects: Vec<Listed> = Vec::new();
    loop {
        let after = objects.last().map(|object| object.key.clone());
        let page = store.list(prefix, after.as_deref(), PAGE).await?;
        let full = page.len() == PAGE;
        objects.extend(page);
        if !full {
            return Ok(objects);
        }
    }
}

/// Returns the digest that names a JSON document; `None` for another key.
pub(crate) fn digest(key: &str) -> Option<Digest> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}
