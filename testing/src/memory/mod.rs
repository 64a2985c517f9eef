//! Store, queue and clock in memory, with the semantics of the real ones, and faults to wrap around any of them.
//!
//! They pass the same suites as the adapters ([`crate::ports`]), so a stage that works with them works with the real
//! ones. `ETag`s follow from the bytes, times are whole seconds, messages come back when their visibility timeout ends,
//! and a stale handle deletes nothing. Time stands still until a test advances it.

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

/// A store, a queue and a clock that belong together.
#[derive(Clone)]
pub struct World {
    /// The store, dated by the clock.
    pub store: Arc<MemoryStore>,
    /// The queues of all stages.
    pub queue: Arc<MemoryQueue>,
    /// The clock of the process, the store and the queue.
    pub clock: Arc<MemoryClock>,
}

impl World {
    /// Returns an empty world.
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
