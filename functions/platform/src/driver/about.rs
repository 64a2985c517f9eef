//! The subject of a message: a job of a stage, or an event that never becomes one.

use std::sync::Arc;

use contract::{
    Dataset, Digest, EvalTask, FailedStage, FailureKind, JobId, MemberName, Message, Next, Receipt, Scored, Spec,
    Stage, Task,
    identity::{self, Identity},
    keys,
};

use crate::{
    class::{Class, Classify},
    documents,
    error::StoreError,
    host::Platform,
    ledger::{Arrival, StoredLedger, Trigger},
    ports::Store,
    work::Misrouted,
};

/// The longest reason that is sent to `eval`, in characters. The whole reason is stored in `failed/{job}.json`.
const MAX_REASON: usize = 2_000;

/// The subject of a message.
#[derive(Clone, Copy)]
pub(crate) enum About<'a> {
    /// A job of a stage.
    Job(&'a Checked),
    /// An event that never becomes a job of a stage.
    Event(&'a EventJob),
}

/// A job whose spec is loaded and whose id has been checked.
pub(crate) struct Checked {
    pub(crate) message: Message,
    pub(crate) spec: Arc<Spec>,
    pub(crate) identity: Identity,
}

/// The job of an event that never becomes work, because it has no valid dataset or spec, or still waits for its test
/// file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventJob {
    /// The name of its ledger, from [`identity::receive_job`].
    pub job: JobId,
    /// The dataset; `None` when the key names no valid one.
    pub dataset: Option<Dataset>,
    /// The key of the object; for a body that no work can begin with, `message to {stage}`.
    pub key: String,
    /// When the object was written, by the store's clock in UTC seconds; `None` when that is not known. An older ledger
    /// is about an earlier upload of the same bytes.
    pub written: Option<i64>,
}

/// Why no work can begin with a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Stage(#[from] Misrouted),
    #[error("cannot load resolved spec {digest}")]
    Spec {
        digest: Digest,
        #[source]
        source: StoreError,
    },
    #[error("message names job {have}, its task and spec make {made}")]
    Job { have: JobId, made: JobId },
}

impl Classify for CheckError {
    fn class(&self) -> Class {
        match self {
            Self::Stage(misrouted) => misrouted.class(),
            Self::Spec { source, .. } => source.class(),
            Self::Job { have, made } => Class::never(FailureKind::Event)
                .value(have.to_string())
                .bound(made.to_string()),
        }
    }
}

/// Loads the spec of a message and checks its job id. The work of a message with an older recipe is done under the
/// current recipe, so its job is the one that is computed here.
pub(super) async fn check(here: Stage, message: &Message, platform: &Platform) -> Result<Checked, CheckError> {
    let stage = message.stage.stage();
    if stage != here {
        return Err(Misrouted { task: stage, here }.into());
    }
    let digest = message.stage.spec();
    let spec = documents::read_spec(platform.store.as_ref(), message.stage.dataset(), digest)
        .await
        .map_err(|source| CheckError::Spec { digest, source })?;
    let identity = identity::identify(&message.stage, &spec);
    if identity.job != message.job && message.recipe == stage.recipe() {
        return Err(CheckError::Job {
            have: message.job,
            made: identity.job,
        });
    }
    Ok(Checked {
        message: message.clone(),
        spec: Arc::new(spec),
        identity,
    })
}

impl EventJob {
    /// Returns the event under which the failure of a body is recorded: one that reached `stage` and that no work can
    /// begin with.
    pub(crate) fn of_body(stage: Stage, body: &[u8], platform: &Platform) -> Self {
        let key = format!("message to {stage}");
        let version = Digest::of(body).hex();
        Self {
            job: identity::receive_job(&platform.host.bucket, &key, &version, b""),
            dataset: None,
            key,
            written: None,
        }
    }

    /// Returns the event of an object under its job, as far as its key says it.
    pub(super) fn of_key(job: JobId, key: &str) -> Self {
        Self {
            job,
            dataset: contract::Upload::parse(key).ok().map(|upload| upload.dataset),
            key: key.to_owned(),
            written: None,
        }
    }

    /// Returns the event under which the refusal of a message is recorded.
    pub(super) fn of_message(message: &Message, platform: &Platform) -> Self {
        let body = message.to_json();
        Self {
            dataset: Some(message.stage.dataset().clone()),
            ..Self::of_body(message.stage.stage(), body.as_bytes(), platform)
        }
    }
}

impl<'a> About<'a> {
    /// Returns what it asks of the ledger that was found.
    pub(crate) fn arrival(&self, found: Option<&StoredLedger>) -> Arrival {
        match self {
            Self::Job(job) => Arrival {
                job: job.identity.job,
                work: job.identity.work,
                stage: self.stage(),
                hop: job.message.hop,
                again: job.message.again,
            },
            Self::Event(event) => Arrival {
                job: event.job,
                work: event.job,
                stage: self.stage(),
                hop: 0,
                again: found
                    .zip(event.written)
                    .is_some_and(|(found, written)| found.written < written),
            },
        }
    }

    /// Returns what its job is claimed for, as the ledger keeps it.
    pub(super) fn trigger(&self) -> Option<Trigger> {
        match self {
            Self::Job(job) => Some(Trigger::Message(Box::new(job.message.clone()))),
            Self::Event(event) => event
                .key
                .starts_with(keys::RAW)
                .then(|| Trigger::Upload(event.key.clone())),
        }
    }

    pub(crate) fn stage(&self) -> FailedStage {
        match self {
            Self::Job(job) => FailedStage::Stage(job.message.stage.stage()),
            Self::Event(_) => FailedStage::Receive,
        }
    }

    /// Returns the stage's name for logs.
    pub(crate) fn stage_name(&self) -> &'static str {
        match self {
            Self::Job(job) => job.message.stage.stage().name(),
            Self::Event(_) => "receive",
        }
    }

    pub(crate) fn job(&self) -> JobId {
        match self {
            Self::Job(job) => job.identity.job,
            Self::Event(event) => event.job,
        }
    }

    pub(crate) fn dataset(&self) -> Option<&'a Dataset> {
        match self {
            Self::Job(job) => Some(job.message.stage.dataset()),
            Self::Event(event) => event.dataset.as_ref(),
        }
    }

    pub(crate) fn member(&self) -> Option<&'a MemberName> {
        match self {
            Self::Job(job) => job.message.stage.member(),
            Self::Event(_) => None,
        }
    }

    /// Returns the key of the input object, for people.
    pub(crate) async fn key(&self, store: &dyn Store) -> String {
        match self {
            Self::Job(job) => input_key(&job.message.stage, store).await,
            Self::Event(event) => event.key.clone(),
        }
    }

    /// Returns what follows a failure. Pure. After a failed `train`, `eval` still records the outcome; after a failed
    /// `eval`, it still joins the round.
    pub(crate) fn after_failure(&self, why: &str) -> Next {
        match self {
            Self::Job(job) => after_failure(&job.message.stage, why),
            Self::Event(_) => Next::nothing(),
        }
    }
}

fn after_failure(task: &Task, why: &str) -> Next {
    match task {
        Task::Train(t) => Next::one(Task::Eval(EvalTask {
            dataset: t.dataset.clone(),
            part: t.part,
            spec: t.spec,
            salt: t.salt.clone(),
            cut: t.cut,
            round: t.round,
            member: t.member.clone(),
            scored: Scored::Failed(why.chars().take(MAX_REASON).collect()),
            skip_scoring: false,
            refit_of: t.refit_of,
        })),
        Task::Eval(t) if !t.skip_scoring => Next::one(Task::Eval(EvalTask {
            skip_scoring: true,
            ..t.clone()
        })),
        Task::Eval(_) | Task::Preprocess(_) | Task::Sample(_) | Task::Infer(_) => Next::nothing(),
    }
}

async fn input_key(task: &Task, store: &dyn Store) -> String {
    let (dataset, part) = (task.dataset(), task.part());
    match task {
        Task::Preprocess(t) => match t.inputs.first() {
            Some(input) => raw_key(input.receipt, store).await,
            None => keys::RAW.to_owned(),
        },
        Task::Sample(t) => keys::clean(dataset, part, t.clean),
        Task::Train(t) => keys::cut(dataset, part, t.cut),
        Task::Eval(t) => match t.scored {
            Scored::Artifact(artifact) => keys::artifact(dataset, part, artifact),
            Scored::Failed(_) => keys::cut(dataset, part, t.cut),
        },
        Task::Infer(t) => keys::artifact(dataset, part, t.artifact),
    }
}

/// Returns the key of an upload, or the key of its receipt when that cannot be read.
async fn raw_key(receipt: Digest, store: &dyn Store) -> String {
    let key = keys::receipt(receipt);
    match documents::read::<Receipt>(store, &key).await {
        Ok(Some((receipt, _))) => receipt.key,
        Ok(None) | Err(_) => key,
    }
}
