//! The ledger: one small document per job that says who works on it and how it ended. It is changed by compare-and-swap
//! only. `design.md` beside this file explains the whole protocol; the code is in four parts.
//!
//! - [`state`]: the document.
//! - [`transition`]: what the ledger means for a message that finds it, and every change it can undergo. Pure.
//! - [`lease`]: how long a claim holds, for other workers and for its holder. Pure.
//! - [`swap`]: one change, with a store that may not answer.

pub mod lease;
mod nonce;
pub mod state;
pub mod swap;
pub mod transition;

pub use nonce::Nonce;
pub use state::{Completion, Ledger, State, Trigger};
pub use transition::{Action, Arrival, Claimant, StoredLedger};
