//! What a function runs with: its ports, and the limits of the host it stands on.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use crate::ports::{Clock, Queue, Store};

/// The ports and limits that a function runs with. Made once, in `main`.
#[derive(Clone)]
pub struct Platform {
    /// Where all state lives.
    pub store: Arc<dyn Store>,
    /// How stages reach each other.
    pub queue: Arc<dyn Queue>,
    /// The clock of this process.
    pub clock: Arc<dyn Clock>,
    /// What this host allows.
    pub host: Host,
}

/// What a host allows (`host.*` in the configuration). Part of no digest: it changes no result.
#[derive(Clone, PartialEq, Debug)]
pub struct Host {
    /// The name under which this process holds leases, for people.
    pub owner: String,
    /// The one bucket that events may name and that holds all state.
    pub bucket: String,
    /// The longest time of one invocation where the host does not say it.
    pub deadline: Duration,
    /// How long a claim lasts without renewal.
    pub lease: Duration,
    /// Memory that may be used, in bytes.
    pub memory: u64,
    /// Threads that a fit may use, at least 1.
    pub threads: usize,
    /// How many attempts a job has before it fails for good.
    pub max_attempts: u32,
    /// The largest upload that is read, in bytes.
    pub max_upload: u64,
    /// A directory for files that last one invocation.
    pub scratch: PathBuf,
    /// Environment variables with the predecessor's names that are set. Only the front door reads them.
    pub overrides: BTreeMap<String, String>,
}

impl Host {
    /// Returns the largest clean part or artifact that is read, in bytes: a packed one grows several times when it is
    /// unpacked.
    #[must_use]
    pub fn max_packed(&self) -> u64 {
        self.memory / 4
    }
}
