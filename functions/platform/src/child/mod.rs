//! Work on bytes that nobody should trust, in a child process with limits.
//!
//! A decoder that meets a hostile file can ask for all memory, run for hours or overflow its stack, and each of these
//! ends its process. So such work runs in a process of its own: the same binary started again, without environment,
//! descriptors or rights to write files, bounded in memory and CPU time. It is handed its input through a pipe, hands its
//! output back through another, and whatever becomes of it, the parent lives and can say what it was.
//!
//! A program takes part by calling [`answer`] first in its `main`: there the child finds out that it is one. Only such a
//! program is ever started again ([`Program::this`]), so a test harness or anything else that links a stage never is.

mod answer;
mod confine;
mod death;
mod frame;
mod parent;

use std::{path::PathBuf, time::Duration};

pub use answer::answer;
pub use death::Death;
pub use parent::{ChildError, Running, start};

/// How a child is started: a program whose `main` calls [`answer`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    path: PathBuf,
}

/// What a child may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Bytes of memory that it may write to: its heap, its buffers and the stacks of its threads. Not its code, nor address
    /// space that is only reserved, which a heap per thread takes by the 64 MiB.
    pub memory: u64,
    /// CPU time of all its threads together, in whole seconds; at least one.
    pub cpu: Duration,
    /// Threads of its pools.
    pub threads: usize,
}

impl Program {
    /// Returns the program at an absolute path, which must call [`answer`].
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the running program, where its `main` has called [`answer`].
    #[must_use]
    pub fn this() -> Option<Self> {
        answer::is_called().then(this).flatten()
    }
}

/// The running file itself, also where another one has taken its name since: a deploy must not mix two versions.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere the file has to be found first")]
fn this() -> Option<Program> {
    Some(Program::at("/proc/self/exe"))
}

#[cfg(not(target_os = "linux"))]
fn this() -> Option<Program> {
    std::env::current_exe().ok().map(Program::at)
}

/// Writes a number of bytes for people.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS
        .into_iter()
        .find(|(size, _)| bytes >= *size && bytes.is_multiple_of(*size));
    match unit {
        Some((size, name)) => format!("{} {name}", bytes / size),
        None => format!("{bytes} bytes"),
    }
}
