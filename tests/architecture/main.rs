//! The invariants of ARCHITECTURE.md that a test can hold: which crate may depend on which, how deep the chain of crates
//! is, that modules import each other in one direction, and that nothing is public which nobody else uses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crates;
mod imports;
mod public;
mod workspace;
