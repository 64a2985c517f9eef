//! The embedded servers: one storage engine, an S3 and an SQS on top of it.
//!
//! What they offer and what they refuse stands in `README.md` beside this file.

mod blobs;
mod connections;
mod engine;
mod faults;
pub mod private;
mod quiet;
pub mod s3;
mod server;
mod settings;
pub mod sqs;
mod timeouts;

pub use self::engine::EngineError;
pub use faults::{Faults, Reorder};
pub use server::{Addresses, Emulator, StartError};
pub use settings::{ACCOUNT, Now, Settings};
pub use timeouts::Timeouts;
