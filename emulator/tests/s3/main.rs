//! The S3 server, driven over loopback by the SDK that the functions use.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do; the lint knows test functions only"
)]

mod bodies;
mod conditions;
mod damage;
mod durability;
mod events;
mod harness;
mod listing;
mod multipart;
mod objects;
mod ranges;
mod raw;
mod region;
mod timeouts;
mod unsupported;
mod whole;
mod wire;
