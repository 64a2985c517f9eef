//! The number of threads that a fit may use while other fits run in this process.

use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The share of a running fit. When it is dropped, the other fits get its threads.
pub(crate) struct Share {
    threads: usize,
}

impl Share {
    /// Counts a fit on a host with `threads` threads.
    pub(crate) fn of(threads: usize) -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        Self { threads }
    }

    /// Returns the number of threads that this fit may use now, at least 1.
    pub(crate) fn threads(&self) -> usize {
        (self.threads / RUNNING.load(Ordering::Relaxed).max(1)).max(1)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
