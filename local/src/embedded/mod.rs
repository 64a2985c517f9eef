//! The embedded servers: one storage engine, an S3 and an SQS on top of it.

pub mod blobs;
pub mod engine;
pub mod notify;
pub mod s3;
pub mod server;
pub mod sqs;
mod writer;

pub use engine::{Engine, EngineError};
pub use server::{Addresses, Embedded, StartError};
