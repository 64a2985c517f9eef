//! The embedded servers: one storage engine, an S3 and an SQS on top of it.

pub mod engine;
pub mod notify;
pub mod sqs;

pub use engine::{Engine, EngineError};
