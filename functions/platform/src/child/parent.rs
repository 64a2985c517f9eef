//! The parent's side: starts a child, sends it the request, waits for the answer.

use std::{io, process::Stdio, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

use super::{
    Bounds, Death, Program,
    answer::{self, ANSWERED, PANICKED},
    death, frame,
};
use crate::Stop;

/// How often the parent checks whether to stop while a child runs.
const LOOK: Duration = Duration::from_millis(20);

/// How many of the last bytes on a child's standard error are kept: the end says why the child ended.
const KEPT: usize = 16 << 10;

/// The one variable that a child inherits: without it a program may not find its shared libraries.
const LIBRARIES: &str = "LD_LIBRARY_PATH";

/// Why a child gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// This host cannot start a child: the program is missing, or starting it is forbidden.
    #[error("no child process can be started")]
    Unable(#[source] io::Error),
    /// This host has no resources for a child now.
    #[error("no child process can be started now")]
    Busy(#[source] io::Error),
    /// The parent was asked to stop, or reached its deadline, and killed the child.
    #[error("the child process was stopped")]
    Stopped,
    /// A signal told the child to end; its work is not at fault.
    #[error("the child process was told to end")]
    Interrupted,
    /// The child gave no answer, and the system does not say how it ended.
    #[error("what became of the child process is not known")]
    Lost(#[source] io::Error),
    /// The child ended because of its work.
    #[error("{0}")]
    Died(Death),
}

/// A child that has started and waits for its request. Killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
    bounds: Bounds,
}

/// Starts a child for a task. It gets ready while the caller still fetches the request.
///
/// # Errors
/// [`ChildError::Unable`] when this host cannot start a child, [`ChildError::Busy`] when it has no resources for one
/// now.
pub fn start(program: &Program, task: &str, bounds: Bounds) -> Result<Running, ChildError> {
    let spawned = command(program, task, &bounds).spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => ChildError::Busy(error),
        _ => ChildError::Unable(error),
    })?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => Ok(Running {
            child,
            stdin,
            stdout,
            stderr,
            bounds,
        }),
        _ => Err(ChildError::Unable(io::ErrorKind::BrokenPipe.into())),
    }
}

impl Running {
    /// Sends the parts of the request and returns those of the answer.
    ///
    /// The child is killed when `stop` says so, when this future is dropped, and when this process ends.
    ///
    /// # Errors
    /// When the child is stopped, or ends without an answer.
    pub async fn ask(self, request: &[Bytes], stop: &Stop) -> Result<Vec<Bytes>, ChildError> {
        let Self {
            mut child,
            mut stdin,
            stdout,
            stderr,
            bounds,
        } = self;
        let conversation = async {
            // When the child dies while it reads its request, its exit status says more than the broken pipe.
            let (_, answer, complaint) = tokio::join!(
                hand_over(&mut stdin, request),
                take(stdout, bounds.memory),
                last_words(stderr)
            );
            (answer, complaint, child.wait().await)
        };
        let ended = tokio::select! {
            biased;
            ended = conversation => Some(ended),
            () = stopped(stop) => None,
        };
        let Some((answer, complaint, status)) = ended else {
            // It may have ended by itself since.
            let _ = child.kill().await;
            return Err(ChildError::Stopped);
        };
        if let Some(answer) = whole(answer) {
            return answer.map_err(ChildError::Died);
        }
        let status = status.map_err(ChildError::Lost)?;
        Err(death::of(status, &complaint, &bounds).map_or(ChildError::Interrupted, ChildError::Died))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the child gets none of the environment but this variable"
)]
fn command(program: &Program, task: &str, bounds: &Bounds) -> Command {
    let libraries = std::env::var_os(LIBRARIES).map(|path| (LIBRARIES, path));
    let mut command = Command::new(&program.path);
    command
        .args(answer::arguments(task, bounds))
        .env_clear()
        .envs(libraries)
        .env("POLARS_MAX_THREADS", bounds.threads.to_string())
        .env("RAYON_NUM_THREADS", bounds.threads.to_string())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C on a terminal goes to the whole process group, but only the parent decides how its child ends.
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// Writes the request. The pipe stays open, because the child ends when it closes.
async fn hand_over(stdin: &mut ChildStdin, request: &[Bytes]) -> io::Result<()> {
    let (count, each) = frame::lengths(request);
    stdin.write_all(&count).await?;
    for (length, part) in each.iter().zip(request) {
        stdin.write_all(length).await?;
        stdin.write_all(part).await?;
    }
    stdin.flush().await
}

/// Reads the answer, of at most as many bytes as the child may hold in memory.
async fn take(stdout: impl AsyncRead + Unpin, cap: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    stdout.take(cap).read_to_end(&mut bytes).await?;
    Ok(bytes.into())
}

/// Reads standard error to its end and returns its last bytes as text.
async fn last_words(mut stderr: impl AsyncRead + Unpin) -> String {
    let (mut kept, mut chunk) = (Vec::new(), vec![0; 4 << 10]);
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        kept.extend_from_slice(&chunk[..read]);
        kept.drain(..kept.len().saturating_sub(KEPT));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Returns the answer, or [`Death::Panicked`]; `None` when the answer is incomplete.
fn whole(answer: io::Result<Bytes>) -> Option<Result<Vec<Bytes>, Death>> {
    let mut answer = answer.ok()?;
    if answer.is_empty() {
        return None;
    }
    let kind = answer.split_to(1)[0];
    let parts = frame::split(answer)?;
    match (kind, parts.first()) {
        (ANSWERED, _) => Some(Ok(parts)),
        (PANICKED, Some(text)) => Some(Err(Death::Panicked(String::from_utf8_lossy(text).into_owned()))),
        _ => None,
    }
}

/// Waits until it is time to stop. It polls in real time, because a child does not follow the clock of a test.
async fn stopped(stop: &Stop) {
    while !stop.should_stop() {
        let _ = tokio::time::timeout(LOOK, std::future::pending::<()>()).await;
    }
}
