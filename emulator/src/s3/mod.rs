//! The embedded S3: the protocol by `s3s`, the storage ours.
//!
//! Every write is decided and made in one transaction of the engine, so conditions hold under races; its event goes
//! into the queue in that same transaction. Keys are database keys, never paths. Nothing that is asked for is silently
//! ignored: `operations` lists what each one looks at, and everything else is refused (`NotImplemented`).

mod asks;
mod assembly;
mod body;
mod buckets;
mod checksums;
mod conditions;
mod copies;
mod elements;
mod error;
mod events;
mod front;
mod list;
mod multipart;
mod objects;
mod operations;
mod parts;
mod ranges;
mod reads;
mod rows;
mod service;
mod setup;
mod store;
mod uploads;

pub use error::Error;
pub use front::router;
pub use service::Keys;
pub use store::Store;
