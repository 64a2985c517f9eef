//! The ledger: one small document per job, changed by compare-and-swap only, that says who works on it and how it
//! ended. `design.md` beside this file tells the whole protocol; here it is in four pieces.
//!
//! - [`state`]: the document.
//! - [`transition`]: what a message that finds it means, and every change it can undergo. Pure.
//! - [`lease`]: how long a claim holds, for others and for its holder. Pure.
//! - [`swap`]: one change against a store that may not answer.

pub mod lease;
mod nonce;
pub mod state;
pub mod swap;
pub mod transition;

pub use nonce::Nonce;
pub use state::{Completion, Ledger, State};
pub use transition::{Arrival, Claimant, Found, Step};
