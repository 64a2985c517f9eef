//! What every adapter of a port does alike: the same checks for memory, the embedded servers and real ones.
//!
//! A test double earns trust by passing what the real thing passes.

mod queue;
mod store;

pub use queue::{QueueBench, queue_suite};
pub use store::store_suite;
