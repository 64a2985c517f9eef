//! The SQS server as its clients see it: the Rust SDK over loopback, and the store under it.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod aws;
mod batches;
mod delivery;
mod durability;
mod faults;
mod harness;
mod queues;
mod raw;
mod redrive;
mod refusals;
mod sending;
