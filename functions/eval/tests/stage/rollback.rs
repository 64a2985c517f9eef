//! A person pins an earlier champion and removes the pin.

use contract::{DecisionKind, EvalTask, Scored, keys};
use eval::rollback::{RollbackError, pin, unpin};
use platform::Store as _;
use testing::stage::{dataset, spec, table};

use crate::{PART, SPEC, Scene, infer, scene};

/// A log of two generations with different champions.
async fn two_rounds() -> [Scene; 2] {
    let first = Scene::new().await;
    let second = scene(first.world.clone(), &table(420), spec(SPEC)).await;
    for scene in [&first, &second] {
        for member in 0..3 {
            scene.score(member).await;
        }
    }
    assert_ne!(first.artifacts[2], second.artifacts[2]);
    [first, second]
}

#[tokio::test]
async fn a_pinned_champion_reigns_whatever_rounds_decide_until_it_is_unpinned() {
    let [first, second] = two_rounds().await;
    let store = &*first.world.store;
    let entry = pin(store, &dataset(), PART, None).await.unwrap();
    assert_eq!(
        (entry.generation, entry.kind, entry.artifact, entry.previous),
        (3, DecisionKind::Pinned, first.artifacts[2], Some(2))
    );
    assert_eq!(first.entry(3).await, Some(entry.clone()));
    let hint = store
        .get(&keys::champion_hint(&dataset(), PART), 1 << 20)
        .await
        .unwrap();
    assert!(
        String::from_utf8_lossy(&hint.bytes).contains("\"generation\":3"),
        "the hint follows"
    );
    assert_eq!(
        pin(store, &dataset(), PART, Some(1)).await.unwrap(),
        entry,
        "it is pinned already"
    );

    let third = scene(first.world.clone(), &table(440), spec(SPEC)).await;
    third.score(0).await;
    third.score(1).await;
    let next = infer(&third.score(2).await);
    assert_eq!(
        (next.generation, next.artifact),
        (4, first.artifacts[2]),
        "it reigns on"
    );

    let unpinned = unpin(store, &dataset(), PART).await.unwrap();
    assert_eq!((unpinned.generation, unpinned.kind), (5, DecisionKind::Kept));
    assert_eq!(unpinned.artifact, first.artifacts[2], "until a round replaces it");
    let fourth = scene(first.world.clone(), &table(460), spec(SPEC)).await;
    for member in 0..3 {
        fourth.score(member).await;
    }
    let replaced = fourth.entry(6).await.unwrap();
    assert_eq!(
        (replaced.kind, replaced.artifact),
        (DecisionKind::Replaced, fourth.artifacts[2])
    );
    assert_eq!(
        second.entry(2).await.unwrap().artifact,
        second.artifacts[2],
        "the log keeps what was"
    );
}

#[tokio::test]
async fn a_late_refit_does_not_replace_its_pinned_parent() {
    let [first, _] = two_rounds().await;
    let store = &*first.world.store;
    pin(store, &dataset(), PART, Some(1)).await.unwrap();
    let refit = EvalTask {
        refit_of: Some(first.artifacts[2]),
        ..first.task(2, Scored::Artifact(first.artifacts[0]))
    };
    let (_, next) = first.run(refit).await.unwrap();
    assert_eq!(infer(&next).artifact, first.artifacts[2]);
    assert_eq!(first.entry(4).await, None);
}

#[tokio::test]
async fn a_round_whose_decision_was_lost_keeps_its_own_entry_after_a_rollback_to_it() {
    let [first, _] = two_rounds().await;
    let decided = first.decision().await;
    pin(&*first.world.store, &dataset(), PART, Some(1)).await.unwrap();
    let key = keys::decision(&dataset(), PART, first.round.round);
    assert!(first.world.store.remove(&key));
    first.score(2).await;
    assert_eq!(first.decision().await, decided);
}

#[tokio::test]
async fn people_who_pin_at_once_append_one_entry_each_at_most() {
    let [first, _] = two_rounds().await;
    let (store, dataset) = (&*first.world.store, dataset());
    let racers = (0..4).map(|_| pin(store, &dataset, PART, Some(1)));
    for entry in futures_util::future::join_all(racers).await {
        assert_eq!(entry.unwrap().artifact, first.artifacts[2]);
    }
    let newest = first.entry(3).await.unwrap();
    assert_eq!((newest.kind, first.entry(4).await), (DecisionKind::Pinned, None));
}

#[tokio::test]
async fn what_cannot_reign_again_is_named_with_its_bound() {
    let empty = Scene::new().await;
    let (store, dataset) = (&*empty.world.store, dataset());
    let error = pin(store, &dataset, PART, None).await.unwrap_err();
    assert!(matches!(error, RollbackError::Empty { .. }), "{error}");
    for member in 0..3 {
        empty.score(member).await;
    }
    let error = pin(store, &dataset, PART, None).await.unwrap_err().to_string();
    assert!(error.contains("generations 1 to 1 name the artifact"), "{error}");
    let error = pin(store, &dataset, PART, Some(7)).await.unwrap_err().to_string();
    assert_eq!(error, "dataset `cell` has no generation 7; it has 1 to 1");
    let error = unpin(store, &dataset, PART).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "dataset `cell` is not pinned; its newest generation 1 is `replaced`"
    );
    assert!(
        empty
            .world
            .store
            .remove(&keys::artifact(&dataset, PART, empty.artifacts[2]))
    );
    let error = pin(store, &dataset, PART, Some(1)).await.unwrap_err().to_string();
    assert!(error.contains("generation 1") && error.ends_with("is gone"), "{error}");
    assert_eq!(empty.entry(2).await, None, "nothing was appended");
}
