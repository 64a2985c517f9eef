//! The ports on S3 and SQS, or on any server with the same protocols.
//!
//! Each call has its own retry policy. The SDK retries what is safe to repeat. A conditional write is sent once,
//! because a second one could not tell its own first try from another writer's. Every call has a total time-out: a
//! connect time-out does not catch a server that accepts the connection and then hangs.

mod clock;
mod connect;
mod intercept;
mod nowhere;
mod queue;
mod reason;
pub mod setup;
mod store;

pub use clock::SystemClock;
pub use connect::{Access, Endpoint, NoRegion, connect_queue, connect_store, https_client};
pub(crate) use nowhere::NoQueues;
pub use queue::SqsQueue;
pub use store::S3Store;
