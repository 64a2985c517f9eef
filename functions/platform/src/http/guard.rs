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
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::{HttpConfig, Refusal};
use crate::host::Platform;

/// The most bytes of bodies that are held in memory at once. A parsed body is up to ten times as large.
const HELD: usize = 32 << 20;
/// The unit in which they are counted.
const KIB: usize = 1 << 10;

/// The route under which requests are counted that match none.
const NO_ROUTE: &str = "none";

pub(super) struct Guard {
    config: HttpConfig,
    platform: Platform,
    free: Semaphore,
    /// The KiB of bodies that may still be held.
    memory: Semaphore,
}

impl Guard {
    pub(super) fn new(config: HttpConfig, platform: Platform) -> Self {
        Self {
            free: Semaphore::new(config.requests),
            memory: Semaphore::new(HELD / KIB),
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

/// Puts the bounds on time and on memory before a router.
pub(super) fn in_time(router: Router, guard: &Arc<Guard>) -> Router {
    router.layer(middleware::from_fn_with_state(guard.clone(), timed))
}

async fn timed(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    // A body without a length may be as large as any.
    let bound = usize::try_from(guard.config.body).unwrap_or(usize::MAX);
    let expected = declared(&request).map_or(bound, |length| usize::try_from(length).unwrap_or(bound));
    let kib = u32::try_from(expected.min(bound).min(HELD) / KIB).unwrap_or(0);
    let Ok(_held) = guard.memory.try_acquire_many(kib) else {
        guard.platform.metrics.refused("memory");
        return Refusal::unavailable("too many large bodies at once")
            .bound(format!("at most {HELD} bytes at once"))
            .into_response();
    };
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

impl Payload {
    /// Reads the body as JSON of a type.
    ///
    /// # Errors
    /// When it is not; the refusal says where.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.0).map_err(|error| Refusal::bad(error.to_string()).missing("body"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let LargestBody(bound) = *request
            .extensions()
            .get()
            .unwrap_or(&LargestBody(HttpConfig::default().body));
        let declared = declared(&request);
        if let Some(have) = declared.filter(|have| *have > bound) {
            return Err(too_large(have, bound));
        }
        let expected = usize::try_from(declared.unwrap_or(0)).unwrap_or(0);
        collect(request.into_body(), expected, bound).await.map(Self)
    }
}

/// Returns the length that a request gives for its body: 0 where it has none, `None` where it comes in chunks.
fn declared(request: &Request) -> Option<u64> {
    if let Some(length) = request.headers().get(header::CONTENT_LENGTH) {
        return length.to_str().ok()?.parse().ok();
    }
    (!request.headers().contains_key(header::TRANSFER_ENCODING)).then_some(0)
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
