//! What all binaries have in common: a heap for short lives, and the runtime.
//!
//! Most of a function's memory is fresh, and the kernel clears each page of it when it is first touched. By default glibc
//! asks the kernel for each large buffer, gives it back when it is freed, and has a heap for almost every thread, so that
//! a stage pays for the same pages several times. Here few heaps keep what was freed in them, and give it back when the
//! process rests. Where another allocator is linked (musl, macOS), nothing changes.

use crate::logging;

/// Sets the heap and the reports of panics up and runs a program on the runtime of all binaries. To be called before any thread begins.
///
/// # Errors
/// Those of the program, and where its threads cannot be started.
pub fn run<T>(program: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    keep_heap();
    logging::log_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(program)
}

/// Sets the heap up, before any thread begins.
pub(crate) fn keep_heap() {
    heap::keep();
}

/// Gives back to the kernel what lies free: for a process that stays and has nothing to do.
pub fn rest() {
    heap::give_back();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "mallopt(3) and malloc_trim(3) have no safe binding")]
mod heap {
    use std::thread;

    use libc::c_int;

    /// How many buffers may be the kernel's, apart from the heaps.
    const APART: c_int = 0;

    /// What may lie free at the end of a heap: whatever was freed there.
    const KEPT: c_int = c_int::MAX;

    /// Threads that share a heap: what one of them frees, others take. More would wait for each other.
    const SHARING: usize = 2;

    pub(super) fn keep() {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let heaps = c_int::try_from(threads.div_ceil(SHARING)).unwrap_or(1);
        for (option, value) in [
            (libc::M_ARENA_MAX, heaps),
            (libc::M_MMAP_MAX, APART),
            (libc::M_TRIM_THRESHOLD, KEPT),
        ] {
            // SAFETY: it changes settings of the allocator and touches no memory of ours. One that it does not take
            // stays as it was, which is slower and right.
            unsafe { libc::mallopt(option, value) };
        }
    }

    pub(super) fn give_back() {
        // SAFETY: it gives back pages that no allocation lies on.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod heap {
    pub(super) fn keep() {}

    pub(super) fn give_back() {}
}
