//! The `flits` command, and what it is made of: a harness that serves a directory with an emulator of S3 and SQS, and a
//! pump that plays Lambda for the functions.
//!
//! Promises: a directory has one process that serves it, and all others are its clients; a killed process finds
//! everything again; and functions speak S3 and SQS over loopback, in this process or in processes of their own.
//! Refuses: to know what the stages compute ([`functions`] only lists them), and to listen beyond loopback.
//!
//! Start reading at [`harness::Harness`].

pub mod cli;
pub mod functions;
pub mod harness;
pub mod pump;
pub mod source;
pub mod submit;
