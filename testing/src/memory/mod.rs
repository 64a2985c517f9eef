//! Store, queue and clock in memory, with the semantics of the real ones, and faults to put around any of them.
//!
//! They pass the same suite as the adapters ([`crate::ports`]), so a stage that survives them survives the real ones:
//! `ETag`s follow the bytes, times are whole seconds, messages come back when their visibility runs out, a stale handle
//! deletes nothing. Time stands still until a test advances it.

mod clock;
mod fault;
mod lock;
mod queue;
mod store;

use std::sync::Arc;

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
