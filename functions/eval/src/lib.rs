//! The stage `eval`: scores one member on the holdout, joins its round, and decides it where all siblings are there.
//!
//! Promises: nobody waits for anybody, every decided round appends exactly one entry to the champion log, and equal
//! deciders write equal entries and send equal jobs. Refuses to know who decides: whoever finds the round complete does.
//!
//! Start with [`decide`] (the rule, pure), then [`join`] (the round), then [`champions`] (the log).

pub mod champions;
mod config;
pub mod decide;
mod error;
pub mod join;
pub mod score;

use async_trait::async_trait;
use contract::{
    CutDocument, Decision, Digest, EvalFacts, EvalTask, InferTask, Next, Produced, Round, Scored, Stage, Task,
    canonical, keys,
};
use forecast::Artifact;
use platform::{
    Job, Platform, Work, Worked,
    documents::{read_blob, read_named},
    threads::apart,
};

pub use config::Config;
pub use error::EvalError;
use score::{Subject, score};

/// The stage as a host runs it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Eval;

#[async_trait]
impl Work for Eval {
    type Error = EvalError;

    fn stage(&self) -> Stage {
        Stage::Eval
    }

    /// Scores the member's artifact; a member whose fit or scoring failed has nothing to score.
    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, EvalError> {
        let task = task(job)?;
        let facts = match &task.scored {
            Scored::Artifact(artifact) if !task.skip_scoring => scored(task, *artifact, platform).await?,
            Scored::Artifact(_) | Scored::Failed(_) => EvalFacts {
                scores: None,
                holdout: None,
            },
        };
        Ok(Worked::Done(Produced::Eval(facts)))
    }

    /// Writes the member's outcome; where the round is complete, decides it and sends `infer` for whoever reigns.
    async fn conclude(&self, job: &Job, made: &Produced, platform: &Platform) -> Result<Next, EvalError> {
        let task = task(job)?;
        let Produced::Eval(made) = made else {
            return Err(EvalError::ForeignManifest);
        };
        let store = &*platform.store;
        join::write_outcome(task, made, &job.spec, store).await?;
        Ok(match join::decide(task, &job.spec.promote, store).await? {
            Some((round, Decision::Entry(entry))) => Next::one(infer(task, &round, entry.generation, entry.artifact)),
            Some((_, Decision::Nobody { .. })) | None => Next::nothing(),
        })
    }
}

async fn scored(task: &EvalTask, artifact: Digest, platform: &Platform) -> Result<EvalFacts, EvalError> {
    let (store, config) = (&*platform.store, Config::of(&platform.host));
    let cut: CutDocument = read_named(store, &keys::cut(&task.dataset, task.part, task.cut), task.cut).await?;
    let key = keys::artifact(&task.dataset, task.part, artifact);
    let model = read_blob(store, &key, artifact, config.artifact_bytes).await?;
    let key = keys::clean(&task.dataset, task.part, cut.clean);
    let clean = read_blob(store, &key, cut.clean, config.clean_bytes).await?;
    let (dataset, part, member) = (task.dataset.clone(), task.part, task.member.clone());
    let (want, subject) = (
        task.cut,
        Subject {
            dataset,
            part,
            member,
            artifact,
        },
    );
    let (scores, holdout) = apart(move || {
        let model = families::forecaster(&fitted_on(want, &model)?)?;
        score(&cut, &platform::clean::read(clean)?, &*model, subject)
    })
    .await?;
    let bytes = canonical(&holdout);
    let digest = Digest::of(&bytes);
    store
        .put(&keys::forecast(&task.dataset, task.part, digest), bytes.into())
        .await?;
    Ok(EvalFacts {
        scores: Some(scores),
        holdout: Some(digest),
    })
}

fn task(job: &Job) -> Result<&EvalTask, EvalError> {
    match &job.message.stage {
        Task::Eval(task) => Ok(task),
        other => Err(EvalError::Misrouted { stage: other.stage() }),
    }
}

/// Scores are only comparable where all members were fitted on the same rows.
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

fn infer(task: &EvalTask, round: &Round, generation: u64, artifact: Digest) -> Task {
    Task::Infer(InferTask {
        dataset: task.dataset.clone(),
        part: task.part,
        spec: task.spec,
        salt: task.salt.clone(),
        clean: round.clean,
        generation,
        artifact,
        request: None,
    })
}
