//! The key of each object in the bucket. This is the only place that builds keys.
//!
//! Objects that are named by a digest never change. The others are created once or swapped under a condition, so that two
//! writers cannot overwrite each other.
//!
//! # Example
//! ```
//! use contract::{Digest, PartId, Upload, keys};
//!
//! let upload = Upload::parse("raw/retail_sales/2024/march.csv")?;
//! assert_eq!((upload.dataset.as_str(), upload.file.as_str()), ("retail_sales", "2024/march.csv"));
//!
//! let dataset = &upload.dataset;
//! assert_eq!(keys::spec(dataset), "specs/retail_sales.toml");
//! assert_eq!(keys::latest(dataset, PartId::WHOLE), "forecasts/retail_sales/0-of-1/latest.json");
//!
//! let clean = Digest::of(b"the bytes of a clean part");
//! assert_eq!(
//!     keys::clean(dataset, PartId::WHOLE, clean),
//!     format!("clean/retail_sales/0-of-1/{clean}.parquet"),
//! );
//! # Ok::<(), contract::UploadError>(())
//! ```

use crate::{Dataset, Digest, JobId, MemberName, PartId, RoundId, Task, WorkId};

/// The prefix of uploads; a new object below it starts the walk.
pub const RAW: &str = "raw/";

/// The prefix of receipts.
pub const RECEIPTS: &str = "uploads/";

/// The prefix of ledgers.
pub const JOBS: &str = "jobs/";

/// The prefix of [events that can never be accepted](crate::Dead).
pub const DEAD: &str = "dead/";

/// The prefix of cut documents.
pub const SAMPLES: &str = "samples/";

/// The prefix of forecast documents.
pub const FORECASTS: &str = "forecasts/";

/// After how many days the objects under a prefix may be deleted, because nobody reads them any more. Clean parts and cuts
/// are not among them: a champion needs its own for every forecast, however old it is.
pub const RETENTION: [(&str, i32); 5] = [
    ("checkpoints/", 7),
    (JOBS, 90),
    ("failed/", 90),
    (DEAD, 90),
    ("doctor/", 1),
];

/// Returns the key of the spec that a user puts beside the uploads of a dataset, as TOML.
#[must_use]
pub fn spec(dataset: &Dataset) -> String {
    format!("specs/{dataset}.toml")
}

/// Returns the key of a [resolved spec](crate::Spec), which never changes.
#[must_use]
pub fn resolved(dataset: &Dataset, digest: Digest) -> String {
    format!("resolved/{dataset}/{digest}.json")
}

/// Returns the key of the [receipt](crate::Receipt) of one object version; `of` is
/// [`identity::receipt`](crate::identity::receipt).
#[must_use]
pub fn receipt(of: Digest) -> String {
    format!("uploads/{of}.json")
}

/// Returns the key of a clean part, a Parquet file.
#[must_use]
pub fn clean(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("clean/{dataset}/{part}/{digest}.parquet")
}

/// Returns the key of a [cut](crate::CutDocument) with its fitted transform.
#[must_use]
pub fn cut(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("samples/{dataset}/{part}/{digest}.json")
}

/// Returns the key of a fitted model, a safetensors file.
#[must_use]
pub fn artifact(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("models/{dataset}/{part}/{digest}.safetensors")
}

/// Returns the key of the manifest that describes a fitted model.
#[must_use]
pub fn artifact_manifest(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("models/{dataset}/{part}/{digest}.json")
}

/// Returns the key of the checkpoint of a fit that was stopped before its end.
#[must_use]
pub fn checkpoint(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("checkpoints/{dataset}/{part}/{digest}")
}

/// Returns the key of the [manifest](crate::Manifest) of finished work.
#[must_use]
pub fn work(work: WorkId) -> String {
    format!("work/{}/{work}.json", work.fan())
}

/// Returns the key of a job's ledger.
#[must_use]
pub fn ledger(job: JobId) -> String {
    format!("jobs/{}/{job}.json", job.fan())
}

/// Returns the key of the document that says why a job [failed](crate::Failure).
#[must_use]
pub fn failed(job: JobId) -> String {
    format!("failed/{job}.json")
}

/// Returns the key of an [event that can never be accepted](crate::Dead); `of` is the digest of its body.
#[must_use]
pub fn dead(of: Digest) -> String {
    format!("{DEAD}{of}.json")
}

/// Returns the key of the document that lists the members of a [round](crate::Round).
#[must_use]
pub fn round(dataset: &Dataset, part: PartId, round: RoundId) -> String {
    format!("rounds/{dataset}/{part}/{round}/round.json")
}

/// Returns the key of the [outcome](crate::Outcome) of one member of a round.
#[must_use]
pub fn outcome(dataset: &Dataset, part: PartId, round: RoundId, member: &MemberName) -> String {
    format!("rounds/{dataset}/{part}/{round}/{member}.json")
}

/// Returns the key of the document that a job leaves for the other jobs of its round; `None` for stages that leave none.
#[must_use]
pub fn joined(task: &Task, job: JobId) -> Option<String> {
    match task {
        Task::Sample(t) => Some(round(&t.dataset, t.part, job)),
        Task::Eval(t) if t.refit_of.is_none() => Some(outcome(&t.dataset, t.part, t.round, &t.member)),
        Task::Eval(_) | Task::Preprocess(_) | Task::Train(_) | Task::Infer(_) => None,
    }
}

/// Returns the key of a round's [decision](crate::Decision).
#[must_use]
pub fn decision(dataset: &Dataset, part: PartId, round: RoundId) -> String {
    format!("rounds/{dataset}/{part}/{round}/decision.json")
}

/// Returns the key of an [entry](crate::Entry) of the champion log. Entries are created and never changed.
#[must_use]
pub fn champion_entry(dataset: &Dataset, part: PartId, generation: u64) -> String {
    format!("champion/{dataset}/{part}/log/{generation:010}.json")
}

/// Returns the key of the hint at the newest entry of the champion log.
#[must_use]
pub fn champion_hint(dataset: &Dataset, part: PartId) -> String {
    format!("champion/{dataset}/{part}/current.json")
}

/// Returns the key of a [forecast](crate::ForecastDocument), also of one of a holdout or of the rows that select.
#[must_use]
pub fn forecast(dataset: &Dataset, part: PartId, digest: Digest) -> String {
    format!("forecasts/{dataset}/{part}/{digest}.json")
}

/// Returns the key of the document that names the [newest forecast](crate::Latest).
#[must_use]
pub fn latest(dataset: &Dataset, part: PartId) -> String {
    format!("forecasts/{dataset}/{part}/latest.json")
}
