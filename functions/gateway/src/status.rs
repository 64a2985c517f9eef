//! How far each dataset has come.

use std::collections::{BTreeMap, HashSet};

use axum::{
    Json,
    extract::{Path, State},
};
use contract::{Dataset, Digest, Entry, FailedStage, Failure, JobId, Upload, keys};
use platform::{
    Platform, Store, StoreError, bucket,
    http::{ErrorResponse, Refusal},
    ledger::{Ledger, State as LedgerState},
};
use serde::Serialize;

/// The name under which running jobs are shown: a ledger does not name its dataset.
pub const RUNNING: &str = "(running)";
/// The name under which uploads and failures are shown that name no valid dataset.
const NO_DATASET: &str = "(no valid dataset)";

/// How far one dataset has come.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DatasetStatus {
    /// The name of the dataset, or [`RUNNING`].
    pub dataset: String,
    /// How many objects were uploaded.
    pub uploads: usize,
    /// Who reigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
    /// The key of the newest forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
    /// A line for each job that has not ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub running: Vec<String>,
    /// What failed for good.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failure>,
}

/// The champion of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Champion {
    /// The name of the member.
    pub model: String,
    /// The digest of its artifact.
    pub digest: Digest,
    /// Its position in the champion log, from 1.
    pub generation: u64,
    /// The digest of the scored artifact with whose settings it was fitted again on all rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
}

impl Champion {
    /// Reads the champion from an entry of the log.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self {
            model: entry.member.to_string(),
            digest: entry.artifact,
            generation: entry.generation,
            parent: entry.parent,
        }
    }
}

/// Returns how far each dataset, or one of them, has come, in the order of their names.
///
/// # Errors
/// When the store does not answer, or a document is damaged.
pub async fn statuses(store: &dyn Store, only: Option<&str>) -> Result<Vec<DatasetStatus>, StoreError> {
    let mut all = Statuses::default();
    let prefix = only.map_or_else(|| keys::RAW.to_owned(), |only| format!("{}{only}/", keys::RAW));
    for key in bucket::list(store, &prefix).await? {
        let name = Upload::parse(&key).map_or_else(|_| NO_DATASET.to_owned(), |upload| upload.dataset.to_string());
        all.of(&name).uploads += 1;
    }
    let ledgers = bucket::newest::<Ledger>(store, "jobs/").await?;
    // A job that was retried may have succeeded since; its earlier failure stays in the bucket.
    let succeeded: HashSet<JobId> = ledgers
        .iter()
        .filter(|ledger| ledger.state != LedgerState::Failed)
        .map(|ledger| ledger.job)
        .collect();
    for failure in bucket::newest::<Failure>(store, "failed/").await? {
        if !succeeded.contains(&failure.job) {
            let name = failure.dataset.as_ref();
            let name = name.map_or_else(|| NO_DATASET.to_owned(), ToString::to_string);
            all.of(&name).failed.push(failure);
        }
    }
    for ledger in ledgers.iter().filter(|ledger| !ledger.state.is_final()) {
        all.of(RUNNING).running.push(unfinished(ledger));
    }
    if let Some(only) = only {
        all.0.retain(|name, _| name == only || name == RUNNING);
        if !all.0.contains_key(only) {
            return Ok(Vec::new());
        }
    }
    for status in all.0.values_mut() {
        let Ok(dataset) = status.dataset.parse::<Dataset>() else {
            continue;
        };
        status.champion = bucket::champion(store, &dataset).await?.as_ref().map(Champion::of);
        status.forecast = bucket::latest(store, &dataset).await?.map(|latest| latest.key);
    }
    Ok(all.0.into_values().collect())
}

/// Tells how far a dataset has come.
#[utoipa::path(
    get, path = "/status/{dataset}", params(("dataset" = String, Path, description = "The dataset")),
    responses(
        (status = 200, description = "The dataset, and jobs that run", body = [serde_json::Value]),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store does not answer", body = ErrorResponse),
    )
)]
pub(super) async fn status(
    State(platform): State<Platform>,
    Path(name): Path<String>,
) -> Result<Json<Vec<DatasetStatus>>, Refusal> {
    let dataset: Dataset = name
        .parse()
        .map_err(|error| Refusal::bad(format!("`{name}` is no dataset: {error}")).at("dataset", &name))?;
    let statuses = statuses(platform.store.as_ref(), Some(dataset.as_str())).await?;
    if statuses.is_empty() {
        let message = format!("dataset `{dataset}` has no uploads and no failures here");
        return Err(Refusal::not_found(message).at("dataset", &name));
    }
    Ok(Json(statuses))
}

#[derive(Default)]
struct Statuses(BTreeMap<String, DatasetStatus>);

impl Statuses {
    fn of(&mut self, name: &str) -> &mut DatasetStatus {
        self.0.entry(name.to_owned()).or_insert_with(|| DatasetStatus {
            dataset: name.to_owned(),
            ..DatasetStatus::default()
        })
    }
}

/// Returns the line of a job that has not ended.
fn unfinished(ledger: &Ledger) -> String {
    let stage = match ledger.stage {
        FailedStage::Receive => "receive",
        FailedStage::Stage(stage) => stage.name(),
    };
    let doing = match ledger.state {
        LedgerState::Running => "runs",
        LedgerState::Released => "waits for a worker",
        LedgerState::Yielded => "continues from a checkpoint",
        LedgerState::Committed | LedgerState::Failed => "has ended",
    };
    format!(
        "job {} of {stage} {doing}, attempt {}",
        ledger.job.short(),
        ledger.attempt
    )
}
