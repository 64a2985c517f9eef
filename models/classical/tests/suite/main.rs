//! What the classical forecasters promise.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

mod behaviour;
mod data;
mod hard;
mod peers;
mod stops;
