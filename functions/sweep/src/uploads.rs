//! Uploads whose notification was lost.

use std::collections::HashMap;

use contract::{Digest, Stage, Upload, identity, keys, spec::MAX_TEXT};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use platform::{
    Listed, ObjectMeta, Platform, StoreError, bucket,
    driver::tend::upload_event,
    event::SPEC_METADATA,
    front::{self, Preview},
};

use crate::{
    ABREAST, SweepError,
    listing::{Ledgers, digest},
    window::Window,
};

/// For how long, in seconds, a receipt without a job is taken for one whose message was lost. Deep sweeps come once a
/// day. An older one has its job under an earlier recipe, or its ledger was deleted.
const FRESH_S: i64 = 2 * 24 * 3600;

/// When each receipt was written, UTC seconds.
type Receipts = HashMap<Digest, i64>;

/// Sends the event of each upload that no job began with. Returns their number.
pub(crate) async fn begin(
    raw: &[Listed],
    ledgers: &Ledgers,
    window: Window,
    platform: &Platform,
) -> Result<usize, SweepError> {
    let due = raw
        .iter()
        .filter(|listed| window.holds(listed.last_modified) && may_begin(&listed.key));
    let due: Vec<&Listed> = due.collect();
    if due.is_empty() {
        return Ok(0);
    }
    let receipts = bucket::objects(platform.store.as_ref(), keys::RECEIPTS).await?;
    let receipts = receipts
        .iter()
        .filter_map(|listed| Some((digest(&listed.key)?, listed.last_modified)));
    let receipts: Receipts = receipts.collect();
    stream::iter(due)
        .map(|listed| one(listed, &receipts, ledgers, window, platform))
        .buffer_unordered(ABREAST)
        .try_fold(0, async |all, sent| Ok(all + usize::from(sent)))
        .await
}

/// Returns whether an object can start anything: it is neither the mark of an empty folder nor a test file.
fn may_begin(key: &str) -> bool {
    !key.ends_with('/') && !Upload::parse(key).is_ok_and(|upload| upload.is_test())
}

/// Sends the event of an upload if no job began with it; returns whether it did.
async fn one(
    listed: &Listed,
    receipts: &Receipts,
    ledgers: &Ledgers,
    window: Window,
    platform: &Platform,
) -> Result<bool, SweepError> {
    let lost = match receipt(listed, receipts, platform).await? {
        Received::At(time) => {
            window.is_overdue(time) && window.now - time < FRESH_S && !has_job(&listed.key, ledgers, platform).await?
        }
        Received::Never(meta) => !is_refused(&listed.key, &meta, ledgers, platform).await?,
        Received::Gone => false,
    };
    if !lost {
        return Ok(false);
    }
    let Some(event) = upload_event(&listed.key, platform).await? else {
        return Ok(false);
    };
    let sent = platform.outbox.send(Stage::Preprocess, &[event]).await;
    sent.map_err(platform::driver::tend::TendError::from)?;
    Ok(true)
}

/// Whether a version of an object was received.
enum Received {
    /// Its receipt was written at this time, UTC seconds.
    At(i64),
    /// It has no receipt.
    Never(ObjectMeta),
    /// It was deleted since it was listed.
    Gone,
}

/// Looks for the receipt of an object's newest version. A listing does not say version ids, so a bucket that keeps
/// versions is asked.
async fn receipt(listed: &Listed, receipts: &Receipts, platform: &Platform) -> Result<Received, StoreError> {
    let received = |version: &str, size| {
        let name = identity::receipt(&platform.host.bucket, &listed.key, version, size);
        receipts.get(&name).copied()
    };
    if let Some(time) = received(listed.etag.as_str(), listed.size) {
        return Ok(Received::At(time));
    }
    let meta = match platform.store.head(&listed.key).await {
        Ok(meta) => meta,
        Err(StoreError::NotFound { .. }) => return Ok(Received::Gone),
        Err(error) => return Err(error),
    };
    Ok(match received(version(&meta), meta.size) {
        Some(time) => Received::At(time),
        None => Received::Never(meta),
    })
}

fn version(meta: &ObjectMeta) -> &str {
    meta.version.as_deref().unwrap_or(meta.etag.as_str())
}

/// Returns whether the upload has a job of a stage, or an event of its own that waits or was refused.
async fn has_job(key: &str, ledgers: &Ledgers, platform: &Platform) -> Result<bool, StoreError> {
    Ok(match front::preview(key, platform).await? {
        Preview::Job(message) => ledgers.jobs.contains(&message.job),
        Preview::Event(event) => ledgers.jobs.contains(&event.job),
        Preview::Nothing(_) => true,
    })
}

/// Returns whether the upload was refused before its receipt was written, or is about to be: its event has a ledger.
async fn is_refused(key: &str, meta: &ObjectMeta, ledgers: &Ledgers, platform: &Platform) -> Result<bool, StoreError> {
    let known = |text: &[u8]| {
        let job = identity::receive_job(&platform.host.bucket, key, version(meta), text);
        ledgers.jobs.contains(&job)
    };
    if known(b"")
        || meta
            .metadata
            .get(SPEC_METADATA)
            .is_some_and(|named| known(named.as_bytes()))
    {
        return Ok(true);
    }
    let Ok(upload) = Upload::parse(key) else {
        return Ok(false);
    };
    match platform.store.get(&keys::spec(&upload.dataset), MAX_TEXT as u64).await {
        Ok(spec) => Ok(known(&spec.bytes)),
        Err(StoreError::NotFound { .. } | StoreError::TooLarge { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
