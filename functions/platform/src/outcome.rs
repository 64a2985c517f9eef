//! How a message reaches a function, and what became of it.

use std::time::Duration;

use contract::{Failure, JobId};

use crate::stop::Stop;

/// How a message reached this process.
#[derive(Clone)]
pub struct Delivery {
    /// The right to hide the message for longer; `None` for an event that no queue holds.
    pub handle: Option<String>,
    /// Which delivery this is, from 1.
    pub receive_count: u32,
    /// When this invocation must end.
    pub stop: Stop,
}

/// What became of one message.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Acknowledge it: nothing is left to do for it.
    Done {
        /// The job of the message.
        job: JobId,
        /// How the job ended.
        ended: Ended,
    },
    /// Give it back: it must be delivered again.
    GiveBack {
        /// The job of the message.
        job: JobId,
        /// The shortest time until the next delivery.
        after: Duration,
        /// The reason, for people.
        why: String,
    },
}

/// How a message that is acknowledged ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Ended {
    /// The job is committed and its successors are sent.
    Committed {
        /// Whether the work was done before, by this job or another one.
        reused: bool,
    },
    /// The job failed for good.
    Failed(Box<Failure>),
    /// The job stopped on the way and sent itself on.
    Yielded {
        /// The number of the continuation.
        hop: u32,
    },
    /// A later continuation, or a newer object, has taken its place.
    Stale,
}
