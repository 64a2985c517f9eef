//! Test tools for all crates: ports in memory, the suites that every adapter of a port passes, and fixtures of stages
//! and files.
//!
//! The crate promises that its doubles behave like the real services: they pass the same suites ([`ports`]). No product
//! crate depends on it outside of `[dev-dependencies]`.
//!
//! Start with [`memory::World`], then [`stage`].

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a fixture or a check fails by panicking, and only tests call it"
)]

pub mod hostile;
pub mod memory;
pub mod ports;
pub mod stage;

mod host;

pub use host::host;
