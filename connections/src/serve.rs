//! Connections of one server: accepted, served with timeouts, and ended when the server stops.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::timeouts::{TimedBody, Timeouts};

/// How long to wait after a failed accept; the most likely cause is that no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one server allows its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long clients may take.
    pub timeouts: Timeouts,
    /// The largest head of a request, in bytes, at least 8,192; a larger one is answered 431.
    pub head: usize,
    /// The most connections at once; more wait until one closes.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            // What hyper takes by default.
            head: 8_192 + 4_096 * 100,
            connections: Semaphore::MAX_PERMITS,
        }
    }
}

/// Serves connections until told to stop, then waits until the requests under way are answered.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) {
    let mut open = JoinSet::new();
    let free = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepting = async {
            let permit = Arc::clone(&free).acquire_owned().await;
            (listener.accept().await, permit)
        };
        tokio::select! {
            accepted = accepting => match accepted {
                (Ok((stream, _)), permit) => {
                    let served = connection(stream, router.clone(), limits, stopping.clone());
                    open.spawn(async move {
                        served.await;
                        drop(permit);
                    });
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    pause().await;
                }
            },
            Some(_) = open.join_next() => {}
            () = stopped(&mut stopping) => break,
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which means the same as a stop.
    let _ = stopping.wait_for(|stop| *stop).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the next accept would most likely fail as well, and no event says when it would not"
)]
async fn pause() {
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

async fn connection(stream: TcpStream, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) {
    let timeouts = limits.timeouts;
    // Answers are small, and a client waits for each.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot turn off delays of a connection");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let request = request.map(|body| TimedBody::new(body, timeouts.body));
        let ended = request.body().ended();
        let answered = router.call(request.map(Body::new));
        async move {
            let mut answer = answered.await?;
            // The rest of the body is not read, so the connection is closed and the client must not reuse it.
            if !ended.load(Ordering::Acquire) {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.headers)
        .max_buf_size(limits.head)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stopped(&mut stopping) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
    }
}
