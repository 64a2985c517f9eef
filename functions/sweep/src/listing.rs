//! Whole listings of a prefix.

use std::collections::HashSet;

use contract::{Digest, JobId, keys};
use platform::{Listed, Store, StoreError, bucket};

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
    let keys = bucket::objects(store, keys::JOBS).await?;
    let jobs = keys.iter().filter_map(|listed| digest(&listed.key)).collect();
    Ok(Ledgers { keys, jobs })
}

/// Lists the uploads.
pub(crate) async fn raw(store: &dyn Store) -> Result<Vec<Listed>, StoreError> {
    bucket::objects(store, keys::RAW).await
}

/// Returns the digest that names a JSON document; `None` for another key.
pub(crate) fn digest(key: &str) -> Option<Digest> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}
