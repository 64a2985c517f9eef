//! HTTP faces: who gets in, what a request may cost, what is counted, and how a refusal reads.
//!
//! A [`Face`] is a router of handlers; this module puts the guard around it and serves it. Every route but `/healthz` and
//! `/readyz` wants a bearer token. TLS is left to whatever stands in front.
//!
//! Start with [`Face`].

mod document;
mod events;
mod guard;
mod refusal;
mod token;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use connections::{Limits, Timeouts};
use serde_json::json;
use tokio::{net::TcpListener, sync::watch};
use utoipa::openapi::OpenApi;

pub use self::{
    document::ErrorResponse,
    events::{Inbox, events},
    guard::{Payload, broken},
    refusal::Refusal,
    token::Tokens,
};
use crate::{host::Platform, metrics, secret::Secret, stop::Stop};

/// The largest head of a request, in bytes.
const HEAD: usize = 64 << 10;

/// How long requests may take to end once the server stops.
const GRACE: Duration = Duration::from_secs(8);

/// The settings of an HTTP face (`http.*` in the configuration).
#[derive(Clone, PartialEq, Debug)]
pub struct HttpConfig {
    /// The address to listen on; `None` for loopback without a token, and for all addresses with one.
    pub address: Option<IpAddr>,
    /// The port; 0 for any free one.
    pub port: u16,
    /// Who gets in.
    pub tokens: Tokens,
    /// The token with which `flits pump` calls other faces: the first of the above.
    pub token: Option<Secret>,
    /// The largest body of a request, in bytes; uploads have a bound of their own (`host.max_upload`).
    pub body: u64,
    /// The longest time from the head of a request to its answer.
    pub time: Duration,
    /// The longest time for a head, for each 4 KiB of a body, and between two requests on a connection.
    pub pace: Duration,
    /// The most requests at once; more are answered 503.
    pub requests: usize,
    /// The most connections at once; more wait.
    pub connections: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            address: None,
            port: 0,
            tokens: Tokens::default(),
            token: None,
            body: 8 << 20,
            time: Duration::from_mins(5),
            pace: Duration::from_secs(30),
            requests: 256,
            connections: 20_000,
        }
    }
}

/// What an HTTP server offers.
#[derive(Default)]
pub struct Face {
    /// The description of its routes.
    pub document: OpenApi,
    /// Routes that are answered within [`HttpConfig::time`].
    pub quick: Router,
    /// Routes whose bodies may take as long as they make progress.
    pub slow: Router,
}

impl Face {
    /// Returns the face with the routes of another one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut document = self.document;
        document.merge(other.document);
        Self {
            document,
            quick: self.quick.merge(other.quick),
            slow: self.slow.merge(other.slow),
        }
    }

    /// Returns the router with all guards, and the routes that every face has.
    pub fn guarded(self, config: &HttpConfig, platform: &Platform) -> Router {
        let guard = Arc::new(guard::Guard::new(config.clone(), platform.clone()));
        let document = Arc::new(document::whole(self.document));
        let own = Router::new()
            .route("/metrics", get(metrics_text))
            .route("/openapi.json", get(move || async move { Json(document) }))
            .with_state(platform.clone());
        let open = Router::new()
            .route("/healthz", get(|| async { StatusCode::OK }))
            .route("/readyz", get(ready))
            .with_state(platform.clone());
        let quick = guard::in_time(self.quick.merge(own), &guard);
        let guarded = guard::admit(quick.merge(self.slow), &guard);
        let all = guarded
            .merge(open)
            .fallback(nothing_here)
            .method_not_allowed_fallback(other_method);
        guard::count(all, &guard)
    }
}

/// Opens the port of a face.
///
/// # Errors
/// When the port is not free.
pub async fn listen(config: &HttpConfig) -> io::Result<TcpListener> {
    let address = config.address.unwrap_or_else(|| {
        if config.tokens.is_empty() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv4Addr::UNSPECIFIED.into()
        }
    });
    TcpListener::bind(SocketAddr::from((address, config.port))).await
}

/// Serves a face until `stop` is asked for; then requests under way have 8 seconds to end.
pub async fn serve(listener: TcpListener, router: Router, config: &HttpConfig, stop: &Stop, platform: &Platform) {
    let limits = Limits {
        timeouts: Timeouts {
            headers: config.pace,
            body: config.pace,
        },
        head: HEAD,
        connections: config.connections,
    };
    let (ending, ended) = watch::channel(false);
    let mut serving = tokio::spawn(connections::serve(listener, router, limits, ended));
    tokio::select! {
        _ = &mut serving => return,
        () = stop.asked() => {}
    }
    ending.send_replace(true);
    tokio::select! {
        _ = &mut serving => {}
        () = platform.clock.sleep(GRACE) => {
            tracing::warn!("requests were broken off");
            serving.abort();
        }
    }
}

async fn metrics_text(State(platform): State<Platform>) -> Response {
    let text = platform.metrics.text(platform.clock.now_s());
    let content = HeaderValue::from_static(metrics::CONTENT_TYPE);
    ([(header::CONTENT_TYPE, content)], text).into_response()
}

/// Says whether the store answers. The configuration was checked at the start.
async fn ready(State(platform): State<Platform>) -> Response {
    match platform.store.list("champion/", None, 1).await {
        Ok(_) => Json(json!({"ready": true})).into_response(),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            let body = Json(json!({"ready": false, "why": error.to_string()}));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn nothing_here(uri: axum::http::Uri) -> Refusal {
    Refusal::not_found(format!("there is no route `{}`", uri.path())).at("path", uri.path())
}

async fn other_method(method: axum::http::Method, uri: axum::http::Uri) -> Refusal {
    let message = format!("`{}` is not answered to {method}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message).at("method", method.as_str())
}
