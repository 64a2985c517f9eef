//! The S3 server: `s3s` speaks the protocol, this module stores.
//!
//! Every write is checked and made in one transaction of the engine, so conditions hold under races; its event goes
//! into the queue in the same transaction. Keys are database keys, never paths. Nothing that is asked for is silently
//! ignored: `operations` lists what each operation supports, and everything else is refused (`NotImplemented`).

mod access;
mod assembly;
mod body;
mod buckets;
mod checksums;
mod conditions;
mod contents;
mod copies;
mod elements;
mod encode;
mod error;
mod events;
mod front;
mod list;
mod multipart;
mod objects;
mod operations;
mod pages;
mod parameters;
mod parts;
mod ranges;
mod reads;
mod rows;
mod setup;
mod store;
mod stored_headers;
mod supported;
mod uploads;
mod wire;

pub(crate) use self::access::Keys;
pub use self::error::Error;
pub(crate) use self::front::router;
pub use self::store::Store;
