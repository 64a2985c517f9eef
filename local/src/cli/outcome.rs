//! Turns what the bucket shows at the end of a walk into the result, the table and the plot.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use contract::{Dataset, Decision, Entry, ForecastDocument, PartId, Produced, keys};
use platform::{Store, documents};
use series::Role;

use super::{
    inspect::INTERVAL,
    plot::{self, Panel},
    progress::stage_result,
    result::{Champion, RunResult},
    watch::{JobView, Reused, RoundView, View},
};

/// Actual rows that the plot shows where there is no holdout forecast to set the frame.
const RECENT_ROWS: usize = 500;
/// The largest clean part that is read back for a plot, in bytes.
const CLEAN_CAP: u64 = 1 << 30;

/// Sums a finished walk up.
#[must_use]
pub fn summarize(dataset: &Dataset, view: &View, round: Option<&RoundView>, reused: &Reused) -> RunResult {
    let mut result = RunResult::new(dataset.as_str());
    result.stages = view.jobs.iter().filter_map(|job| stage_result(job, reused)).collect();
    result.failed = view.jobs.iter().filter_map(|job| job.failure.clone()).collect();
    for outcome in round.iter().flat_map(|round| &round.outcomes) {
        let name = outcome.member.to_string();
        if let Some(scores) = &outcome.scores {
            result.scores.insert(name.clone(), scores.clone());
        }
        if let Some(why) = &outcome.failed {
            result.out.insert(name, why.clone());
        }
    }
    if let Some(Decision::Nobody { reason, .. }) = round.and_then(|round| round.decision.as_ref()) {
        result.nobody = Some(reason.clone());
    }
    if let Some(entry) = round.and_then(champion) {
        result.champion = Some(Champion::of(entry));
    }
    if let Some(forecast) = view.jobs.iter().find_map(forecast_digest) {
        result.forecast = Some(keys::forecast(dataset, PartId::WHOLE, forecast));
        result.ok = true;
    }
    result
}

/// Gives who reigns after the round.
#[must_use]
pub fn champion(round: &RoundView) -> Option<&Entry> {
    match &round.decision {
        Some(Decision::Entry(entry)) => Some(entry),
        Some(Decision::Nobody { .. }) | None => None,
    }
}

/// Draws recent actuals, the champion's forecast of the holdout and the future, and gives the file's path.
///
/// # Errors
/// When a document cannot be read or the file cannot be written.
pub async fn draw(
    dir: &Path,
    view: &View,
    round: &RoundView,
    result: &RunResult,
    store: &dyn Store,
) -> anyhow::Result<PathBuf> {
    let key = result.forecast.as_ref().context("there is no forecast to draw")?;
    let future: ForecastDocument = document(store, key)
        .await?
        .with_context(|| format!("`{key}` is gone"))?;
    let holdout = holdout(round, result, store).await?;
    let actual = actuals(&result.dataset.parse()?, view, store).await?;
    let panels = panels(&future, holdout.as_ref(), &actual);
    let path = dir.join("plots").join(format!("{}.svg", result.dataset));
    std::fs::create_dir_all(dir.join("plots")).with_context(|| format!("cannot create {}", path.display()))?;
    let title = format!("{}: forecast by {}", result.dataset, future.member);
    plot::draw(&path, &title, &panels)?;
    Ok(path)
}

fn forecast_digest(job: &JobView) -> Option<contract::Digest> {
    match &job.made {
        Some(Produced::Infer(facts)) => Some(facts.forecast),
        _ => None,
    }
}

async fn holdout(round: &RoundView, result: &RunResult, store: &dyn Store) -> anyhow::Result<Option<ForecastDocument>> {
    let champion = result.champion.as_ref();
    let outcome = round
        .outcomes
        .iter()
        .find(|o| o.artifact.is_some() && o.artifact == champion.map(|c| c.digest));
    match outcome.and_then(|outcome| outcome.holdout) {
        Some(digest) => {
            let dataset = result.dataset.parse()?;
            document(store, &keys::forecast(&dataset, PartId::WHOLE, digest)).await
        }
        None => Ok(None),
    }
}

/// The observed values of each target at the end of the clean part.
async fn actuals(
    dataset: &Dataset,
    view: &View,
    store: &dyn Store,
) -> anyhow::Result<BTreeMap<String, Vec<(i64, Option<f64>)>>> {
    let clean = view.jobs.iter().find_map(|job| match &job.made {
        Some(Produced::Preprocess(facts)) => Some(facts.clean),
        _ => None,
    });
    let clean = clean.context("there is no clean part")?;
    let bytes = store
        .get(&keys::clean(dataset, PartId::WHOLE, clean), CLEAN_CAP)
        .await?
        .bytes;
    let table = platform::clean::read(bytes)?;
    let first = table.rows().saturating_sub(RECENT_ROWS);
    let line = |values: &[f64]| {
        let rows = values.iter().enumerate().skip(first);
        rows.map(|(row, value)| (table.axis.at(row), value.is_finite().then_some(*value)))
            .collect()
    };
    let targets = table.columns.iter().filter(|column| column.role == Role::Target);
    Ok(targets
        .map(|column| (column.name.clone(), line(&column.values)))
        .collect())
}

fn panels(
    future: &ForecastDocument,
    holdout: Option<&ForecastDocument>,
    actual: &BTreeMap<String, Vec<(i64, Option<f64>)>>,
) -> Vec<Panel> {
    let timed = |document: &ForecastDocument, rows: Option<&Vec<Vec<f64>>>, target: &str| -> Vec<(i64, f64)> {
        let row = document.targets.iter().position(|name| name == target);
        let values = row.and_then(|row| rows?.get(row)).map_or(&[][..], Vec::as_slice);
        let times = document
            .times
            .iter()
            .filter_map(|time| time.parse::<jiff::Timestamp>().ok());
        times
            .zip(values)
            .map(|(time, value)| (time.as_second(), *value))
            .collect()
    };
    let line = |document: &ForecastDocument, target: &str| timed(document, Some(&document.mean), target);
    let panel = |target: &String| Panel {
        target: target.clone(),
        actual: actual.get(target).cloned().unwrap_or_default(),
        holdout: holdout.map_or_else(Vec::new, |document| line(document, target)),
        future: line(future, target),
        interval: INTERVAL.map(|level| timed(future, future.quantiles.get(level), target)),
    };
    future.targets.iter().map(panel).collect()
}

async fn document(store: &dyn Store, key: &str) -> anyhow::Result<Option<ForecastDocument>> {
    Ok(documents::read(store, key).await?.map(|(document, _)| document))
}
