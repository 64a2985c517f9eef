use contract::{Digest, Input, Receipt, identity, keys};

use super::FrontError;
use crate::{
    documents,
    error::StoreError,
    ports::{Downloaded, ObjectMeta},
    scratch::Scratch,
    work::Platform,
};

/// What became of the attempt to receive an object.
pub(super) enum Received {
    /// Its receipt is written.
    Input(Input),
    /// It was replaced or deleted meanwhile.
    Gone,
}

/// Gives the name of an object's version: the version id, or the `ETag` where the bucket has no versions.
pub(super) fn version(meta: &ObjectMeta) -> &str {
    meta.version.as_deref().unwrap_or(meta.etag.as_str())
}

/// Gets the receipt of one object version; the first time, by reading the object once.
pub(super) async fn of(key: &str, meta: &ObjectMeta, platform: &Platform) -> Result<Received, FrontError> {
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
        return Ok(Received::Input(Input {
            digest: receipt.digest,
            receipt: name,
        }));
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
    };
    let written = documents::create_or_adopt(platform.store.as_ref(), &place, receipt).await;
    let receipt = written.map_err(FrontError::Store)?;
    Ok(Received::Input(Input {
        digest: receipt.digest,
        receipt: name,
    }))
}

async fn download(key: &str, meta: &ObjectMeta, name: Digest, platform: &Platform) -> Result<Downloaded, StoreError> {
    let file = Scratch::new(&platform.host.scratch, &format!("receipt-{}", name.short()));
    platform
        .store
        .download(key, &meta.etag, file.path(), platform.host.max_upload)
        .await
}
