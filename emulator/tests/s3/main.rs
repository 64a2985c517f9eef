//! The embedded S3, driven over loopback by the SDK that the functions use.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do; the lint knows test functions only"
)]

mod asks;
mod bodies;
mod conditions;
mod damage;
mod durability;
mod events;
mod harness;
mod listing;
mod multipart;
mod objects;
mod patience;
mod ranges;
mod raw;
mod region;
mod whole;
mod wire;
