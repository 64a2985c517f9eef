//! Given a job and a store: what `eval` writes and what it sends.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

#[cfg(test)]
#[path = "../../../tests/fixtures/stage.rs"]
#[allow(dead_code, reason = "shared by the tests of several stages")]
mod stage;

use contract::{
    CutDocument, Decision, DecisionKind, Digest, Entry, EvalTask, FailedStage, Failure, FailureKind, ForecastDocument,
    ForecastKind, InferTask, Next, Outcome, PartId, Produced, Round, Scored, Spec, Stage, Task, canonical, keys,
};
use eval::{Eval, EvalError, champions::Log};
use platform::{Classify, Retry, Store, documents::read, memory::World};
use series::Table;
use stage::{contents, dataset, job, name, platform, put_artifact, put_clean, put_cut, run, spec, table};

const PART: PartId = PartId::WHOLE;
const SPEC: &str = "models = [{ kind = \"naive\" }, { kind = \"seasonal-naive\" }, { kind = \"linear\" }]";

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
        ensemble: mixed.first().map(|member| member.name.clone()),
        cut,
        clean,
        spec: spec.digest(),
    };
    store
        .create(&keys::round(&dataset(), PART, round.round), canonical(&round).into())
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

#[tokio::test]
async fn who_completes_the_round_decides_it_and_sends_infer() {
    let scene = Scene::new().await;
    assert_eq!(scene.score(0).await, Next::nothing());
    assert_eq!(scene.score(2).await, Next::nothing());
    assert_eq!(scene.decision().await, None);

    let next = scene.score(1).await;
    let entry = scene.entry(1).await.unwrap();
    assert_eq!(scene.entry(2).await, None);
    assert_eq!(scene.decision().await, Some(Decision::Entry(Box::new(entry.clone()))));
    assert_eq!((entry.kind, entry.member), (DecisionKind::Replaced, name("linear")));
    let infer = infer(&next);
    assert_eq!(
        (infer.clean, infer.generation, infer.artifact),
        (scene.round.clean, 1, scene.artifacts[2])
    );
}

#[tokio::test]
async fn a_member_leaves_its_scores_and_its_forecasts_of_the_holdout() {
    let scene = Scene::new().await;
    scene.score(0).await;
    let outcome = scene.outcome(0).await;
    let scores = outcome.scores.unwrap();
    assert_eq!((scores.origins, scores.masked), (80, 0));
    assert!(scores.rmse.is_some_and(|rmse| rmse > 0.0 && rmse < 20.0), "{scores:?}");

    let key = keys::forecast(&dataset(), PART, outcome.holdout.unwrap());
    let (document, _) = read::<ForecastDocument>(&*scene.world.store, &key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((document.kind, document.generation), (ForecastKind::Holdout, None));
    let raw = table(400);
    let down = &raw.column("down").unwrap().values;
    let actual: Vec<_> = down[320..].iter().map(|value| Some(*value)).collect();
    assert_eq!(document.actual, Some(vec![actual]));
    // The naive forecast is the row before, so the first one reaches back into training rows.
    let worst = document.mean[0]
        .iter()
        .zip(&down[319..])
        .map(|(f, y)| (f - y).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-9, "{worst}");
}

#[tokio::test]
async fn missing_actuals_are_masked_and_counted_never_filled() {
    let mut holed = table(400);
    for row in [330, 331, 350] {
        holed.columns[0].values[row] = f64::NAN;
    }
    let scene = scene(World::new(), &holed, spec(SPEC)).await;
    scene.score(0).await;
    let outcome = scene.outcome(0).await;
    assert_eq!(outcome.scores.unwrap().masked, 3);
    let key = keys::forecast(&dataset(), PART, outcome.holdout.unwrap());
    let (document, _) = read::<ForecastDocument>(&*scene.world.store, &key)
        .await
        .unwrap()
        .unwrap();
    let missing = document.actual.unwrap()[0]
        .iter()
        .filter(|actual| actual.is_none())
        .count();
    assert_eq!(missing, 3);
}

#[tokio::test]
async fn a_round_decides_without_those_that_failed_and_says_why() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    let next = scene.fail(2, "loss is NaN in epoch 1").await;
    let entry = scene.entry(infer(&next).generation).await.unwrap();
    assert!(entry.member.as_str().contains("naive"));
    assert_eq!(entry.outcomes[2].failed.as_deref(), Some("loss is NaN in epoch 1"));
    assert!(entry.reason.contains("no model has a score"), "{}", entry.reason);
}

#[tokio::test]
async fn a_round_in_which_all_failed_promotes_nobody_and_ends() {
    let scene = Scene::new().await;
    for member in 0..2 {
        assert_eq!(scene.fail(member, "killed").await, Next::nothing());
    }
    assert_eq!(scene.fail(2, "killed").await, Next::nothing());
    assert!(matches!(scene.decision().await, Some(Decision::Nobody { outcomes, .. }) if outcomes.len() == 3));
    assert_eq!(scene.entry(1).await, None);
}

#[tokio::test]
async fn a_member_whose_scoring_failed_only_joins() {
    let scene = Scene::new().await;
    let mut task = scene.task(2, Scored::Artifact(Digest::of(b"an artifact that is gone")));
    let error = scene.run(task.clone()).await.unwrap_err();
    assert_eq!((error.retry(), error.kind()), (Retry::Never, FailureKind::Store));
    let failure = Failure {
        job: job(Task::Eval(task.clone()), &scene.spec).identity.job,
        stage: FailedStage::Stage(Stage::Eval),
        dataset: None,
        key: String::new(),
        kind: FailureKind::Store,
        message: "the artifact is gone".to_owned(),
        member: None,
        row: None,
        column: None,
        value: None,
        bound: None,
        attempt: 0,
        at: String::new(),
    };
    let body = canonical(&failure).into();
    scene.world.store.put(&keys::failed(failure.job), body).await.unwrap();
    task.skip_scoring = true;
    scene.run(task).await.unwrap();
    assert_eq!(scene.outcome(2).await.failed.as_deref(), Some("the artifact is gone"));
}

#[tokio::test]
async fn an_artifact_of_other_rows_or_other_bytes_is_refused() {
    let scene = Scene::new().await;
    let other = self::scene(scene.world.clone(), &table(390), spec(SPEC)).await;
    let error = scene
        .run(scene.task(2, Scored::Artifact(other.artifacts[2])))
        .await
        .unwrap_err();
    assert!(matches!(error, EvalError::OtherCut { .. }), "{error}");
    let key = keys::artifact(&dataset(), PART, scene.artifacts[2]);
    scene
        .world
        .store
        .put(&key, b"other bytes".to_vec().into())
        .await
        .unwrap();
    let error = scene
        .run(scene.task(2, Scored::Artifact(scene.artifacts[2])))
        .await
        .unwrap_err();
    assert!(matches!(error, EvalError::Store(_)), "{error}");
}

#[tokio::test]
async fn deciding_again_after_any_crash_ends_with_the_same_decision() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    let next = scene.score(2).await;
    let calm = contents(&scene.world).await;
    let (decision, hint) = (
        keys::decision(&dataset(), PART, scene.round.round),
        keys::champion_hint(&dataset(), PART),
    );
    for lost in [vec![], vec![&hint], vec![&decision], vec![&decision, &hint]] {
        for key in &lost {
            assert!(scene.world.store.remove(key));
        }
        for member in 0..3 {
            assert_eq!(scene.score(member).await, next, "lost {lost:?}");
        }
        assert_eq!(contents(&scene.world).await, calm, "lost {lost:?}");
    }
}

#[tokio::test]
async fn racing_deciders_append_one_entry() {
    let scene = Scene::new().await;
    scene.score(0).await;
    scene.score(1).await;
    // All the while the last member's outcome is there, so every one of them finds the round complete.
    let racers = (0..3).map(|member| scene.score(member));
    let nexts = futures_util::future::join_all(racers).await;
    let sent: Vec<_> = nexts
        .iter()
        .filter(|next| **next != Next::nothing())
        .map(infer)
        .collect();
    assert!(!sent.is_empty() && sent.iter().all(|task| *task == sent[0]), "{sent:?}");
    assert_eq!(scene.entry(2).await, None);
}

#[tokio::test]
async fn an_entry_lands_behind_those_that_were_faster() {
    let scene = Scene::new().await;
    for member in 0..3 {
        scene.score(member).await;
    }
    let first = scene.entry(1).await.unwrap();
    let dataset = dataset();
    let log = Log::new(&*scene.world.store, &dataset, PART);
    let (second, third) = (Digest::of(b"second round"), Digest::of(b"third round"));
    let settle = |round: Digest| {
        let first = first.clone();
        move |reigning: Option<&Entry>| Entry {
            generation: reigning.map_or(1, |entry| entry.generation + 1),
            round,
            ..first.clone()
        }
    };
    // All of them believe the log to be empty, as deciders do that looked before anybody appended.
    for (round, generation) in [(first.round, 1), (second, 2), (third, 3), (second, 2), (first.round, 1)] {
        let entry = log.append(round, None, settle(round)).await.unwrap();
        assert_eq!((entry.round, entry.generation), (round, generation));
    }
    assert_eq!(scene.entry(4).await, None);
}

#[tokio::test]
async fn rounds_that_race_append_one_entry_each() {
    let first = Scene::new().await;
    let second = scene(first.world.clone(), &table(420), spec(SPEC)).await;
    for scene in [&first, &second] {
        scene.score(0).await;
        scene.score(1).await;
    }
    let _ = tokio::join!(first.score(2), second.score(2));
    let entries = [first.entry(1).await.unwrap(), first.entry(2).await.unwrap()];
    assert_eq!(first.entry(3).await, None);
    let mut rounds = entries.map(|entry| entry.round);
    rounds.sort();
    let mut expected = [first.round.round, second.round.round];
    expected.sort();
    assert_eq!(rounds, expected);
}

#[tokio::test]
async fn older_observations_never_take_over_and_a_newer_round_does() {
    let newer = Scene::new().await;
    for member in 0..3 {
        newer.score(member).await;
    }
    let older = scene(newer.world.clone(), &table(380), spec(SPEC)).await;
    let mut next = Next::nothing();
    for member in 0..3 {
        next = older.score(member).await;
    }
    let kept = older.entry(2).await.unwrap();
    assert_eq!(
        (kept.kind, kept.artifact, kept.sample),
        (DecisionKind::Kept, newer.artifacts[2], newer.round.cut)
    );
    let infer = infer(&next);
    assert_eq!(
        (infer.generation, infer.artifact, infer.clean),
        (2, newer.artifacts[2], older.round.clean)
    );

    let newest = scene(newer.world.clone(), &table(440), spec(SPEC)).await;
    for member in 0..3 {
        newest.score(member).await;
    }
    let entry = newest.entry(3).await.unwrap();
    assert_eq!(
        (entry.kind, entry.artifact, entry.previous),
        (DecisionKind::Replaced, newest.artifacts[2], Some(2))
    );
}

#[tokio::test]
async fn the_newest_entry_is_found_whatever_the_hint_says() {
    let scene = Scene::new().await;
    for member in 0..3 {
        scene.score(member).await;
    }
    let store = &*scene.world.store;
    let mut entry = scene.entry(1).await.unwrap();
    for generation in 2..5 {
        entry = Entry {
            generation,
            round: Digest::of(&[1]),
            ..entry
        };
        store
            .create(
                &keys::champion_entry(&dataset(), PART, generation),
                canonical(&entry).into(),
            )
            .await
            .unwrap();
    }
    let hint = keys::champion_hint(&dataset(), PART);
    for body in [
        r#"{"generation":1}"#,
        r#"{"generation":4}"#,
        r#"{"generation":99}"#,
        "rubbish",
    ] {
        store.put(&hint, body.as_bytes().to_vec().into()).await.unwrap();
        let newest = Log::new(store, &dataset(), PART).newest().await.unwrap().unwrap();
        assert_eq!(newest.entry.generation, 4, "hint {body}");
    }
}

#[tokio::test]
async fn a_forecast_that_is_no_number_is_a_failure() {
    let scene = Scene::new().await;
    let key = keys::cut(&dataset(), PART, scene.round.cut);
    let (document, _) = read::<CutDocument>(&*scene.world.store, &key).await.unwrap().unwrap();
    let model = infinite_model();
    let table = table(400);
    let scaled = document.transform.apply(&table, document.cut.training.clone()).unwrap();
    let subject = eval::score::Subject {
        dataset: dataset(),
        part: PART,
        member: name("linear"),
        artifact: Digest::of(b"model"),
    };
    let error = eval::score::score(&document, &table, &scaled, &model, None, subject).unwrap_err();
    assert_eq!((error.retry(), error.kind()), (Retry::Never, FailureKind::Diverged));
    assert_eq!(error.place().column.as_deref(), Some("down"));
}

fn infinite_model() -> impl forecast::Forecast {
    struct Infinite;
    impl forecast::Forecast for Infinite {
        fn history_rows(&self) -> usize {
            1
        }
        fn trained_horizon(&self) -> Option<usize> {
            None
        }
        fn forecast(&self, _: &forecast::History<'_>, steps: usize) -> Result<series::Matrix, forecast::ForecastError> {
            Ok(series::Matrix::filled(steps, 1, f64::INFINITY))
        }
    }
    Infinite
}
