//! Forecasts on request: KServe's forecast API, the predecessor's `/predict`, and what is known about champions.
//!
//! It reads the store and never writes it, so it needs no conditional writes. Champions are held in memory: see
//! [`champions`](Champions).
//!
//! # Source
//! KServe, "Time Series Forecast API"; the error object is that of its `ErrorResponse`.

mod answer;
mod champion;
mod champions;
mod forecast;
mod history;
mod models;
mod name;
mod predict;
mod stored;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use platform::{Platform, http::Face};
use utoipa::OpenApi;

use self::champions::Champions;

#[derive(OpenApi)]
#[openapi(paths(
    forecast::forecast,
    predict::predict,
    models::models,
    models::names,
    models::model,
    stored::stored
))]
struct Document;

/// Returns the routes that serve forecasts.
#[must_use]
pub fn face(platform: &Platform) -> Face {
    let champions = Arc::new(Champions::new(platform.clone()));
    let quick = Router::new()
        .route("/v1/timeseries/forecast", post(forecast::forecast))
        .route("/v1/timeseries/models", get(models::names))
        .route("/v1/models", get(models::models))
        .route("/v1/models/{dataset}", get(models::model))
        .route("/predict", post(predict::predict))
        .route("/forecasts/{dataset}", get(stored::stored))
        .with_state(champions);
    Face {
        document: Document::openapi(),
        quick,
        slow: Router::new(),
    }
}
