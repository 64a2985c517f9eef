//! The ports on S3 and SQS, or on anything that speaks their protocols.
//!
//! Retrying is decided per call: the SDK retries what is safe to repeat; a conditional write is sent once, because a
//! second one cannot tell its own first from somebody else's. Every call has a total time-out, because a server that
//! hangs after accepting the connection is not caught by a connect time-out.

mod clock;
mod connect;
mod intercept;
mod queue;
mod store;

pub use clock::SystemClock;
pub use connect::{Access, Endpoint, connect_queue, connect_store, https_client};
pub use queue::SqsQueue;
pub use store::S3Store;
