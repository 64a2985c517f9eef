//! The result of `flits run`: one JSON object for programs, a table for people.

use std::{borrow::Cow, collections::BTreeMap};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use contract::{Failure, Lengths, Stage, text};
use forecast::EpochLoss;
use gateway::Champion;
use serde::Serialize;
use series::Scores;

/// The last line of `flits run --json`. Its fields are fixed; `docs/operations.md` describes them.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RunResult {
    /// Always `result`.
    pub event: &'static str,
    /// Whether there is a forecast.
    pub ok: bool,
    /// The dataset as it was asked for, valid or not.
    pub dataset: String,
    /// The champion after this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
    /// Why there is no champion, where a round was decided without a winner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nobody: Option<String>,
    /// Scores by member, for those that have scores.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, Scores>,
    /// Why the other members have no scores.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub out: BTreeMap<String, String>,
    /// Why no job began with the upload although it was not refused: it was replaced or deleted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// The lengths that were chosen: seasons, horizon, scored and served steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
    /// The key of the forecast in the bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
    /// One entry for each job that was committed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageResult>,
    /// The path of the plot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plot: Option<String>,
    /// The paths of further pictures and pages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plots: Vec<String>,
    /// Why there is no plot although there is a forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unplotted: Option<String>,
    /// The failures of this upload's jobs, as in `failed/{job}.json`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failure>,
}

/// What one committed job did.
#[derive(Debug, Clone, Serialize)]
pub(super) struct StageResult {
    /// The stage of the job.
    pub stage: Stage,
    /// The member, for `train` and `eval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The part, `{index}-of-{of}`.
    pub part: String,
    /// How long the work took, in seconds; 0 where it was adopted.
    pub seconds: f64,
    /// Whether the job was committed before this command began, or adopted the result of another job.
    pub reused: bool,
    /// Rows on the regular time axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Columns, with those of the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
    /// The shape of the inputs of a fit: windows, context, inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<[usize; 3]>,
    /// The shape of its targets: windows, horizon, targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<[usize; 3]>,
    /// Losses by epoch, on scaled values; empty for models without epochs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochLoss>,
    /// What is worth knowing about the data or about how the stage went.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

impl StageResult {
    /// Returns each notice with control characters escaped, with the model or, where there is none, the stage.
    pub(super) fn readable_notices(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let about = self.model.as_deref().unwrap_or(self.stage.name());
        self.notices.iter().map(move |notice| (about, text::plain(notice)))
    }
}

impl RunResult {
    /// Makes the result of an upload for which nothing is done yet.
    #[must_use]
    pub(super) fn new(dataset: &str) -> Self {
        Self {
            event: "result",
            ok: false,
            dataset: dataset.to_owned(),
            champion: None,
            nobody: None,
            lost: None,
            scores: BTreeMap::new(),
            out: BTreeMap::new(),
            lengths: None,
            forecast: None,
            stages: Vec::new(),
            plot: None,
            plots: Vec::new(),
            unplotted: None,
            failed: Vec::new(),
        }
    }
}

/// Writes scores as a table, best first by RMSSE, or by RMSE where that is missing. Members without scores say why.
#[must_use]
pub(super) fn scores_table(
    scores: &BTreeMap<String, Scores>,
    out: &BTreeMap<String, String>,
    champion: Option<&str>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "model", "rmsse", "mase", "rmse", "mae", "rmse scaled"]);
    let mut ranked: Vec<_> = scores.iter().collect();
    ranked.sort_by(|(_, a), (_, b)| key(a).total_cmp(&key(b)));
    for (name, s) in ranked {
        let mark = if champion == Some(name) { "*" } else { "" };
        table.add_row([
            mark.to_owned(),
            name.clone(),
            number(s.rmsse),
            number(s.mase),
            number(s.rmse),
            number(s.mae),
            number(s.rmse_scaled),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let out = out
        .iter()
        .map(|(name, why)| format!("  {} is out: {}", text::plain(name), text::lines(why)));
    std::iter::once(table.to_string())
        .chain(out)
        .collect::<Vec<_>>()
        .join("\n")
}

fn key(scores: &Scores) -> f64 {
    scores.rmsse.or(scores.rmse).unwrap_or(f64::INFINITY)
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(v) if v != 0.0 && !(1e-3..1e6).contains(&v.abs()) => format!("{v:.4e}"),
        Some(v) => format!("{v:.4}"),
    }
}

/// Writes a failure for a person: the object and the message, which contains the wrong value and the bound. Row and
/// column follow where the message does not contain them.
#[must_use]
pub(super) fn failure_text(failure: &Failure) -> String {
    let message = &failure.message;
    let row = failure.row.map(|row| format!("row {row}"));
    let column = failure.column.as_ref().map(|column| format!("column `{column}`"));
    let missing = [row, column].into_iter().flatten();
    let missing: Vec<_> = missing.filter(|position| !names(message, position)).collect();
    let key = if message.contains(&format!("`{}`", failure.key)) {
        String::new()
    } else {
        format!("{}: ", text::plain(&failure.key))
    };
    let position = if missing.is_empty() {
        String::new()
    } else {
        format!(" ({})", text::plain(&missing.join(", ")))
    };
    format!("{key}{}{position}", text::lines(message))
}

/// Returns whether a message names a row or column, and not only a longer one that begins alike: `row 12` is not `row
/// 1`.
fn names(message: &str, position: &str) -> bool {
    let ends = |at: usize| !message[at + position.len()..].starts_with(|c: char| c.is_ascii_digit());
    message.match_indices(position).any(|(at, _)| ends(at))
        || position
            .strip_prefix("column ")
            .is_some_and(|name| message.contains(name))
}

#[cfg(test)]
mod tests {
    use contract::{FailedStage, FailureKind};

    use contract::Digest;

    use super::*;

    fn failure(message: &str, row: Option<u64>, column: Option<&str>) -> Failure {
        Failure {
            job: Digest::of(b"job"),
            stage: FailedStage::Stage(Stage::Preprocess),
            dataset: None,
            key: "raw/cell/a.csv".to_owned(),
            kind: FailureKind::Data,
            message: message.to_owned(),
            member: None,
            row,
            column: column.map(str::to_owned),
            value: Some("x".to_owned()),
            bound: Some("a number".to_owned()),
            attempt: 0,
            at: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn a_refusal_says_row_column_value_and_bound_once() {
        let all = "a.csv, row 52, column `down`: `x` is not a number";
        for (failure, text) in [
            (failure(all, Some(52), Some("down")), format!("raw/cell/a.csv: {all}")),
            (failure(all, Some(5), None), format!("raw/cell/a.csv: {all} (row 5)")),
            (
                failure("`x` is not a number", Some(5), Some("down")),
                "raw/cell/a.csv: `x` is not a number (row 5, column `down`)".to_owned(),
            ),
            (
                failure("`raw/cell/a.csv` has 9 bytes, at most 3 are read", None, None),
                "`raw/cell/a.csv` has 9 bytes, at most 3 are read".to_owned(),
            ),
        ] {
            assert_eq!(failure_text(&failure), text);
        }
    }

    #[test]
    fn a_refusal_is_text_and_commands_no_terminal() {
        let mut failure = failure("`x\u{1b}[2J`\nchampion gru", Some(1), Some("a\u{202e}\nb"));
        failure.key = "raw/cell/\u{1b}[31m.csv".to_owned();
        assert_eq!(
            failure_text(&failure),
            "raw/cell/\\u{1b}[31m.csv: `x\\u{1b}[2J`\\nchampion gru (row 1, column `a\\u{202e}\\nb`)"
        );
        let out = BTreeMap::from([("gru".to_owned(), "cannot fit\n\u{1b}[2J".to_owned())]);
        let table = scores_table(&BTreeMap::new(), &out, None);
        assert!(table.ends_with("gru is out: cannot fit\\n\\u{1b}[2J"), "{table}");
    }
}
