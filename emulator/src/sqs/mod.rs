//! The SQS server: standard queues in the JSON protocol of the current SDKs.
//!
//! Sent messages and deletions are on disk before they are answered. Receives and visibility changes may be lost in a
//! crash, which only makes a message visible again sooner. A receipt handle is valid for the newest delivery of its
//! message, also after its visibility timeout; an older handle deletes nothing, which is answered with success as on
//! AWS, and extends nothing. First-in-first-out queues are refused, and so is every field and attribute that would have
//! no effect.
//!
//! Start reading at [`Queues`], then `http` for the requests.

mod attributes;
mod auth;
mod enqueue;
mod error;
mod http;
mod message;
mod operations;
mod queues;
mod receipt;
mod rows;
mod storage;
mod wire;

pub(crate) use self::{enqueue::enqueue, http::router};
pub use self::{error::Error, queues::Queues};
