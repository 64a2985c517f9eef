//! The stage `eval`: scores one member on the holdout, joins its round, and decides the round when all siblings are
//! there. After a refit of the winner it makes the refit champion.
//!
//! It promises that no job waits for another, that every decided round appends exactly one entry to the champion log,
//! and that equal deciders write equal entries and send equal jobs. It refuses to know who decides: the job that finds
//! the round complete does.
//!
//! Start with [`judge`] and [`settle`] (the rule, pure), then [`join`] (the round), then [`champions`] (the log). What a
//! person can do to the log is in [`rollback`].

pub mod champions;
pub mod ensemble;
mod error;
pub mod join;
pub mod judge;
mod refit;
pub mod rollback;
pub mod score;
pub mod select;
pub mod settle;

use async_trait::async_trait;
use bytes::Bytes;
use contract::{CutDocument, Decision, Digest, Entry, EvalFacts, EvalTask, InferTask, Next, Round, Scored, keys};
use forecast::{Artifact, Calibration, Threaded};
use platform::{
    Job, Platform, Store, StoreError, Work, Worked,
    documents::{json, read_blob, read_named},
    threads::run_blocking,
};

pub use error::EvalError;
use score::{Subject, score};

/// The stage `eval`, as the driver runs it. Has no settings of its own: all come from the spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Eval;

#[async_trait]
impl Work for Eval {
    type Task = EvalTask;
    type Made = EvalFacts;
    type Error = EvalError;

    /// Scores the member's artifact. For a member whose fit or scoring failed there is nothing to score.
    async fn work(&self, job: &Job<EvalTask>, platform: &Platform) -> Result<Worked<EvalFacts>, EvalError> {
        let task = &job.task;
        let facts = match &task.scored {
            // A refit has learned from the holdout: its score is that of its parent.
            Scored::Artifact(artifact) if !task.skip_scoring && task.refit_of.is_none() => {
                scored(task, *artifact, platform).await?
            }
            Scored::Artifact(_) | Scored::Failed(_) => EvalFacts {
                scores: None,
                holdout: None,
                select: None,
            },
        };
        Ok(Worked::Done(facts))
    }

    /// Writes the member's outcome. When the round is complete, decides it and returns a job that fits the winner again on
    /// all rows, or else an `infer` job for the champion.
    async fn conclude(&self, job: &Job<EvalTask>, made: &EvalFacts, platform: &Platform) -> Result<Next, EvalError> {
        let task = &job.task;
        let store = &*platform.store;
        if let Some(parent) = task.refit_of {
            let (round, entry) = refit::reign(task, parent, store).await?;
            return Ok(Next::one(infer(task, &round, &entry).into()));
        }
        join::write_outcome(task, made, &job.spec, store).await?;
        Ok(
            match join::decide(task, &job.spec.promote, job.attempt, platform).await? {
                Some((_, Decision::Entry(entry))) if refit::is_due(&entry, &job.spec) => {
                    Next::one(refit::train(task, &entry).into())
                }
                Some((round, Decision::Entry(entry))) => Next::one(infer(task, &round, &entry).into()),
                Some((_, Decision::Nobody { .. })) | None => Next::nothing(),
            },
        )
    }
}

async fn scored(task: &EvalTask, artifact: Digest, platform: &Platform) -> Result<EvalFacts, EvalError> {
    let (store, host) = (&*platform.store, &platform.host);
    let cut: CutDocument = read_named(store, &keys::cut(&task.dataset, task.part, task.cut), task.cut).await?;
    let key = keys::artifact(&task.dataset, task.part, artifact);
    let model = read_blob(store, &key, artifact, host.max_packed()).await?;
    let key = keys::clean(&task.dataset, task.part, cut.clean);
    let clean = read_blob(store, &key, cut.clean, host.max_packed()).await?;
    let (dataset, part, member) = (task.dataset.clone(), task.part, task.member.clone());
    let subject = Subject {
        dataset,
        part,
        member,
        artifact,
    };
    let (want, threads) = (task.cut, host.threads);
    let (scores, holdout, select) = run_blocking(move || {
        let artifact = fitted_on(want, &model)?;
        let (model, calibration) = (families::forecaster(&artifact)?, Calibration::read(&artifact)?);
        let table = part::read(clean)?;
        let scaled = cut.transform.apply(&table, cut.cut.training.clone())?;
        let model = Threaded::new(&*model, threads);
        let select = select::select(&cut, want, &scaled, &model, (&subject.member, subject.artifact))?;
        let (scores, holdout) = score(&cut, &table, &scaled, &model, calibration.as_ref(), subject)?;
        Ok::<_, EvalError>((scores, holdout, select))
    })
    .await?;
    let holdout = put(task, json(keys::FORECASTS, &holdout)?, store).await?;
    let select = match select {
        Some(select) => Some(put(task, json(keys::FORECASTS, &select)?, store).await?),
        None => None,
    };
    Ok(EvalFacts {
        scores: Some(scores),
        holdout: Some(holdout),
        select,
    })
}

async fn put(task: &EvalTask, bytes: Bytes, store: &dyn Store) -> Result<Digest, StoreError> {
    let digest = Digest::of(&bytes);
    let key = keys::forecast(&task.dataset, task.part, digest);
    store.put_named(&key, bytes).await?;
    Ok(digest)
}

/// Reads an artifact and checks its cut: scores can be compared only when all members were fitted on the same rows.
fn fitted_on(want: Digest, bytes: &[u8]) -> Result<Artifact, EvalError> {
    let artifact = Artifact::parse(bytes)?;
    if artifact.about.cut != want.hex() {
        return Err(EvalError::OtherCut {
            have: artifact.about.cut,
            want,
        });
    }
    Ok(artifact)
}

fn infer(task: &EvalTask, round: &Round, champion: &Entry) -> InferTask {
    InferTask {
        dataset: task.dataset.clone(),
        part: task.part,
        spec: task.spec,
        salt: task.salt.clone(),
        clean: round.clean,
        generation: champion.generation,
        artifact: champion.artifact,
        request: None,
    }
}
