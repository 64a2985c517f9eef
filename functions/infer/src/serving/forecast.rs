//! `POST /v1/timeseries/forecast`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use platform::http::{ErrorResponse, Payload, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{
    answer,
    champion::Champion,
    champions::{Champions, Served},
    history::{self, Given, Times, check_frequency, frequency_name},
    name::ModelName,
};
use crate::predict::Ahead;

/// A forecast that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct ForecastRequest {
    /// `dataset`, and perhaps `@` with a generation or the digest of an artifact.
    model: String,
    /// The columns of the history. Without any, the newest rows that are known.
    #[serde(default)]
    inputs: Vec<TimeSeriesInput>,
    /// How far, and with which quantiles.
    #[serde(default)]
    options: ForecastOptions,
}

/// One column of the history, or several as rows.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TimeSeriesInput {
    /// `univariate_time_series`, or `multivariate_time_series` whose values are rows.
    #[serde(default, rename = "type")]
    kind: Option<SeriesType>,
    /// The column; of rows, any name.
    name: String,
    /// The values in the order of time, `null` where missing.
    #[serde(alias = "values")]
    #[schema(value_type = Vec<Option<f64>>)]
    series: Box<RawValue>,
    /// The columns of rows, in their order; those of the champion unless given.
    #[serde(default)]
    columns: Option<Vec<String>>,
    /// The distance of two values: KServe's name, such as `H`, or such as `30m`.
    #[serde(default)]
    frequency: Option<String>,
    /// The time of the first value. Without it the last value is the newest one that is known.
    #[serde(default, alias = "start")]
    start_timestamp: Option<String>,
    /// The time of each value, instead of a start.
    #[serde(default)]
    times: Option<Vec<String>>,
}

/// Whether an input is one column or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub(super) enum SeriesType {
    /// One value at a time.
    #[serde(rename = "univariate_time_series")]
    Univariate,
    /// One row at a time.
    #[serde(rename = "multivariate_time_series")]
    Multivariate,
}

/// How far, and with which quantiles.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct ForecastOptions {
    /// The steps to forecast, at most 10,000; the champion's horizon unless given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10000)]
    horizon: Option<i64>,
    /// The quantiles, between the lowest and the highest that was measured.
    #[serde(default)]
    quantiles: Option<Vec<f64>>,
}

/// The forecast of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ForecastResponse {
    /// The name of this answer.
    id: String,
    /// When it was made, UTC seconds.
    created_at: i64,
    /// Always `completed`.
    status: &'static str,
    /// Which champion forecast: `dataset@generation`.
    model: String,
    /// One output.
    outputs: Vec<ForecastOutput>,
    /// Whether a newer champion may exist that could not be read.
    stale: bool,
    /// The steps up to which the champion was scored.
    scored: usize,
    /// The step, from 1, from which on the champion takes its own forecasts as inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    extrapolates_from: Option<usize>,
}

/// The forecasts of all targets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ForecastOutput {
    /// Always `time_series_forecast`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The name of this output.
    id: String,
    /// Always `completed`.
    status: &'static str,
    /// One forecast per target.
    content: Vec<TimeSeriesForecast>,
}

/// The forecast of one target.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimeSeriesForecast {
    /// Always one column.
    #[serde(rename = "type")]
    kind: SeriesType,
    /// The target.
    name: String,
    /// One value per step.
    mean_forecast: Vec<f64>,
    /// The distance of two steps.
    frequency: String,
    /// The time of the first step.
    start_timestamp: String,
    /// The quantiles that were asked for, each with one value per step.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantiles: Option<BTreeMap<String, Vec<f64>>>,
}

/// Forecasts from a history that the request brings, or from the newest rows that are known.
#[utoipa::path(
    post, path = "/v1/timeseries/forecast", request_body = ForecastRequest,
    responses(
        (status = 200, description = "The forecast", body = ForecastResponse),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store or the champion cannot be read", body = ErrorResponse),
    )
)]
pub(super) async fn forecast(
    State(champions): State<Arc<Champions>>,
    body: Payload,
) -> Result<Json<ForecastResponse>, Refusal> {
    let request: ForecastRequest = body.json()?;
    let served = champions.get(&ModelName::parse("model", &request.model)?).await?;
    let champion = &served.champion;
    let steps = answer::horizon("options.horizon", request.options.horizon, champion)?;
    let levels = levels(request.options.quantiles, champion)?;
    let sent = (!request.inputs.is_empty()).then(|| given(request.inputs, champion));
    let ahead = answer::ahead(&champions, &served, sent.transpose()?, steps).await?;
    let now_s = champions.platform.clock.now_s();
    Ok(Json(response(&served, &ahead, levels.as_deref(), now_s)))
}

/// Returns the columns of all inputs.
fn given(inputs: Vec<TimeSeriesInput>, champion: &Champion) -> Result<Vec<Given>, Refusal> {
    let mut all = Vec::new();
    for (at, input) in inputs.into_iter().enumerate() {
        let field = format!("inputs[{at}]");
        if let Some(frequency) = &input.frequency {
            check_frequency(&format!("{field}.frequency"), frequency, champion.cut.axis.frequency)?;
        }
        let times = times(&field, &input, champion)?;
        let series = Series::parse(&format!("{field}.series"), &input)?;
        match series {
            Series::Column(values) => all.push(Given {
                name: input.name,
                times,
                values,
                field,
            }),
            Series::Rows(rows) => {
                let own = || {
                    champion
                        .columns()
                        .into_iter()
                        .map(|(name, _)| name.to_owned())
                        .collect()
                };
                let names: Vec<String> = input.columns.unwrap_or_else(own);
                all.extend(transposed(&field, &rows, names, &times)?);
            }
        }
    }
    Ok(all)
}

fn times(field: &str, input: &TimeSeriesInput, champion: &Champion) -> Result<Times, Refusal> {
    let frequency = champion.cut.axis.frequency;
    match (&input.times, &input.start_timestamp) {
        (Some(_), Some(start)) => Err(Refusal::bad("a start and the time of each value are both given")
            .at(format!("{field}.start_timestamp"), start)
            .bound("one of `times` and `start_timestamp`")),
        (Some(times), None) => {
            let each = times.iter().enumerate();
            let each = each.map(|(row, text)| history::time(&format!("{field}.times[{row}]"), text, frequency));
            Ok(Times::Each(each.collect::<Result<_, _>>()?))
        }
        (None, Some(start)) => {
            let start = history::time(&format!("{field}.start_timestamp"), start, frequency)?;
            Ok(Times::Start(start))
        }
        (None, None) => Ok(Times::Unsaid),
    }
}

/// The values of an input.
enum Series {
    Column(Vec<f64>),
    Rows(Vec<Vec<f64>>),
}

impl Series {
    fn parse(field: &str, input: &TimeSeriesInput) -> Result<Self, Refusal> {
        let text = input.series.get();
        let misshapen = |error: serde_json::Error| Refusal::bad(format!("`{field}`: {error}")).missing(field);
        let holds_rows = text.trim_start_matches(['[', ' ', '\n', '\t', '\r']).len() + 1 < text.len()
            && text[1..].trim_start().starts_with('[');
        let numbers = |values: Vec<Option<f64>>| -> Vec<f64> {
            values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
        };
        if input.kind == Some(SeriesType::Multivariate) || holds_rows {
            let rows: Vec<Vec<Option<f64>>> = serde_json::from_str(text).map_err(misshapen)?;
            return Ok(Self::Rows(rows.into_iter().map(numbers).collect()));
        }
        Ok(Self::Column(numbers(serde_json::from_str(text).map_err(misshapen)?)))
    }
}

/// Returns the columns of rows.
fn transposed(field: &str, rows: &[Vec<f64>], names: Vec<String>, times: &Times) -> Result<Vec<Given>, Refusal> {
    if let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != names.len()) {
        return Err(
            Refusal::bad(format!("row {at} has {} values for {} columns", row.len(), names.len()))
                .at(format!("{field}.series[{at}]"), row.len())
                .bound(format!("{} values", names.len())),
        );
    }
    let column = |at: usize| rows.iter().map(|row| row[at]).collect();
    let all = names.into_iter().enumerate().map(|(at, name)| Given {
        field: field.to_owned(),
        name,
        times: times.clone(),
        values: column(at),
    });
    Ok(all.collect())
}

/// Checks the quantiles of a request.
fn levels(asked: Option<Vec<f64>>, champion: &Champion) -> Result<Option<Vec<f64>>, Refusal> {
    let Some(asked) = asked.filter(|levels| !levels.is_empty()) else {
        return Ok(None);
    };
    let Some((low, high)) = champion.levels() else {
        return Err(Refusal::bad("the champion has no intervals").missing("options.quantiles"));
    };
    match asked
        .iter()
        .enumerate()
        .find(|(_, level)| !(low..=high).contains(*level))
    {
        Some((at, level)) => Err(Refusal::bad(format!("quantile {level} was not measured"))
            .at(format!("options.quantiles[{at}]"), level)
            .bound(format!("{low} to {high}"))),
        None => Ok(Some(asked)),
    }
}

fn response(served: &Served, ahead: &Ahead, levels: Option<&[f64]>, now_s: i64) -> ForecastResponse {
    let champion = &served.champion;
    let frequency = frequency_name(champion.cut.axis.frequency);
    let start = ahead.times.first().cloned().unwrap_or_default();
    let targets = champion.cut.transform.target_names();
    let content = targets
        .into_iter()
        .enumerate()
        .map(|(target, name)| TimeSeriesForecast {
            kind: SeriesType::Univariate,
            name,
            mean_forecast: ahead.mean[target].clone(),
            frequency: frequency.clone(),
            start_timestamp: start.clone(),
            quantiles: levels.map(|levels| quantiles(ahead, target, levels)),
        });
    let id = uuid::Uuid::new_v4();
    ForecastResponse {
        id: format!("forecast-{id}"),
        created_at: now_s,
        status: "completed",
        model: champion.name(),
        outputs: vec![ForecastOutput {
            kind: "time_series_forecast",
            id: format!("output-{id}"),
            status: "completed",
            content: content.collect(),
        }],
        stale: served.stale.is_some(),
        scored: champion.scored(),
        extrapolates_from: ahead.extrapolates_from,
    }
}

/// Returns quantiles of one target. Between two measured ones a line is drawn.
fn quantiles(ahead: &Ahead, target: usize, levels: &[f64]) -> BTreeMap<String, Vec<f64>> {
    let measured: Vec<(f64, &Vec<f64>)> = ahead
        .quantiles
        .iter()
        .filter_map(|(level, values)| Some((level.parse().ok()?, values.get(target)?)))
        .collect();
    let at = |level: f64| {
        let above = measured.iter().position(|(other, _)| *other >= level);
        let above = above.unwrap_or(measured.len().saturating_sub(1));
        let below = above.saturating_sub(1);
        let ((low, lower), (high, upper)) = (measured[below], measured[above]);
        let share = if high > low {
            ((level - low) / (high - low)).clamp(0.0, 1.0)
        } else {
            1.0
        };
        let between = |(lower, upper): (&f64, &f64)| lower + share * (upper - lower);
        lower.iter().zip(upper).map(between).collect()
    };
    levels.iter().map(|level| (level.to_string(), at(*level))).collect()
}
