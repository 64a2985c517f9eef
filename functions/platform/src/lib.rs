//! Where functions meet the world: ports for store, queue and clock, their adapters, the ledger that makes redelivery
//! safe, configuration, logs and the two hosts.
//!
//! The crate promises that a stage's work is committed before its successors are sent and its message acknowledged, on
//! every host. It refuses to know what a stage computes: that comes in as a [`Work`]. It is the only crate that names
//! AWS, and the only one that reads the environment.
//!
//! Start with [`ports`] (what the world must offer), then [`work`] (what a stage must offer), then `serve`.

pub mod aws;
pub mod child;
mod class;
pub mod config;
pub mod documents;
pub mod driver;
pub mod error;
pub mod event;
pub mod front;
mod host;
pub mod ledger;
pub mod logging;
mod outcome;
pub mod ports;
pub mod process;
pub mod scratch;
mod secret;
pub mod serve;
mod stop;
pub mod threads;
pub mod walk;
mod work;

pub use class::{Class, Classify, Place, Retry};
pub use error::{QueueError, StoreError};
pub use host::{Host, Platform};
pub use outcome::{Delivery, Ended, Outcome};
pub use ports::{Clock, Delivered, Downloaded, ETag, Listed, Object, ObjectMeta, Queue, Store};
pub use process::run;
pub use secret::Secret;
pub use serve::serve;
pub use stop::Stop;
pub use work::{ErasedWork, ForeignManifest, Job, Misrouted, Work, Worked};
