//! The spec of an upload: its layers, and the resolved spec that is stored.

use std::sync::Arc;

use contract::{
    Dataset, Digest, Spec, Upload, keys,
    spec::{Layer, MAX_TEXT},
};

use super::FrontError;
use crate::{documents, error::StoreError, host::Platform, ports::Store, threads::run_blocking};

/// A resolved spec that is stored in the bucket.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The spec with all defaults filled in.
    pub spec: Arc<Spec>,
    /// Its digest, which is its name in the bucket.
    pub digest: Digest,
}

/// Returns the spec of an upload: the one that its metadata names (`named`), or else the one resolved from
/// `specs/{dataset}.toml` and the predecessor's environment. Leaves in `text` the bytes that name the event's own job.
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

/// Resolves layers on a blocking thread, because the text is untrusted and a long one takes long to read.
///
/// # Errors
/// When a layer cannot be read, or a value breaks its bound.
pub async fn resolve(layers: Vec<Layer>) -> Result<Spec, FrontError> {
    run_blocking(move || contract::spec::resolve(&layers))
        .await
        .map_err(FrontError::Spec)
}

/// Returns the layers that every upload starts from: `specs/{dataset}.toml`, then the predecessor's environment. Leaves
/// the bytes of the file in `text`.
///
/// # Errors
/// When the store does not answer, or the file is not UTF-8.
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

/// Writes a resolved spec under its digest, unless it is there already.
///
/// # Errors
/// When the store does not write it.
pub async fn write(store: &dyn Store, dataset: &Dataset, spec: Spec) -> Result<Resolved, StoreError> {
    let digest = spec.digest();
    let key = keys::resolved(dataset, digest);
    match store.create(&key, documents::json(&key, &spec)?).await {
        // Its name is its digest, so the stored spec is the same.
        Ok(_) | Err(StoreError::Exists { .. }) => Ok(Resolved {
            spec: Arc::new(spec),
            digest,
        }),
        Err(error) => Err(error),
    }
}
