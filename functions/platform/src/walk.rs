//! The reading side: where the jobs of a walk stand, what they left, and why they failed.
//!
//! Nothing here writes, except [`replay`], and nothing lists: from the first job each later one follows, because every
//! ledger says what comes next.

use contract::{Dataset, Digest, Failure, JobId, Manifest, Message, Next, Spec, Task, WorkId, identity, keys};

use crate::{
    StoreError, documents,
    ledger::{Ledger, Nonce, StoredLedger, swap, transition},
    ports::Store,
};

/// One job of a walk.
#[derive(Clone, PartialEq, Debug)]
pub struct JobStatus {
    /// What the job does.
    pub task: Task,
    /// The name of its ledger.
    pub job: JobId,
    /// The name of its outputs.
    pub work: WorkId,
    /// Its ledger; `None` before its first claim.
    pub ledger: Option<Ledger>,
    /// When the ledger was written, by the store's clock in UTC seconds; `None` before the first claim.
    pub written: Option<i64>,
}

/// Reads the ledger of a job; `None` before its first claim.
///
/// # Errors
/// When the store does not answer, or the document is not a ledger that this code reads.
pub async fn ledger(store: &dyn Store, job: JobId) -> Result<Option<Ledger>, StoreError> {
    Ok(swap::read(store, job).await?.map(|found| found.ledger))
}

/// Reads the ledger of a job with its version and age; `None` before its first claim.
///
/// # Errors
/// When the store does not answer, or the document is not a ledger that this code reads.
pub async fn stored_ledger(store: &dyn Store, job: JobId) -> Result<Option<StoredLedger>, StoreError> {
    swap::read(store, job).await
}

/// Reopens a failed job, so that its next message claims it. Returns whether the job had failed.
///
/// # Errors
/// When the store does not answer, or another worker changed the ledger since.
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

/// Reads the manifest of finished work; `None` before it is finished.
///
/// # Errors
/// When the store does not answer, or the document is not a manifest.
pub async fn manifest(store: &dyn Store, work: WorkId) -> Result<Option<Manifest>, StoreError> {
    Ok(documents::read(store, &keys::work(work))
        .await?
        .map(|(manifest, _)| manifest))
}

/// Reads why a job failed; `None` when it has not.
///
/// # Errors
/// When the store does not answer, or the document is not a failure.
pub async fn failure(store: &dyn Store, job: JobId) -> Result<Option<Failure>, StoreError> {
    Ok(documents::read(store, &keys::failed(job))
        .await?
        .map(|(failure, _)| failure))
}

/// Reads a resolved spec.
///
/// # Errors
/// When the store does not answer, or the bytes are not the spec of this digest.
pub async fn spec(store: &dyn Store, dataset: &Dataset, digest: Digest) -> Result<Spec, StoreError> {
    documents::read_spec(store, dataset, digest).await
}

/// Reads where the job of a task stands.
///
/// # Errors
/// When the store does not answer, or the document is not a ledger that this code reads.
pub async fn status(store: &dyn Store, task: Task, spec: &Spec) -> Result<JobStatus, StoreError> {
    let identity = identity::identify(&task, spec);
    let found = stored_ledger(store, identity.job).await?;
    Ok(JobStatus {
        task,
        job: identity.job,
        work: identity.work,
        written: found.as_ref().map(|found| found.written),
        ledger: found.map(|found| found.ledger),
    })
}

impl JobStatus {
    /// Returns the tasks that follow; empty before the job has ended, and at the end of the walk.
    #[must_use]
    pub fn following(&self) -> Vec<Task> {
        let ended = self.ledger.as_ref().filter(|ledger| ledger.state.is_final());
        ended
            .and_then(|ledger| ledger.next.as_ref())
            .map(Next::tasks)
            .unwrap_or_default()
    }

    /// Returns the message that starts the job again.
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
