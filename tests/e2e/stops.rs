//! The process is stopped at every operation on store and queue, before and after its effect, once each.

use std::{collections::BTreeMap, time::Duration};

use contract::Digest;
use testing::memory::{Fault, Faults, How, When, World};

use crate::house::{platform, results, uploaded, work_alone};

#[tokio::test]
async fn a_walk_that_was_stopped_anywhere_ends_like_a_calm_one() {
    let calm = uploaded().await;
    let faults = Faults::new(None);
    work_alone(
        &calm,
        &platform(
            &calm,
            faults.store(calm.store.clone()),
            faults.queue(calm.queue.clone()),
            1,
        ),
    )
    .await;
    let expected = results(&calm).await;
    assert!(
        expected.keys().any(|key| key.ends_with("latest.json")),
        "the calm walk forecasts: {expected:?}"
    );
    let operations = faults.operations();
    // Receiving from an empty queue changes nothing, so being stopped there is being stopped at the next operation.
    println!("{} operations, each stopped before and after", operations.len());
    for (at, operation) in operations.iter().enumerate() {
        for when in [When::Before, When::After] {
            let seen = stopped(Fault {
                at,
                when,
                how: How::Stop,
            })
            .await;
            assert_eq!(seen, expected, "stopped {when:?} operation {at}, `{operation}`");
        }
    }
}

#[tokio::test]
async fn a_walk_whose_answers_are_lost_anywhere_ends_like_a_calm_one() {
    let calm = uploaded().await;
    let faults = Faults::new(None);
    work_alone(&calm, &around(&calm, &faults)).await;
    let expected = truth(&calm).await;
    for (at, operation) in faults.operations().iter().enumerate() {
        for when in [When::Before, When::After] {
            let how = How::TimeOut;
            let world = uploaded().await;
            let faults = Faults::new(Some(Fault { at, when, how }));
            let platform = around(&world, &faults);
            passing(&world, work_alone(&world, &platform)).await;
            assert!(faults.operations().len() > at, "the fault at {at} struck");
            assert_eq!(
                truth(&world).await,
                expected,
                "no answer {when:?} operation {at}, `{operation}`"
            );
        }
    }
}

/// Everything that a walk leaves but the hint at the champion, which is not written twice: it says where to begin to look.
async fn truth(world: &World) -> BTreeMap<String, Digest> {
    let mut results = results(world).await;
    results.retain(|key, _| !key.ends_with("current.json"));
    results
}

/// Lets time pass while something goes on: who got no answer waits a little before asking again.
async fn passing(world: &World, work: impl Future<Output = ()>) {
    let mut work = std::pin::pin!(work);
    for _ in 0..1_000_000 {
        tokio::select! {
            biased;
            () = &mut work => return,
            () = everybody_else() => world.clock.advance(Duration::from_millis(20)),
        }
    }
    panic!("the walk does not end");
}

async fn everybody_else() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

fn around(world: &World, faults: &std::sync::Arc<Faults>) -> platform::Platform {
    platform(
        world,
        faults.store(world.store.clone()),
        faults.queue(world.queue.clone()),
        1,
    )
}

/// Stops a walk once, starts again under the next epoch, and gives what is there at the end.
async fn stopped(fault: Fault) -> BTreeMap<String, Digest> {
    let world = uploaded().await;
    let faults = Faults::new(Some(fault));
    let first = platform(
        &world,
        faults.store(world.store.clone()),
        faults.queue(world.queue.clone()),
        1,
    );
    tokio::select! {
        () = work_alone(&world, &first) => panic!("the fault at {} never struck", fault.at),
        () = faults.stopped() => {}
    }
    restart(&world).await;
    results(&world).await
}

async fn restart(world: &World) {
    let second = platform(world, world.store.clone(), world.queue.clone(), 2);
    work_alone(world, &second).await;
}
