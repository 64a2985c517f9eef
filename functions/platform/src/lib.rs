//! Everything between the functions and the outside: ports for store, queue and clock, their adapters, the ledger that
//! makes redelivery safe, configuration, logs and hosts.
//!
//! The crate promises that, on every host, a stage's work is committed before its successors are sent and its message
//! is acknowledged. It refuses to know what a stage computes: that is a [`Work`]. It is the only crate of a function
//! that names AWS, and the only one that reads the environment.
//!
//! Start with [`ports`] (what the outside must offer), then [`Work`] (what a stage must offer), then
//! [`serve`](mod@serve).

pub mod aws;
mod batch;
pub mod bucket;
pub mod child;
mod class;
pub mod config;
pub mod documents;
pub mod driver;
pub mod error;
pub mod event;
pub mod front;
pub mod handover;
mod host;
pub mod http;
pub mod ledger;
pub mod logging;
pub mod metrics;
mod outcome;
pub mod ports;
pub mod process;
pub mod race;
pub mod scratch;
mod secret;
pub mod serve;
pub mod sink;
mod stop;
pub mod threads;
mod traces;
pub mod walk;
mod work;

pub use class::{Class, Classify, Place, Retry};
pub use error::{QueueError, StoreError};
pub use host::{Host, Platform};
pub use outcome::{Delivery, Ended, Outcome};
pub use ports::{Clock, Delivered, Downloaded, ETag, Link, Listed, Object, ObjectMeta, Outbox, Queue, Store};
pub use process::run;
pub use secret::Secret;
pub use serve::serve;
pub use stop::Stop;
pub use work::{ErasedWork, ForeignManifest, Job, Misrouted, Work, Worked};
