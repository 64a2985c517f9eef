//! The laptop's cloud: an S3 and an SQS in one process, for any client that speaks their wire protocols.
//!
//! Promises: what was answered with success is on disk, a conditional write has one winner, an object and its event
//! become durable in one step, and a killed process finds everything again. Refuses to know: the stages; they meet
//! this crate over loopback like any other client. Start reading at [`embedded::Embedded`].

pub mod embedded;
pub mod pump;
