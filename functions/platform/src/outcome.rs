//! How a message reached a function, and how it ended.

use std::time::Duration;

use contract::{Failure, JobId};

use crate::stop::Stop;

/// One delivery of a message to this process.
#[derive(Clone)]
pub struct Delivery {
    /// The receipt handle, with which the message can be hidden for longer; `None` for an event that no queue holds.
    pub handle: Option<String>,
    /// The number of this delivery, from 1.
    pub receive_count: u32,
    /// When this invocation must end.
    pub stop: Stop,
}

/// What the host must do with a message.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// Acknowledge it: nothing is left to do.
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

/// How a job ended whose message is acknowledged.
#[derive(Clone, PartialEq, Debug)]
pub enum Ended {
    /// The job is committed and its successors are sent.
    Committed {
        /// Whether the work was already finished, by this job or another one.
        reused: bool,
    },
    /// The job failed for good.
    Failed(Box<Failure>),
    /// The job stopped before its end and sent a continuation.
    Yielded {
        /// The number of the continuation, from 1.
        hop: u32,
    },
    /// A later continuation, or a newer object, has replaced the job.
    Stale,
}
