use contract::{Digest, EventId, Input, Receipt, identity, keys};

use super::FrontError;
use crate::{
    documents,
    error::{StoreError, chain},
    host::Platform,
    ports::{Downloaded, ObjectMeta},
    scratch::Scratch,
};

/// The result of receiving an object.
pub(super) enum Received {
    /// Its receipt is written.
    Input(Input, ReceiptHistory),
    /// It was replaced or deleted since.
    Gone,
}

/// What the receipt of an object says about its events.
pub(super) struct ReceiptHistory {
    receipt: Digest,
    /// The last event whose walk was made; `None` when the receipt was written for the present event, or names no
    /// event.
    last: Option<EventId>,
    /// Whether the receipt was written before the present event arrived.
    earlier: bool,
}

impl ReceiptHistory {
    /// Returns whether an event uploads again what was received before, and is not a redelivery. `None` when the
    /// receipt was written for this event.
    pub(super) fn is_new(&self, event: &EventId) -> Option<bool> {
        match &self.last {
            _ if !self.earlier => None,
            Some(last) => Some(event.is_after(last)),
            None => Some(!event.is_unknown()),
        }
    }

    /// Notes in the receipt that the walk of an event was made. Best effort: without the note a redelivery makes the
    /// walk once more.
    pub(super) async fn note(&self, event: &EventId, platform: &Platform) {
        let store = platform.store.as_ref();
        let place = keys::receipt(self.receipt);
        let noted = async {
            let Some((receipt, meta)) = documents::read::<Receipt>(store, &place).await? else {
                return Ok(());
            };
            if receipt.last_event.as_ref().is_some_and(|last| !event.is_after(last)) {
                return Ok(());
            }
            let last_event = Some(event.clone());
            let receipt = Receipt { last_event, ..receipt };
            let body = documents::json(&place, &receipt)?;
            store.swap(&place, body, &meta.etag).await.map(drop)
        };
        if let Err(error) = noted.await {
            tracing::debug!(
                error = chain(&error),
                "the walk of an event was not noted in its receipt"
            );
        }
    }
}

/// Returns the name of an object's version: the version id, or the `ETag` when the bucket keeps no versions.
pub(super) fn version(meta: &ObjectMeta) -> &str {
    meta.version.as_deref().unwrap_or(meta.etag.as_str())
}

/// Returns one object version as an input, with its receipt. The first time, this reads the object once.
pub(super) async fn of(
    key: &str,
    meta: &ObjectMeta,
    event: &EventId,
    platform: &Platform,
) -> Result<Received, FrontError> {
    let bound = platform.host.max_upload;
    if meta.size > bound {
        return Err(FrontError::TooLarge {
            key: key.to_owned(),
            have: meta.size,
            bound,
        });
    }
    let name = identity::receipt(&platform.host.bucket, key, version(meta), meta.size);
    let place = keys::receipt(name);
    let found = documents::read::<Receipt>(platform.store.as_ref(), &place)
        .await
        .map_err(FrontError::Store)?;
    if let Some((receipt, _)) = found {
        return Ok(input(name, receipt, true));
    }
    let Downloaded { size, digest } = match download(key, meta, name, platform).await {
        Ok(downloaded) => downloaded,
        Err(StoreError::NotFound { .. } | StoreError::Changed { .. }) => return Ok(Received::Gone),
        Err(error) => return Err(FrontError::Store(error)),
    };
    let receipt = Receipt {
        bucket: platform.host.bucket.clone(),
        key: key.to_owned(),
        version: version(meta).to_owned(),
        etag: meta.etag.as_str().to_owned(),
        size,
        digest,
        last_event: (!event.is_unknown()).then(|| event.clone()),
    };
    let written = documents::create_or_adopt(platform.store.as_ref(), &place, receipt).await;
    let receipt = written.map_err(FrontError::Store)?;
    Ok(input(name, receipt, false))
}

fn input(name: Digest, receipt: Receipt, earlier: bool) -> Received {
    let input = Input {
        digest: receipt.digest,
        receipt: name,
    };
    let history = ReceiptHistory {
        receipt: name,
        last: receipt.last_event,
        earlier,
    };
    Received::Input(input, history)
}

async fn download(key: &str, meta: &ObjectMeta, name: Digest, platform: &Platform) -> Result<Downloaded, StoreError> {
    let file = Scratch::new(&platform.host.scratch, &format!("receipt-{}", name.short()));
    platform
        .store
        .download(key, &meta.etag, file.path(), platform.host.max_upload)
        .await
}
