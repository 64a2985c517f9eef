//! `GET /v1/models` and `GET /v1/models/{dataset}`.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use contract::Dataset;
use platform::{
    Platform, StoreError,
    http::{ErrorResponse, Refusal},
};
use serde::Serialize;
use series::Role;
use utoipa::ToSchema;

use super::{
    champions::{Champions, Served},
    history::frequency_name,
    name::ModelName,
};

/// Under this prefix every dataset with a champion has a folder.
const CHAMPIONS: &str = "champion/";
/// The most datasets that are listed.
const MOST: usize = 1_000;

/// The datasets that have a champion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Models {
    /// Their names, which are the names of models.
    models: Vec<String>,
}

/// What is known about a champion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Model {
    /// `dataset@generation`.
    name: String,
    /// Its place in the champion log, from 1.
    generation: u64,
    /// Its name in the round that chose it, such as `ensemble`.
    member: String,
    /// The digest of its artifact.
    artifact: String,
    /// The columns that it forecasts.
    targets: Vec<String>,
    /// The columns that a request brings, targets included, in the order of rows.
    columns: Vec<String>,
    /// The distance of two rows, in KServe's name where it has one.
    frequency: String,
    /// The steps that are forecast where a request does not say.
    horizon: usize,
    /// The steps up to which it was scored; 0 when it was never scored.
    scored: usize,
    /// The rows of history that it needs.
    history_rows: usize,
    /// The metric that chose it.
    metric: String,
    /// Its score in that metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// The score of the better baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_score: Option<f64>,
    /// The time of the last row that it was chosen on, RFC 3339 UTC.
    observed_end: String,
    /// Why it reigns, in words.
    reason: String,
    /// Whether a newer champion may exist that could not be read.
    stale: bool,
    /// Why, when it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale_because: Option<String>,
}

/// Lists the datasets that have a champion.
#[utoipa::path(get, path = "/v1/models", responses((status = 200, description = "Their names", body = Models)))]
pub(super) async fn models(State(champions): State<Arc<Champions>>) -> Result<Json<Models>, Refusal> {
    let datasets = datasets(&champions.platform, MOST).await?;
    let models = datasets.iter().map(ToString::to_string).collect();
    Ok(Json(Models { models }))
}

/// Lists the names of models, as KServe's clients ask for them.
#[utoipa::path(get, path = "/v1/timeseries/models", responses((status = 200, description = "Their names", body = [String])))]
pub(super) async fn names(State(champions): State<Arc<Champions>>) -> Result<Json<Vec<String>>, Refusal> {
    let Json(Models { models }) = models(State(champions)).await?;
    Ok(Json(models))
}

/// Describes the champion of a dataset.
#[utoipa::path(
    get, path = "/v1/models/{dataset}", params(("dataset" = String, Path, description = "The dataset, or `dataset@generation`")),
    responses(
        (status = 200, description = "The champion", body = Model),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store or the champion cannot be read", body = ErrorResponse),
    )
)]
pub(super) async fn model(
    State(champions): State<Arc<Champions>>,
    Path(name): Path<String>,
) -> Result<Json<Model>, Refusal> {
    let served = champions.get(&ModelName::parse("dataset", &name)?).await?;
    Ok(Json(described(&served)))
}

fn described(served: &Served) -> Model {
    let (champion, entry) = (&served.champion, &served.champion.entry);
    let columns = champion.columns();
    let named = |(name, _): &(&str, Role)| (*name).to_owned();
    Model {
        name: champion.name(),
        generation: entry.generation,
        member: entry.member.to_string(),
        artifact: entry.artifact.hex(),
        targets: columns
            .iter()
            .filter(|(_, role)| *role == Role::Target)
            .map(named)
            .collect(),
        columns: columns.iter().map(named).collect(),
        frequency: frequency_name(champion.cut.axis.frequency),
        horizon: champion.horizon(),
        scored: champion.scored(),
        history_rows: champion.history_rows(),
        metric: entry.metric.clone(),
        score: entry.score,
        baseline_score: entry.baseline_score,
        observed_end: champion.cut.axis.frequency.label(entry.observed_end),
        reason: entry.reason.clone(),
        stale: served.stale.is_some(),
        stale_because: served.stale.clone(),
    }
}

/// Returns the only dataset that has a champion.
///
/// # Errors
/// When none has one, or several have.
pub(super) async fn only(platform: &Platform) -> Result<Dataset, Refusal> {
    let mut datasets = datasets(platform, 2).await?.into_iter();
    match (datasets.next(), datasets.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Refusal::not_found("no dataset has a champion").missing("model")),
        (Some(one), Some(other)) => Err(
            Refusal::bad(format!("`{one}`, `{other}` and perhaps others have champions"))
                .missing("model")
                .bound("the name of a dataset"),
        ),
    }
}

/// Returns the first datasets that have a champion, in the order of their names.
async fn datasets(platform: &Platform, most: usize) -> Result<BTreeSet<Dataset>, StoreError> {
    let mut found = BTreeSet::new();
    let mut after: Option<String> = None;
    while found.len() < most {
        let page = platform.store.list(CHAMPIONS, after.as_deref(), 1).await?;
        let Some(first) = page.first() else { break };
        let name = first.key[CHAMPIONS.len()..].split('/').next().unwrap_or_default();
        // The next folder: no key of this one is greater.
        after = Some(format!("{CHAMPIONS}{name}/\u{10ffff}"));
        found.extend(name.parse::<Dataset>());
    }
    Ok(found)
}
