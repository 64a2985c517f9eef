//! Given a job and a store: what `sample` writes and what it sends.

use contract::{CutDocument, Digest, PartId, Produced, Round, SampleTask, Spec, Task, canonical, keys};
use platform::{Classify, Retry, Store, StoreError, documents::read};
use sample::{Sample, SampleError, cut};
use series::Table;
use testing::{
    memory::World,
    stage::{contents, dataset, job, platform, put_clean, run, spec, table},
};

fn task(clean: Digest, spec: &Spec) -> Task {
    Task::Sample(SampleTask {
        dataset: dataset(),
        part: PartId::WHOLE,
        spec: spec.digest(),
        salt: spec.salt.clone(),
        clean,
    })
}

#[tokio::test]
async fn a_clean_part_becomes_a_cut_a_round_and_one_train_per_member() {
    let (world, spec) = (World::new(), spec(""));
    let platform = platform(&world);
    let clean = put_clean(&table(400), &*world.store).await;
    let job = job(task(clean, &spec), &spec);
    let (made, next) = run(&Sample, &job, &platform).await.unwrap();

    let Produced::Sample(facts) = made else {
        panic!("{made:?}")
    };
    assert_eq!(
        (facts.rows, facts.columns, facts.sampled_rows, facts.holdout_rows),
        (400, 8, 320, 80)
    );
    let key = keys::cut(&dataset(), PartId::WHOLE, facts.cut);
    let (document, _) = read::<CutDocument>(&*world.store, &key).await.unwrap().unwrap();
    assert_eq!(Digest::of_json(&document), facts.cut);
    assert_eq!((document.clean, document.season), (clean, 48));

    let key = keys::round(&dataset(), PartId::WHOLE, job.identity.job);
    let (round, _) = read::<Round>(&*world.store, &key).await.unwrap().unwrap();
    let names = |members: &[contract::MemberName]| members.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names(&round.members),
        [
            "naive",
            "seasonal-naive",
            "drift",
            "ets",
            "theta",
            "mstl",
            "arima",
            "linear",
            "prophet"
        ]
    );
    assert_eq!(names(&round.baselines), ["naive", "seasonal-naive"]);
    assert_eq!((round.cut, round.clean, round.spec), (facts.cut, clean, spec.digest()));

    let tasks = next.tasks();
    assert_eq!(tasks.len(), 9);
    for (task, member) in tasks.iter().zip(&round.members) {
        let Task::Train(train) = task else { panic!("{task:?}") };
        assert_eq!(
            (&train.member, train.cut, train.round),
            (member, facts.cut, job.identity.job)
        );
    }
}

#[tokio::test]
async fn a_redelivered_job_leaves_the_same_objects_and_sends_the_same_jobs() {
    let (world, spec) = (World::new(), spec(""));
    let platform = platform(&world);
    let clean = put_clean(&table(300), &*world.store).await;
    let job = job(task(clean, &spec), &spec);
    let first = run(&Sample, &job, &platform).await.unwrap();
    let before = contents(&world).await;
    assert_eq!(run(&Sample, &job, &platform).await.unwrap(), first);
    assert_eq!(contents(&world).await, before);
}

#[test]
fn what_is_held_out_changes_neither_the_rows_nor_the_transform() {
    let (spec, calm) = (spec(""), table(400));
    let mut poisoned = calm.clone();
    for column in &mut poisoned.columns {
        column.values[320..]
            .iter_mut()
            .for_each(|value| *value = *value * -1e6 + 7.0);
    }
    let of = |table: &Table| cut(&spec, Digest::of(b"clean"), table).unwrap();
    assert_eq!(canonical(&of(&calm)).unwrap(), canonical(&of(&poisoned)).unwrap());
}

#[tokio::test]
async fn a_value_that_cannot_be_scaled_is_refused_with_its_place_before_any_document_is_written() {
    for (row, value) in [(3, f64::MAX), (399, -1.7e308), (350, 1.1e300)] {
        let (world, spec) = (World::new(), spec(""));
        let mut table = table(400);
        table.columns[0].values[row] = value;
        let clean = put_clean(&table, &*world.store).await;
        let before = contents(&world).await;
        let error = run(&Sample, &job(task(clean, &spec), &spec), &platform(&world))
            .await
            .unwrap_err();
        assert!(matches!(error, SampleError::Transform(_)), "{error}");
        assert_eq!(error.class().retry, Retry::Never);
        let place = error.class().place;
        assert_eq!(place.column.as_ref(), Some(&table.columns[0].name));
        assert_eq!(place.value, Some(format!("{value:e}")));
        assert_eq!(place.bound.as_deref(), Some("between -1e300 and 1e300"));
        assert_eq!(contents(&world).await, before, "something was written");
    }
}

#[tokio::test]
async fn a_split_or_a_season_that_the_rows_do_not_hold_ends_the_job_with_the_bound() {
    for (toml, bound) in [
        ("split.holdout = 12", "at least 1 training row"),
        ("forecast.seasons = [7]", "at most 4 steps"),
    ] {
        let (world, spec) = (World::new(), spec(toml));
        let clean = put_clean(&table(12), &*world.store).await;
        let error = run(&Sample, &job(task(clean, &spec), &spec), &platform(&world))
            .await
            .unwrap_err();
        assert_eq!(error.class().retry, Retry::Never);
        assert_eq!(error.class().place.bound.as_deref(), Some(bound), "{error}");
    }
}

#[tokio::test]
async fn a_row_is_enough_and_who_makes_no_sense_is_left_out_with_the_bound() {
    for (rows, horizon, scored, members, first_out) in [
        (1, 1, 0, 1, "seasonal-naive"),
        (2, 1, 1, 1, "seasonal-naive"),
        (12, 3, 3, 6, "mstl"),
        (400, 48, 48, 9, "gru"),
    ] {
        let (world, spec) = (World::new(), spec(""));
        let clean = put_clean(&table(rows), &*world.store).await;
        let job = job(task(clean, &spec), &spec);
        let (made, next) = run(&Sample, &job, &platform(&world)).await.unwrap();
        let Produced::Sample(facts) = made else {
            panic!("{made:?}")
        };
        let lengths = facts.lengths.unwrap();
        assert_eq!(
            (lengths.horizon, lengths.served, lengths.scored),
            (horizon, horizon, scored),
            "{rows} rows"
        );
        let key = keys::round(&dataset(), PartId::WHOLE, job.identity.job);
        let (round, _) = read::<Round>(&*world.store, &key).await.unwrap().unwrap();
        assert_eq!(
            (round.members.len(), next.tasks().len()),
            (members, members),
            "{rows} rows"
        );
        let out = &round.left_out[0];
        assert_eq!(out.member.as_str(), first_out, "{rows} rows");
        assert!(out.why.contains("rows"), "{}", out.why);
    }
}

#[tokio::test]
async fn by_default_the_trained_the_scored_and_the_served_horizon_are_one() {
    for (toml, rows, horizon, served) in [
        ("", 4_000, 48, 48),
        ("forecast.horizon = 30", 4_000, 30, 30),
        ("window.horizon = 7", 4_000, 7, 7),
        ("window.horizon = 1\nforecast.horizon = 20", 4_000, 1, 20),
        ("forecast.horizon = 18", 20, 18, 18),
    ] {
        let spec = spec(toml);
        let document = cut(&spec, Digest::of(b"clean"), &table(rows)).unwrap();
        assert_eq!(
            (document.cut.window.horizon, document.served),
            (horizon, served),
            "{toml}"
        );
    }
}

#[tokio::test]
async fn a_clean_part_of_other_bytes_is_refused_also_where_they_can_be_read() {
    let (world, spec) = (World::new(), spec(""));
    let clean = put_clean(&table(100), &*world.store).await;
    let other = keys::clean(&dataset(), PartId::WHOLE, put_clean(&table(90), &*world.store).await);
    let readable = world.store.get(&other, u64::MAX).await.unwrap().bytes;
    let key = keys::clean(&dataset(), PartId::WHOLE, clean);
    for bytes in [b"PAR1 other bytes".to_vec().into(), readable] {
        world.store.put(&key, bytes).await.unwrap();
        let error = run(&Sample, &job(task(clean, &spec), &spec), &platform(&world))
            .await
            .unwrap_err();
        assert!(
            matches!(error, SampleError::Store(StoreError::Damaged { .. })),
            "{error}"
        );
    }
}
