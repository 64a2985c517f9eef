//! The process is stopped after every operation and the queues lose all messages, once each; sweeps bring the walk to its
//! end.

use std::{collections::BTreeMap, time::Duration};

use contract::Digest;
use platform::{
    Store as _,
    ledger::{Ledger, State},
};
use sweep::{Asked, Swept, sweep};
use testing::memory::{Fault, Faults, How, When, World};

use crate::{
    counting::CountedStore,
    house::{platform, results, uploaded, work_alone},
};

/// More sweeps than any walk needs.
const SWEEPS: usize = 40;
const A_DAY: Duration = Duration::from_hours(24);
const DEEP: Asked = Asked { deep: true };

#[tokio::test]
async fn a_walk_that_lost_its_messages_anywhere_ends_like_a_calm_one() {
    let calm = uploaded().await;
    let faults = Faults::new(None);
    let around = platform(
        &calm,
        faults.store(calm.store.clone()),
        faults.queue(calm.queue.clone()),
        1,
    );
    work_alone(&calm, &around).await;
    let expected = left(&calm).await;
    assert!(expected.keys().any(|key| key.ends_with("latest.json")), "{expected:?}");
    let operations = faults.operations();
    for (at, operation) in operations.iter().enumerate() {
        let fault = Fault {
            at,
            when: When::After,
            how: How::Stop,
        };
        let world = uploaded().await;
        stop(&world, fault).await;
        world.queue.lose();
        until_nothing_is_left(&world).await;
        let what = format!("stopped after operation {at}, `{operation}`");
        assert_eq!(left(&world).await, expected, "{what}");
        assert_all_ended(&world, &what).await;
    }
}

/// Runs a walk under the first epoch until a fault stops it.
async fn stop(world: &World, fault: Fault) {
    let faults = Faults::new(Some(fault));
    let first = platform(
        world,
        faults.store(world.store.clone()),
        faults.queue(world.queue.clone()),
        1,
    );
    tokio::select! {
        () = work_alone(world, &first) => panic!("the fault at {} never struck", fault.at),
        () = faults.stopped() => {}
    }
}

/// Sweeps once an hour and works on what was sent, under the second epoch, until a sweep finds nothing to do.
async fn until_nothing_is_left(world: &World) {
    let store = std::sync::Arc::new(CountedStore::new(world.store.clone()));
    let second = platform(world, store.clone(), world.queue.clone(), 2);
    for _ in 0..SWEEPS {
        world.clock.advance(Duration::from_hours(1));
        let swept = sweep(&DEEP, &second).await.unwrap();
        if is_idle(&swept) {
            let commits = store.commits.lock().unwrap();
            assert!(commits.values().all(|commits| *commits == 1), "once: {commits:?}");
            return;
        }
        work_alone(world, &second).await;
    }
    panic!("sweeps always find something to do");
}

fn is_idle(swept: &Swept) -> bool {
    *swept
        == Swept {
            listed: swept.listed,
            read: swept.read,
            ..Swept::default()
        }
}

/// Returns everything that a walk leaves, except for ledgers and for receipts, which name the event.
async fn left(world: &World) -> BTreeMap<String, Digest> {
    let mut left = results(world).await;
    left.retain(|key, _| !key.starts_with("uploads/"));
    left
}

async fn assert_all_ended(world: &World, what: &str) {
    for key in world.store.keys().iter().filter(|key| key.starts_with("jobs/")) {
        let ledger = Ledger::parse(&world.store.get(key, 1 << 20).await.unwrap().bytes).unwrap();
        assert!(ledger.state == State::Committed && ledger.sent, "{what}: {ledger:?}");
    }
}

#[tokio::test]
async fn a_walk_that_has_ended_costs_a_usual_sweep_no_reads() {
    let world = uploaded().await;
    work_alone(&world, &platform(&world, world.store.clone(), world.queue.clone(), 1)).await;
    world.clock.advance(A_DAY);
    let faults = Faults::new(None);
    let sent = world.queue.sent();
    let sweeping = platform(&world, faults.store(world.store.clone()), world.queue.clone(), 2);
    let swept = sweep(&Asked::default(), &sweeping).await.unwrap();
    let operations = faults.operations();
    assert_eq!(
        (swept.read, operations.len()),
        (0, 3),
        "two listings and one look at the clock: {operations:?}"
    );
    let swept = sweep(&DEEP, &sweeping).await.unwrap();
    assert!(
        is_idle(&swept) && swept.read + 1 == swept.listed,
        "every ledger is read, and there is one upload: {swept:?}"
    );
    assert_eq!(world.queue.sent(), sent);
}
