//! The embedded SQS as its clients see it: the Rust SDK over loopback, and the store under it.

mod batches;
mod delivery;
mod durability;
mod faults;
mod harness;
mod queues;
mod redrive;
mod refusals;
mod sending;
