//! `flits status`: how far each dataset has come.

use std::collections::{BTreeMap, HashSet};

use anyhow::bail;
use contract::{Dataset, FailedStage, Failure, JobId, Upload, keys, text};
use platform::{
    Store,
    ledger::{Ledger, State},
};
use serde::Serialize;

use super::{
    bucket,
    print::{print, print_json},
    result::{Champion, failure_text},
};

/// The name under which running jobs are shown.
const RUNNING: &str = "(running)";

/// One dataset in the output of `flits status`.
#[derive(Debug, Clone, Default, Serialize)]
struct DatasetStatus {
    dataset: String,
    uploads: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    champion: Option<Champion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forecast: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    running: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failed: Vec<Failure>,
}

/// Prints how far each dataset, or one of them, has come.
///
/// # Errors
/// When the store does not answer, or the dataset has never been seen.
pub(super) async fn status(store: &dyn Store, only: Option<&str>, json: bool) -> anyhow::Result<()> {
    let mut datasets: BTreeMap<String, DatasetStatus> = BTreeMap::new();
    let status = |datasets: &mut BTreeMap<String, DatasetStatus>, name: &str, change: &dyn Fn(&mut DatasetStatus)| {
        let new = || DatasetStatus {
            dataset: name.to_owned(),
            ..DatasetStatus::default()
        };
        change(datasets.entry(name.to_owned()).or_insert_with(new));
    };
    for key in bucket::list(store, keys::RAW).await? {
        let name = Upload::parse(&key).map_or_else(|_| "(no valid dataset)".to_owned(), |u| u.dataset.to_string());
        status(&mut datasets, &name, &|s| s.uploads += 1);
    }
    let ledgers = bucket::newest::<Ledger>(store, keys::JOBS).await?;
    // A job that was retried may have succeeded since; its earlier failure stays in the bucket.
    let succeeded: HashSet<JobId> = ledgers
        .iter()
        .filter(|ledger| ledger.state != State::Failed)
        .map(|ledger| ledger.job)
        .collect();
    let failures = bucket::newest::<Failure>(store, "failed/").await?.into_iter();
    for failure in failures.filter(|failure| !succeeded.contains(&failure.job)) {
        let name = failure
            .dataset
            .as_ref()
            .map_or_else(|| "(no valid dataset)".to_owned(), ToString::to_string);
        status(&mut datasets, &name, &|s| s.failed.push(failure.clone()));
    }
    for ledger in ledgers.iter().filter(|ledger| !ledger.state.is_final()) {
        let line = unfinished(ledger);
        // A ledger does not name its dataset, so running jobs are shown together.
        status(&mut datasets, RUNNING, &|s| s.running.push(line.clone()));
    }
    if let Some(only) = only {
        datasets.retain(|name, _| name == only || name == RUNNING);
        if !datasets.contains_key(only) {
            let only = text::plain(only);
            bail!("dataset `{only}` has no uploads and no failures here");
        }
    }
    for status in datasets.values_mut() {
        let Ok(dataset) = status.dataset.parse::<Dataset>() else {
            continue;
        };
        status.champion = bucket::champion(store, &dataset).await?.as_ref().map(Champion::of);
        status.forecast = bucket::latest(store, &dataset).await?.map(|latest| latest.key);
    }
    for status in datasets.values() {
        if json {
            print_json(status);
        } else {
            print(&status_text(status));
        }
    }
    if datasets.is_empty() && !json {
        print("no uploads here yet; begin with `flits run FILE`");
    }
    Ok(())
}

/// Returns the line of a job that has not ended.
fn unfinished(ledger: &Ledger) -> String {
    let stage = match ledger.stage {
        FailedStage::Receive => "receive",
        FailedStage::Stage(stage) => stage.name(),
    };
    let doing = match ledger.state {
        State::Running => "runs",
        State::Released => "waits for a worker",
        State::Yielded => "continues from a checkpoint",
        State::Committed | State::Failed => "has ended",
    };
    format!(
        "job {} of {stage} {doing}, attempt {}",
        ledger.job.short(),
        ledger.attempt
    )
}

fn status_text(status: &DatasetStatus) -> String {
    let mut lines = match (status.dataset.as_str(), status.uploads) {
        (RUNNING, _) => vec![RUNNING.to_owned()],
        (dataset, 1) => vec![format!("{dataset}: 1 uploaded object")],
        (dataset, uploads) => vec![format!("{dataset}: {uploads} uploaded objects")],
    };
    if let Some(champion) = &status.champion {
        lines.push(format!(
            "champion {} (generation {})",
            champion.model, champion.generation
        ));
    }
    lines.extend(status.forecast.iter().map(|key| format!("forecast {key}")));
    lines.extend(status.running.iter().cloned());
    lines.extend(
        status
            .failed
            .iter()
            .map(|failure| format!("failed: {}", failure_text(failure))),
    );
    lines.join("\n  ")
}
