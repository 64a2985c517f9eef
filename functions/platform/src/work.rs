//! What a stage must offer, and what it is given: the job, the ports and the limits of the host.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{Failure, JobId, Message, Next, Produced, Spec, Stage, identity::Identity};
use forecast::Progress;

use crate::{
    error::Classify,
    ports::{Clock, Queue, Store},
};

/// A stage: pure work that is skipped where it was done before, and a conclusion that is always drawn.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Classify;

    /// Names the stage.
    fn stage(&self) -> Stage;

    /// Does the work. Equal jobs give equal bytes; skipped when the work's manifest exists.
    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, Self::Error>;

    /// Says what comes next, for adopted work too. Safe to repeat.
    async fn conclude(&self, job: &Job, made: &Produced, platform: &Platform) -> Result<Next, Self::Error>;
}

/// How the work ended.
#[expect(clippy::large_enum_variant, reason = "made once per attempt")]
#[derive(Clone, PartialEq, Debug)]
pub enum Worked {
    /// Its outputs are stored.
    Done(Produced),
    /// It was asked to stop and can go on from here.
    Stopped {
        /// Where it stands.
        progress: Progress,
        /// What it needs to go on.
        checkpoint: Vec<u8>,
    },
    /// Something is not there yet.
    Wait {
        /// When to look again.
        after: Duration,
        /// What is missing.
        why: String,
    },
}

/// One job, checked: the spec is loaded and the sender's job id is the receiver's.
#[derive(Clone)]
pub struct Job {
    /// The message that asked for it.
    pub message: Message,
    /// The resolved spec.
    pub spec: Arc<Spec>,
    /// The names of its ledger and outputs.
    pub identity: Identity,
    /// Which attempt this is, from 0.
    pub attempt: u32,
    /// Where an earlier fit stopped.
    pub resume: Option<(Progress, Bytes)>,
    /// When to stop.
    pub stop: Stop,
}

/// A [`Work`] whose error type is forgotten, so that hosts need no generics.
#[async_trait]
pub trait ErasedWork: Send + Sync + 'static {
    /// Names the stage.
    fn stage(&self) -> Stage;

    /// Does the work.
    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, Box<dyn Classify>>;

    /// Says what comes next.
    async fn conclude(&self, job: &Job, made: &Produced, platform: &Platform) -> Result<Next, Box<dyn Classify>>;
}

#[async_trait]
impl<W: Work> ErasedWork for W {
    fn stage(&self) -> Stage {
        Work::stage(self)
    }

    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, Box<dyn Classify>> {
        Work::work(self, job, platform)
            .await
            .map_err(|error| Box::new(error) as Box<dyn Classify>)
    }

    async fn conclude(&self, job: &Job, made: &Produced, platform: &Platform) -> Result<Next, Box<dyn Classify>> {
        Work::conclude(self, job, made, platform)
            .await
            .map_err(|error| Box::new(error) as Box<dyn Classify>)
    }
}

/// The ports and limits that a function runs with. Made once, in `main`.
#[derive(Clone)]
pub struct Platform {
    /// Where all state lives.
    pub store: Arc<dyn Store>,
    /// How stages reach each other.
    pub queue: Arc<dyn Queue>,
    /// This process's clock.
    pub clock: Arc<dyn Clock>,
    /// What this host allows.
    pub host: Host,
}

/// What a host allows. Part of no digest.
#[derive(Clone, PartialEq, Debug)]
pub struct Host {
    /// Who holds a lease, for people.
    pub owner: String,
    /// The bucket that events may name and that holds all state.
    pub bucket: String,
    /// How long one invocation may take where the host does not say.
    pub deadline: Duration,
    /// How long a claim holds without renewal.
    pub lease: Duration,
    /// Memory that may be used, in bytes.
    pub memory: u64,
    /// Threads that a fit may use.
    pub threads: usize,
    /// How many attempts a job has.
    pub max_attempts: u32,
    /// The largest upload that is read, in bytes.
    pub max_upload: u64,
    /// Where files may be kept for the time of one invocation.
    pub scratch: PathBuf,
    /// The predecessor's environment names that are set, read at the front door only.
    pub overrides: BTreeMap<String, String>,
}

/// How a message reached this process.
#[derive(Clone)]
pub struct Delivery {
    /// The right to hide the message for longer; none for an event that no queue holds.
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
        /// The job.
        job: JobId,
        /// How it ended.
        ended: Ended,
    },
    /// Give it back: it is to be delivered again.
    GiveBack {
        /// The job.
        job: JobId,
        /// Not before this.
        after: Duration,
        /// Why, for people.
        why: String,
    },
}

/// How a message that is acknowledged ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Ended {
    /// The job is committed and its successors are sent.
    Committed {
        /// Whether the work was done before, by this job or another.
        reused: bool,
    },
    /// The job failed for good.
    Failed(Box<Failure>),
    /// The job stopped on the way and sent itself on.
    Yielded {
        /// The continuation's number.
        hop: u32,
    },
    /// A later continuation, or a newer object, has taken its place.
    Stale,
}

/// Says when to stop: asked by a signal, at a deadline, or because the lease could not be renewed.
///
/// Cheap to ask and to clone, so that a fit can ask it per batch.
#[derive(Clone)]
pub struct Stop(Arc<StopState>);

struct StopState {
    parent: Option<Stop>,
    clock: Option<Arc<dyn Clock>>,
    asked: AtomicBool,
    /// Milliseconds on the monotonic clock.
    deadline_ms: AtomicU64,
}

impl Stop {
    /// Never stops, unless it is asked to.
    #[must_use]
    pub fn never() -> Self {
        Self(Arc::new(StopState {
            parent: None,
            clock: None,
            asked: AtomicBool::new(false),
            deadline_ms: AtomicU64::new(u64::MAX),
        }))
    }

    /// Stops at a moment of the monotonic clock.
    #[must_use]
    pub fn at(clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        let stop = StopState {
            parent: None,
            clock: Some(clock),
            asked: AtomicBool::new(false),
            deadline_ms: AtomicU64::new(millis(deadline)),
        };
        Self(Arc::new(stop))
    }

    /// Gives a stop that stops with this one, or earlier: at a moment of its own, which [`Stop::move_to`] can move.
    #[must_use]
    pub fn child(&self, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        let stop = StopState {
            parent: Some(self.clone()),
            clock: Some(clock),
            asked: AtomicBool::new(false),
            deadline_ms: AtomicU64::new(millis(deadline)),
        };
        Self(Arc::new(stop))
    }

    /// Asks to stop now.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::Relaxed);
    }

    /// Moves this stop's own moment, for example when a lease was renewed.
    pub fn move_to(&self, deadline: Duration) {
        self.0.deadline_ms.store(millis(deadline), Ordering::Relaxed);
    }

    /// Says whether to stop.
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.is_asked() || self.is_over()
    }

    /// Returns whether the time is over, whether or not anybody asked to stop.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let own = self
            .0
            .clock
            .as_ref()
            .is_some_and(|clock| millis(clock.monotonic()) >= self.0.deadline_ms.load(Ordering::Relaxed));
        own || self.0.parent.as_ref().is_some_and(Stop::is_over)
    }

    /// Says whether it was asked to stop, by a signal, whatever the time.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed) || self.0.parent.as_ref().is_some_and(Stop::is_asked)
    }

    /// Gives the time that is left; none where there is no limit.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        if self.should_stop() {
            return Some(Duration::ZERO);
        }
        let own = self.0.clock.as_ref().and_then(|clock| {
            let deadline = self.0.deadline_ms.load(Ordering::Relaxed);
            (deadline != u64::MAX).then(|| Duration::from_millis(deadline.saturating_sub(millis(clock.monotonic()))))
        });
        let inherited = self.0.parent.as_ref().and_then(Stop::remaining);
        own.into_iter().chain(inherited).min()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
