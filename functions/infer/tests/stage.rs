//! Given a job and a store: what `infer` writes.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use contract::{
    DecisionKind, Digest, Entry, FailureKind, ForecastDocument, ForecastKind, InferFacts, InferTask, Latest, Next,
    PartId, Produced, Spec, Task, canonical, keys,
};
use infer::{Infer, InferError, latest::advance};
use platform::{Classify, Retry, documents::read};
use series::{Frequency, Table, rfc3339};
use testing::{
    memory::World,
    stage::{contents, dataset, job, name, platform, put_artifact, put_clean, put_cut, run, spec, table},
};

const PART: PartId = PartId::WHOLE;
const SPEC: &str = "models = [{ kind = \"naive\" }, { kind = \"seasonal-naive\" }, { kind = \"linear\" }]";

/// A champion as `eval` leaves it: the entry of generation 1.
struct Scene {
    world: World,
    spec: Spec,
    clean: Digest,
    champion: Entry,
}

impl Scene {
    async fn new(member: &str) -> Self {
        Self::of(member, &table(400), spec(SPEC)).await
    }

    async fn of(member: &str, table: &Table, spec: Spec) -> Self {
        let world = World::new();
        let store = world.store.clone();
        let clean = put_clean(table, &*store).await;
        let (cut, document) = put_cut(&spec, clean, table, &*store).await;
        let artifact = put_artifact(&spec, member, (cut, &document), table, &*store).await;
        let champion = Entry {
            generation: 1,
            round: Digest::of(b"round"),
            kind: DecisionKind::Replaced,
            member: name(member),
            artifact,
            parent: None,
            sample: cut,
            clean,
            spec: spec.digest(),
            metric: "rmsse".to_owned(),
            score: Some(0.5),
            baseline_score: Some(1.0),
            outcomes: Vec::new(),
            targets: document.transform.target_names(),
            horizon: document.cut.window.horizon,
            frequency: document.axis.frequency,
            train_end: document.train_end,
            observed_end: document.observed_end,
            previous: None,
            reason: String::new(),
        };
        let scene = Self {
            world,
            spec,
            clean,
            champion,
        };
        scene.append(1).await;
        scene
    }

    async fn append(&self, generation: u64) {
        let entry = Entry {
            generation,
            ..self.champion.clone()
        };
        let key = keys::champion_entry(&dataset(), PART, generation);
        platform(&self.world)
            .store
            .create(&key, canonical(&entry).unwrap().into())
            .await
            .unwrap();
    }

    fn task(&self, clean: Digest, generation: u64) -> InferTask {
        InferTask {
            dataset: dataset(),
            part: PART,
            spec: self.spec.digest(),
            salt: String::new(),
            clean,
            generation,
            artifact: self.champion.artifact,
            request: None,
        }
    }

    async fn run(&self, task: InferTask) -> Result<(InferFacts, ForecastDocument), InferError> {
        let (made, next) = run(&Infer, &job(Task::Infer(task), &self.spec), &platform(&self.world)).await?;
        assert_eq!(next, Next::nothing());
        let Produced::Infer(facts) = made else {
            panic!("{made:?}")
        };
        let key = keys::forecast(&dataset(), PART, facts.forecast);
        let (document, _) = read(&*self.world.store, &key).await.unwrap().unwrap();
        Ok((facts, document))
    }

    async fn forecast(&self, table: &Table) -> Result<ForecastDocument, InferError> {
        let clean = put_clean(table, &*self.world.store).await;
        Ok(self.run(self.task(clean, 1)).await?.1)
    }

    async fn latest(&self) -> Latest {
        read(&*self.world.store, &keys::latest(&dataset(), PART))
            .await
            .unwrap()
            .unwrap()
            .0
    }
}

#[tokio::test]
async fn the_champion_forecasts_as_far_as_asked_from_the_last_observed_row() {
    let mut asked = spec(SPEC);
    asked.forecast.horizon = contract::spec::Choice::Given(48);
    let scene = Scene::of("seasonal-naive", &table(400), asked).await;
    let (facts, document) = scene.run(scene.task(scene.clean, 1)).await.unwrap();
    let raw = table(400);
    assert_eq!((facts.steps, facts.generation, facts.origin), (48, 1, raw.axis.at(399)));
    assert_eq!(
        (document.kind, document.generation, document.extrapolates_from),
        (ForecastKind::Future, Some(1), None)
    );
    assert_eq!(
        (document.member, document.artifact),
        (name("seasonal-naive"), scene.champion.artifact)
    );
    assert_eq!(
        (&document.times[0], document.times.len()),
        (&rfc3339(raw.axis.at(400)), 48)
    );
    // The last season again, in original units.
    let last = &raw.columns[0].values[352..];
    let worst = document.mean[0]
        .iter()
        .zip(last)
        .map(|(f, y)| (f - y).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-9, "{worst}");

    let latest = scene.latest().await;
    assert_eq!(
        (latest.generation, latest.origin, latest.forecast),
        (1, facts.origin, facts.forecast)
    );
    assert_eq!(latest.key, keys::forecast(&dataset(), PART, facts.forecast));
}

#[tokio::test]
async fn rows_without_a_target_are_behind_the_origin_and_never_looked_at() {
    let scene = Scene::new("linear").await;
    let short = scene.forecast(&table(380)).await.unwrap();
    let mut trailing = table(400);
    trailing.columns[0].values[380..].fill(f64::NAN);
    trailing.columns[1].values[380..].fill(1e9);
    let long = scene.forecast(&trailing).await.unwrap();
    assert_eq!(
        (long.origin, &long.times, &long.mean),
        (short.origin, &short.times, &short.mean)
    );
}

#[tokio::test]
async fn a_windowed_model_says_from_which_step_it_extrapolates() {
    let mut asked = spec(SPEC);
    asked.forecast.horizon = contract::spec::Choice::Given(5);
    let scene = Scene::of("linear", &table(400), asked).await;
    let (facts, document) = scene.run(scene.task(scene.clean, 1)).await.unwrap();
    assert_eq!(
        (facts.steps, document.mean[0].len(), document.extrapolates_from),
        (5, 5, Some(2))
    );
}

#[tokio::test]
async fn forecasts_of_what_was_never_negative_are_not_and_may_be_whole_numbers() {
    // Falls to 1 in its last row.
    let mut falling = table(400);
    for (row, value) in falling.columns[0].values.iter_mut().enumerate() {
        *value = f64::from(u32::try_from(400 - row).unwrap());
    }
    let mut asked = spec(SPEC);
    asked.forecast.horizon = contract::spec::Choice::Given(96);
    asked.forecast.integers = true;
    let scene = Scene::of("linear", &falling, asked).await;
    let document = scene.forecast(&falling).await.unwrap();
    let mean = &document.mean[0];
    assert!(
        mean.iter().all(|value| *value >= 0.0 && value.fract() == 0.0),
        "{mean:?}"
    );
    assert!(mean.contains(&0.0), "the bound is reached: {mean:?}");
}

#[tokio::test]
async fn columns_are_found_by_name_and_a_missing_one_is_named() {
    let scene = Scene::new("linear").await;
    let expected = scene.forecast(&table(400)).await.unwrap();
    let mut other = table(400);
    other.columns.reverse();
    let mut extra = other.columns[0].clone();
    "unheard_of".clone_into(&mut extra.name);
    other.columns.insert(0, extra);
    assert_eq!(scene.forecast(&other).await.unwrap().mean, expected.mean);

    other.columns.retain(|column| column.name != "up");
    let error = scene.forecast(&other).await.unwrap_err();
    assert_eq!(
        (error.class().retry, error.class().kind),
        (Retry::Never, FailureKind::Data)
    );
    assert_eq!(error.class().place.column.as_deref(), Some("up"));
}

#[tokio::test]
async fn data_that_the_champion_cannot_read_is_refused_with_the_bound() {
    let scene = Scene::new("seasonal-naive").await;
    let mut hourly = table(400);
    hourly.axis.frequency = Frequency::Seconds(3_600);
    let error = scene.forecast(&hourly).await.unwrap_err();
    assert_eq!(error.class().place.bound.as_deref(), Some("30m"), "{error}");

    let error = scene.forecast(&table(20)).await.unwrap_err();
    assert_eq!(
        error.class().place.bound.as_deref(),
        Some("at least 48 rows"),
        "{error}"
    );

    let mut empty = table(400);
    empty.columns[0].values.fill(f64::NAN);
    let error = scene.forecast(&empty).await.unwrap_err();
    assert_eq!(error.to_string(), "no target has a value in any of 400 rows");
}

#[tokio::test]
async fn an_artifact_that_does_not_reign_is_refused() {
    let scene = Scene::new("naive").await;
    let mut task = scene.task(scene.clean, 1);
    task.artifact = Digest::of(b"another");
    let error = scene.run(task).await.unwrap_err();
    assert!(
        matches!(error, InferError::OtherChampion { generation: 1, .. }),
        "{error}"
    );
    let error = scene.run(scene.task(scene.clean, 2)).await.unwrap_err();
    assert_eq!(
        (error.class().retry, error.class().kind),
        (Retry::Never, FailureKind::Store)
    );
}

#[tokio::test]
async fn a_redelivered_job_changes_nothing() {
    let scene = Scene::new("linear").await;
    let first = scene.run(scene.task(scene.clean, 1)).await.unwrap();
    let before = contents(&scene.world).await;
    assert_eq!(scene.run(scene.task(scene.clean, 1)).await.unwrap(), first);
    assert_eq!(contents(&scene.world).await, before);
}

#[tokio::test]
async fn the_latest_forecast_only_moves_forward() {
    let scene = Scene::new("naive").await;
    scene.append(2).await;
    let older = put_clean(&table(390), &*scene.world.store).await;
    for (what, clean, generation, wins) in [
        ("the first", scene.clean, 1, true),
        ("the same generation from an older origin", older, 1, false),
        ("a later generation from an older origin", older, 2, true),
        ("an earlier generation from a newer origin", scene.clean, 1, false),
        ("the same generation from a newer origin", scene.clean, 2, true),
    ] {
        let (facts, _) = scene.run(scene.task(clean, generation)).await.unwrap();
        assert_eq!(scene.latest().await.forecast == facts.forecast, wins, "{what}");
    }
}

#[tokio::test]
async fn of_racing_forecasts_the_newest_is_the_latest() {
    let world = World::new();
    let latest = |generation: u64| Latest {
        generation,
        origin: 0,
        forecast: Digest::of(&generation.to_be_bytes()),
        key: String::new(),
    };
    let all: Vec<_> = [3, 1, 4, 2, 5, 4].into_iter().map(latest).collect();
    let dataset = dataset();
    let races = all.iter().map(|latest| advance(&*world.store, &dataset, PART, latest));
    for result in futures_util::future::join_all(races).await {
        result.unwrap();
    }
    let (there, _) = read::<Latest>(&*world.store, &keys::latest(&dataset, PART))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(there.generation, 5);
}
