//! What arrives: the events of hosts, stores and queues, read into our own types. Nothing here acts on them.
//!
//! A host hands over one [`Invocation`] of records; the body of each record is a [`Body`]. Events of others may grow, so
//! unknown fields are ignored there. Our own messages are read strictly ([`contract::Message::parse`]).

mod body;
mod invocation;
mod s3;

pub use body::{Body, BodyError};
pub use invocation::{Invocation, InvocationError};
pub use s3::{Created, SPEC_METADATA};
