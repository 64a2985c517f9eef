//! The embedded S3, driven over loopback by the SDK that the functions use.

mod conditions;
mod durability;
mod events;
mod harness;
mod listing;
mod multipart;
mod objects;
mod wire;
