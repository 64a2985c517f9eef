//! The whole walk in one process and in memory: one upload, its notification, and workers that play Lambda.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use bytes::Bytes;
use contract::{Digest, Stage};
use platform::{
    ETag, ErasedWork, Host, Outbox as _, Platform, Queue, Stop, Store,
    ports::Clock,
    serve::{event_of, handle_batch, succeeded},
};
use serde_json::json;
use testing::memory::World;

pub(crate) const KEY: &str = "raw/cell/load.csv";
/// More rounds than any walk needs; a walk that hangs fails instead of going on for ever.
const ROUNDS: usize = 20_000;

/// Small enough that a whole walk takes a fraction of a second, large enough that every stage has work.
pub(crate) const SPEC: &str = r#"
[window]
context = 4
[[models]]
kind = "naive"
[[models]]
kind = "linear"
[[models]]
kind = "gru"
hidden = 3
layers = 1
epochs = 2
"#;

/// A world with one upload whose notification waits in the queue.
pub(crate) async fn uploaded() -> World {
    let world = World::new();
    world
        .store
        .put("specs/cell.toml", Bytes::from_static(SPEC.as_bytes()))
        .await
        .unwrap();
    let data = csv(72);
    let size = data.len();
    let etag = world.store.put(KEY, data.into()).await.unwrap();
    let event = notification(KEY, &etag, size, 1);
    world.queue.send(Stage::Preprocess, &[event]).await.unwrap();
    world
}

/// Returns the notification that a store sends of a new object. Those of later objects have higher numbers.
pub(crate) fn notification(key: &str, etag: &ETag, size: usize, sequencer: u64) -> String {
    let object = json!({"key": key, "eTag": etag.as_str(), "size": size, "sequencer": format!("{sequencer:016X}")});
    let record = json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": "us-east-1",
        "s3": {"bucket": {"name": "flits"}, "object": object},
    });
    json!({"Records": [record]}).to_string()
}

/// Hours of a load with a daily cycle and one gap.
pub(crate) fn csv(hours: u32) -> String {
    let mut text = "time,load,users\n".to_owned();
    for hour in 0..hours {
        if hour == 30 {
            continue;
        }
        let (day, time) = (1 + hour / 24, hour % 24);
        let load = 100 + 7 * ((time * 5) % 24) + hour % 3;
        let users = load / 3 + time % 4;
        writeln!(text, "2024-03-{day:02} {time:02}:00:00,{load},{users}").unwrap();
    }
    text
}

/// A platform on the ports of a world, or on ports around them.
pub(crate) fn platform(world: &World, store: Arc<dyn Store>, queue: Arc<dyn Queue>, epoch: u32) -> Platform {
    let host = Host {
        owner: format!("local/{epoch}"),
        bucket: "flits".to_owned(),
        deadline: Duration::from_mins(15),
        lease: Duration::from_secs(3),
        memory: 1 << 30,
        threads: 1,
        poll: Duration::from_secs(1),
        max_attempts: 50,
        max_upload: 1 << 20,
        scratch: std::env::temp_dir(),
        overrides: BTreeMap::new(),
    };
    Platform::new(store, queue, world.clock.clone(), host)
}

/// Works on all queues, one message after the other, until they are empty. Time passes when nothing else can happen.
pub(crate) async fn work_alone(world: &World, platform: &Platform) {
    let works = flits::functions::all();
    for _ in 0..ROUNDS {
        let mut worked = false;
        for work in &works {
            worked |= work_once(work.as_ref(), 1, &Stop::never(), platform).await;
        }
        if !worked && !pass_time(world) {
            return;
        }
    }
    panic!(
        "the walk does not end; in the queues: {:?}",
        Stage::ALL.map(|stage| world.queue.bodies(stage))
    );
}

/// Receives once, handles what came and deletes what succeeded; says whether anything came.
pub(crate) async fn work_once(work: &dyn ErasedWork, max: usize, stop: &Stop, platform: &Platform) -> bool {
    let stage = work.stage();
    // An answer that is lost is asked for again, as a pump does.
    let Ok(received) = platform.queue.receive(stage, max, Duration::ZERO).await else {
        return true;
    };
    if received.is_empty() {
        return false;
    }
    let response = handle_batch(work, event_of(&received), stop, platform).await;
    for delivered in succeeded(&received, &response) {
        // What could not be deleted comes again and finds its job done.
        let _ = platform.queue.delete(stage, &delivered.handle).await;
    }
    true
}

/// Advances the clock to the next message that will be visible; false when there is none.
pub(crate) fn pass_time(world: &World) -> bool {
    let Some(next) = world.queue.next_visible() else {
        return false;
    };
    if next > world.clock.monotonic() {
        world.clock.advance_to(next);
    }
    true
}

/// Gives the digest of every object that a walk leaves, but for the ledgers: those say who worked when.
pub(crate) async fn results(world: &World) -> BTreeMap<String, Digest> {
    let mut results = BTreeMap::new();
    for key in world.store.keys() {
        if !key.starts_with("jobs/") {
            let object = world.store.get(&key, 1 << 30).await.unwrap();
            results.insert(key, Digest::of(&object.bytes));
        }
    }
    results
}
