//! How many threads a fit may use while others run beside it in this process.

use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// A fit that runs. Dropped, it leaves its threads to the others.
pub(crate) struct Share {
    threads: usize,
}

impl Share {
    /// Counts a fit on a host with so many threads.
    pub(crate) fn of(threads: usize) -> Self {
        RUNNING.fetch_add(1, Ordering::Relaxed);
        Self { threads }
    }

    /// Gives the threads that this fit may use now.
    pub(crate) fn threads(&self) -> usize {
        (self.threads / RUNNING.load(Ordering::Relaxed).max(1)).max(1)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}
