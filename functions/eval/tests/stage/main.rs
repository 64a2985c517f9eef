//! Given a job and a store: what `eval` writes and what it sends.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod champions;
mod rollback;
mod rounds;

use contract::{
    Decision, Digest, Entry, EvalTask, InferTask, Next, Outcome, PartId, Produced, Round, Scored, Spec, Task,
    canonical, keys,
};
use eval::{Eval, EvalError};
use platform::{Store, documents::read};
use series::Table;
use testing::{
    memory::World,
    stage::{dataset, job, platform, put_artifact, put_clean, put_cut, run, spec, table},
};

const PART: PartId = PartId::WHOLE;
const SPEC: &str = "promote.refit = false
models = [{ kind = \"naive\" }, { kind = \"seasonal-naive\" }, { kind = \"linear\" }]";

/// A round as `sample` and `train` leave it.
struct Scene {
    world: World,
    spec: Spec,
    round: Round,
    artifacts: Vec<Digest>,
}

async fn scene(world: World, table: &Table, spec: Spec) -> Scene {
    let store = world.store.clone();
    let clean = put_clean(table, &*store).await;
    let (cut, document) = put_cut(&spec, clean, table, &*store).await;
    let (mixed, fitted): (Vec<_>, Vec<_>) = spec.models.iter().partition(|member| member.model.is_virtual());
    let members: Vec<_> = fitted.into_iter().map(|member| member.name.clone()).collect();
    let round = Round {
        round: Digest::of_json(&(cut, spec.digest())),
        dataset: dataset(),
        part: PART,
        baselines: members
            .iter()
            .filter(|m| m.as_str().contains("naive"))
            .cloned()
            .collect(),
        members,
        left_out: Vec::new(),
        ensemble: mixed.first().map(|member| member.name.clone()),
        cut,
        clean,
        spec: spec.digest(),
    };
    store
        .create(
            &keys::round(&dataset(), PART, round.round),
            canonical(&round).unwrap().into(),
        )
        .await
        .unwrap();
    let mut artifacts = Vec::new();
    for member in &round.members {
        artifacts.push(put_artifact(&spec, member.as_str(), (cut, &document), table, &*store).await);
    }
    Scene {
        world,
        spec,
        round,
        artifacts,
    }
}

impl Scene {
    async fn new() -> Self {
        scene(World::new(), &table(400), spec(SPEC)).await
    }

    fn task(&self, member: usize, scored: Scored) -> EvalTask {
        EvalTask {
            dataset: dataset(),
            part: PART,
            spec: self.spec.digest(),
            salt: String::new(),
            cut: self.round.cut,
            round: self.round.round,
            member: self.round.members[member].clone(),
            scored,
            skip_scoring: false,
            refit_of: None,
        }
    }

    async fn run(&self, task: EvalTask) -> Result<(Produced, Next), EvalError> {
        run(&Eval, &job(Task::Eval(task), &self.spec), &platform(&self.world)).await
    }

    async fn score(&self, member: usize) -> Next {
        self.run(self.task(member, Scored::Artifact(self.artifacts[member])))
            .await
            .unwrap()
            .1
    }

    async fn fail(&self, member: usize, why: &str) -> Next {
        self.run(self.task(member, Scored::Failed(why.to_owned())))
            .await
            .unwrap()
            .1
    }

    async fn outcome(&self, member: usize) -> Outcome {
        let key = keys::outcome(&dataset(), PART, self.round.round, &self.round.members[member]);
        read(&*self.world.store, &key).await.unwrap().unwrap().0
    }

    async fn decision(&self) -> Option<Decision> {
        let key = keys::decision(&dataset(), PART, self.round.round);
        read(&*self.world.store, &key)
            .await
            .unwrap()
            .map(|(decision, _)| decision)
    }

    async fn entry(&self, generation: u64) -> Option<Entry> {
        let key = keys::champion_entry(&dataset(), PART, generation);
        read(&*self.world.store, &key).await.unwrap().map(|(entry, _)| entry)
    }
}

fn infer(next: &Next) -> InferTask {
    match next.tasks().as_slice() {
        [Task::Infer(task)] => task.clone(),
        other => panic!("one infer was expected: {other:?}"),
    }
}
