//! A round with an ensemble: the decider makes it of the other members, and it is scored like them.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use contract::{CutDocument, Decision, Digest, EvalTask, Next, Outcome, PartId, Round, Scored, Task, canonical, keys};
use eval::Eval;
use forecast::{Artifact, Calibration};
use platform::{
    Store,
    documents::{read, read_named},
};
use testing::{
    memory::World,
    stage::{contents, dataset, job, name, platform, put_artifact, put_clean, put_cut, run, spec, table},
};

const SPEC: &str = r#"
models = ["naive", { kind = "linear", name = "other", lambda = 0.001 }, "linear", "ensemble"]
[split]
holdout = 80
[clean]
lags = []
"#;

struct Scene {
    world: World,
    spec: contract::Spec,
    cut: CutDocument,
    round: Round,
    artifacts: Vec<Digest>,
}

impl Scene {
    async fn new() -> Self {
        let (world, spec, table) = (World::new(), spec(SPEC), table(600));
        let store = world.store.clone();
        let clean = put_clean(&table, &*store).await;
        let (named, cut) = put_cut(&spec, clean, &table, &*store).await;
        let members = vec![name("naive"), name("other"), name("linear")];
        let round = Round {
            round: Digest::of_json(&named),
            dataset: dataset(),
            part: PartId::WHOLE,
            baselines: members[..1].to_vec(),
            left_out: Vec::new(),
            members,
            ensemble: Some(name("ensemble")),
            cut: named,
            clean,
            spec: spec.digest(),
        };
        let key = keys::round(&dataset(), PartId::WHOLE, round.round);
        store.create(&key, canonical(&round).unwrap().into()).await.unwrap();
        let mut artifacts = Vec::new();
        for member in &round.members {
            artifacts.push(put_artifact(&spec, member.as_str(), (named, &cut), &table, &*store).await);
        }
        Self {
            world,
            spec,
            cut,
            round,
            artifacts,
        }
    }

    fn task(&self, member: usize, scored: Scored) -> EvalTask {
        EvalTask {
            dataset: dataset(),
            part: PartId::WHOLE,
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

    async fn join(&self, member: usize, scored: Scored) -> Next {
        let job = job(Task::Eval(self.task(member, scored)), &self.spec);
        run(&Eval, &job, &platform(&self.world)).await.unwrap().1
    }

    async fn score(&self, member: usize) -> Next {
        self.join(member, Scored::Artifact(self.artifacts[member])).await
    }

    async fn outcome(&self, member: &str) -> Option<Outcome> {
        let key = keys::outcome(&dataset(), PartId::WHOLE, self.round.round, &name(member));
        read(&*self.world.store, &key)
            .await
            .unwrap()
            .map(|(outcome, _)| outcome)
    }

    async fn model(&self, member: usize) -> Box<dyn forecast::Forecast> {
        let key = keys::artifact(&dataset(), PartId::WHOLE, self.artifacts[member]);
        let bytes = self.world.store.get(&key, 1 << 24).await.unwrap().bytes;
        families::forecaster(&Artifact::parse(&bytes).unwrap()).unwrap()
    }

    async fn decision(&self) -> Decision {
        let key = keys::decision(&dataset(), PartId::WHOLE, self.round.round);
        read(&*self.world.store, &key).await.unwrap().unwrap().0
    }
}

fn rmsse(outcome: &Outcome) -> f64 {
    outcome.scores.as_ref().unwrap().rmsse.unwrap()
}

#[tokio::test]
async fn who_decides_makes_the_ensemble_and_scores_it_as_the_others() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    assert_eq!(scene.outcome("ensemble").await, None, "not before all others are there");
    scene.score(2).await;

    let ensemble = scene.outcome("ensemble").await.unwrap();
    let (naive, linear) = (
        scene.outcome("naive").await.unwrap(),
        scene.outcome("linear").await.unwrap(),
    );
    assert_eq!(ensemble.failed, None);
    let (mixed, alone) = (ensemble.scores.as_ref().unwrap(), linear.scores.as_ref().unwrap());
    assert_eq!((mixed.origins, mixed.masked), (alone.origins, alone.masked));
    assert!(rmsse(&ensemble) < rmsse(&naive), "weighed on what forecast well");
    assert!(mixed.wql.is_some() && mixed.calibrated == Some(true));

    let key = keys::artifact(&dataset(), PartId::WHOLE, ensemble.artifact.unwrap());
    let bytes = scene.world.store.get(&key, 1 << 24).await.unwrap().bytes;
    let artifact = Artifact::parse(&bytes).unwrap();
    assert_eq!(artifact.about.cut, scene.round.cut.hex());
    assert_eq!(artifact.about.targets, scene.cut.transform.target_names());
    assert!(Calibration::read(&artifact).unwrap().is_some());

    let Decision::Entry(entry) = scene.decision().await else {
        panic!("three members have scores");
    };
    let scores: Vec<_> = entry
        .outcomes
        .iter()
        .map(|line| (line.member.as_str(), line.score))
        .collect();
    assert_eq!(scores.len(), 4);
    assert_eq!(scores[3], ("ensemble", Some(rmsse(&ensemble))));
}

#[tokio::test]
async fn a_single_sound_member_is_no_ensemble() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.join(1, Scored::Failed("it diverged".to_owned())).await;
    scene.score(2).await;
    let ensemble = scene.outcome("ensemble").await.unwrap();
    assert!(ensemble.failed.unwrap().starts_with("a single member is sound"));
    let Decision::Entry(entry) = scene.decision().await else {
        panic!("two members have scores");
    };
    assert_eq!(entry.member, name("linear"));
}

#[tokio::test]
async fn a_second_decider_finds_the_same_ensemble() {
    let scene = Scene::new().await;
    for member in [0, 1, 2] {
        scene.score(member).await;
    }
    let before = contents(&scene.world).await;
    scene.score(1).await;
    assert_eq!(contents(&scene.world).await, before);
}

#[tokio::test]
async fn a_round_whose_ensemble_cannot_be_made_is_decided_without_it() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.join(1, Scored::Failed("it diverged".to_owned())).await;
    let next = scene.join(2, Scored::Failed("it diverged".to_owned())).await;
    let ensemble = scene.outcome("ensemble").await.unwrap();
    assert_eq!(
        ensemble.failed.as_deref(),
        Some("an ensemble needs 2 members with scores, the round has 1")
    );
    assert_eq!(next.tasks().len(), 1, "the baseline reigns and forecasts");
}

#[tokio::test]
async fn weights_come_from_the_rows_that_select_and_from_no_others() {
    let (calm, poisoned) = (Scene::new().await, Scene::new().await);
    let store = &*poisoned.world.store;
    for member in [0, 1, 2] {
        calm.score(member).await;
    }
    // The same artifacts and the same `select` rows; only the holdout differs.
    let mut spoilt = table(600);
    for row in poisoned.cut.cut.holdout.clone() {
        spoilt.columns[0].values[row] *= 100.0;
    }
    let clean = put_clean(&spoilt, store).await;
    let document = CutDocument {
        clean,
        ..poisoned.cut.clone()
    };
    assert_ne!(clean, poisoned.round.clean);
    let model = calm.model(2).await;
    let weights = |cut: &CutDocument, table: &series::Table| {
        let scaled = cut.transform.apply(table, cut.cut.training.clone()).unwrap();
        eval::select::select(
            cut,
            calm.round.cut,
            &scaled,
            &*model,
            (&name("linear"), calm.artifacts[2]),
        )
        .unwrap()
        .unwrap()
    };
    assert_eq!(weights(&document, &spoilt), weights(&calm.cut, &table(600)));
    let stored = calm.outcome("linear").await.unwrap().select.unwrap();
    let key = keys::forecast(&dataset(), PartId::WHOLE, stored);
    let document: contract::SelectDocument = read_named(&*calm.world.store, &key, stored).await.unwrap();
    assert_eq!(document, weights(&calm.cut, &table(600)));
    let select = calm.cut.cut.select.clone();
    assert!(document.origins.iter().all(|origin| select.contains(origin)));
}

/// Scores all members, but changes something before the last one joins and decides.
async fn decided_after(scene: &Scene, host: impl FnOnce(&mut platform::Host)) -> (Next, String) {
    let mut platform = platform(&scene.world);
    host(&mut platform.host);
    let task = scene.task(2, Scored::Artifact(scene.artifacts[2]));
    let (_, next) = run(&Eval, &job(Task::Eval(task), &scene.spec), &platform)
        .await
        .unwrap();
    let ensemble = scene.outcome("ensemble").await.unwrap();
    assert!(ensemble.scores.is_none() && ensemble.artifact.is_none());
    (next, ensemble.failed.unwrap())
}

#[tokio::test]
async fn a_round_whose_ensemble_lacks_an_artifact_is_decided_without_it() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    let gone = keys::artifact(&dataset(), PartId::WHOLE, scene.artifacts[1]);
    assert!(scene.world.store.remove(&gone));
    let (next, why) = decided_after(&scene, |_| {}).await;
    assert!(why.contains(&gone) && why.contains("does not exist"), "{why}");
    assert_eq!(next.tasks().len(), 1, "whoever reigns forecasts");
    assert!(matches!(scene.decision().await, Decision::Entry(_)));
}

#[tokio::test]
async fn a_round_whose_ensemble_panics_is_decided_without_it() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    // Forecasts of other rows than they name: combining them runs over their end.
    let outcome = scene.outcome("naive").await.unwrap();
    let key = keys::forecast(&dataset(), PartId::WHOLE, outcome.select.unwrap());
    let named = outcome.select.unwrap();
    let mut select: contract::SelectDocument = read_named(&*scene.world.store, &key, named).await.unwrap();
    select.values.truncate(1);
    let bytes = canonical(&select).unwrap();
    let cut_short = Digest::of(&bytes);
    let store = &*scene.world.store;
    store
        .put(&keys::forecast(&dataset(), PartId::WHOLE, cut_short), bytes.into())
        .await
        .unwrap();
    let wrong = Outcome {
        select: Some(cut_short),
        ..outcome
    };
    let key = keys::outcome(&dataset(), PartId::WHOLE, scene.round.round, &name("naive"));
    store.put(&key, canonical(&wrong).unwrap().into()).await.unwrap();
    let (next, why) = decided_after(&scene, |_| {}).await;
    assert!(why.starts_with("making it panicked: "), "{why}");
    assert_eq!(next.tasks().len(), 1);
}

#[tokio::test]
async fn an_ensemble_that_needs_too_much_memory_is_out_and_its_round_goes_on() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    scene.score(2).await;
    let outcomes = [
        scene.outcome("naive").await.unwrap(),
        scene.outcome("linear").await.unwrap(),
    ];
    let mut sizes = Vec::new();
    for outcome in &outcomes {
        let key = keys::artifact(&dataset(), PartId::WHOLE, outcome.artifact.unwrap());
        sizes.push(scene.world.store.head(&key).await.unwrap().size);
    }
    // With so many members each can be read, and so can the rows, but they cannot all be held in memory.
    let clean = keys::clean(&dataset(), PartId::WHOLE, scene.round.clean);
    let bound = scene.world.store.head(&clean).await.unwrap().size;
    let times = usize::try_from(bound / sizes.iter().sum::<u64>() + 1).unwrap();
    let many: Vec<Outcome> = outcomes.iter().cycle().take(2 * times).cloned().collect();
    let mut platform = platform(&scene.world);
    platform.host.memory = 4 * bound;
    let other = name("too-much");
    let made = eval::ensemble::outcome(&scene.round, &other, &many, None, &platform)
        .await
        .unwrap();
    let why = made.failed.unwrap();
    assert!(
        why.contains("bytes together") && why.contains(&format!("at most {bound}")),
        "{why}"
    );
    platform.host.memory = 4 * (bound - 1);
    let another = name("too-many-rows");
    let made = eval::ensemble::outcome(&scene.round, &another, &outcomes, None, &platform)
        .await
        .unwrap();
    assert!(made.failed.unwrap().contains(&clean));
}

/// The job that only joins follows one that was killed by the ensemble. It tries the ensemble twice, then decides
/// without it.
#[tokio::test]
async fn a_round_whose_ensemble_kills_whoever_makes_it_is_decided_without_it() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    let task = EvalTask {
        skip_scoring: true,
        refit_of: None,
        ..scene.task(2, Scored::Artifact(scene.artifacts[2]))
    };
    let joining = platform::Job {
        attempt: 2,
        ..job(Task::Eval(task), &scene.spec)
    };
    let (_, next) = run(&Eval, &joining, &platform(&scene.world)).await.unwrap();
    let ensemble = scene.outcome("ensemble").await.unwrap();
    assert_eq!(
        ensemble.failed.as_deref(),
        Some("earlier attempts to make it died or gave up")
    );
    assert_eq!(next.tasks().len(), 1, "the round is decided");
}
