//! What a member leaves, and how a round ends.

use contract::{
    CutDocument, Decision, DecisionKind, Digest, FailedStage, Failure, FailureKind, ForecastDocument, ForecastKind,
    Next, Scored, Stage, Task, canonical, keys,
};
use eval::EvalError;
use platform::{Classify, Retry, Store, documents::read};
use testing::{
    memory::World,
    stage::{dataset, job, name, spec, table},
};

use crate::{PART, SPEC, Scene, infer, scene};

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
async fn the_winner_is_fitted_again_and_the_refit_reigns_and_forecasts() {
    let spec = spec(&SPEC.replace("promote.refit = false", ""));
    let scene = scene(World::new(), &table(400), spec).await;
    scene.score(0).await;
    scene.score(2).await;
    let next = scene.score(1).await;
    let (parent, child) = (scene.artifacts[2], Digest::of(b"child"));
    let [Task::Train(train)] = &next.tasks()[..] else {
        panic!("{next:?}");
    };
    assert_eq!((train.refit_of, &train.member), (Some(parent), &name("linear")));

    let refit = |scored| contract::EvalTask {
        refit_of: Some(parent),
        ..scene.task(2, scored)
    };
    let failed = refit(Scored::Failed("too little memory".to_owned()));
    let next = infer(&scene.run(failed).await.unwrap().1);
    assert_eq!(
        (next.generation, next.artifact),
        (1, parent),
        "a failed refit leaves its parent"
    );
    for _ in 0..2 {
        let next = infer(&scene.run(refit(Scored::Artifact(child))).await.unwrap().1);
        assert_eq!((next.generation, next.artifact), (2, child), "also when it comes again");
    }
    let (scored, entry) = (scene.entry(1).await.unwrap(), scene.entry(2).await.unwrap());
    assert_eq!((entry.kind, entry.parent), (DecisionKind::Refit, Some(parent)));
    assert_eq!((entry.score, entry.previous), (scored.score, Some(1)));
    assert_eq!(entry.train_end, entry.observed_end, "all rows were learned");
    assert_eq!(scene.entry(3).await, None);
    assert!(scene.outcome(2).await.scores.is_some(), "the member keeps its outcome");
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

/// All failed because their data was gone. After a new upload the data is back.
#[tokio::test]
async fn a_round_whose_members_all_failed_appends_nobody_until_one_of_them_has_scores() {
    let scene = Scene::new().await;
    for member in 0..3 {
        let next = scene.fail(member, "object `clean/…` does not exist").await;
        assert_eq!(next, Next::nothing());
    }
    assert_eq!(scene.entry(1).await, None, "no champion");
    assert!(matches!(scene.decision().await, Some(Decision::Nobody { .. })));

    let next = scene.score(1).await;
    let entry = scene.entry(infer(&next).generation).await.unwrap();
    assert_eq!((entry.generation, entry.artifact), (1, scene.artifacts[1]));
    assert!(
        scene.outcome(1).await.scores.is_some(),
        "scores take the place of the failure"
    );
    assert_eq!(scene.decision().await, Some(Decision::Entry(Box::new(entry.clone()))));
    // A decision is final: a later member changes nothing, and a failure never replaces scores.
    scene.score(2).await;
    scene.fail(1, "again").await;
    assert!(scene.outcome(1).await.scores.is_some());
    assert_eq!(scene.decision().await, Some(Decision::Entry(Box::new(entry))));
    assert_eq!(scene.entry(2).await, None);
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
    assert_eq!(
        (error.class().retry, error.class().kind),
        (Retry::Never, FailureKind::Store)
    );
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
    let body = canonical(&failure).unwrap().into();
    scene.world.store.put(&keys::failed(failure.job), body).await.unwrap();
    task.skip_scoring = true;
    scene.run(task).await.unwrap();
    assert_eq!(scene.outcome(2).await.failed.as_deref(), Some("the artifact is gone"));
}

#[tokio::test]
async fn an_artifact_of_other_rows_or_other_bytes_is_refused() {
    let scene = Scene::new().await;
    let other = crate::scene(scene.world.clone(), &table(390), spec(SPEC)).await;
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
    assert_eq!(
        (error.class().retry, error.class().kind),
        (Retry::Never, FailureKind::Diverged)
    );
    assert_eq!(error.class().place.column.as_deref(), Some("down"));
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
