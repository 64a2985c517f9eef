//! What the command line names: the key of an object, or a dataset.

use anyhow::{Context as _, bail};
use contract::{Dataset, Digest, PartId};
use platform::{Store, bucket};

/// An object whose lineage is asked for.
pub(super) struct Subject {
    /// Its dataset.
    pub dataset: Dataset,
    /// Its part of the dataset.
    pub part: PartId,
    /// The object.
    pub object: Object,
}

/// The kinds of objects that have a lineage.
pub(super) enum Object {
    Forecast(Digest),
    /// A generation of the champion log.
    Champion(u64),
    Model(Digest),
    Cut(Digest),
    Clean(Digest),
}

/// Reads a key, or the name of a dataset, which stands for its newest forecast.
///
/// # Errors
/// When there is no such object, or the store does not answer.
pub(super) async fn subject(store: &dyn Store, asked: &str) -> anyhow::Result<Subject> {
    let segments: Vec<&str> = asked.split('/').collect();
    if let [name] = segments.as_slice() {
        let dataset: Dataset = name.parse()?;
        return newest(store, dataset, PartId::WHOLE).await;
    }
    let unknown = || format!("`{asked}` is no key of a forecast, a champion, a model, a cut or a clean part");
    let [prefix, dataset, part, rest @ ..] = segments.as_slice() else {
        bail!(unknown())
    };
    let dataset: Dataset = dataset.parse().with_context(unknown)?;
    let part = part_id(part).with_context(unknown)?;
    let digest = |name: &str| name.split('.').next().unwrap_or_default().parse::<Digest>();
    let object = match (*prefix, rest) {
        ("forecasts", ["latest.json"]) => return newest(store, dataset, part).await,
        ("champion", ["current.json"]) => {
            let entry = bucket::champion(store, &dataset).await?;
            Object::Champion(entry.with_context(|| format!("`{asked}` does not exist"))?.generation)
        }
        ("champion", ["log", name]) => Object::Champion(name.trim_end_matches(".json").parse().with_context(unknown)?),
        ("forecasts", [name]) => Object::Forecast(digest(name).with_context(unknown)?),
        ("models", [name]) => Object::Model(digest(name).with_context(unknown)?),
        ("samples", [name]) => Object::Cut(digest(name).with_context(unknown)?),
        ("clean", [name]) => Object::Clean(digest(name).with_context(unknown)?),
        _ => bail!(unknown()),
    };
    Ok(Subject { dataset, part, object })
}

async fn newest(store: &dyn Store, dataset: Dataset, part: PartId) -> anyhow::Result<Subject> {
    let latest = bucket::latest(store, &dataset).await?;
    let latest = latest.with_context(|| format!("dataset `{dataset}` has no forecast here"))?;
    Ok(Subject {
        dataset,
        part,
        object: Object::Forecast(latest.forecast),
    })
}

fn part_id(segment: &str) -> Option<PartId> {
    let (index, of) = segment.split_once("-of-")?;
    PartId::try_from([index.parse().ok()?, of.parse().ok()?]).ok()
}
