//! The suites of the ports: the same checks for the doubles in memory, the emulator and real services.
//!
//! A test double can be trusted because it passes what the real service passes.

mod outbox;
mod queue;
mod store;

pub use outbox::{Mailbox, OutboxBench, outbox_suite};
pub use queue::{QueueBench, queue_suite};
pub use store::store_suite;
