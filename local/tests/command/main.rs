//! The `flits` command as a user runs it: one upload, again, changed, broken, killed, and with a model that cannot live.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

mod again;
mod broken;
mod flits;
mod isolated;
mod killed;
mod predecessor;
