//! Every event is delivered ten times, shuffled, to eight workers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use platform::{Outbox as _, Platform, Stop};
use testing::memory::{Faults, World};
use tokio::task::JoinSet;

use crate::{
    counting::{CountedQueue, CountedStore},
    house::{pass_time, platform, results, uploaded, work_alone, work_once},
};

const COPIES: usize = 10;
const WORKERS: usize = 8;
/// More rounds than the walk needs.
const ROUNDS: usize = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_deliveries_of_everything_commit_once_and_decide_once() {
    let calm = uploaded().await;
    let calm_queue = Arc::new(CountedQueue {
        inner: calm.queue.clone(),
        sent: AtomicUsize::new(0),
    });
    work_alone(&calm, &platform(&calm, calm.store.clone(), calm_queue.clone(), 1)).await;

    let world = uploaded().await;
    let notification = world.queue.bodies(contract::Stage::Preprocess);
    let faults = Faults::duplicating(COPIES, 42);
    let queue = Arc::new(CountedQueue {
        inner: faults.queue(world.queue.clone()),
        sent: AtomicUsize::new(0),
    });
    for _ in 1..COPIES {
        world
            .queue
            .send(contract::Stage::Preprocess, &notification)
            .await
            .unwrap();
    }
    world.queue.shuffle(7);
    let store = Arc::new(CountedStore::new(world.store.clone()));
    work_together(&world, &platform(&world, store.clone(), queue.clone(), 1)).await;

    assert_eq!(results(&world).await, results(&calm).await);
    let commits = store.commits.lock().unwrap();
    let jobs = world.store.keys().iter().filter(|key| key.starts_with("jobs/")).count();
    assert_eq!(commits.len(), jobs, "every job is committed");
    assert!(commits.values().all(|commits| *commits == 1), "once: {commits:?}");
    let created = store.created.lock().unwrap();
    let decisions = created
        .iter()
        .filter(|(key, _)| key.contains("/log/") || key.ends_with("decision.json"));
    let decisions: Vec<_> = decisions.collect();
    assert_eq!(
        decisions.len(),
        3,
        "the entry of the winner, that of its refit and one decision: {decisions:?}"
    );
    let (calm_sent, sent) = (
        calm_queue.sent.load(Ordering::Relaxed),
        queue.sent.load(Ordering::Relaxed),
    );
    assert!(
        sent <= 2 * calm_sent,
        "the functions sent {sent} messages, {calm_sent} in the calm walk"
    );
}

/// Lets workers run side by side until the queues are empty. Time passes when all of them found nothing.
async fn work_together(world: &World, platform: &Platform) {
    for _ in 0..ROUNDS {
        let mut workers = JoinSet::new();
        for worker in 0..WORKERS {
            let platform = platform.clone();
            workers.spawn(async move {
                let works = flits::functions::all();
                let mut worked = false;
                // Each begins elsewhere, so that they meet at different stages.
                for work in works.iter().cycle().skip(worker).take(works.len()) {
                    worked |= work_once(work.as_ref(), 10, &Stop::never(), &platform).await;
                }
                worked
            });
        }
        let worked = workers.join_all().await;
        if !worked.contains(&true) && !pass_time(world) {
            return;
        }
    }
    panic!("the walk does not end");
}
