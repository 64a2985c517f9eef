//! Where each object lies. The only place that builds keys.

use crate::{Dataset, Digest, JobId, MemberName, PartId, RoundId, Task, WorkId};

/// The prefix of uploads.
pub const RAW: &str = "raw/";

/// The prefix of cuts.
pub const SAMPLES: &str = "samples/";

/// The prefix of forecasts.
pub const FORECASTS: &str = "forecasts/";

/// The spec that users put beside their uploads.
#[must_use]
pub fn spec(dataset: &Dataset) -> String {
    format!("specs/{dataset}.toml")
}

/// A resolved spec, immutable.
#[must_use]
pub fn resolved(dataset: &Dataset, digest: Digest) -> String {
    format!("resolved/{dataset}/{digest}.json")
}

/// The receipt of one object version; `of` digests bucket, key, version or `ETag`, and size.
#[must_use]
pub fn receipt(of: Digest) -> String {
    format!("uploads/{of}.json")
}

/// A clean part.
#[must_use]
pub fn clean(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("clean/{dataset}/{part}/{digest}.parquet")
}

/// A cut and its fitted transform.
#[must_use]
pub fn cut(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("samples/{dataset}/{part}/{digest}.json")
}

/// A fitted model.
#[must_use]
pub fn artifact(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("models/{dataset}/{part}/{digest}.safetensors")
}

/// What a fitted model is, beside its weights.
#[must_use]
pub fn artifact_manifest(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("models/{dataset}/{part}/{digest}.json")
}

/// A fit that stopped on the way.
#[must_use]
pub fn checkpoint(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("checkpoints/{dataset}/{part}/{digest}")
}

/// The manifest of finished work.
#[must_use]
pub fn work(work: WorkId) -> String {
    format!("work/{}/{work}.json", work.fan())
}

/// The ledger of a job.
#[must_use]
pub fn ledger(job: JobId) -> String {
    format!("jobs/{}/{job}.json", job.fan())
}

/// Why a job failed.
#[must_use]
pub fn failed(job: JobId) -> String {
    format!("failed/{job}.json")
}

/// Who takes part in a round.
#[must_use]
pub fn round(dataset: &Dataset, part: PartId, round: RoundId) -> String {
    format!("rounds/{dataset}/{part}/{round}/round.json")
}

/// What became of one member of a round.
#[must_use]
pub fn outcome(dataset: &Dataset, part: PartId, round: RoundId, member: &MemberName) -> String {
    format!("rounds/{dataset}/{part}/{round}/{member}.json")
}

/// The document that the conclusion of a job leaves for its siblings, where it leaves one.
#[must_use]
pub fn joined(task: &Task, job: JobId) -> Option<String> {
    match task {
        Task::Sample(t) => Some(round(&t.dataset, t.part, job)),
        Task::Eval(t) => Some(outcome(&t.dataset, t.part, t.round, &t.member)),
        Task::Preprocess(_) | Task::Train(_) | Task::Infer(_) => None,
    }
}

/// What a round decided.
#[must_use]
pub fn decision(dataset: &Dataset, part: PartId, round: RoundId) -> String {
    format!("rounds/{dataset}/{part}/{round}/decision.json")
}

/// One entry of the champion log, create-only.
#[must_use]
pub fn champion_entry(dataset: &Dataset, part: PartId, generation: u64) -> String {
    format!("champion/{dataset}/{part}/log/{generation:010}.json")
}

/// The hint at the newest entry.
#[must_use]
pub fn champion_hint(dataset: &Dataset, part: PartId) -> String {
    format!("champion/{dataset}/{part}/current.json")
}

/// A forecast.
#[must_use]
pub fn forecast(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("forecasts/{dataset}/{part}/{digest}.json")
}

/// The newest forecast.
#[must_use]
pub fn latest(dataset: &Dataset, part: PartId) -> String {
    format!("forecasts/{dataset}/{part}/latest.json")
}
