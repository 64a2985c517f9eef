//! Store, queue and clock in memory, with the semantics of the real ones, and faults to put around any of them.
//!
//! They pass the same suite as the adapters (`tests/ports`), so a stage that survives them survives the real ones:
//! `ETag`s follow the bytes, times are whole seconds, messages come back when their visibility runs out, a stale handle
//! deletes nothing. Time stands still until a test advances it.

mod clock;
mod fault;
mod queue;
mod store;

use std::sync::{Arc, Mutex, MutexGuard};

pub use clock::MemoryClock;
pub use fault::{Fault, Faults, How, When};
pub use queue::{Limits, MemoryQueue};
pub use store::MemoryStore;

/// The three together, sharing one clock.
#[derive(Clone)]
pub struct World {
    /// The store.
    pub store: Arc<MemoryStore>,
    /// The queue.
    pub queue: Arc<MemoryQueue>,
    /// The clock of the process, the store and the queue.
    pub clock: Arc<MemoryClock>,
}

impl World {
    /// Makes an empty world.
    #[must_use]
    pub fn new() -> Self {
        let clock = Arc::new(MemoryClock::new());
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let queue = Arc::new(MemoryQueue::new(clock.clone(), Limits::default()));
        Self { store, queue, clock }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// Locks; a panic elsewhere while holding the lock leaves plain data that is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
