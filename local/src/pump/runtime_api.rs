//! The Lambda Runtime API for one child: hands out one invocation at a time and receives its answer.
//!
//! # Source
//! AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", version 2018-06-01.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::InvokeError;

/// What a child answers: the bytes of its response, or why it failed.
pub(super) type Answer = Result<Bytes, InvokeError>;

/// One invocation that is passed to a child.
pub(super) struct Invocation {
    pub(super) id: String,
    /// When it must end, UTC milliseconds.
    pub(super) deadline_ms: i64,
    pub(super) function_arn: String,
    pub(super) trace: String,
    pub(super) event: Bytes,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// A server for one child, on a loopback port of its own.
pub(super) struct RuntimeApi {
    pub(super) address: String,
    invocations: mpsc::Sender<Invocation>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Served {
    waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<Invocation>>>,
    /// The invocation that the child works on.
    running: Arc<Mutex<Option<Running>>>,
}

/// The id of an invocation and the sender for its answer.
type Running = (String, oneshot::Sender<Answer>);

/// What a child posts when it fails.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Failure {
    error_type: String,
    error_message: String,
}

impl RuntimeApi {
    /// Listens for one child.
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (invocations, waiting) = mpsc::channel(1);
        let state = Served {
            waiting: Arc::new(tokio::sync::Mutex::new(waiting)),
            running: Arc::default(),
        };
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(state);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a runtime API ended");
            }
        });
        Ok(Self {
            address,
            invocations,
            server,
        })
    }

    /// Passes an invocation to the child as soon as it asks for one.
    pub(super) async fn invoke(&self, invocation: Invocation) {
        // The receiver lives in the server, which lives as long as this.
        let _ = self.invocations.send(invocation).await;
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(served): State<Served>) -> Response {
    let Some(invocation) = served.waiting.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("lambda-runtime-aws-request-id", invocation.id.clone()),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", invocation.trace),
        ("content-type", "application/json".to_owned()),
    ];
    *served.lock() = Some((invocation.id, invocation.answer));
    (headers, invocation.event).into_response()
}

async fn response(State(served): State<Served>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    served.settle(&id, Ok(body))
}

async fn error(State(served): State<Served>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    served.settle(&id, Err(failure(&body)))
}

/// Logs why a child cannot start. The child then ends, which its invocation notices.
async fn init_error(body: Bytes) -> StatusCode {
    tracing::error!(error = %failure(&body), "a function could not start");
    StatusCode::ACCEPTED
}

fn failure(body: &[u8]) -> InvokeError {
    let Failure {
        error_type,
        error_message,
    } = serde_json::from_slice(body).unwrap_or_else(|_| Failure {
        error_type: "an unknown error".to_owned(),
        error_message: String::from_utf8_lossy(body).into_owned(),
    });
    InvokeError::Function {
        kind: error_type,
        message: error_message,
    }
}

impl Served {
    fn settle(&self, id: &str, answer: Answer) -> StatusCode {
        let running = self.lock().take_if(|(running, _)| running == id);
        match running {
            Some((_, caller)) => {
                // The caller may have given up; the child need not know that.
                let _ = caller.send(answer);
                StatusCode::ACCEPTED
            }
            None => StatusCode::NOT_FOUND,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
