//! What `flits run` ends with: one JSON object for programs, a table for people.

use std::{borrow::Cow, collections::BTreeMap};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use contract::{Digest, Entry, Failure, Stage, text};
use forecast::EpochLoss;
use serde::Serialize;
use series::Scores;

/// The last line of `flits run --json`.
#[derive(Debug, Clone, Serialize)]
pub struct RunResult {
    /// Always `result`.
    pub event: &'static str,
    /// Whether there is a forecast.
    pub ok: bool,
    /// The dataset, as it was asked for.
    pub dataset: String,
    /// Who reigns now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub champion: Option<Champion>,
    /// Why nobody reigns, where a round was decided without a winner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nobody: Option<String>,
    /// Scores of each member that has some.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, Scores>,
    /// Why the others have none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub out: BTreeMap<String, String>,
    /// Why no job began with the upload, where it was not refused: it was replaced or deleted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// The key of the forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<String>,
    /// Each job of the walk.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageResult>,
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plot: Option<String>,
    /// Why there is no picture, where there should be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unplotted: Option<String>,
    /// What failed, as in `failed/{job}.json`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failure>,
}

/// Who reigns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Champion {
    /// The member.
    pub model: String,
    /// Its artifact.
    pub digest: Digest,
    /// Its place in the champion log.
    pub generation: u64,
}

/// One job of the walk.
#[derive(Debug, Clone, Serialize)]
pub struct StageResult {
    /// The stage.
    pub stage: Stage,
    /// The member, for `train` and `eval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The part, `{index}-of-{of}`.
    pub part: String,
    /// How long the work took; 0 where it was adopted.
    pub seconds: f64,
    /// Committed before this command began, or adopted.
    pub reused: bool,
    /// Rows on the grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Columns, calendar included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<usize>,
    /// Windows, context and inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x: Option<[usize; 3]>,
    /// Windows, horizon and targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub y: Option<[usize; 3]>,
    /// Losses by epoch, on scaled values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochLoss>,
    /// What a stage did other than one would expect, or what its data are like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

impl StageResult {
    /// Returns each notice as people may read it, with its model, or with its stage where that has none.
    pub fn told(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let about = self.model.as_deref().unwrap_or(self.stage.name());
        self.notices.iter().map(move |notice| (about, text::plain(notice)))
    }
}

impl RunResult {
    /// Begins with nothing done.
    #[must_use]
    pub fn new(dataset: &str) -> Self {
        Self {
            event: "result",
            ok: false,
            dataset: dataset.to_owned(),
            champion: None,
            nobody: None,
            lost: None,
            scores: BTreeMap::new(),
            out: BTreeMap::new(),
            forecast: None,
            stages: Vec::new(),
            plot: None,
            unplotted: None,
            failed: Vec::new(),
        }
    }
}

impl Champion {
    /// Takes the champion from an entry of the log.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self {
            model: entry.member.to_string(),
            digest: entry.artifact,
            generation: entry.generation,
        }
    }
}

/// Writes scores as a table, best first by the given metric; members without scores say why.
#[must_use]
pub fn scores_table(
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

/// Writes a failure for a person: the object and the message, which says the wrong value and the bound. Row and column
/// follow where the message does not name them; programs find all four as fields.
#[must_use]
pub fn failure_text(failure: &Failure) -> String {
    let message = &failure.message;
    let row = failure.row.map(|row| format!("row {row}"));
    let column = failure.column.as_ref().map(|column| format!("column `{column}`"));
    let untold = [row, column].into_iter().flatten();
    let untold: Vec<_> = untold.filter(|place| !tells(message, place)).collect();
    let key = if message.contains(&format!("`{}`", failure.key)) {
        String::new()
    } else {
        format!("{}: ", text::plain(&failure.key))
    };
    let place = if untold.is_empty() {
        String::new()
    } else {
        format!(" ({})", text::plain(&untold.join(", ")))
    };
    format!("{key}{}{place}", text::lines(message))
}

/// Says whether a message names a place, and not a longer one that begins alike: `row 12` is not `row 1`.
fn tells(message: &str, place: &str) -> bool {
    let ends = |at: usize| !message[at + place.len()..].starts_with(|c: char| c.is_ascii_digit());
    message.match_indices(place).any(|(at, _)| ends(at))
        || place.strip_prefix("column ").is_some_and(|name| message.contains(name))
}

#[cfg(test)]
mod tests {
    use contract::{FailedStage, FailureKind};

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
