//! A scripted stage, the world it runs in, and a pump that delivers its messages.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Dataset, Digest, EvalTask, FailureKind, Manifest, Message, Next, PartId, Produced, Scored, Spec, Stage, Task,
    TrainFacts, TrainTask, canonical, identity, keys, spec,
};
use platform::{
    Class, Classify, Delivery, ErasedWork, Host, Job, Outbox as _, Outcome, Platform, Queue as _, Stop, Store as _,
    Worked, driver, ledger::Ledger, walk,
};
use testing::memory::{Faults, World};

/// The bytes of the model that the scripted stage makes.
pub(crate) const MODEL: &[u8] = b"a model";

/// What the scripted stage does when it is asked to work.
pub(crate) type Script = dyn Fn(&Job, u32) -> Behaviour + Send + Sync;

/// What the stage does in one call.
#[expect(clippy::large_enum_variant, reason = "made once per attempt")]
pub(crate) enum Behaviour {
    Finish,
    Panic,
    Err(Trouble),
    Give(Worked),
    /// Works for this time, then finishes. When it is asked to stop, it stops with this progress.
    Take(Duration, forecast::Progress),
    /// Works for this time without asking whether to stop, then finishes.
    Deaf(Duration),
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the sky is cloudy")]
    Passing,
    #[error("column `x` has a hole")]
    Lasting(#[source] Cause),
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("line 7 is ragged")]
pub(crate) struct Cause;

impl Classify for Trouble {
    fn class(&self) -> Class {
        let class = match self {
            Self::Passing => Class::later(FailureKind::Data),
            Self::Lasting(_) => Class::never(FailureKind::Data),
        };
        class.row(7).column("x")
    }
}

/// The scripted stage. It counts its calls.
pub(crate) struct Scripted {
    stage: Stage,
    script: Box<Script>,
    works: AtomicUsize,
    conclusions: AtomicUsize,
}

impl Scripted {
    pub(crate) fn works(&self) -> usize {
        self.works.load(Ordering::SeqCst)
    }

    pub(crate) fn conclusions(&self) -> usize {
        self.conclusions.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl ErasedWork for Scripted {
    fn stage(&self) -> Stage {
        self.stage
    }

    async fn work(&self, job: &Job, platform: &Platform) -> Result<Worked, Box<dyn Classify>> {
        let before = self.works.fetch_add(1, Ordering::SeqCst);
        match (self.script)(job, u32::try_from(before).unwrap()) {
            Behaviour::Finish => finish(job, platform).await,
            Behaviour::Panic => panic!("poison"),
            Behaviour::Err(trouble) => Err(Box::new(trouble)),
            Behaviour::Give(worked) => Ok(worked),
            Behaviour::Deaf(time) => {
                platform.clock.sleep(time).await;
                finish(job, platform).await
            }
            Behaviour::Take(time, progress) => {
                let end = platform.clock.monotonic() + time;
                while platform.clock.monotonic() < end {
                    if job.stop.should_stop() {
                        return Ok(Worked::Stopped {
                            progress,
                            checkpoint: b"half".to_vec(),
                        });
                    }
                    platform.clock.sleep(Duration::from_millis(100)).await;
                }
                finish(job, platform).await
            }
        }
    }

    async fn conclude(&self, job: &Job, made: &Produced, _platform: &Platform) -> Result<Next, Box<dyn Classify>> {
        self.conclusions.fetch_add(1, Ordering::SeqCst);
        Ok(match (&job.task, made) {
            (Task::Train(task), Produced::Train(facts)) => Next::one(eval(task, Scored::Artifact(facts.artifact))),
            _ => Next::nothing(),
        })
    }
}

/// Stores the model, as a stage does before it is done.
async fn finish(job: &Job, platform: &Platform) -> Result<Worked, Box<dyn Classify>> {
    let stored = platform.store.put_named(&model_key(&job.task), MODEL.into()).await;
    stored.map_err(|_| Box::new(Trouble::Passing) as Box<dyn Classify>)?;
    Ok(Worked::Done(made()))
}

/// Returns the key of the model.
pub(crate) fn model_key(task: &Task) -> String {
    keys::artifact(task.dataset(), task.part(), Digest::of(MODEL))
}

/// Returns a stage for `train` that follows a script. The script gets the job and the number of earlier calls.
pub(crate) fn train(script: impl Fn(&Job, u32) -> Behaviour + Send + Sync + 'static) -> Scripted {
    stage(Stage::Train, script)
}

pub(crate) fn stage(stage: Stage, script: impl Fn(&Job, u32) -> Behaviour + Send + Sync + 'static) -> Scripted {
    Scripted {
        stage,
        script: Box::new(script),
        works: AtomicUsize::new(0),
        conclusions: AtomicUsize::new(0),
    }
}

pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) platform: Platform,
    pub(crate) spec: Spec,
    pub(crate) message: Message,
    pub(crate) stop: Stop,
}

impl Rig {
    /// Returns a world in which one `train` message waits.
    pub(crate) async fn new() -> Self {
        Self::of(|spec| Task::Train(train_task(spec))).await
    }

    /// Returns a world in which one message waits.
    pub(crate) async fn of(task: impl FnOnce(&Spec) -> Task) -> Self {
        let world = World::new();
        let spec = spec::resolve(&[]).unwrap();
        let key = keys::resolved(&dataset(), spec.digest());
        world.store.put(&key, canonical(&spec).unwrap().into()).await.unwrap();
        let message = message(task(&spec), &spec);
        world
            .queue
            .send(message.stage.stage(), &[message.to_json()])
            .await
            .unwrap();
        let host = Host {
            owner: "host/a".to_owned(),
            threads: 1,
            ..testing::host()
        };
        let platform = Platform::new(world.store.clone(), world.queue.clone(), world.clock.clone(), host);
        Self {
            world,
            platform,
            spec,
            message,
            stop: Stop::never(),
        }
    }

    /// Returns the platform with faults around its store and queue.
    pub(crate) fn with(&self, faults: &Arc<Faults>) -> Platform {
        self.platform.clone().on(
            faults.store(self.world.store.clone()),
            faults.queue(self.world.queue.clone()),
        )
    }

    /// Runs a message that no queue holds.
    pub(crate) async fn run(&self, work: &Scripted, message: &Message) -> Outcome {
        self.run_at(work, message, 1).await
    }

    /// Runs the message as its delivery number `receive_count`.
    pub(crate) async fn deliver(&self, work: &Scripted, receive_count: u32) -> Outcome {
        self.run_at(work, &self.message, receive_count).await
    }

    async fn run_at(&self, work: &Scripted, message: &Message, receive_count: u32) -> Outcome {
        let delivery = Delivery {
            handle: None,
            receive_count,
            stop: self.stop.clone(),
        };
        self.passing(driver::run(work, message.clone(), &delivery, &self.platform))
            .await
    }

    /// Receives the visible messages and runs them, as a host does.
    pub(crate) async fn pump(&self, work: &Scripted, platform: &Platform) -> Vec<Outcome> {
        let stage = work.stage();
        let mut outcomes = Vec::new();
        for delivered in self.world.queue.receive(stage, 10, Duration::ZERO).await.unwrap() {
            let delivery = Delivery {
                handle: Some(delivered.handle.clone()),
                receive_count: delivered.receive_count,
                stop: self.stop.clone(),
            };
            let message = Message::parse(delivered.body.as_bytes()).unwrap();
            let outcome = driver::run(work, message, &delivery, platform).await;
            // Either request may have failed: an acknowledgement can be lost like any other request.
            let _ = match &outcome {
                Outcome::Done { .. } => platform.queue.delete(stage, &delivered.handle).await,
                Outcome::GiveBack { after, .. } => platform.queue.extend(stage, &delivered.handle, *after).await,
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Pumps until no message of the stage is left.
    pub(crate) async fn drain(&self, work: &Scripted) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for _ in 0..5_000 {
            if self.world.queue.bodies(work.stage()).is_empty() {
                return outcomes;
            }
            outcomes.extend(self.passing(self.pump(work, &self.platform)).await);
            self.world.clock.advance(Duration::from_secs(1));
        }
        panic!("messages are left over: {outcomes:?}");
    }

    /// Waits for a future while time passes.
    pub(crate) async fn passing<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        for _ in 0..20_000 {
            tokio::select! {
                biased;
                done = &mut future => return done,
                () = everybody_else() => self.world.clock.advance(Duration::from_millis(250)),
            }
        }
        panic!("nothing came of it");
    }

    pub(crate) async fn ledger(&self) -> Option<Ledger> {
        walk::ledger(self.world.store.as_ref(), self.message.job).await.unwrap()
    }

    pub(crate) async fn failure(&self) -> Option<contract::Failure> {
        walk::failure(self.world.store.as_ref(), self.message.job)
            .await
            .unwrap()
    }

    pub(crate) async fn manifest(&self) -> Option<Manifest> {
        let work = identity::identify(&self.message.stage, &self.spec).work;
        walk::manifest(self.world.store.as_ref(), work).await.unwrap()
    }

    /// Returns the messages that wait for a stage.
    pub(crate) fn sent(&self, stage: Stage) -> Vec<Message> {
        let bodies = self.world.queue.bodies(stage);
        bodies
            .iter()
            .map(|body| Message::parse(body.as_bytes()).unwrap())
            .collect()
    }
}

async fn everybody_else() {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn message(task: Task, spec: &Spec) -> Message {
    Message::new(task, spec, "a-walk")
}

pub(crate) fn dataset() -> Dataset {
    "ours".parse().unwrap()
}

pub(crate) fn train_task(spec: &Spec) -> TrainTask {
    TrainTask {
        dataset: dataset(),
        part: PartId { index: 0, of: 1 },
        spec: spec.digest(),
        salt: String::new(),
        cut: Digest::of(b"the cut"),
        round: Digest::of(b"the round"),
        member: "gru".to_owned().try_into().unwrap(),
        refit_of: None,
    }
}

pub(crate) fn eval(task: &TrainTask, scored: Scored) -> Task {
    Task::Eval(EvalTask {
        dataset: task.dataset.clone(),
        part: task.part,
        spec: task.spec,
        salt: task.salt.clone(),
        cut: task.cut,
        round: task.round,
        member: task.member.clone(),
        scored,
        skip_scoring: false,
        refit_of: None,
    })
}

pub(crate) fn made() -> Produced {
    Produced::Train(TrainFacts {
        artifact: Digest::of(MODEL),
        x: [40, 10, 17],
        y: [40, 1, 1],
        epochs: Vec::new(),
        notices: Vec::new(),
    })
}
