//! From the event of a host to its outcome: batches and the front door.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod front;
mod http;
mod support;
