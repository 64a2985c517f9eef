//! `PUT /upload/{dataset}/{file}`.

use std::{collections::BTreeMap, path::Path as FilePath};

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use contract::{Digest, Upload, keys};
use futures_util::TryStreamExt as _;
use platform::{
    Platform,
    http::{ErrorResponse, Refusal, broken},
    scratch::Scratch,
};
use serde::Serialize;
use sha2::Digest as _;
use tokio::io::AsyncWriteExt as _;
use utoipa::ToSchema;

/// What an upload became, and where to look for what follows.
#[derive(Debug, Serialize, ToSchema)]
struct Uploaded {
    dataset: String,
    key: String,
    /// In bytes.
    size: u64,
    /// SHA-256 of the bytes.
    #[schema(value_type = String)]
    digest: Digest,
    etag: String,
    /// The path of the dataset's status.
    status: String,
    /// The path of its newest forecast.
    forecast: String,
}

/// Takes an upload, whose processing then begins by itself. The body is streamed to scratch space, then into the bucket;
/// nothing is stored of one that is too large or cut off.
#[utoipa::path(
    put, path = "/upload/{dataset}/{file}", request_body(content = String, content_type = "application/octet-stream"),
    params(("dataset" = String, Path, description = "The dataset"), ("file" = String, Path, description = "The file's name")),
    responses(
        (status = 201, description = "It is stored", body = Uploaded),
        (status = "4XX", description = "What is wrong: field, value, bound", body = ErrorResponse),
        (status = 503, description = "The store does not answer", body = ErrorResponse),
    )
)]
pub(super) async fn upload(
    State(platform): State<Platform>,
    Path((dataset, file)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let key = format!("{}{dataset}/{file}", keys::RAW);
    let upload = Upload::parse(&key)
        .map_err(|error| Refusal::bad(format!("`{key}` is no key of an upload: {error}")).at("path", &key))?;
    let bound = platform.host.max_upload;
    let declared = headers.get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if let Some(have) = declared.filter(|have| *have > bound) {
        return Err(too_large(have, bound));
    }
    let scratch = Scratch::new(&platform.host.scratch, "upload");
    let (size, digest) = keep(body, scratch.path(), bound).await?;
    if size == 0 {
        return Err(Refusal::bad("the body is empty")
            .at("body", "0 bytes")
            .bound("at least 1 byte"));
    }
    let etag = platform.store.upload(&key, scratch.path(), &BTreeMap::new()).await?;
    tracing::info!(key, size, "uploaded");
    let dataset = upload.dataset.to_string();
    let uploaded = Uploaded {
        status: format!("/status/{dataset}"),
        forecast: format!("/forecasts/{dataset}"),
        dataset,
        key,
        size,
        digest,
        etag: etag.as_str().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(uploaded)).into_response())
}

async fn keep(body: Body, path: &FilePath, bound: u64) -> Result<(u64, Digest), Refusal> {
    let file = tokio::fs::File::create(path).await.map_err(|error| no_space(&error))?;
    let mut out = tokio::io::BufWriter::new(file);
    let mut hash = sha2::Sha256::new();
    let mut size = 0;
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.try_next().await.map_err(|error| broken(&error))? {
        size += chunk.len() as u64;
        if size > bound {
            return Err(too_large(size, bound));
        }
        hash.update(&chunk);
        out.write_all(&chunk).await.map_err(|error| no_space(&error))?;
    }
    out.flush().await.map_err(|error| no_space(&error))?;
    Ok((size, Digest::from_bytes(hash.finalize().into())))
}

fn too_large(have: u64, bound: u64) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the upload is too large")
        .at("body", format!("{have} bytes"))
        .bound(format!("at most {bound} bytes (`host.max_upload`)"))
}

fn no_space(error: &std::io::Error) -> Refusal {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "cannot keep an upload in scratch space"
    );
    Refusal::unavailable("there is no scratch space for the body")
}
