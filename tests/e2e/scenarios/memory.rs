//! The host in memory: functions in this process, which a test drops to kill them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{Stage, keys};
use platform::{Clock, Outbox as _, Platform, Stop, Store as _};
use testing::memory::World;
use tokio::task::JoinHandle;

use super::host::{Host, Hosts, Pace, Running};
use crate::house::{notification, platform, work_once};

/// How often a hurried invocation may ask whether it is over.
const LOOKS: Duration = Duration::from_millis(80);
/// How far the clock moves where nothing else happens.
const STEP: Duration = Duration::from_millis(100);

/// Makes hosts in memory.
pub(crate) struct InMemory;

/// A world, and functions that are tasks of this process.
struct Memory {
    world: World,
    /// As a person has it.
    platform: Platform,
    /// How often functions were started: leases of an earlier epoch are those of functions that are gone.
    epoch: Arc<AtomicU32>,
    events: AtomicU64,
}

/// Functions that work one after the other.
struct Working {
    world: World,
    stages: Vec<Stage>,
    pace: Pace,
    epoch: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

/// A clock on which each look takes a millisecond, so that a deadline on it is a number of looks.
#[derive(Default)]
struct Looks(AtomicU64);

#[async_trait]
impl Hosts for InMemory {
    async fn fresh(&self) -> Box<dyn Host> {
        let world = World::new();
        Box::new(Memory {
            platform: platform(&world, world.store.clone(), world.queue.clone(), 0),
            world,
            epoch: Arc::default(),
            events: AtomicU64::default(),
        })
    }

    fn epochs(&self) -> &[u32] {
        &[400, 4_000]
    }
}

#[async_trait]
impl Host for Memory {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        let etag = self.world.store.put(key, bytes.clone()).await.unwrap();
        if key.starts_with(keys::RAW) {
            let sequencer = self.events.fetch_add(1, Ordering::Relaxed);
            let event = notification(key, &etag, bytes.len(), sequencer);
            self.world.queue.send(Stage::Preprocess, &[event]).await.unwrap();
        }
    }

    async fn waiting(&self, stage: Stage) -> usize {
        self.world.queue.bodies(stage).len()
    }

    async fn start(&self, stages: &[Stage], pace: Pace) -> Box<dyn Running> {
        let (world, stages, epoch) = (self.world.clone(), stages.to_vec(), self.epoch.clone());
        let task = spawn(&world, &stages, pace, &epoch);
        Box::new(Working {
            world,
            stages,
            pace,
            epoch,
            task,
        })
    }

    async fn pause(&self) {
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Running for Working {
    async fn kill(&mut self) {
        self.task.abort();
        self.task = spawn(&self.world, &self.stages, self.pace, &self.epoch);
    }

    async fn stop(self: Box<Self>) {
        self.task.abort();
    }
}

fn spawn(world: &World, stages: &[Stage], pace: Pace, epoch: &AtomicU32) -> JoinHandle<()> {
    let epoch = epoch.fetch_add(1, Ordering::Relaxed) + 1;
    let platform = platform(world, world.store.clone(), world.queue.clone(), epoch);
    let mut works = flits::functions::all().to_vec();
    works.retain(|work| stages.contains(&work.stage()));
    let clock = world.clock.clone();
    tokio::spawn(async move {
        loop {
            let mut worked = false;
            for work in &works {
                worked |= work_once(work.as_ref(), 10, &stop(pace), &platform).await;
            }
            if !worked {
                clock.advance(STEP);
            }
            tokio::task::yield_now().await;
        }
    })
}

fn stop(pace: Pace) -> Stop {
    match pace {
        Pace::Calm => Stop::never(),
        Pace::Hurried => Stop::at(Arc::new(Looks::default()), LOOKS),
    }
}

#[async_trait]
impl Clock for Looks {
    fn now_s(&self) -> i64 {
        0
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.fetch_add(1, Ordering::Relaxed))
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}
