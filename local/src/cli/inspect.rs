//! `flits status`, `flits scores` and `flits forecast`: reading what is there.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    io::{IsTerminal as _, Write as _},
};

use anyhow::{Context as _, bail};
use contract::{Dataset, Entry, Failure, ForecastDocument, JobId, Latest, PartId, Round, Upload, keys, text};
use platform::{
    Store, documents,
    ledger::{Ledger, State},
};
use serde::Serialize;
use series::Scores;

use super::{
    print,
    progress::print_json,
    result::{Champion, failure_text, scores_table},
    watch,
};

/// Keys a listing asks for at once.
const PAGE: usize = 1_000;
/// Ledgers and failures that `status` reads at most; older ones are left out and counted.
const MAX_READ: usize = 2_000;

/// The ends of the interval that is shown: 80 %.
pub(super) const INTERVAL: [&str; 2] = ["0.1", "0.9"];

/// Where jobs that have not ended are shown.
const RUNNING: &str = "(running)";

/// One dataset in `flits status`.
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
pub async fn status(store: &dyn Store, only: Option<&str>, json: bool) -> anyhow::Result<()> {
    let mut datasets: BTreeMap<String, DatasetStatus> = BTreeMap::new();
    let status = |datasets: &mut BTreeMap<String, DatasetStatus>, name: &str, change: &dyn Fn(&mut DatasetStatus)| {
        let new = || DatasetStatus {
            dataset: name.to_owned(),
            ..DatasetStatus::default()
        };
        change(datasets.entry(name.to_owned()).or_insert_with(new));
    };
    for key in list(store, keys::RAW).await? {
        let name = Upload::parse(&key).map_or_else(|_| "(no valid dataset)".to_owned(), |u| u.dataset.to_string());
        status(&mut datasets, &name, &|s| s.uploads += 1);
    }
    let ledgers = newest::<Ledger>(store, "jobs/").await?;
    // What was tried again has ended otherwise since; its reason stays in the bucket.
    let mended: HashSet<JobId> = ledgers
        .iter()
        .filter(|ledger| ledger.state != State::Failed)
        .map(|ledger| ledger.job)
        .collect();
    let failures = newest::<Failure>(store, "failed/").await?.into_iter();
    for failure in failures.filter(|failure| !mended.contains(&failure.job)) {
        let name = failure
            .dataset
            .as_ref()
            .map_or_else(|| "(no valid dataset)".to_owned(), ToString::to_string);
        status(&mut datasets, &name, &|s| s.failed.push(failure.clone()));
    }
    for ledger in ledgers.iter().filter(|ledger| !ledger.state.is_final()) {
        let line = format!(
            "job {} of {:?}: {:?}, attempt {}",
            ledger.job.short(),
            ledger.stage,
            ledger.state,
            ledger.attempt
        );
        // A ledger names no dataset, so what runs is shown apart.
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
        status.champion = champion(store, &dataset).await?.as_ref().map(Champion::of);
        status.forecast = latest(store, &dataset).await?.map(|latest| latest.key);
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

/// Prints the scores of a dataset's newest decided round.
///
/// # Errors
/// When the store does not answer, or no round of the dataset is decided.
pub async fn scores(store: &dyn Store, dataset: &Dataset, json: bool) -> anyhow::Result<()> {
    let entry = champion(store, dataset).await?;
    let entry = entry.with_context(|| format!("dataset `{dataset}` has no decided round here"))?;
    let round = watch::round(store, dataset, PartId::WHOLE, entry.round).await?;
    let round = round.with_context(|| format!("the round {} is gone", entry.round))?;
    let (mut scores, mut out) = (BTreeMap::new(), BTreeMap::new());
    for outcome in &round.outcomes {
        let name = outcome.member.to_string();
        scores.extend(outcome.scores.clone().map(|scores| (name.clone(), scores)));
        out.extend(outcome.failed.clone().map(|why| (name, why)));
    }
    if json {
        print_json(&serde_json::json!({
            "event": "scores", "dataset": dataset, "round": entry.round, "metric": entry.metric, "reason": entry.reason,
            "champion": Champion::of(&entry), "scores": scores, "out": out,
        }));
    } else {
        print(&scores_table(&scores, &out, Some(entry.member.as_str())));
        print(&format!(
            "{} reigns in generation {}: {}",
            entry.member,
            entry.generation,
            text::lines(&entry.reason)
        ));
        print(&margin_text(&scores, &round.round, &entry));
    }
    Ok(())
}

/// Prints a dataset's newest forecast.
///
/// # Errors
/// When the store does not answer, or the dataset has no forecast.
pub async fn forecast(store: &dyn Store, dataset: &Dataset, csv: bool, json: bool) -> anyhow::Result<()> {
    let latest = latest(store, dataset).await?;
    let latest = latest.with_context(|| format!("dataset `{dataset}` has no forecast here"))?;
    let document: ForecastDocument = read(store, &latest.key)
        .await?
        .with_context(|| format!("`{}` is gone", latest.key))?;
    if json {
        print_json(&document);
        return Ok(());
    }
    let mut out = std::io::stdout().lock();
    if csv {
        // A program reads the names as they are; a terminal would obey them.
        let faithful = !out.is_terminal();
        return gone(write_csv(&document, faithful, &mut out));
    }
    let about = format!(
        "{} by {}, generation {}, {} steps",
        text::plain(&latest.key),
        document.member,
        latest.generation,
        document.times.len()
    );
    let written = writeln!(out, "{about}").map_err(csv::Error::from);
    gone(written.and_then(|()| write_csv(&document, false, &mut out)))
}

/// A reader that went away is no error.
fn gone(written: csv::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if !error.is_io_error() => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes a forecast as CSV; names are written as they are where that is asked for, else as a terminal may show them.
fn write_csv(document: &ForecastDocument, faithful: bool, out: impl std::io::Write) -> csv::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    let columns = columns(document);
    table.write_field("time")?;
    for (name, _) in &columns {
        let name = if faithful { name.into() } else { text::plain(name) };
        table.write_field(cell(&name).as_bytes())?;
    }
    table.write_record(None::<&[u8]>)?;
    for (step, time) in document.times.iter().enumerate() {
        table.write_field(cell(time).as_bytes())?;
        for (_, values) in &columns {
            table.write_field(values.get(step).map_or(String::new(), f64::to_string))?;
        }
        table.write_record(None::<&[u8]>)?;
    }
    Ok(table.flush()?)
}

/// Returns a text as a cell that no spreadsheet takes for a formula: one that begins like it gets an apostrophe, which
/// spreadsheets do not show. Numbers are no texts and stay as they are.
fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

/// Gives the columns of a forecast as a table: the means of all targets, then the ends of their 80 % intervals.
fn columns(document: &ForecastDocument) -> Vec<(String, &[f64])> {
    let mut columns = Vec::new();
    for (name, mean) in document.targets.iter().zip(&document.mean) {
        columns.push((name.clone(), mean.as_slice()));
    }
    for (target, name) in document.targets.iter().enumerate() {
        for level in INTERVAL {
            if let Some(values) = document.quantiles.get(level).and_then(|rows| rows.get(target)) {
                columns.push((format!("{name}_{level}"), values.as_slice()));
            }
        }
    }
    columns
}

/// Says by how much the champion beats the better baseline of its round.
fn margin_text(scores: &BTreeMap<String, Scores>, round: &Round, entry: &Entry) -> String {
    let (Some(score), Some(baseline)) = (entry.score, entry.baseline_score) else {
        return String::new();
    };
    let names: BTreeSet<&str> = round.baselines.iter().map(contract::MemberName::as_str).collect();
    if names.contains(entry.member.as_str()) {
        return format!(
            "no model beats the better baseline ({} {baseline:.4}) by the margin",
            entry.metric
        );
    }
    if !scores.contains_key(entry.member.as_str()) {
        return String::new();
    }
    format!(
        "{:.1} % better than the better baseline ({} {score:.4} against {baseline:.4})",
        (1.0 - score / baseline) * 100.0,
        entry.metric
    )
}

fn status_text(status: &DatasetStatus) -> String {
    let mut lines = vec![format!("{}: {} uploaded objects", status.dataset, status.uploads)];
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

/// Gives the newest entry of the champion log: the hint, then whatever came after it.
async fn champion(store: &dyn Store, dataset: &Dataset) -> anyhow::Result<Option<Entry>> {
    let part = PartId::WHOLE;
    let mut newest: Option<Entry> = read(store, &keys::champion_hint(dataset, part)).await?;
    loop {
        let next = newest.as_ref().map_or(1, |entry| entry.generation + 1);
        match read(store, &keys::champion_entry(dataset, part, next)).await? {
            Some(entry) => newest = Some(entry),
            None => return Ok(newest),
        }
    }
}

async fn latest(store: &dyn Store, dataset: &Dataset) -> anyhow::Result<Option<Latest>> {
    read(store, &keys::latest(dataset, PartId::WHOLE)).await
}

async fn read<T: serde::de::DeserializeOwned>(store: &dyn Store, key: &str) -> anyhow::Result<Option<T>> {
    Ok(documents::read(store, key).await?.map(|(document, _)| document))
}

pub(super) async fn list(store: &dyn Store, prefix: &str) -> anyhow::Result<Vec<String>> {
    Ok(list_objects(store, prefix)
        .await?
        .into_iter()
        .map(|object| object.key)
        .collect())
}

async fn list_objects(store: &dyn Store, prefix: &str) -> anyhow::Result<Vec<platform::Listed>> {
    let mut objects: Vec<platform::Listed> = Vec::new();
    loop {
        let after = objects.last().map(|object| object.key.clone());
        let page = store.list(prefix, after.as_deref(), PAGE).await?;
        let full = page.len() == PAGE;
        objects.extend(page);
        if !full {
            return Ok(objects);
        }
    }
}

/// Reads the newest documents under a prefix.
async fn newest<T: serde::de::DeserializeOwned>(store: &dyn Store, prefix: &str) -> anyhow::Result<Vec<T>> {
    let mut objects = list_objects(store, prefix).await?;
    objects.sort_by_key(|object| std::cmp::Reverse(object.last_modified));
    let mut documents = Vec::new();
    for object in objects.iter().take(MAX_READ) {
        documents.extend(read(store, &object.key).await?);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use contract::{Digest, ForecastKind};

    use super::*;

    fn forecast(names: &[&str]) -> ForecastDocument {
        ForecastDocument {
            kind: ForecastKind::Future,
            dataset: "cell".parse().unwrap(),
            part: PartId::WHOLE,
            member: "naive".to_owned().try_into().unwrap(),
            artifact: Digest::of(b"artifact"),
            generation: Some(1),
            clean: Digest::of(b"clean"),
            origin: 0,
            frequency: series::Frequency::Seconds(60),
            targets: names.iter().map(|name| (*name).to_owned()).collect(),
            times: vec!["1970-01-01T00:01:00Z".to_owned()],
            mean: vec![vec![-1.5]; names.len()],
            quantiles: BTreeMap::from([("0.1".to_owned(), vec![vec![-2e-7]; names.len()])]),
            calibrated: None,
            actual: None,
            extrapolates_from: None,
        }
    }

    fn written(names: &[&str], faithful: bool) -> String {
        let mut out = Vec::new();
        write_csv(&forecast(names), faithful, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_cell_of_a_csv_is_a_formula_and_numbers_stay_numbers() {
        let names = [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1",
            "@sum",
            "\tx",
            "\rx",
            "a,\"b\"\nc",
            "down",
        ];
        let text = written(&names, true);
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let header = table.headers().unwrap().clone();
        for name in &header {
            assert!(!name.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name:?}");
        }
        assert_eq!(&header[1], "'=cmd|' /C calc'!A0");
        assert_eq!(
            (&header[7], &header[8], &header[9]),
            ("a,\"b\"\nc", "down", "'=cmd|' /C calc'!A0_0.1")
        );
        let row = table.records().next().unwrap().unwrap();
        assert_eq!((row[1].parse(), row[9].parse()), (Ok(-1.5), Ok(-2e-7)));
    }

    #[test]
    fn a_terminal_is_shown_names_that_command_nothing() {
        let text = written(&["a\u{1b}[31m\nb"], false);
        assert_eq!(text.lines().next(), Some("time,a\\u{1b}[31m\\nb,a\\u{1b}[31m\\nb_0.1"));
        assert!(
            written(&["a\u{1b}[31m"], true).contains('\u{1b}'),
            "programs get what was uploaded"
        );
    }
}
