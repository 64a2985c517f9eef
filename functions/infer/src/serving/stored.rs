//! `GET /forecasts/{dataset}`: the newest stored forecast, as JSON or CSV.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use contract::{Dataset, ForecastDocument};
use platform::{
    Platform, StoreError, bucket,
    http::{ErrorResponse, Refusal},
};

use super::champions::Champions;
use crate::csv::write_csv;

/// Returns the newest stored forecast: JSON, or CSV where `Accept` asks for it.
#[utoipa::path(
    get, path = "/forecasts/{dataset}", params(("dataset" = String, Path, description = "The dataset")),
    responses(
        (status = 200, description = "The forecast", content((serde_json::Value = "application/json"), (String = "text/csv"))),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store cannot be read", body = ErrorResponse),
    )
)]
pub(super) async fn stored(
    State(champions): State<Arc<Champions>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let dataset: Dataset = name
        .parse()
        .map_err(|error| Refusal::bad(format!("`{name}` is no dataset: {error}")).at("dataset", &name))?;
    let document = newest(&dataset, &champions.platform).await?;
    let document = document
        .ok_or_else(|| Refusal::not_found(format!("dataset `{dataset}` has no forecast")).at("dataset", &name))?;
    if !prefers_csv(&headers) {
        return Ok(Json(document).into_response());
    }
    let mut text = Vec::new();
    write_csv(&document, true, &mut text).map_err(|error| Refusal::unavailable(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
}

/// Reads the newest stored forecast of a dataset; `None` when there is none.
///
/// # Errors
/// When the store does not answer, or what it holds is damaged.
pub(super) async fn newest(dataset: &Dataset, platform: &Platform) -> Result<Option<ForecastDocument>, StoreError> {
    let store = platform.store.as_ref();
    let Some(latest) = bucket::latest(store, dataset).await? else {
        return Ok(None);
    };
    let document = bucket::read(store, &latest.key).await?;
    document.map(Some).ok_or(StoreError::NotFound { key: latest.key })
}

/// Returns whether a client asks for CSV and not, before it, for JSON.
fn prefers_csv(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let accepted = accepted
        .flat_map(|value| value.split(','))
        .map(|media| media.split(';').next().unwrap_or("").trim());
    for media in accepted {
        match media {
            "text/csv" => return true,
            "application/json" | "*/*" => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn csv_is_given_to_those_who_ask_for_it() {
        for (accept, expected) in [
            ("text/csv", true),
            ("text/csv; q=0.9, */*", true),
            ("text/html, text/csv", true),
            ("application/json, text/csv", false),
            ("*/*", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(prefers_csv(&headers), expected, "{accept}");
        }
        assert!(!prefers_csv(&HeaderMap::new()));
    }
}
