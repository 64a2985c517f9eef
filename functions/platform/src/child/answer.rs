//! The child's side: reads the request, computes, writes the answer.

use std::{
    ffi::OsString,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;

use super::{Bounds, confine, frame};
use crate::{error::panic_text, process};

/// The prefix of the task's name in the first argument of a child.
const MARK: &str = "child:";

/// The first byte of a complete answer, and of the text of a panic.
pub(super) const ANSWERED: u8 = 0;
pub(super) const PANICKED: u8 = 1;

/// Whether `main` has called [`answer`], so that this program can be started as a child.
static CALLED: AtomicBool = AtomicBool::new(false);

/// Does `task` when this process was started as a child for it and returns the exit code; returns `None` in any other
/// process.
///
/// Call it first in `main`, before any thread or runtime starts. `compute` gets the parts of the request and returns
/// the parts of the answer.
#[must_use]
pub fn answer(task: &str, compute: impl FnOnce(Vec<Bytes>) -> Vec<Bytes>) -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(mark(task).as_ref()) {
        CALLED.store(true, Ordering::Relaxed);
        return None;
    }
    match serve(arguments, compute) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(why) => {
            eprintln!("{task}: {why}");
            Some(ExitCode::FAILURE)
        }
    }
}

pub(super) fn is_called() -> bool {
    CALLED.load(Ordering::Relaxed)
}

/// Returns the arguments that start a process as a child.
pub(super) fn arguments(task: &str, bounds: &Bounds) -> Vec<OsString> {
    let numbers = [bounds.memory, bounds.cpu.as_secs(), bounds.threads as u64];
    let numbers = numbers.iter().map(|number| number.to_string().into());
    std::iter::once(mark(task)).chain(numbers).collect()
}

fn mark(task: &str) -> OsString {
    format!("{MARK}{task}").into()
}

fn serve(
    arguments: impl Iterator<Item = OsString>,
    compute: impl FnOnce(Vec<Bytes>) -> Vec<Bytes>,
) -> Result<(), String> {
    let bounds = read(arguments).ok_or("a child is started by its parent, not by hand")?;
    confine::confine(&bounds).map_err(|error| format!("cannot limit itself: {error}"))?;
    process::set_up_heap();
    let request = frame::read(&mut io::stdin().lock()).map_err(|error| format!("cannot read its request: {error}"))?;
    process::end_with_parent();
    let (kind, parts) = match catch_unwind(AssertUnwindSafe(|| compute(request))) {
        Ok(parts) => (ANSWERED, parts),
        Err(panic) => (
            PANICKED,
            vec![Bytes::copy_from_slice(panic_text(panic.as_ref()).as_bytes())],
        ),
    };
    let mut out = io::stdout().lock();
    io::Write::write_all(&mut out, &[kind])
        .and_then(|()| frame::write(&mut out, &parts))
        .map_err(|error| format!("cannot hand its answer over: {error}"))
}

fn read(arguments: impl Iterator<Item = OsString>) -> Option<Bounds> {
    let numbers = arguments.map(|argument| argument.to_str()?.parse().ok());
    let [memory, cpu, threads] = numbers.collect::<Option<Vec<u64>>>()?.try_into().ok()?;
    Some(Bounds {
        memory,
        cpu: Duration::from_secs(cpu),
        threads: usize::try_from(threads).ok()?,
    })
}
