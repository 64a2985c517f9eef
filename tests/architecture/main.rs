//! The invariants of ARCHITECTURE.md that a test can hold: which crate may depend on which, how deep the chain of crates
//! is, that modules import each other in one direction, that nothing is public which nobody else uses, and that what is
//! deployed agrees with the code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crates;
mod deployed;
mod imports;
mod public;
mod workspace;
