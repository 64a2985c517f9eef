//! The walk from a clean part to a forecast, through the driver: with one fault at every operation, and with every
//! message delivered ten times.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::{collections::BTreeMap, pin::pin, sync::Arc, time::Duration};

use contract::{Message, PartId, SampleTask, Stage, Task, canonical, keys};
use platform::{Delivery, ErasedWork, Outcome, Platform, Queue, Stop, Store, driver};
use testing::{
    memory::{Fault, Faults, How, When, World},
    stage::{contents, dataset, platform, put_clean, spec, table},
};

const SPEC: &str = "models = [{ kind = \"naive\" }, { kind = \"linear\" }]";

fn functions() -> [Box<dyn ErasedWork>; 4] {
    [
        Box::new(sample::Sample),
        Box::new(train::Train),
        Box::new(eval::Eval),
        Box::new(infer::Infer),
    ]
}

/// Returns a world in which one `sample` message waits.
async fn waiting() -> World {
    let (world, spec) = (World::new(), spec(SPEC));
    let key = keys::resolved(&dataset(), spec.digest());
    world.store.put(&key, canonical(&spec).unwrap().into()).await.unwrap();
    let clean = put_clean(&table(100), &*world.store).await;
    let (dataset, part, salt) = (dataset(), PartId::WHOLE, String::new());
    let task = Task::Sample(SampleTask {
        dataset,
        part,
        spec: spec.digest(),
        salt,
        clean,
    });
    world
        .queue
        .send(Stage::Sample, &[Message::new(task, &spec, "test").to_json()])
        .await
        .unwrap();
    world
}

/// Receives the visible messages of every stage and runs them, as a host does. Returns their number.
async fn pump(world: &World, platform: &Platform) -> usize {
    let mut seen = 0;
    for function in &functions() {
        let stage = function.stage();
        for delivered in world.queue.receive(stage, 10, Duration::ZERO).await.unwrap() {
            seen += 1;
            let (handle, receive_count) = (Some(delivered.handle.clone()), delivered.receive_count);
            let delivery = Delivery {
                handle,
                receive_count,
                stop: Stop::never(),
            };
            let message = Message::parse(delivered.body.as_bytes()).unwrap();
            let outcome = driver::run(&**function, message, &delivery, platform).await;
            // Either request may have failed: an acknowledgement can be lost like any other request.
            let _ = match &outcome {
                Outcome::Done { .. } => platform.queue.delete(stage, &delivered.handle).await,
                Outcome::GiveBack { after, .. } => platform.queue.extend(stage, &delivered.handle, *after).await,
            };
        }
    }
    seen
}

/// Pumps until no message is left. Time passes only while none is visible.
async fn drain(world: &World, platform: &Platform) {
    let left = || {
        functions()
            .iter()
            .any(|function| !world.queue.bodies(function.stage()).is_empty())
    };
    for _ in 0..2_000 {
        if passing(world, pump(world, platform)).await == 0 {
            if !left() {
                return;
            }
            world.clock.advance(Duration::from_secs(1));
        }
    }
    panic!("messages are left over");
}

/// Waits for a future while time passes slowly: fits take real time, and no lease may expire meanwhile.
async fn passing<T>(world: &World, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..10_000_000 {
        tokio::select! {
            biased;
            done = &mut future => return done,
            () = tokio::task::yield_now() => world.clock.advance(Duration::from_micros(50)),
        }
    }
    panic!("nothing came of it");
}

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
    Platform {
        store,
        queue,
        ..platform.clone()
    }
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
