//! The stage `infer`: forecasts with the champion from the last observed row of a clean part.
//!
//! It promises that the forecast is that of the champion in the job, that it uses nothing after its origin, and that
//! `latest.json` only moves forward. It refuses to know rounds: the job names the champion.
//!
//! Over HTTP the same champions answer requests ([`face`]); that part only reads.
//!
//! Start with [`predict`](predict::predict), the pure part, then [`Infer`].

pub mod csv;
mod error;
pub mod latest;
pub mod predict;
mod serving;

use async_trait::async_trait;
use bytes::Bytes;
use contract::{CutDocument, Digest, Entry, ForecastDocument, ForecastKind, InferFacts, InferTask, Latest, Next, keys};
use forecast::{Artifact, Calibration};
use platform::{
    Job, Platform, Store, StoreError, Work, Worked,
    documents::{json, read, read_blob, read_named},
    threads::run_blocking,
};
use predict::{Ahead, predict};

pub use error::InferError;
pub use serving::face;

/// The stage `infer`, as the driver runs it. Has no settings of its own: all come from the spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Infer;

/// The inputs of a forecast, as they were read.
struct Inputs {
    entry: Entry,
    cut: CutDocument,
    artifact: Bytes,
    clean: Bytes,
}

#[async_trait]
impl Work for Infer {
    type Task = InferTask;
    type Made = InferFacts;
    type Error = InferError;

    async fn work(&self, job: &Job<InferTask>, platform: &Platform) -> Result<Worked<InferFacts>, InferError> {
        let task = &job.task;
        let Inputs {
            entry,
            cut,
            artifact,
            clean,
        } = inputs(task, platform).await?;
        let (spec, sample) = (job.spec.clone(), entry.sample);
        let scored = entry.score.map_or(0, |_| cut.cut.scored_steps());
        let (ahead, frequency, targets) = run_blocking(move || {
            let artifact = fitted_on(sample, &artifact)?;
            let (model, calibration) = (families::forecaster(&artifact)?, Calibration::read(&artifact)?);
            let table = part::read(clean)?;
            let ahead = predict(&spec.forecast, &cut, &table, &*model, calibration.as_ref())?;
            Ok::<_, InferError>((ahead, cut.axis.frequency, cut.transform.target_names()))
        })
        .await?;
        let (origin, steps) = (ahead.origin, ahead.times.len());
        let document = ForecastDocument {
            scored: Some(scored),
            ..document(task, &entry, ahead, frequency, targets)
        };
        let bytes = json(keys::FORECASTS, &document)?;
        let forecast = Digest::of(&bytes);
        platform
            .store
            .put_named(&keys::forecast(&task.dataset, task.part, forecast), bytes)
            .await?;
        Ok(Worked::Done(InferFacts {
            forecast,
            generation: task.generation,
            origin,
            steps,
        }))
    }

    /// Moves `latest.json` forward. The walk ends here.
    async fn conclude(&self, job: &Job<InferTask>, made: &InferFacts, platform: &Platform) -> Result<Next, InferError> {
        let task = &job.task;
        let latest = Latest {
            generation: made.generation,
            origin: made.origin,
            forecast: made.forecast,
            key: keys::forecast(&task.dataset, task.part, made.forecast),
        };
        latest::advance(&*platform.store, &task.dataset, task.part, &latest).await?;
        Ok(Next::nothing())
    }
}

async fn inputs(task: &InferTask, platform: &Platform) -> Result<Inputs, InferError> {
    if let Some(request) = task.request {
        return Err(InferError::Request { request });
    }
    let (store, cap) = (&*platform.store, platform.host.max_packed());
    let entry = entry(task, store).await?;
    let cut = read_named(store, &keys::cut(&task.dataset, task.part, entry.sample), entry.sample).await?;
    let key = keys::artifact(&task.dataset, task.part, task.artifact);
    let artifact = read_blob(store, &key, task.artifact, cap).await?;
    let key = keys::clean(&task.dataset, task.part, task.clean);
    let clean = read_blob(store, &key, task.clean, cap).await?;
    Ok(Inputs {
        entry,
        cut,
        artifact,
        clean,
    })
}

async fn entry(task: &InferTask, store: &dyn Store) -> Result<Entry, InferError> {
    let key = keys::champion_entry(&task.dataset, task.part, task.generation);
    let (entry, _) = read::<Entry>(store, &key).await?.ok_or(StoreError::NotFound { key })?;
    if entry.artifact != task.artifact {
        let generation = task.generation;
        return Err(InferError::OtherChampion {
            generation,
            have: entry.artifact,
            want: task.artifact,
        });
    }
    Ok(entry)
}

fn fitted_on(want: Digest, bytes: &[u8]) -> Result<Artifact, InferError> {
    let artifact = Artifact::parse(bytes)?;
    if artifact.about.cut != want.hex() {
        return Err(InferError::OtherCut {
            have: artifact.about.cut,
            want,
        });
    }
    Ok(artifact)
}

fn document(
    task: &InferTask,
    entry: &Entry,
    ahead: Ahead,
    frequency: series::Frequency,
    targets: Vec<String>,
) -> ForecastDocument {
    ForecastDocument {
        kind: ForecastKind::Future,
        dataset: task.dataset.clone(),
        part: task.part,
        member: entry.member.clone(),
        artifact: task.artifact,
        generation: Some(task.generation),
        clean: task.clean,
        origin: ahead.origin,
        frequency,
        targets,
        times: ahead.times,
        mean: ahead.mean,
        quantiles: ahead.quantiles,
        calibrated: ahead.calibrated,
        actual: None,
        steps: None,
        scored: None,
        extrapolates_from: ahead.extrapolates_from,
    }
}
