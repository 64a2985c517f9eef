//! Runs batches in child processes, as Lambda does: the real binary, its own memory, a real deadline.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use bytes::Bytes;
use contract::Stage;
use emulator::ACCOUNT;
use platform::Clock;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Commands, Deadline, InvokeError, Invoker, child::Child, runtime_api::Invocation};

/// What child processes get besides the events.
#[derive(Clone)]
pub struct Environment {
    /// Environment variables in addition to those of this process: endpoints, credentials, configuration.
    pub variables: Vec<(String, String)>,
    /// The memory of each function, in MiB, as the environment says it.
    pub memory_mib: u32,
    /// The region in the ARNs of the functions.
    pub region: String,
    /// An existing directory for the output of the children, one `{stage}.log` each.
    pub logs: PathBuf,
}

/// Invokes stages in child processes, kept warm, each with one invocation at a time.
pub struct Isolated {
    commands: Commands,
    environment: Environment,
    clock: Arc<dyn Clock>,
    /// Idle children by command.
    idle: Mutex<HashMap<Vec<String>, Vec<Child>>>,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be credentials.
        let names: Vec<_> = self.variables.iter().map(|(name, _)| name).collect();
        f.debug_struct("Environment")
            .field("variables", &names)
            .field("logs", &self.logs)
            .finish_non_exhaustive()
    }
}

impl Isolated {
    /// Makes an invoker.
    ///
    /// # Errors
    /// [`InvokeError::NoBinary`] when a stage has neither a binary nor a command.
    pub fn new(commands: Commands, environment: Environment, clock: Arc<dyn Clock>) -> Result<Self, InvokeError> {
        commands.check()?;
        Ok(Self {
            commands,
            environment,
            clock,
            idle: Mutex::default(),
        })
    }

    /// Returns an idle child, or starts one.
    async fn child(&self, stage: Stage, words: Vec<String>) -> Result<Child, InvokeError> {
        while let Some(mut child) = self.idle().get_mut(&words).and_then(Vec::pop) {
            if child.is_alive() {
                return Ok(child);
            }
        }
        Child::start(stage.name(), words, &self.environment).await
    }

    fn invocation(
        &self,
        stage: Stage,
        event: &SqsEvent,
        deadline: &Deadline,
    ) -> (Invocation, oneshot::Receiver<super::runtime_api::Answer>) {
        let (answer, answered) = oneshot::channel();
        let left_ms = i64::try_from(deadline.remaining().as_millis()).unwrap_or(i64::MAX);
        let trace = Uuid::new_v4().simple().to_string();
        let invocation = Invocation {
            id: Uuid::new_v4().to_string(),
            // The clock has whole seconds, so the child stops up to one second early and never late.
            deadline_ms: self.clock.now_s() * 1000 + left_ms,
            function_arn: format!(
                "arn:aws:lambda:{}:{ACCOUNT}:function:flits-{stage}",
                self.environment.region
            ),
            trace: format!("Root=1-{}-{};Sampled=0", &trace[..8], &trace[8..]),
            event: Bytes::from(serde_json::to_vec(event).expect("an event is JSON")),
            answer,
        };
        (invocation, answered)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<String>, Vec<Child>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Invoker for Isolated {
    async fn invoke(
        &self,
        stage: Stage,
        event: SqsEvent,
        deadline: &Deadline,
    ) -> Result<SqsBatchResponse, InvokeError> {
        let words = self.commands.of(stage, &event)?;
        let mut child = self.child(stage, words).await?;
        let (invocation, answered) = self.invocation(stage, &event, deadline);
        let answer = child.run(invocation, answered, deadline).await;
        // After an error of the function its process can be used again; after any other error it cannot, nor after it
        // was asked to stop.
        if matches!(answer, Ok(_) | Err(InvokeError::Function { .. })) && !deadline.is_asked() {
            self.idle().entry(child.words.clone()).or_default().push(child);
        }
        parse(&answer?)
    }
}

/// Reads an answer. As in Lambda, an empty one means that every message succeeded.
fn parse(answer: &[u8]) -> Result<SqsBatchResponse, InvokeError> {
    match answer.trim_ascii() {
        b"" | b"null" | b"{}" => Ok(SqsBatchResponse::default()),
        json => serde_json::from_slice(json).map_err(InvokeError::Response),
    }
}
