//! The spec of an upload: where its layers come from, and where the resolved one is kept.

use std::sync::Arc;

use contract::{
    Dataset, Digest, Spec, Upload, keys,
    spec::{Layer, MAX_TEXT},
};

use super::FrontError;
use crate::{documents, error::StoreError, host::Platform, ports::Store, threads::apart};

/// A resolved spec that lies in the bucket.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The spec itself.
    pub spec: Arc<Spec>,
    /// Its digest, which names it there.
    pub digest: Digest,
}

/// Finds the spec of an upload: the one that is `named` in its metadata, or what `specs/{dataset}.toml` and the predecessor's
/// environment say. Notes in `text` what the event's own job is named by.
pub(super) async fn of_upload(
    upload: &Upload,
    named: Option<&String>,
    text: &mut Vec<u8>,
    platform: &Platform,
) -> Result<Resolved, FrontError> {
    let store = platform.store.as_ref();
    if let Some(named) = named {
        named.as_bytes().clone_into(text);
        let digest = named.parse().map_err(FrontError::SpecName)?;
        let spec = documents::read_spec(store, &upload.dataset, digest).await;
        return Ok(Resolved {
            spec: Arc::new(spec.map_err(FrontError::SpecDocument)?),
            digest,
        });
    }
    let layers = stored_layers(&upload.dataset, text, platform).await?;
    let spec = resolve(layers).await?;
    write(store, &upload.dataset, spec).await.map_err(FrontError::Store)
}

/// Resolves layers on a thread of its own: the text may be a stranger's, and the longer it is, the longer reading it takes.
///
/// # Errors
/// When a layer cannot be read or a value breaks its bound.
pub async fn resolve(layers: Vec<Layer>) -> Result<Spec, FrontError> {
    apart(move || contract::spec::resolve(&layers))
        .await
        .map_err(FrontError::Spec)
}

/// Returns the layers that every upload begins with: `specs/{dataset}.toml`, then the predecessor's environment. Leaves the
/// bytes of the former in `text`.
///
/// # Errors
/// When the store does not answer or the spec is not UTF-8.
pub async fn stored_layers(
    dataset: &Dataset,
    text: &mut Vec<u8>,
    platform: &Platform,
) -> Result<Vec<Layer>, FrontError> {
    let key = keys::spec(dataset);
    let mut layers = Vec::new();
    match platform.store.get(&key, MAX_TEXT as u64).await {
        Ok(object) => {
            let unreadable = |source| FrontError::SpecText {
                key: key.clone(),
                source,
            };
            let toml = std::str::from_utf8(&object.bytes).map_err(unreadable)?;
            object.bytes.as_ref().clone_into(text);
            layers.push(Layer::toml(&key, toml));
        }
        Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(FrontError::Store(error)),
    }
    layers.push(Layer::environment(platform.host.overrides.clone()));
    Ok(layers)
}

/// Writes a resolved spec under its digest.
///
/// # Errors
/// When the store does not do it.
pub async fn write(store: &dyn Store, dataset: &Dataset, spec: Spec) -> Result<Resolved, StoreError> {
    let digest = spec.digest();
    let key = keys::resolved(dataset, digest);
    match store.create(&key, documents::json(&key, &spec)?).await {
        // Named by its digest: whatever lies there is the same.
        Ok(_) | Err(StoreError::Exists { .. }) => Ok(Resolved {
            spec: Arc::new(spec),
            digest,
        }),
        Err(error) => Err(error),
    }
}
