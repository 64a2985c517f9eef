//! What `flits run` ends with: one JSON object for programs, a table for people.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use contract::{Digest, Entry, Failure, Stage};
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
    /// Gives each notice with its model, or with its stage where that has none.
    pub fn told(&self) -> impl Iterator<Item = (&str, &str)> {
        let about = self.model.as_deref().unwrap_or(self.stage.name());
        self.notices.iter().map(move |notice| (about, notice.as_str()))
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
    let out = out.iter().map(|(name, why)| format!("  {name} is out: {why}"));
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

/// Writes a failure for a person: where, what, and which bound.
#[must_use]
pub fn failure_text(failure: &Failure) -> String {
    let text = format!("{}: {}", failure.key, failure.message);
    let mut place = Vec::new();
    if let Some(row) = failure.row {
        place.push(format!("row {row}"));
    }
    if let Some(column) = &failure.column {
        place.push(format!("column `{column}`"));
    }
    if let Some(value) = &failure.value {
        place.push(format!("value `{value}`"));
    }
    if let Some(bound) = &failure.bound {
        place.push(format!("expected {bound}"));
    }
    if place.is_empty() {
        text
    } else {
        format!("{text} ({})", place.join(", "))
    }
}
