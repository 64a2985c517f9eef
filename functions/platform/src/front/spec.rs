use std::sync::Arc;

use contract::{
    Dataset, Digest, Spec, Upload, canonical, keys,
    spec::{Layer, resolve},
};

use super::FrontError;
use crate::{documents, error::StoreError, ports::Store, work::Platform};

/// The metadata in which `flits run` and `flits upload` name the spec that they resolved.
pub(crate) const METADATA: &str = "flits-spec";

/// The size above which a spec's text is refused, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// A spec under its name.
pub(super) struct Resolved {
    pub(super) spec: Arc<Spec>,
    pub(super) digest: Digest,
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
        let spec = documents::read_named(store, &keys::resolved(&upload.dataset, digest), digest).await;
        let spec = spec.map_err(|error| match documents::is_unknown(&error) {
            true => FrontError::NewerSpec(error),
            false => FrontError::SpecDocument(error),
        });
        return Ok(Resolved {
            spec: Arc::new(spec?),
            digest,
        });
    }
    let layers = stored_layers(&upload.dataset, text, platform).await?;
    let spec = resolve(&layers).map_err(FrontError::Spec)?;
    write(store, &upload.dataset, spec).await.map_err(FrontError::Store)
}

/// Gives the layers that every front door begins with: `specs/{dataset}.toml`, then the predecessor's environment.
pub(super) async fn stored_layers(
    dataset: &Dataset,
    text: &mut Vec<u8>,
    platform: &Platform,
) -> Result<Vec<Layer>, FrontError> {
    let key = keys::spec(dataset);
    let mut layers = Vec::new();
    match platform.store.get(&key, MAX_TEXT).await {
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
pub(super) async fn write(store: &dyn Store, dataset: &Dataset, spec: Spec) -> Result<Resolved, StoreError> {
    let digest = spec.digest();
    match store
        .create(&keys::resolved(dataset, digest), canonical(&spec).into())
        .await
    {
        // Named by its digest: whatever lies there is the same.
        Ok(_) | Err(StoreError::Exists { .. }) => Ok(Resolved {
            spec: Arc::new(spec),
            digest,
        }),
        Err(error) => Err(error),
    }
}
