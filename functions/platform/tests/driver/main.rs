//! Messages that run to their end over a store, a queue and a clock in memory, with a scripted stage.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod again;
mod deploys;
mod doubts;
mod endings;
mod faults;
mod hops;
mod leases;
mod received;
mod rig;
