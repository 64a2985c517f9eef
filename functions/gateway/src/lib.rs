//! The gateway: uploads into the bucket, outputs out of it, and how far a dataset has come.
//!
//! It promises that an upload is in the bucket as a whole, or not at all, and that only outputs can be downloaded. It
//! starts no work: the bucket's notification does.
//!
//! Start with [`face`].

mod download;
mod status;
mod upload;

use axum::{
    Router,
    routing::{get, put},
};
use platform::{Platform, http::Face};
use utoipa::OpenApi;

pub use status::{Champion, DatasetStatus, RUNNING, statuses};

#[derive(OpenApi)]
#[openapi(paths(upload::upload, download::download, status::status))]
struct Document;

/// Returns the routes of the gateway.
#[must_use]
pub fn face(platform: &Platform) -> Face {
    Face {
        document: Document::openapi(),
        quick: Router::new()
            .route("/status/{dataset}", get(status::status))
            .with_state(platform.clone()),
        slow: Router::new()
            .route("/upload/{dataset}/{*file}", put(upload::upload))
            .route("/download/{*key}", get(download::download))
            .with_state(platform.clone()),
    }
}
