//! What stands before every handler: the token, the number of requests, their time and size; and what is counted.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{FromRequest, MatchedPath, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use connections::TooSlow;
use futures_util::TryStreamExt as _;
use tokio::sync::Semaphore;

use super::{HttpConfig, Refusal};
use crate::host::Platform;

/// The route under which requests are counted that match none.
const NO_ROUTE: &str = "none";

pub(super) struct Guard {
    config: HttpConfig,
    platform: Platform,
    free: Semaphore,
}

impl Guard {
    pub(super) fn new(config: HttpConfig, platform: Platform) -> Self {
        Self {
            free: Semaphore::new(config.requests),
            config,
            platform,
        }
    }
}

/// The most bytes that are set aside for a body before it arrives.
const AT_ONCE: usize = 64 << 10;

/// The bound on a body, which [`Payload`] keeps.
#[derive(Clone, Copy)]
struct LargestBody(u64);

/// Puts the token and the bound on requests at once before a router.
pub(super) fn admit(router: Router, guard: &Arc<Guard>) -> Router {
    router.route_layer(middleware::from_fn_with_state(guard.clone(), admitted))
}

async fn admitted(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let metrics = &guard.platform.metrics;
    if !guard.config.tokens.admit(request.headers()) {
        metrics.refused("token");
        let given = request.headers().contains_key(header::AUTHORIZATION);
        let message = if given {
            "the bearer token is not valid"
        } else {
            "a bearer token is missing"
        };
        return Refusal::new(StatusCode::UNAUTHORIZED, message)
            .missing("Authorization")
            .into_response();
    }
    let Ok(_permit) = guard.free.try_acquire() else {
        metrics.refused("busy");
        return Refusal::unavailable("too many requests at once")
            .bound(format!("at most {} at once", guard.config.requests))
            .into_response();
    };
    request.extensions_mut().insert(LargestBody(guard.config.body));
    next.run(request).await
}

/// Puts the bound on time before a router.
pub(super) fn in_time(router: Router, guard: &Arc<Guard>) -> Router {
    router.layer(middleware::from_fn_with_state(guard.clone(), timed))
}

async fn timed(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let limit = guard.config.time;
    if let Ok(response) = tokio::time::timeout(limit, next.run(request)).await {
        return response;
    }
    guard.platform.metrics.refused("time");
    Refusal::unavailable("the request took too long")
        .bound(format!("at most {} s", limit.as_secs_f64()))
        .into_response()
}

/// Counts the requests of a router.
pub(super) fn count(router: Router, guard: &Arc<Guard>) -> Router {
    router.layer(middleware::from_fn_with_state(guard.clone(), counted))
}

async fn counted(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let (metrics, clock) = (&guard.platform.metrics, &guard.platform.clock);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let in_flight = metrics.request();
    let began = clock.monotonic();
    let response = next.run(request).await;
    drop(in_flight);
    let time = clock.monotonic().saturating_sub(began);
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    metrics.answered(route, response.status().as_u16(), time);
    log(route, &response, time);
    response
}

fn log(route: &str, response: &Response, time: Duration) {
    let (code, seconds) = (response.status().as_u16(), time.as_secs_f64());
    if response.status().is_server_error() {
        tracing::warn!(route, code, seconds, "answered");
    } else {
        tracing::debug!(route, code, seconds, "answered");
    }
}

/// A whole body within the bound of its face.
pub struct Payload(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let LargestBody(bound) = *request
            .extensions()
            .get()
            .unwrap_or(&LargestBody(HttpConfig::default().body));
        let length = request.headers().get(header::CONTENT_LENGTH);
        let declared = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if let Some(have) = declared.filter(|have| *have > bound) {
            return Err(too_large(have, bound));
        }
        let expected = usize::try_from(declared.unwrap_or(0)).unwrap_or(0);
        collect(request.into_body(), expected, bound).await.map(Self)
    }
}

async fn collect(body: Body, expected: usize, bound: u64) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let mut all = Vec::with_capacity(expected.min(AT_ONCE));
    while let Some(chunk) = stream.try_next().await.map_err(|error| broken(&error))? {
        let have = (all.len() + chunk.len()) as u64;
        if have > bound {
            return Err(too_large(have, bound));
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

fn too_large(have: u64, bound: u64) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
        .at("body", format!("{have} bytes"))
        .bound(format!("at most {bound} bytes"))
}

/// Returns the answer to a body that did not arrive as a whole.
#[must_use]
pub fn broken(error: &axum::Error) -> Refusal {
    if TooSlow::is_cause_of(error) {
        return Refusal::new(StatusCode::REQUEST_TIMEOUT, error.to_string()).missing("body");
    }
    Refusal::bad("the body was cut off").missing("body")
}
