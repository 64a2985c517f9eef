//! The champions of a part: one entry for each round, whichever workers raced or died.

use contract::{DecisionKind, Digest, Entry, Next, canonical, keys};
use eval::champions::Log;
use platform::Store;

use crate::{PART, SPEC, Scene, infer, scene};
use testing::stage::{contents, dataset, spec, table};

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
    // The last member's outcome is stored all the time, so each of them finds the round complete.
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
    // All of them believe the log to be empty, like deciders that looked before any of them appended.
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
                canonical(&entry).unwrap().into(),
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
