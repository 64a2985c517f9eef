//! `GET /download/{key}`.

use std::path::Path as FilePath;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use platform::{
    Platform,
    http::{ErrorResponse, Refusal},
    scratch::Scratch,
};
use tokio_util::io::ReaderStream;

/// The prefixes of outputs. Uploads, ledgers and events that were put aside are not handed out.
const OUTPUTS: [&str; 8] = [
    "forecasts/",
    "champion/",
    "clean/",
    "samples/",
    "models/",
    "rounds/",
    "resolved/",
    "failed/",
];

/// Hands out an output. It is streamed through scratch space, so that its size costs no memory.
#[utoipa::path(
    get, path = "/download/{key}", params(("key" = String, Path, description = "The key of an output")),
    responses(
        (status = 200, description = "The object", body = String, content_type = "application/octet-stream"),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store does not answer", body = ErrorResponse),
    )
)]
pub(super) async fn download(State(platform): State<Platform>, Path(key): Path<String>) -> Result<Response, Refusal> {
    let is_plain = key.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    if !is_plain || !OUTPUTS.iter().any(|prefix| key.starts_with(prefix)) {
        return Err(Refusal::new(StatusCode::FORBIDDEN, format!("`{key}` is no output"))
            .at("key", &key)
            .bound(format!("a key under {}", OUTPUTS.join(", "))));
    }
    let meta = platform.store.head(&key).await?;
    let no_space = |error: std::io::Error| {
        tracing::error!(%error, "cannot keep a download in scratch space");
        Refusal::unavailable("there is no scratch space for the object")
    };
    let scratch = Scratch::new(&platform.host.scratch, "download");
    let bound = platform.host.max_upload;
    platform.store.download(&key, &meta.etag, scratch.path(), bound).await?;
    let file = tokio::fs::File::open(scratch.path()).await.map_err(no_space)?;
    // The file has no name any more, and ends with the answer.
    drop(scratch);
    let content = if FilePath::new(&key).extension().is_some_and(|end| end == "json") {
        "application/json"
    } else {
        "application/octet-stream"
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content)),
        (header::CONTENT_LENGTH, HeaderValue::from(meta.size)),
    ];
    let etag = HeaderValue::from_str(&meta.etag.quoted()).ok();
    let mut response = (headers, Body::from_stream(ReaderStream::new(file))).into_response();
    response.headers_mut().extend(etag.map(|etag| (header::ETAG, etag)));
    Ok(response)
}
