//! An upload becomes a forecast, also when things break: stopped at every operation, delivered ten times, shuffled,
//! and with all messages lost. [`scenarios`] run on every host, the rest in memory.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod counting;
mod duplicates;
mod house;
mod over_http;
mod scenarios;
mod stops;
mod swept;
