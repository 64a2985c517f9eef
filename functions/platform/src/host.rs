//! What a function runs with: its ports, and the limits of its host.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    metrics::Metrics,
    ports::{Clock, Outbox, Queue, Store},
};

/// The ports and limits that a function runs with. Made once, in `main`.
#[derive(Clone)]
pub struct Platform {
    /// The bucket, which holds all state.
    pub store: Arc<dyn Store>,
    /// The queues, from which stages receive messages.
    pub queue: Arc<dyn Queue>,
    /// Where stages send messages to: the queues, unless the host delivers events in another way.
    pub outbox: Arc<dyn Outbox>,
    /// The clock of this process, for leases and logs.
    pub clock: Arc<dyn Clock>,
    /// The limits of this host.
    pub host: Host,
    /// What this process counts.
    pub metrics: Metrics,
}

/// The limits of a host (`host.*` in the configuration). Part of no digest, because they change no result.
#[derive(Clone, PartialEq, Debug)]
pub struct Host {
    /// The name under which this process holds leases, for people.
    pub owner: String,
    /// The bucket that holds all state. Events about any other bucket are refused.
    pub bucket: String,
    /// The longest time of one invocation, where the host does not say it.
    pub deadline: Duration,
    /// How long a claim holds without a renewal; the configuration allows 1 s to 1 h.
    pub lease: Duration,
    /// Memory that the function may use, in bytes.
    pub memory: u64,
    /// Threads that a fit may use, at least 1.
    pub threads: usize,
    /// How long a process that empties a queue waits for a message.
    pub poll: Duration,
    /// How many attempts after the first one may follow before the job fails for good.
    pub max_attempts: u32,
    /// The largest upload that is read, in bytes.
    pub max_upload: u64,
    /// The directory for files that live as long as one invocation.
    pub scratch: PathBuf,
    /// Environment variables with the predecessor's names. Only the front door reads them.
    pub overrides: BTreeMap<String, String>,
}

impl Platform {
    /// Returns a platform whose stages send to the queues from which they receive.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, queue: Arc<dyn Queue>, clock: Arc<dyn Clock>, host: Host) -> Self {
        Self {
            store,
            outbox: queue.clone(),
            queue,
            clock,
            host,
            metrics: Metrics::default(),
        }
    }

    /// Returns the platform on another store and other queues.
    #[must_use]
    pub fn on(self, store: Arc<dyn Store>, queue: Arc<dyn Queue>) -> Self {
        Self {
            store,
            outbox: queue.clone(),
            queue,
            ..self
        }
    }
}

impl Host {
    /// Returns the size of the largest clean part or artifact that is read, in bytes. A packed one grows several times
    /// when it is unpacked.
    #[must_use]
    pub fn max_packed(&self) -> u64 {
        self.memory / 4
    }
}
