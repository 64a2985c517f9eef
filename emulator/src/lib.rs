//! The embedded servers: one storage engine, an S3 and an SQS on top of it.
//!
//! What they offer and what they refuse stands in `README.md` beside this file.

pub mod blobs;
mod connections;
pub mod engine;
pub mod notify;
mod patience;
pub mod private;
mod quiet;
pub mod s3;
pub mod server;
pub mod sqs;
mod writer;

pub use engine::{Engine, EngineError};
pub use patience::Patience;
pub use server::{Addresses, Embedded, StartError};
