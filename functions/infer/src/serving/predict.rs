//! `POST /predict`, as the predecessor's clients know it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use platform::http::{ErrorResponse, Payload, Refusal};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    answer,
    champion::Champion,
    champions::Champions,
    history::{self, Given, Times},
    models,
    name::ModelName,
};

/// The column of times where a request does not name one, by the names that clients use.
const INDEX: [&str; 5] = ["time", "ts", "timestamp", "date", "index"];

/// A forecast that is asked for. An empty body asks for one from the newest rows that are known.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PredictRequest {
    /// The dataset, as in a forecast request; may be left out where there is only one.
    #[serde(default, alias = "dataset")]
    model: Option<String>,
    /// Columns by name (`{"down": [1, 2]}`), rows by name (`[{"down": 1}]`), or rows in the order of the champion's
    /// columns (`[[1, 2]]`).
    #[serde(default)]
    data: Option<Value>,
    /// The column of `data` that holds the times.
    #[serde(default)]
    index_col: Option<String>,
    /// The steps to forecast, at most 10,000; the champion's horizon unless given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10000)]
    inference_length: Option<i64>,
}

/// The forecast of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PredictResponse {
    /// Which champion forecast: `dataset@generation`.
    model: String,
    /// The time of each step.
    index: Vec<String>,
    /// One value per step, by target.
    predictions: BTreeMap<String, Vec<f64>>,
    /// Whether a newer champion may exist that could not be read.
    stale: bool,
}

/// Forecasts from rows that the request brings, or from the newest rows that are known.
#[utoipa::path(
    post, path = "/predict", request_body = PredictRequest,
    responses(
        (status = 200, description = "The forecast", body = PredictResponse),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store or the champion cannot be read", body = ErrorResponse),
    )
)]
pub(super) async fn predict(
    State(champions): State<Arc<Champions>>,
    body: Payload,
) -> Result<Json<PredictResponse>, Refusal> {
    let request = if body.0.trim_ascii().is_empty() {
        PredictRequest::default()
    } else {
        body.json()?
    };
    let model = match request.model {
        Some(model) => model,
        None => models::only(&champions.platform).await?.to_string(),
    };
    let served = champions.get(&ModelName::parse("model", &model)?).await?;
    let champion = &served.champion;
    let steps = answer::horizon("inference_length", request.inference_length, champion)?;
    let sent = request
        .data
        .map(|data| columns(data, request.index_col.as_deref(), champion));
    let ahead = answer::ahead(&champions, &served, sent.transpose()?, steps).await?;
    let targets = champion.cut.transform.target_names();
    Ok(Json(PredictResponse {
        model: champion.name(),
        index: ahead.times,
        predictions: targets.into_iter().zip(ahead.mean).collect(),
        stale: served.stale.is_some(),
    }))
}

/// Returns the columns of `data` that the champion takes. Others are ignored, as the predecessor did.
fn columns(data: Value, index: Option<&str>, champion: &Champion) -> Result<Vec<Given>, Refusal> {
    let mut columns = match data {
        Value::Object(columns) => by_column(columns)?,
        Value::Array(rows) => by_row(rows, champion)?,
        other => {
            let kind = if other.is_string() { "a text" } else { "one value" };
            return Err(Refusal::bad("`data` is neither columns nor rows")
                .at("data", kind)
                .bound("an object of columns, or a list of rows"));
        }
    };
    let index = match index {
        Some(index) if columns.contains_key(index) => Some(index.to_owned()),
        Some(index) => return Err(Refusal::bad(format!("`data` has no column `{index}`")).at("index_col", index)),
        None => INDEX
            .iter()
            .find(|name| columns.contains_key(**name))
            .map(|name| (*name).to_owned()),
    };
    let times = match index.and_then(|index| columns.remove_entry(&index)) {
        Some((name, cells)) => Times::Each(times(&name, &cells, champion)?),
        None => Times::Unsaid,
    };
    let known: Vec<&str> = champion.columns().into_iter().map(|(name, _)| name).collect();
    let mut given = Vec::new();
    for (name, cells) in columns.into_iter().filter(|(name, _)| known.contains(&name.as_str())) {
        let field = format!("data.{name}");
        let number = |(row, cell): (usize, &Value)| match cell {
            Value::Null => Ok(f64::NAN),
            cell => cell.as_f64().ok_or_else(|| {
                Refusal::bad(format!("`{field}[{row}]` is not a number")).at(format!("{field}[{row}]"), cell)
            }),
        };
        let values = cells.iter().enumerate().map(number).collect::<Result<_, _>>()?;
        given.push(Given {
            field: field.clone(),
            name,
            times: times.clone(),
            values,
        });
    }
    Ok(given)
}

fn times(name: &str, cells: &[Value], champion: &Champion) -> Result<Vec<i64>, Refusal> {
    let time = |(row, cell): (usize, &Value)| {
        let field = format!("data.{name}[{row}]");
        let text = cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        history::time(&field, &text, champion.cut.axis.frequency)
    };
    cells.iter().enumerate().map(time).collect()
}

type Columns = BTreeMap<String, Vec<Value>>;

fn by_column(columns: Map<String, Value>) -> Result<Columns, Refusal> {
    let list = |(name, cells): (String, Value)| match cells {
        Value::Array(cells) => Ok((name, cells)),
        // pandas writes a column as an object of rows unless asked otherwise.
        Value::Object(cells) => Ok((name, cells.into_iter().map(|(_, cell)| cell).collect())),
        _ => {
            let message = format!("column `{name}` is no list");
            Err(Refusal::bad(message)
                .missing(format!("data.{name}"))
                .bound("a list of values"))
        }
    };
    columns.into_iter().map(list).collect()
}

fn by_row(rows: Vec<Value>, champion: &Champion) -> Result<Columns, Refusal> {
    let mut columns = Columns::new();
    let names: Vec<String> = champion
        .columns()
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    for (at, row) in rows.into_iter().enumerate() {
        let cells: Vec<(String, Value)> = match row {
            Value::Object(cells) => cells.into_iter().collect(),
            Value::Array(cells) if cells.len() == names.len() => names.iter().cloned().zip(cells).collect(),
            Value::Array(cells) => {
                let message = format!("row {at} has {} values", cells.len());
                let bound = format!("{} values: {}", names.len(), names.join(", "));
                return Err(Refusal::bad(message)
                    .at(format!("data[{at}]"), cells.len())
                    .bound(bound));
            }
            other => return Err(Refusal::bad(format!("row {at} is no row")).at(format!("data[{at}]"), other)),
        };
        for (name, cell) in cells {
            let column = columns.entry(name).or_default();
            // What earlier rows did not have is missing there.
            column.resize(at, Value::Null);
            column.push(cell);
        }
    }
    let len = columns.values().map(Vec::len).max().unwrap_or(0);
    for column in columns.values_mut() {
        column.resize(len, Value::Null);
    }
    Ok(columns)
}
