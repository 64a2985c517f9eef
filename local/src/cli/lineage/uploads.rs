//! From a clean part to the uploads that it was made from.
//!
//! A manifest names the digests of the inputs, but nothing names the manifest of a clean part. So it is computed from the
//! uploads that may have been the inputs; what it says then proves the link.

use std::collections::BTreeSet;

use contract::{
    Dataset, Digest, Input, Manifest, PartId, PreprocessTask, Produced, Receipt, RoundId, Spec, Task, Upload, WorkId,
    identity::identify, keys,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use platform::{Store, StoreError, bucket, documents::read, ledger::Trigger, walk};

use super::nodes::{Node, UploadNode};

/// How many documents are read side by side.
const ABREAST: usize = 16;

/// What is known about the uploads of a clean part.
#[derive(Default)]
pub(super) struct Found {
    pub manifest: Option<String>,
    pub uploads: Vec<UploadNode>,
    /// Why they are not known.
    pub missing: Option<String>,
}

/// A receipt and the digest in its name.
type Named = (Digest, Receipt);

/// Finds the uploads that a clean part was made from. `known` are the spec and the round of a champion, which shorten the
/// search.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn of_clean(
    store: &dyn Store,
    dataset: &Dataset,
    clean: Digest,
    known: Option<(Digest, RoundId)>,
) -> anyhow::Result<Found> {
    let specs = specs(store, dataset, known.map(|(spec, _)| spec)).await?;
    let mut receipts = match known {
        Some((_, round)) => of_round(store, dataset, round).await?,
        None => Vec::new(),
    };
    let mut made = by_identity(store, &specs, &receipts, dataset, clean).await?;
    if made.is_none() {
        receipts = all(store, keys::RECEIPTS, dataset).await?;
        made = by_identity(store, &specs, &receipts, dataset, clean).await?;
    }
    if made.is_none() {
        made = by_reading(store, dataset, clean).await?;
    }
    let Some(manifest) = made else {
        return Ok(Found {
            missing: Some("no manifest names it as an output, so its uploads are not known".to_owned()),
            ..Found::default()
        });
    };
    let wanted: BTreeSet<Digest> = manifest.recipe.inputs.iter().copied().collect();
    if !wanted
        .iter()
        .all(|digest| receipts.iter().any(|(_, receipt)| receipt.digest == *digest))
    {
        receipts = all(store, keys::RECEIPTS, dataset).await?;
    }
    let mut uploads = Vec::new();
    let mut missing = Vec::new();
    for digest in wanted {
        let of = receipts.iter().filter(|(_, receipt)| receipt.digest == digest);
        let before = uploads.len();
        for named in of {
            uploads.push(upload(store, named).await?);
        }
        if uploads.len() == before {
            missing.push(format!("the receipt of the uploaded bytes {digest} is gone"));
        }
    }
    Ok(Found {
        manifest: Some(keys::work(manifest.work)),
        uploads,
        missing: (!missing.is_empty()).then(|| missing.join("; ")),
    })
}

/// Returns the spec that is known, or all of the dataset. Unreadable ones are left out: then reading all manifests finds
/// the clean part.
async fn specs(store: &dyn Store, dataset: &Dataset, known: Option<Digest>) -> Result<Vec<Spec>, StoreError> {
    let digests = if let Some(spec) = known {
        vec![spec]
    } else {
        let listed = bucket::list(store, &format!("resolved/{dataset}/")).await?;
        listed.iter().filter_map(|key| digest(key)).collect()
    };
    let mut specs = Vec::new();
    for digest in digests {
        match walk::spec(store, dataset, digest).await {
            Ok(spec) => specs.push(spec),
            Err(StoreError::NotFound { .. } | StoreError::Damaged { .. } | StoreError::Newer { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(specs)
}

/// Returns the receipt that a round's walk began with: its trace is the beginning of the receipt's name.
async fn of_round(store: &dyn Store, dataset: &Dataset, round: RoundId) -> Result<Vec<Named>, StoreError> {
    let ledger = match walk::ledger(store, round).await {
        Ok(ledger) => ledger,
        Err(StoreError::Damaged { .. } | StoreError::Newer { .. }) => None,
        Err(error) => return Err(error),
    };
    match ledger.and_then(|ledger| ledger.trigger) {
        Some(Trigger::Message(message)) => all(store, &format!("{}{}", keys::RECEIPTS, message.trace), dataset).await,
        Some(Trigger::Upload(_)) | None => Ok(Vec::new()),
    }
}

/// Reads the receipts of a dataset under a prefix.
async fn all(store: &dyn Store, prefix: &str, dataset: &Dataset) -> Result<Vec<Named>, StoreError> {
    let uploads = format!("{}{dataset}/", keys::RAW);
    let named = bucket::list(store, prefix).await?.into_iter();
    let named = named.filter_map(|key| Some((digest(&key)?, key)));
    let found: Vec<Option<Named>> = stream::iter(named)
        .map(async |(name, key)| match read::<Receipt>(store, &key).await {
            Ok(found) => Ok(found.map(|(receipt, _)| (name, receipt))),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        })
        .buffered(ABREAST)
        .try_collect()
        .await?;
    let of_dataset = found
        .into_iter()
        .flatten()
        .filter(|(_, receipt)| receipt.key.starts_with(&uploads));
    Ok(of_dataset.collect())
}

/// Computes which works uploads lead to, and returns the manifest that names the clean part.
async fn by_identity(
    store: &dyn Store,
    specs: &[Spec],
    receipts: &[Named],
    dataset: &Dataset,
    clean: Digest,
) -> Result<Option<Manifest>, StoreError> {
    let works: BTreeSet<WorkId> = specs.iter().flat_map(|spec| works(spec, receipts, dataset)).collect();
    for work in works {
        match walk::manifest(store, work).await {
            Ok(Some(manifest)) if is_of(&manifest, dataset, clean) => return Ok(Some(manifest)),
            Ok(_) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn works(spec: &Spec, receipts: &[Named], dataset: &Dataset) -> Vec<WorkId> {
    let work = |inputs: Vec<&Named>| {
        let input = |(name, receipt): &Named| Input {
            digest: receipt.digest,
            receipt: *name,
        };
        let task = PreprocessTask {
            dataset: dataset.clone(),
            part: PartId::WHOLE,
            spec: spec.digest(),
            salt: spec.salt.clone(),
            inputs: inputs.into_iter().map(input).collect(),
        };
        identify(&Task::Preprocess(task), spec).work
    };
    if !spec.split.holdout.is_test_file() {
        return receipts.iter().map(|data| work(vec![data])).collect();
    }
    let test_of = |data: &Named| Upload::parse(&data.1.key).ok().map(|upload| upload.test_file().key());
    let mut works = Vec::new();
    for data in receipts {
        let key = test_of(data);
        let tests = receipts.iter().filter(|test| Some(&test.1.key) == key.as_ref());
        works.extend(tests.map(|test| work(vec![data, test])));
    }
    works
}

/// Reads all manifests until one names the clean part: one of an earlier recipe, or of uploads whose receipts are gone.
async fn by_reading(store: &dyn Store, dataset: &Dataset, clean: Digest) -> Result<Option<Manifest>, StoreError> {
    let listed = bucket::list(store, "work/").await?;
    let manifests = stream::iter(&listed)
        .map(async |key| match read::<Manifest>(store, key).await {
            Ok(found) => Ok(found.map(|(manifest, _)| manifest)),
            Err(StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        })
        .buffered(ABREAST);
    let found =
        manifests.try_filter_map(async |manifest| Ok(manifest.filter(|manifest| is_of(manifest, dataset, clean))));
    std::pin::pin!(found).try_next().await
}

fn is_of(manifest: &Manifest, dataset: &Dataset, clean: Digest) -> bool {
    let made = match &manifest.outputs {
        Produced::Preprocess(made) => made.clean == clean,
        Produced::Sample(_) | Produced::Train(_) | Produced::Eval(_) | Produced::Infer(_) => false,
    };
    made && manifest.recipe.dataset == *dataset
}

async fn upload(store: &dyn Store, (name, receipt): &Named) -> Result<UploadNode, StoreError> {
    let stored = match store.head(&receipt.key).await {
        Ok(meta) => meta.version.as_deref().unwrap_or(meta.etag.as_str()) == receipt.version,
        Err(StoreError::NotFound { .. }) => false,
        Err(error) => return Err(error),
    };
    Ok(UploadNode {
        node: Node {
            key: receipt.key.clone(),
            stored,
        },
        version: receipt.version.clone(),
        size: receipt.size,
        digest: receipt.digest,
        receipt: keys::receipt(*name),
    })
}

/// Returns the digest that names a JSON document.
fn digest(key: &str) -> Option<Digest> {
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}
