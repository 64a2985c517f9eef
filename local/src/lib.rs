//! The same functions on a laptop: the `flits` command, and the cloud it needs in one process, an S3 and an SQS for any
//! client that speaks their wire protocols.
//!
//! Promises: what was answered with success is on disk, a conditional write has one winner, an object and its event
//! become durable in one step, and a killed process finds everything again. Refuses to know: the stages; they meet
//! this crate over loopback like any other client. Start reading at [`harness::Harness`].

pub mod cli;
pub mod functions;
pub mod harness;
pub mod lock;
pub mod pump;
pub mod submit;
