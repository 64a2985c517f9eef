//! What a stage offers: work that is skipped when it is already finished, and a conclusion that is always drawn.
//!
//! A stage is typed by its task and by what it makes ([`Work`]). Hosts and the driver see it as an [`ErasedWork`]. Only
//! this file forgets the types and checks them again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{FailureKind, Next, Produced, Spec, Stage, StageTask, Task, identity::Identity};
use forecast::Progress;

use crate::{
    class::{Class, Classify},
    host::Platform,
    stop::Stop,
};

/// A stage of the walk.
///
/// # Example
/// A stage `eval` that scores nothing and ends the walk:
///
/// ```
/// use async_trait::async_trait;
/// use contract::{EvalFacts, EvalTask, Next, Stage};
/// use platform::{ErasedWork, Job, Platform, StoreError, Work, Worked};
///
/// struct NoScores;
///
/// #[async_trait]
/// impl Work for NoScores {
///     type Task = EvalTask;
///     type Made = EvalFacts;
///     type Error = StoreError;
///
///     async fn work(&self, job: &Job<EvalTask>, _: &Platform) -> Result<Worked<EvalFacts>, StoreError> {
///         assert!(job.task.skip_scoring);
///         Ok(Worked::Done(EvalFacts { scores: None, holdout: None, select: None }))
///     }
///
///     async fn conclude(&self, _: &Job<EvalTask>, _: &EvalFacts, _: &Platform) -> Result<Next, StoreError> {
///         Ok(Next::nothing())
///     }
/// }
///
/// // Hosts and the driver see the stage without its types.
/// let stage: &dyn ErasedWork = &NoScores;
/// assert_eq!(stage.stage(), Stage::Eval);
/// # use contract::{Digest, PartId, Produced, Scored};
/// # use testing::{memory::World, stage::{dataset, job, name, platform, spec}};
/// # let (platform, spec, digest) = (platform(&World::new()), spec(""), Digest::of(b"any"));
/// # let task = EvalTask {
/// #     dataset: dataset(), part: PartId::WHOLE, spec: spec.digest(), salt: spec.salt.clone(), cut: digest,
/// #     round: digest, member: name("naive"), scored: Scored::Artifact(digest), refit_of: None, skip_scoring: true,
/// # };
/// # let job = job(task.into(), &spec);
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let Worked::Done(made) = stage.work(&job, &platform).await.unwrap() else { unreachable!() };
/// assert_eq!(stage.conclude(&job, &made, &platform).await.unwrap(), Next::nothing());
/// # assert!(matches!(made, Produced::Eval(_)));
/// # });
/// ```
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// What a message asks the stage to do.
    type Task: StageTask<Made = Self::Made>;
    /// The outputs of the stage, as the manifest of its work records them.
    type Made: Into<Produced> + Send + Sync + 'static;
    /// Why the stage can fail.
    type Error: Classify;

    /// Does the work. Equal jobs give equal bytes. Skipped when the manifest of the work exists.
    async fn work(&self, job: &Job<Self::Task>, platform: &Platform) -> Result<Worked<Self::Made>, Self::Error>;

    /// Returns what comes next, also when an earlier job did the work. Safe to repeat.
    async fn conclude(
        &self,
        job: &Job<Self::Task>,
        made: &Self::Made,
        platform: &Platform,
    ) -> Result<Next, Self::Error>;
}

/// How the work ended.
#[derive(Clone, PartialEq, Debug)]
pub enum Worked<M = Produced> {
    /// It is finished and its outputs are stored.
    Done(M),
    /// It was asked to stop and can continue from here.
    Stopped {
        /// How far it has come.
        progress: Progress,
        /// The bytes from which it can continue.
        checkpoint: Vec<u8>,
    },
    /// An input is not there yet.
    Wait {
        /// How long to wait before the next look.
        after: Duration,
        /// The missing input, for people; written to the failure when the wait ends without it.
        why: String,
    },
}

/// One job whose spec is loaded and whose id has been checked.
#[derive(Clone)]
pub struct Job<T = Task> {
    /// The task of the message, with the digests of all inputs.
    pub task: T,
    /// The resolved spec that the task names.
    pub spec: Arc<Spec>,
    /// The names of its ledger and of its outputs.
    pub identity: Identity,
    /// The number of this attempt, from 0.
    pub attempt: u32,
    /// The progress and the checkpoint of an earlier hop; `None` when the work begins from the start.
    pub resume: Option<(Progress, Bytes)>,
    /// Tells the work when to stop: at a deadline, after a signal, or when the lease is lost.
    pub stop: Stop,
}

/// A [`Work`] without its types, so that hosts need no generics.
#[async_trait]
pub trait ErasedWork: Send + Sync + 'static {
    /// Returns the stage whose tasks it does.
    fn stage(&self) -> Stage;

    /// Does the work; see [`Work::work`].
    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, Box<dyn Classify>>;

    /// Returns what comes next; see [`Work::conclude`].
    async fn conclude(&self, job: &Job, made: &Produced, platform: &Platform) -> Result<Next, Box<dyn Classify>>;
}

/// A task that reached the wrong stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("message for `{task}` reached `{here}`")]
pub struct Misrouted {
    /// The stage that the task is for.
    pub task: Stage,
    /// The stage that it reached.
    pub here: Stage,
}

/// A manifest that another stage wrote under the name of this work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the manifest of this work names no outputs of `{stage}`")]
pub struct ForeignManifest {
    /// The stage whose work it is.
    pub stage: Stage,
}

#[async_trait]
impl<W: Work> ErasedWork for W {
    fn stage(&self) -> Stage {
        W::Task::STAGE
    }

    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, Box<dyn Classify>> {
        let job = job.typed::<W::Task>().map_err(boxed)?;
        let worked = Work::work(self, &job, platform).await.map_err(boxed)?;
        Ok(worked.erased())
    }

    async fn conclude(&self, job: &Job, made: &Produced, platform: &Platform) -> Result<Next, Box<dyn Classify>> {
        let job = job.typed::<W::Task>().map_err(boxed)?;
        let stage = W::Task::STAGE;
        let made = W::Task::made(made).ok_or_else(|| boxed(ForeignManifest { stage }))?;
        Work::conclude(self, &job, made, platform).await.map_err(boxed)
    }
}

impl Job {
    /// Returns the job with its task as a `T`.
    ///
    /// # Errors
    /// When the job is one of another stage.
    pub fn typed<T: StageTask>(&self) -> Result<Job<T>, Misrouted> {
        let misrouted = || Misrouted {
            task: self.task.stage(),
            here: T::STAGE,
        };
        Ok(Job {
            task: T::of(&self.task).ok_or_else(misrouted)?.clone(),
            spec: self.spec.clone(),
            identity: self.identity.clone(),
            attempt: self.attempt,
            resume: self.resume.clone(),
            stop: self.stop.clone(),
        })
    }
}

impl<M: Into<Produced>> Worked<M> {
    fn erased(self) -> Worked {
        match self {
            Self::Done(made) => Worked::Done(made.into()),
            Self::Stopped { progress, checkpoint } => Worked::Stopped { progress, checkpoint },
            Self::Wait { after, why } => Worked::Wait { after, why },
        }
    }
}

impl Classify for Misrouted {
    fn class(&self) -> Class {
        Class::never(FailureKind::Event)
            .value(self.task.name())
            .bound(self.here.name())
    }
}

impl Classify for ForeignManifest {
    fn class(&self) -> Class {
        Class::never(FailureKind::Store)
    }
}

fn boxed(error: impl Classify) -> Box<dyn Classify> {
    Box::new(error)
}
