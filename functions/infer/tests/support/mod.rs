//! A walk from a clean part to a forecast, in a world in memory.

use std::{pin::pin, time::Duration};

use contract::{Message, PartId, SampleTask, Stage, Task, canonical, keys};
use platform::{Delivery, ErasedWork, Outbox as _, Outcome, Platform, Queue as _, Stop, Store as _, driver};
use testing::{
    memory::World,
    stage::{dataset, put_clean, spec, table},
};

const SPEC: &str = "models = [{ kind = \"naive\" }, { kind = \"linear\" }]";

pub(crate) fn functions() -> [Box<dyn ErasedWork>; 4] {
    [
        Box::new(sample::Sample),
        Box::new(train::Train),
        Box::new(eval::Eval),
        Box::new(infer::Infer),
    ]
}

/// Returns a world in which one `sample` message waits.
pub(crate) async fn waiting() -> World {
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
pub(crate) async fn pump(world: &World, platform: &Platform) -> usize {
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
pub(crate) async fn drain(world: &World, platform: &Platform) {
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
pub(crate) async fn passing<T>(world: &World, future: impl Future<Output = T>) -> T {
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
