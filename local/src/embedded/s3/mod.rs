//! The embedded S3: the protocol by `s3s`, the storage ours.
//!
//! Every write is decided and made in one transaction of the engine, so conditions hold under races; its event goes
//! into the queue in that same transaction. Keys are database keys, never paths. Refused rather than ignored: versions,
//! tags, and whatever else is not written here (`NotImplemented`).

mod body;
mod buckets;
mod checksums;
mod conditions;
mod copies;
mod error;
mod events;
mod list;
mod multipart;
mod objects;
mod parts;
mod reads;
mod rows;
mod service;
mod setup;
mod store;
mod uploads;

pub use error::Error;
pub use service::service;
pub use store::Store;
