//! The walk from a clean part to a forecast, through the driver: with one fault at every operation, and with every
//! message delivered ten times.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use contract::{PartId, keys};
use platform::Platform;
use testing::{
    memory::{Fault, Faults, How, When, World},
    stage::{contents, dataset, platform},
};

use support::{drain, passing, pump, waiting};

/// Makes a walk under a fault as far as it gets, and then to its end without faults.
async fn survive(fault: Option<Fault>) -> (World, Vec<String>) {
    let world = waiting().await;
    let faults = Faults::new(fault);
    let calm = platform(&world);
    let struck = around(&calm, &faults);
    passing(&world, async {
        tokio::select! {
            biased;
            // Dropped here, as in a process that is killed.
            () = faults.stopped() => {}
            () = async { while pump(&world, &struck).await > 0 {} } => {}
        }
    })
    .await;
    drain(&world, &calm).await;
    (world, faults.operations())
}

fn around(platform: &Platform, faults: &Arc<Faults>) -> Platform {
    let (store, queue) = (
        faults.store(platform.store.clone()),
        faults.queue(platform.queue.clone()),
    );
    platform.clone().on(store, queue)
}

/// Returns what a walk leaves, without the ledgers, which hold times and nonces.
async fn left(world: &World) -> BTreeMap<String, Vec<u8>> {
    let mut left = contents(world).await;
    left.retain(|key, _| !key.starts_with("jobs/"));
    left
}

/// Causes a fault at every operation in turn. The end is always that of a walk without faults.
async fn every_operation(when: When, how: How) {
    let (calm, operations) = survive(None).await;
    let (expected, sent) = (left(&calm).await, calm.queue.sent());
    let hint = keys::champion_hint(&dataset(), PartId::WHOLE);
    assert!(expected.contains_key(&keys::latest(&dataset(), PartId::WHOLE)) && expected.contains_key(&hint));
    for (at, name) in operations.iter().enumerate() {
        let what = format!("{at}: {name}");
        let (world, _) = survive(Some(Fault { at, when, how })).await;
        let mut left = left(&world).await;
        if how == How::TimeOut {
            // Moving the hint is best effort, and readers look for later entries anyway.
            left.insert(hint.clone(), expected[&hint].clone());
        }
        assert_eq!(
            left.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "{what}"
        );
        assert_eq!(left, expected, "{what}");
        assert!(
            world.queue.sent() <= 2 * sent,
            "{what}: {} messages, calm {sent}",
            world.queue.sent()
        );
    }
}

// One test for each, so that they run in parallel.

#[tokio::test]
async fn a_walk_survives_a_kill_before_any_operation() {
    every_operation(When::Before, How::Stop).await;
}

#[tokio::test]
async fn a_walk_survives_a_kill_after_any_operation() {
    every_operation(When::After, How::Stop).await;
}

#[tokio::test]
async fn a_walk_survives_any_operation_that_never_arrives() {
    every_operation(When::Before, How::TimeOut).await;
}

#[tokio::test]
async fn a_walk_survives_any_operation_without_an_answer() {
    every_operation(When::After, How::TimeOut).await;
}

#[tokio::test]
async fn messages_delivered_ten_times_in_any_order_leave_what_one_delivery_leaves() {
    let (calm, _) = survive(None).await;
    let expected = left(&calm).await;
    for seed in 1..6 {
        let world = waiting().await;
        let platform = around(&platform(&world), &Faults::duplicating(10, seed));
        world.queue.shuffle(seed);
        drain(&world, &platform).await;
        assert_eq!(left(&world).await, expected, "seed {seed}");
    }
}
