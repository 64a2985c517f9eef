//! The reading side: where the jobs of a walk stand, what they left, and why they failed.
//!
//! Nothing here writes, and nothing here lists: who knows the first job can compute every later one from what the
//! earlier ones say comes next.

use contract::{Dataset, Digest, Failure, JobId, Manifest, Message, Next, Spec, Task, WorkId, identity, keys};

use crate::{
    StoreError, documents,
    ledger::{Found, Ledger, Nonce, swap, transition},
    ports::Store,
};

/// One job of a walk.
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// What it does.
    pub task: Task,
    /// Names its ledger.
    pub job: JobId,
    /// Names its outputs.
    pub work: WorkId,
    /// Where it stands; none before its first claim.
    pub ledger: Option<Ledger>,
    /// When the ledger was written by the store's clock, UTC seconds.
    pub written: Option<i64>,
}

/// Reads the ledger of a job; none before its first claim.
///
/// # Errors
/// When the store does not answer or the document is not ours.
pub async fn ledger(store: &dyn Store, job: JobId) -> Result<Option<Ledger>, StoreError> {
    Ok(swap::read(store, job).await?.map(|found| found.ledger))
}

/// Reads the ledger of a job with the store's facts about it; `None` before its first claim.
///
/// # Errors
/// When the store does not answer or the document is not ours.
pub async fn found(store: &dyn Store, job: JobId) -> Result<Option<Found>, StoreError> {
    swap::read(store, job).await
}

/// Opens a failed job again, so that the next message of it claims it; returns whether it had failed.
///
/// # Errors
/// When the store does not answer, or somebody else changed the ledger meanwhile.
pub async fn replay(store: &dyn Store, job: JobId) -> Result<bool, StoreError> {
    let Some(found) = swap::read(store, job).await? else {
        return Ok(false);
    };
    let Some(replayed) = transition::replay(&found.ledger, Nonce::fresh()) else {
        return Ok(false);
    };
    store
        .swap(&keys::ledger(job), replayed.to_json().into(), &found.etag)
        .await?;
    Ok(true)
}

/// Reads the manifest of finished work; none before it is finished.
///
/// # Errors
/// When the store does not answer or the document is not ours.
pub async fn manifest(store: &dyn Store, work: WorkId) -> Result<Option<Manifest>, StoreError> {
    Ok(documents::read(store, &keys::work(work))
        .await?
        .map(|(manifest, _)| manifest))
}

/// Reads why a job failed; none where it has not.
///
/// # Errors
/// When the store does not answer or the document is not ours.
pub async fn failure(store: &dyn Store, job: JobId) -> Result<Option<Failure>, StoreError> {
    Ok(documents::read(store, &keys::failed(job))
        .await?
        .map(|(failure, _)| failure))
}

/// Reads a resolved spec.
///
/// # Errors
/// When the store does not answer or the document is not the one that its name says.
pub async fn spec(store: &dyn Store, dataset: &Dataset, digest: Digest) -> Result<Spec, StoreError> {
    documents::read_spec(store, dataset, digest).await
}

/// Follows one task: reads where its job stands.
///
/// # Errors
/// When the store does not answer or the ledger is not ours.
pub async fn step(store: &dyn Store, task: Task, spec: &Spec) -> Result<Step, StoreError> {
    let identity = identity::identify(&task, spec);
    let found = found(store, identity.job).await?;
    Ok(Step {
        task,
        job: identity.job,
        work: identity.work,
        written: found.as_ref().map(|found| found.written),
        ledger: found.map(|found| found.ledger),
    })
}

impl Step {
    /// Gives the tasks that follow: none before it has ended, and none where the walk ends here.
    #[must_use]
    pub fn following(&self) -> Vec<Task> {
        let ended = self.ledger.as_ref().filter(|ledger| ledger.state.is_final());
        ended
            .and_then(|ledger| ledger.next.as_ref())
            .map(Next::tasks)
            .unwrap_or_default()
    }

    /// Gives the message that would start it again, for a person or a sweep.
    #[must_use]
    pub fn message(&self, trace: &str) -> Message {
        Message {
            version: contract::VERSION,
            recipe: self.task.stage().recipe(),
            job: self.job,
            hop: self.ledger.as_ref().map_or(0, |ledger| ledger.hop),
            trace: trace.to_owned(),
            again: false,
            stage: self.task.clone(),
        }
    }
}
