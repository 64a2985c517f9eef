//! One child process, kept warm between invocations.

use std::{process::Stdio, time::Duration};

use emulator::private;
use tokio::process::{Child as Process, ChildStdin, Command};
use uuid::Uuid;

use super::{
    Deadline, Environment, InvokeError,
    runtime_api::{Answer, Invocation, RuntimeApi},
};

/// How long a process may take to stop after it was asked to.
const GRACE: Duration = Duration::from_secs(30);

/// A process that asks its own Runtime API for work. Killed when dropped.
pub(super) struct Child {
    pub(super) words: Vec<String>,
    process: Process,
    /// Taken out of the process, because waiting for a process closes its input.
    _lifeline: Option<ChildStdin>,
    api: RuntimeApi,
}

impl Child {
    /// Starts a process for one stage.
    pub(super) async fn start(stage: &str, words: Vec<String>, environment: &Environment) -> Result<Self, InvokeError> {
        let failed = |source| InvokeError::Start {
            command: words.join(" "),
            source,
        };
        let api = RuntimeApi::start().await.map_err(failed)?;
        let log = environment.logs.join(format!("{stage}.log"));
        let log = private::open().create(true).append(true).open(log).map_err(failed)?;
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            // These belong to other credentials than the ones that are passed on.
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .envs(environment.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", &api.address)
            .env("AWS_LAMBDA_FUNCTION_NAME", format!("flits-{stage}"))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", environment.memory_mib.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/flits-{stage}"))
            .env(
                "AWS_LAMBDA_LOG_STREAM_NAME",
                format!("local-{}", Uuid::new_v4().simple()),
            )
            // The child ends when its input is closed, so it ends with this process, however that ends.
            .env(platform::config::PARENT, "1")
            .stdin(Stdio::piped())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .kill_on_drop(true);
        let mut process = command.spawn().map_err(failed)?;
        Ok(Self {
            words,
            _lifeline: process.stdin.take(),
            process,
            api,
        })
    }

    /// Returns whether the process still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Runs one invocation. Passes a request to stop on as SIGTERM, and kills the process at the deadline. After an
    /// error other than the function's own the process must not be used again.
    pub(super) async fn run(
        &mut self,
        invocation: Invocation,
        answered: tokio::sync::oneshot::Receiver<Answer>,
        deadline: &Deadline,
    ) -> Answer {
        let Self {
            words, process, api, ..
        } = self;
        let command = || words.join(" ");
        let pid = process.id();
        let overdue = async {
            if tokio::time::timeout_at(deadline.at(), deadline.asked()).await.is_ok() {
                terminate(pid);
                let _ = tokio::time::timeout(GRACE, std::future::pending::<()>()).await;
            }
        };
        let answer = async {
            api.invoke(invocation).await;
            // The sender is dropped without an answer only with the server, which belongs to this child.
            answered
                .await
                .unwrap_or_else(|_| Err(InvokeError::Deadline { command: command() }))
        };
        tokio::select! {
            // An answer counts even when the process has ended after it.
            biased;
            answer = answer => answer,
            ended = process.wait() => match ended {
                Ok(status) => Err(InvokeError::Died { command: command(), status }),
                Err(source) => Err(InvokeError::Start { command: command(), source }),
            },
            () = overdue => Err(InvokeError::Deadline { command: command() }),
        }
    }
}

/// Asks a process to stop.
fn terminate(pid: Option<u32>) {
    let pid = pid
        .and_then(|pid| i32::try_from(pid).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // The process may have ended in the meantime.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
}
