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
pub mod config;
pub mod documents;
pub mod driver;
pub mod error;
pub mod front;
pub mod ledger;
pub mod logging;
pub mod ports;
pub mod process;
pub mod receive;
pub mod scratch;
pub mod serve;
pub mod threads;
pub mod walk;
pub mod work;

pub use error::{Classify, Place, QueueError, Retry, StoreError};
pub use ports::{Clock, Delivered, Downloaded, ETag, Listed, Object, ObjectMeta, Queue, Store};
pub use process::run;
pub use serve::serve;
pub use work::{Delivery, Ended, ErasedWork, Host, Job, Outcome, Platform, Stop, Work, Worked};
