//! Follows one upload by what its jobs leave in the bucket. Each ledger says which jobs come next, so nothing is listed
//! and no process is asked: a client that starts late, or again, sees the same.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::{Hash as _, Hasher as _},
    sync::Arc,
};

use contract::{Dataset, Decision, Failure, JobId, Outcome, PartId, Produced, Round, Spec, Task, keys};
use platform::{
    Store, StoreError, documents,
    ledger::State,
    walk::{self, JobStatus},
};

/// The jobs that were committed before a command began.
pub(super) type Reused = HashSet<JobId>;

/// One job of the walk, as the bucket shows it.
#[derive(Debug, Clone)]
pub(super) struct JobView {
    /// The job and its ledger.
    pub step: JobStatus,
    /// What it left, once it is committed.
    pub made: Option<Produced>,
    /// Why it failed, once it did.
    pub failure: Option<Failure>,
}

/// All that the bucket shows of one upload.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// The jobs in the order of the walk.
    pub jobs: Vec<JobView>,
    /// Whether every job has ended and its successors are sent.
    pub finished: bool,
}

impl View {
    /// Returns whether a function has begun with the upload.
    #[must_use]
    pub(super) fn has_begun(&self) -> bool {
        self.jobs.first().is_some_and(|job| job.step.ledger.is_some())
    }

    /// Returns the jobs that had ended before a moment of the store's clock.
    pub(super) fn ended_before(&self, moment: i64) -> impl Iterator<Item = JobId> {
        let ended = self.jobs.iter().filter(|job| job.made.is_some());
        let before = ended.filter(move |job| job.step.written.is_some_and(|written| written < moment));
        before.map(|job| job.step.job)
    }

    /// Returns which jobs are not done, each with its state.
    #[must_use]
    pub(super) fn waits_for(&self) -> Vec<String> {
        let open = self
            .jobs
            .iter()
            .filter(|job| job.made.is_none() && job.failure.is_none());
        open.map(|job| {
            let task = &job.step.task;
            let member = task.member().map(|member| format!(" {member}")).unwrap_or_default();
            let state = match &job.step.ledger {
                None => "no function has begun".to_owned(),
                Some(ledger) => match ledger.state {
                    State::Running => format!("running, attempt {}", ledger.attempt + 1),
                    State::Released => format!("waits for attempt {}", ledger.attempt + 1),
                    State::Yielded => format!("goes on as hop {}", ledger.hop),
                    State::Committed | State::Failed => "its outputs are gone, it is to be done again".to_owned(),
                },
            };
            format!("{}{member} ({state})", task.stage())
        })
        .collect()
    }

    /// Returns a number that changes whenever the state of a job changes, except when only its lease is renewed.
    #[must_use]
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        for job in &self.jobs {
            let ledger = job.step.ledger.as_ref();
            let state = ledger.map(|l| {
                (
                    l.state,
                    l.token,
                    l.attempt,
                    l.hop,
                    l.progress.map(|p| (p.epoch, p.batch)),
                )
            });
            (job.step.job, state).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// What a round left in the bucket.
#[derive(Debug, Clone)]
pub(super) struct RoundView {
    /// Its members.
    pub round: Round,
    /// The outcome of each member that has one.
    pub outcomes: Vec<Outcome>,
    /// The decision; `None` while some outcome is missing.
    pub decision: Option<Decision>,
}

/// Reads the jobs of one upload, again and again.
pub(super) struct Walk {
    store: Arc<dyn Store>,
    spec: Arc<Spec>,
    first: Task,
    /// Jobs that have ended; each is read only once.
    ended: HashMap<JobId, JobView>,
    /// Jobs that had ended and whose outputs are missing, with the token of that claim: they are to be done again.
    lost: HashMap<JobId, u64>,
}

impl Walk {
    /// Begins at the first job.
    #[must_use]
    pub(super) fn new(store: Arc<dyn Store>, spec: Arc<Spec>, first: Task) -> Self {
        Self {
            store,
            spec,
            first,
            ended: HashMap::new(),
            lost: HashMap::new(),
        }
    }

    /// Continues with the same bucket at another address.
    pub(super) fn reconnect(&mut self, store: Arc<dyn Store>) {
        self.store = store;
    }

    /// Returns the jobs that are committed and whose outputs exist. From now on jobs whose outputs are missing count as
    /// not done: the upload that follows has them done again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn committed(&mut self) -> Result<Reused, StoreError> {
        let view = self.look().await?;
        let mut committed = Reused::new();
        for job in view.jobs {
            let (Some(made), Some(ledger)) = (&job.made, &job.step.ledger) else {
                continue;
            };
            if self.is_left(&job.step, made).await? {
                committed.insert(job.step.job);
            } else {
                self.lost.insert(job.step.job, ledger.token);
                self.ended.remove(&job.step.job);
            }
        }
        Ok(committed)
    }

    /// Returns whether everything exists that a job made, and that it left for the other jobs of its round.
    async fn is_left(&self, step: &JobStatus, made: &Produced) -> Result<bool, StoreError> {
        let joined = keys::joined(&step.task, step.job);
        for key in made
            .objects(step.task.dataset(), step.task.part())
            .into_iter()
            .chain(joined)
        {
            if !documents::is_there(self.store.as_ref(), &key).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads how far the upload has come.
    ///
    /// # Errors
    /// When the store does not answer or a document is damaged.
    pub(super) async fn look(&mut self) -> Result<View, StoreError> {
        let mut view = View {
            jobs: Vec::new(),
            finished: true,
        };
        let mut seen = HashSet::new();
        let mut tasks = VecDeque::from([self.first.clone()]);
        while let Some(task) = tasks.pop_front() {
            let job = self.visit(task).await?;
            if !seen.insert(job.step.job) {
                continue;
            }
            tasks.extend(job.step.following());
            view.finished &= job.made.is_some() || job.failure.is_some();
            view.jobs.push(job);
        }
        Ok(view)
    }

    async fn visit(&mut self, task: Task) -> Result<JobView, StoreError> {
        let step = match self.ended.get(&contract::identity::identify(&task, &self.spec).job) {
            Some(ended) => return Ok(ended.clone()),
            None => walk::status(self.store.as_ref(), task, &self.spec).await?,
        };
        let mut view = JobView {
            step,
            made: None,
            failure: None,
        };
        let Some(ledger) = &view.step.ledger else {
            return Ok(view);
        };
        if self
            .lost
            .get(&view.step.job)
            .is_some_and(|token| *token == ledger.token)
        {
            return Ok(view);
        }
        match ledger.state {
            // Without its manifest it counts as not done; a new upload has it done again.
            State::Committed => match walk::manifest(self.store.as_ref(), view.step.work).await? {
                Some(manifest) => view.made = Some(manifest.outputs),
                None => return Ok(view),
            },
            State::Failed => view.failure = ledger.failure.as_deref().cloned(),
            State::Running | State::Released | State::Yielded => return Ok(view),
        }
        self.ended.insert(view.step.job, view.clone());
        Ok(view)
    }

    /// Reads the round of this upload. Returns `None` where it has not begun.
    ///
    /// # Errors
    /// When the store does not answer or a document is damaged.
    pub(super) async fn round(&self, view: &View) -> Result<Option<RoundView>, StoreError> {
        let Some(sample) = view.jobs.iter().find(|job| matches!(job.step.task, Task::Sample(_))) else {
            return Ok(None);
        };
        let (dataset, part, id) = (sample.step.task.dataset(), sample.step.task.part(), sample.step.job);
        round(self.store.as_ref(), dataset, part, id).await
    }
}

/// Reads a round. Returns `None` where it has not begun.
///
/// # Errors
/// When the store does not answer or a document is damaged.
pub(super) async fn round(
    store: &dyn Store,
    dataset: &Dataset,
    part: PartId,
    id: contract::RoundId,
) -> Result<Option<RoundView>, StoreError> {
    let Some((round, _)) = documents::read::<Round>(store, &keys::round(dataset, part, id)).await? else {
        return Ok(None);
    };
    let mut outcomes = Vec::new();
    for member in round.members.iter().chain(&round.ensemble) {
        let outcome = documents::read(store, &keys::outcome(dataset, part, id, member)).await?;
        outcomes.extend(outcome.map(|(outcome, _)| outcome));
    }
    let decision = documents::read(store, &keys::decision(dataset, part, id)).await?;
    Ok(Some(RoundView {
        round,
        outcomes,
        decision: decision.map(|(decision, _)| decision),
    }))
}
