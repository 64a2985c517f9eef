//! Work on untrusted bytes, in a child process with limits.
//!
//! A decoder that reads a hostile file can ask for all memory, run for hours or overflow its stack, and each of these
//! ends its process. So such work runs in a process of its own: the same binary, started again without environment,
//! descriptors or the right to write files, and with limits on memory and CPU time. It reads its input from a pipe and
//! writes its output to another. However it ends, the parent survives and can say what happened.
//!
//! A program takes part by calling [`answer`] first in its `main`: there the child finds out that it is one. Only such
//! a program is started again ([`Program::this`]); a test harness or any other program that links a stage is not.

mod answer;
mod confine;
mod death;
mod frame;
mod parent;

use std::{path::PathBuf, time::Duration};

pub use answer::answer;
pub use death::Death;
pub use parent::{ChildError, Running, start};

/// The program of a child: an executable whose `main` calls [`answer`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    path: PathBuf,
}

/// The limits of a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Memory that it may write to, in bytes: its heap, its buffers and the stacks of its threads. Code does not count,
    /// and neither does address space that is only reserved, as each thread's heap does (64 MiB).
    pub memory: u64,
    /// CPU time of all its threads together; counted in whole seconds, at least 1 s.
    pub cpu: Duration,
    /// The number of threads in its pools.
    pub threads: usize,
}

impl Program {
    /// Returns the program at an absolute path; its `main` must call [`answer`].
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the running program; `None` when its `main` has not called [`answer`].
    #[must_use]
    pub fn this() -> Option<Self> {
        answer::is_called().then(this).flatten()
    }
}

/// Returns the running file itself, even when another file has its path now: a deployment must not mix two versions.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere the file has to be found first")]
fn this() -> Option<Program> {
    Some(Program::at("/proc/self/exe"))
}

#[cfg(not(target_os = "linux"))]
fn this() -> Option<Program> {
    std::env::current_exe().ok().map(Program::at)
}

/// Writes a number of bytes for people, in the largest unit that is whole.
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
