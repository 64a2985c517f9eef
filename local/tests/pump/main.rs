//! The pump: what it receives, invokes, deletes and gives back, in this process and with children.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod child;
mod isolated;
mod posting;
mod pumping;
