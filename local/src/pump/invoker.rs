//! How batches are run, and how running them can fail.

use std::{collections::BTreeMap, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contract::Stage;
use futures_util::future::BoxFuture;
use platform::{Clock, ErasedWork, Platform, Stop, serve::handle_batch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Runs a batch of messages of one stage.
#[async_trait]
pub trait Invoker: Send + Sync + 'static {
    /// Runs a batch and returns which of its messages failed.
    ///
    /// # Errors
    /// When it ended without an answer. Then nothing is known about its messages.
    async fn invoke(&self, stage: Stage, event: SqsEvent, deadline: &Deadline)
    -> Result<SqsBatchResponse, InvokeError>;
}

/// When an invocation must end: at a certain time, or as soon as it is asked to stop.
#[derive(Clone, Debug)]
pub struct Deadline {
    at: Instant,
    stop: CancellationToken,
}

/// Why an invocation ended without an answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// There is no handler for the stage.
    #[error("no handler of the stage `{0}` was handed in")]
    NoHandler(Stage),
    /// The handler panicked.
    #[error("the handler panicked: {0}")]
    Panicked(String),
    /// The binary is missing.
    #[error("{} is not there; build it with `{build}`", path.display())]
    NoBinary {
        /// Its expected path.
        path: PathBuf,
        /// The command that builds all of them.
        build: &'static str,
    },
    /// The child could not be started.
    #[error("cannot start `{command}`")]
    Start {
        /// The command line.
        command: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The child ended before it answered.
    #[error("the process of `{command}` ended with {status} before it answered")]
    Died {
        /// The command line.
        command: String,
        /// Its exit status.
        status: ExitStatus,
    },
    /// The child did not answer in time and was killed.
    #[error("the process of `{command}` passed its deadline and was killed")]
    Deadline {
        /// The command line.
        command: String,
    },
    /// The function answered that it failed.
    #[error("the function failed with {kind}: {message}")]
    Function {
        /// The type of the error, as the function named it.
        kind: String,
        /// The message of the error.
        message: String,
    },
    /// The function's answer is no batch response.
    #[error("the function's answer is no batch response")]
    Response(#[source] serde_json::Error),
}

impl Deadline {
    /// Makes a deadline `time` from now, or when `stop` is cancelled.
    #[must_use]
    pub fn after(time: Duration, stop: CancellationToken) -> Self {
        Self {
            at: Instant::now() + time,
            stop,
        }
    }

    /// Returns the time that is left. It is zero after a request to stop.
    pub(crate) fn remaining(&self) -> Duration {
        if self.stop.is_cancelled() {
            Duration::ZERO
        } else {
            self.at.saturating_duration_since(Instant::now())
        }
    }

    /// Returns whether a stop was requested.
    pub(crate) fn is_asked(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Returns the latest time at which the invocation must end.
    pub(crate) fn at(&self) -> Instant {
        self.at
    }

    /// Waits until a stop is requested.
    pub(crate) async fn asked(&self) {
        self.stop.cancelled().await;
    }
}

/// The same batch function that a stage's binary runs.
pub type Batch = Arc<dyn Fn(SqsEvent, Stop) -> BoxFuture<'static, SqsBatchResponse> + Send + Sync>;

/// Runs batches in this process.
pub struct InProcess {
    handlers: BTreeMap<Stage, Batch>,
    clock: Arc<dyn Clock>,
}

/// Returns the batch function of a stage.
pub(crate) fn batch(work: Arc<dyn ErasedWork>, platform: Platform) -> Batch {
    let platform = Arc::new(platform);
    Arc::new(move |event, stop| {
        let (work, platform) = (Arc::clone(&work), Arc::clone(&platform));
        Box::pin(async move { handle_batch(work.as_ref(), event, &stop, &platform).await })
    })
}

impl InProcess {
    /// Makes an invoker of one batch function for each stage.
    #[must_use]
    pub fn new(handlers: BTreeMap<Stage, Batch>, clock: Arc<dyn Clock>) -> Self {
        Self { handlers, clock }
    }
}

#[async_trait]
impl Invoker for InProcess {
    async fn invoke(
        &self,
        stage: Stage,
        event: SqsEvent,
        deadline: &Deadline,
    ) -> Result<SqsBatchResponse, InvokeError> {
        let handler = self.handlers.get(&stage).ok_or(InvokeError::NoHandler(stage))?;
        let stop = Stop::at(Arc::clone(&self.clock), self.clock.monotonic() + deadline.remaining());
        // In a task of its own, so that a panic ends this invocation and not the pump.
        let mut running = tokio::spawn(handler(event, stop.clone()));
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = deadline.asked() => {
                stop.ask();
                running.await
            }
        };
        ended.map_err(|error| InvokeError::Panicked(error.to_string()))
    }
}
