//! Incoming events of hosts, stores and queues, parsed into our own types. Nothing here acts on them.
//!
//! A host passes on one [`Invocation`] of records; the body of each record is a [`Body`]. The events of other systems
//! may grow, so their unknown fields are ignored. Our own messages are read strictly ([`contract::Message::parse`]).

mod body;
mod cloud;
mod invocation;
mod s3;

pub use body::{Body, BodyError};
pub use cloud::{CloudError, CloudEvent, Posted};
pub use invocation::{Invocation, InvocationError};
pub use s3::{Created, SPEC_METADATA, notification};
