//! What all binaries have in common: an allocator tuned for short lives, and the runtime.
//!
//! Most of a function's memory is fresh, and the kernel clears each page when it is first touched. By default glibc
//! asks the kernel for each large buffer, returns it when it is freed, and has a heap for almost every thread, so a
//! stage pays for the same pages several times. Here a few heaps keep what was freed in them and return it when the
//! process rests. With another allocator (musl, macOS) nothing changes.

use std::{
    io::{self, Read as _},
    path::Path,
    process::ExitCode,
    thread,
};

use contract::text;

use crate::logging;

/// Runs a program on the runtime of all binaries, after it has set up the heap and the reports of panics. Call it
/// before any thread starts. The error of the program is printed with all its causes, in one line.
pub fn run(program: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
    set_up_heap();
    logging::log_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(program));
    ended.unwrap_or_else(|error| {
        let called = std::env::args_os().next().unwrap_or_default();
        let name = Path::new(&called).file_name().unwrap_or_default().to_string_lossy();
        eprintln!("{name}: {}", text::lines(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}

/// Sets up the heap. Call it before any thread starts.
pub(crate) fn set_up_heap() {
    heap::set_up();
}

/// Returns free memory to the kernel. For a process that stays alive with nothing to do.
pub fn release_memory() {
    heap::release();
}

/// Ends this process when its parent ends. The parent keeps this process's standard input open while it lives, so the end
/// of the input means the end of the parent, however it ended. The system's own parent-death signal is sent when a
/// *thread* of the parent ends.
pub(crate) fn end_with_parent() {
    let watch = || {
        while !matches!(io::stdin().lock().read(&mut [0]), Ok(0) | Err(_)) {}
        std::process::exit(1);
    };
    let watching = thread::Builder::new().name("parent".to_owned()).stack_size(64 << 10);
    if let Err(error) = watching.spawn(watch) {
        // Its own limits of time still end it.
        tracing::warn!(%error, "this process may outlive its parent");
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "mallopt(3) and malloc_trim(3) have no safe binding")]
mod heap {
    use std::thread;

    use libc::c_int;

    /// The number of buffers that may lie outside of the heaps, directly at the kernel.
    const OUTSIDE: c_int = 0;

    /// How many free bytes the end of a heap may keep: all of them.
    const KEPT: c_int = c_int::MAX;

    /// Threads that share a heap and reuse each other's freed memory. With more, they would wait for each other.
    const SHARING: usize = 2;

    pub(super) fn set_up() {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let heaps = c_int::try_from(threads.div_ceil(SHARING)).unwrap_or(1);
        for (option, value) in [
            (libc::M_ARENA_MAX, heaps),
            (libc::M_MMAP_MAX, OUTSIDE),
            (libc::M_TRIM_THRESHOLD, KEPT),
        ] {
            // SAFETY: this changes settings of the allocator and touches no memory of ours. A setting that it refuses
            // stays as it was, which is slower but correct.
            unsafe { libc::mallopt(option, value) };
        }
    }

    pub(super) fn release() {
        // SAFETY: this returns pages to the kernel that no allocation uses.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod heap {
    pub(super) fn set_up() {}

    pub(super) fn release() {}
}
