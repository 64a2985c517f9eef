//! From what a host hands over to what becomes of it: batches and the front door.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batch;
mod front;
mod support;
