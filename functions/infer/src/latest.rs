//! `latest.json`: the one mutable object among a part's forecasts. It moves only forward, by generation, then by
//! origin.

use contract::{Dataset, Latest, PartId, keys};
use platform::{
    Store, StoreError,
    documents::{json, read},
};

/// How often other workers may be faster before the job is given back.
const TRIES: usize = 16;

/// Points `latest.json` at a forecast, unless it already points at one that is as new or newer.
///
/// # Errors
/// When the store does not answer, or other workers are faster every time.
pub async fn advance(store: &dyn Store, dataset: &Dataset, part: PartId, latest: &Latest) -> Result<(), StoreError> {
    let key = keys::latest(dataset, part);
    for _ in 0..TRIES {
        let body = json(&key, latest)?;
        let written = match read::<Latest>(store, &key).await? {
            None => store.create(&key, body).await,
            Some((there, _)) if position(&there) >= position(latest) => return Ok(()),
            Some((_, meta)) => store.swap(&key, body, &meta.etag).await,
        };
        match written {
            Ok(_) => return Ok(()),
            // After a doubtful write, reading decides: a stored forecast that is as new as ours ends the loop.
            Err(StoreError::Exists { .. } | StoreError::Changed { .. } | StoreError::Doubt { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Changed { key })
}

fn position(latest: &Latest) -> (u64, i64) {
    (latest.generation, latest.origin)
}
