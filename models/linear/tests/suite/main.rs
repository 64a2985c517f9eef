//! What the forecasters without iterations promise.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

mod bad_input;
mod calendar;
mod closed_forms;
mod contexts;
mod data;
mod drift;
mod honesty;
mod skill;
