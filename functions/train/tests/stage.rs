//! Given a job and a store: what `train` writes and what it sends.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{
    CutDocument, Digest, FailureKind, Next, PartId, Produced, RoundId, SampleTask, Scored, Spec, Task, TrainFacts,
    TrainTask, keys,
};
use forecast::{About, Artifact};
use platform::{Classify, Clock, Job, Platform, Retry, Stop, Work, Worked, documents::read};
use sample::Sample;
use series::Table;
use testing::{
    memory::World,
    stage::{contents, dataset, job, name, platform, put_clean, run, spec, table},
};
use train::{Train, TrainError};

const PART: PartId = PartId::WHOLE;
const GRU: &str = "window = { context = 10, horizon = 1 }
models = [{ kind = \"gru\", hidden = 6, epochs = 3 }]";

fn task(cut: Digest, spec: &Spec, member: &str) -> Task {
    Task::Train(TrainTask {
        dataset: dataset(),
        part: PART,
        spec: spec.digest(),
        salt: String::new(),
        cut,
        round: RoundId::of(b"round"),
        member: name(member),
        refit_of: None,
    })
}

/// Cuts a table with the stage `sample`.
async fn sampled(table: &Table, spec: &Spec, platform: &Platform) -> Digest {
    let clean = put_clean(table, &*platform.store).await;
    let task = SampleTask {
        dataset: dataset(),
        part: PART,
        spec: spec.digest(),
        salt: String::new(),
        clean,
    };
    match run(&Sample, &job(Task::Sample(task), spec), platform).await.unwrap() {
        (Produced::Sample(facts), _) => facts.cut,
        (other, _) => panic!("{other:?}"),
    }
}

async fn trained(job: &Job, platform: &Platform) -> Result<(TrainFacts, Next), TrainError> {
    match run(&Train, job, platform).await? {
        (Produced::Train(facts), next) => Ok((facts, next)),
        (other, _) => panic!("{other:?}"),
    }
}

async fn artifact(digest: Digest, platform: &Platform) -> Artifact {
    let key = keys::artifact(&dataset(), PART, digest);
    Artifact::parse(&platform.store.get(&key, u64::MAX).await.unwrap().bytes).unwrap()
}

#[tokio::test]
async fn a_member_becomes_an_artifact_with_its_manifest_and_one_eval() {
    let (world, spec) = (World::new(), spec(GRU));
    let platform = platform(&world);
    let cut = sampled(&table(300), &spec, &platform).await;
    let (facts, next) = trained(&job(task(cut, &spec, "gru"), &spec), &platform).await.unwrap();

    assert_eq!((facts.x, facts.y, facts.epochs.len()), ([206, 10, 8], [206, 1, 1], 3));
    let about = artifact(facts.artifact, &platform).await.about;
    let key = keys::artifact_manifest(&dataset(), PART, facts.artifact);
    let (manifest, _) = read::<About>(&*world.store, &key).await.unwrap().unwrap();
    assert_eq!(manifest, about);
    assert_eq!(about.cut, cut.hex());
    let tasks = next.tasks();
    let [Task::Eval(eval)] = tasks.as_slice() else {
        panic!("{next:?}");
    };
    assert_eq!(
        (&eval.member, eval.round, eval.cut),
        (&name("gru"), RoundId::of(b"round"), cut)
    );
    assert_eq!(eval.scored, Scored::Artifact(facts.artifact));
}

#[tokio::test]
async fn equal_jobs_leave_equal_objects_whatever_the_threads() {
    let spec = spec(GRU);
    let mut seen = Vec::new();
    for threads in [1, 3] {
        let world = World::new();
        let mut platform = platform(&world);
        platform.host.threads = threads;
        let cut = sampled(&table(300), &spec, &platform).await;
        let job = job(task(cut, &spec, "gru"), &spec);
        let first = trained(&job, &platform).await.unwrap();
        assert_eq!(trained(&job, &platform).await.unwrap(), first, "redelivered");
        seen.push(contents(&world).await);
    }
    assert_eq!(seen[0], seen[1]);
}

/// A clock that moves by a millisecond whenever it is read.
struct Ticking(AtomicU64);

#[async_trait]
impl Clock for Ticking {
    fn now_s(&self) -> i64 {
        0
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep(&self, _: Duration) {}
}

#[tokio::test]
async fn a_fit_that_stops_again_and_again_ends_with_the_same_artifact() {
    let (world, spec) = (World::new(), spec(GRU));
    let platform = platform(&world);
    let cut = sampled(&table(300), &spec, &platform).await;
    let calm = job(task(cut, &spec, "gru"), &spec);
    let (whole, _) = trained(&calm, &platform).await.unwrap();
    let mut hops = 0;
    let mut job = calm.clone();
    let facts = loop {
        // It is asked at every batch, so each run has time for two of them.
        job.stop = Stop::at(Arc::new(Ticking(AtomicU64::new(0))), Duration::from_millis(2));
        match Train.work(&job.typed().unwrap(), &platform).await.unwrap() {
            Worked::Done(facts) => break facts,
            Worked::Stopped { progress, checkpoint } => {
                assert!(
                    job.resume.as_ref().is_none_or(|(before, _)| *before < progress),
                    "no progress in {hops}"
                );
                job.resume = Some((progress, Bytes::from(checkpoint)));
            }
            Worked::Wait { why, .. } => panic!("waits for {why}"),
        }
        hops += 1;
        assert!(hops < 50, "it never ends");
    };
    assert!(hops > 2, "it was never stopped");
    assert_eq!(facts, whole);
}

/// Fits a member on a table and returns its forecasts from the holdout's origins up to a row.
async fn forecasts(table: &Table, spec: &Spec, member: &str, last: usize) -> Vec<f64> {
    let platform = platform(&World::new());
    let cut = sampled(table, spec, &platform).await;
    let (facts, _) = trained(&job(task(cut, spec, member), spec), &platform).await.unwrap();
    let artifact = artifact(facts.artifact, &platform).await;
    let key = keys::cut(&dataset(), PART, cut);
    let (document, _) = read::<CutDocument>(&*platform.store, &key).await.unwrap().unwrap();
    let scaled = document.transform.apply(table, document.cut.training.clone()).unwrap();
    let origins: Vec<usize> = document.cut.scored_origins().filter(|origin| *origin <= last).collect();
    let mut all = Vec::new();
    families::forecaster(&artifact)
        .unwrap()
        .forecast_origins(&scaled, &origins, document.cut.window.horizon, &mut |_, forecast| {
            all.extend(forecast);
        })
        .unwrap();
    assert!(!all.is_empty());
    all
}

#[tokio::test]
async fn what_comes_after_an_origin_changes_no_forecast_of_it() {
    const SPEC: &str = "forecast.horizon = 12
models = [\"drift\", \"ets\", \"theta\", \"mstl\", \"arima\", \"croston\", \"linear\", \"prophet\"]";
    let (spec, calm) = (spec(SPEC), table(200));
    for (member, row) in spec
        .models
        .iter()
        .zip([161, 170, 165, 168, 163, 175, 180, 162, 171, 166])
    {
        let mut poisoned = calm.clone();
        for column in &mut poisoned.columns {
            for (place, value) in column.values[row..199].iter_mut().enumerate() {
                // The last row stays observed, so that the cut is the same.
                *value = if place % 7 == 3 { f64::NAN } else { *value * -1e6 + 7.0 };
            }
        }
        let name = member.name.as_str();
        let [before, after] = [
            forecasts(&calm, &spec, name, row).await,
            forecasts(&poisoned, &spec, name, row).await,
        ];
        assert_eq!(before, after, "{name} from origins up to row {row}");
    }
}

#[tokio::test]
async fn a_refit_learns_all_rows_names_its_parent_and_has_its_intervals() {
    let spec = spec("models = [\"ets\", \"linear\"]");
    for (member, rows) in [("ets", 120), ("linear", 120), ("linear", 2_500)] {
        let platform = platform(&World::new());
        let cut = sampled(&table(rows), &spec, &platform).await;
        let Task::Train(scored) = task(cut, &spec, member) else {
            panic!("a train task")
        };
        let (facts, _) = trained(&job(Task::Train(scored.clone()), &spec), &platform)
            .await
            .unwrap();
        let again = TrainTask {
            refit_of: Some(facts.artifact),
            ..scored
        };
        let (refit, next) = trained(&job(Task::Train(again), &spec), &platform).await.unwrap();
        let (parent, child) = (
            artifact(facts.artifact, &platform).await,
            artifact(refit.artifact, &platform).await,
        );
        assert_eq!(child.about.parent, Some(facts.artifact.hex()));
        assert!(child.about.later.is_empty(), "fitted once");
        assert_eq!(child.about.context, parent.about.context, "{member} keeps its choices");
        assert!(child.about.intervals.is_some_and(|intervals| intervals.calibrated));
        let Task::Eval(eval) = &next.tasks()[0] else {
            panic!("{next:?}");
        };
        assert_eq!(
            (eval.refit_of, &eval.scored),
            (Some(facts.artifact), &Scored::Artifact(refit.artifact))
        );
        assert!(
            refit.x[0] > facts.x[0],
            "more windows: {} and {}",
            refit.x[0],
            facts.x[0]
        );
    }
}

#[tokio::test]
async fn a_fit_that_diverges_is_a_failure_of_its_own_kind() {
    let mut spec = spec(GRU);
    spec.clean.scaler = series::Scaler::None;
    let mut wild = table(300);
    for value in &mut wild.columns[0].values {
        *value *= 1e200;
    }
    let platform = platform(&World::new());
    let cut = sampled(&wild, &spec, &platform).await;
    let error = trained(&job(task(cut, &spec, "gru"), &spec), &platform)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class().retry, error.class().kind),
        (Retry::Never, FailureKind::Diverged),
        "{error:?}"
    );
    assert!(error.to_string().contains("gru"), "{error}");
}

#[tokio::test]
async fn a_member_that_the_spec_does_not_have_is_refused_by_name() {
    let (world, spec) = (World::new(), spec(GRU));
    let platform = platform(&world);
    let cut = sampled(&table(300), &spec, &platform).await;
    let error = trained(&job(task(cut, &spec, "lstm"), &spec), &platform)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class().retry, error.class().kind),
        (Retry::Never, FailureKind::Spec)
    );
    assert_eq!(error.to_string(), "the spec has no member `lstm`");
}
