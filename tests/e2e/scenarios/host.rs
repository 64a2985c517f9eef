//! What a scenario needs of a host, and what it can do on any.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{Dataset, Digest, MemberName, Stage, keys};
use platform::{
    Platform, bucket,
    ledger::{Ledger, Trigger},
};

use crate::house::{KEY, SPEC, csv};

/// Longer than any scenario waits for anything.
const AGES: Duration = Duration::from_mins(3);

/// Makes hosts of one kind.
#[async_trait]
pub(crate) trait Hosts: Send + Sync {
    /// Returns a host with an empty bucket and empty queues.
    async fn fresh(&self) -> Box<dyn Host>;

    /// Returns how many epochs a fit may take to be still under way when a scenario looks, or hurries it: the first
    /// number that suffices on this machine counts.
    fn epochs(&self) -> &[u32];
}

/// A bucket, queues, and functions that run when they are started.
#[async_trait]
pub(crate) trait Host: Send + Sync {
    /// Returns bucket, queues and clock, as a person has them.
    fn platform(&self) -> &Platform;

    /// Puts an object into the bucket. Below `raw/` its notification comes to the queue in the host's own way.
    async fn put(&self, key: &str, bytes: Bytes);

    /// Returns how many messages are in a stage's queue, hidden ones included.
    async fn waiting(&self, stage: Stage) -> usize;

    /// Starts the functions of some stages.
    async fn start(&self, stages: &[Stage], pace: Pace) -> Box<dyn Running>;

    /// Lets others do something between two looks.
    async fn pause(&self);
}

/// How long an invocation may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pace {
    /// As long as it needs.
    Calm,
    /// Less than a long fit needs.
    Hurried,
}

/// Functions that were started.
#[async_trait]
pub(crate) trait Running: Send {
    /// Kills the fit of `gru` that is under way. The host goes on.
    async fn kill(&mut self);

    /// Stops the functions when they have nothing to do.
    async fn stop(self: Box<Self>);
}

/// The digest of every object that a walk leaves.
pub(crate) type Left = BTreeMap<String, Digest>;

/// Returns the dataset of the usual upload.
pub(crate) fn cell() -> Dataset {
    "cell".parse().unwrap()
}

/// Returns the usual spec with so many epochs of `gru`, all of which it makes.
pub(crate) fn long_spec(epochs: u32) -> String {
    SPEC.replace("epochs = 2", &format!("epochs = {epochs}\nearly_stopping = false"))
}

/// Puts the usual spec, or another one, and the usual upload; returns when its notification waits.
pub(crate) async fn upload(host: &dyn Host, spec: &str) {
    host.put(&keys::spec(&cell()), spec.to_owned().into()).await;
    put_raw(host, &[KEY.to_owned()], &csv(72)).await;
}

/// Puts the same bytes under some keys; returns when the notifications of all of them wait.
pub(crate) async fn put_raw(host: &dyn Host, keys: &[String], csv: &str) {
    let before = host.waiting(Stage::Preprocess).await;
    for key in keys {
        host.put(key, csv.to_owned().into()).await;
    }
    let notified = async || host.waiting(Stage::Preprocess).await >= before + keys.len();
    until(host, "every notification waits", notified).await;
}

/// Runs some stages until their queues are empty.
pub(crate) async fn work_on(host: &dyn Host, stages: &[Stage], pace: Pace) {
    let running = host.start(stages, pace).await;
    until(host, "the queues are empty", async || is_idle(host, stages).await).await;
    running.stop().await;
}

/// Runs all stages until all queues are empty.
pub(crate) async fn work(host: &dyn Host) {
    work_on(host, &Stage::ALL, Pace::Calm).await;
}

/// Returns whether no stage has a message. What comes next is sent before a message is deleted, and only a refit goes
/// back to an earlier stage, once: who looks twice in the order of the stages cannot miss a message between them.
pub(crate) async fn is_idle(host: &dyn Host, stages: &[Stage]) -> bool {
    for _ in 0..2 {
        for stage in stages {
            if host.waiting(*stage).await > 0 {
                return false;
            }
        }
    }
    true
}

/// Waits until something holds.
pub(crate) async fn until(host: &dyn Host, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < AGES, "waited too long until {what}");
        host.pause().await;
    }
}

/// Takes all messages out of a queue.
pub(crate) async fn take_all(host: &dyn Host, stage: Stage) -> Vec<String> {
    let queue = &host.platform().queue;
    let mut bodies = Vec::new();
    while host.waiting(stage).await > 0 {
        for delivered in queue.receive(stage, 10, Duration::ZERO).await.unwrap() {
            queue.delete(stage, &delivered.handle).await.unwrap();
            bodies.push(delivered.body);
        }
        host.pause().await;
    }
    bodies
}

/// Returns the digests of all objects but receipts, which name events and versions, and what is not kept for ever, such as
/// ledgers and checkpoints.
pub(crate) async fn left(host: &dyn Host) -> Left {
    let store = host.platform().store.as_ref();
    let mut left = Left::new();
    for key in bucket::list(store, "").await.unwrap() {
        let is_passing = keys::RETENTION.iter().any(|(prefix, _)| key.starts_with(prefix));
        if !is_passing && !key.starts_with(keys::RECEIPTS) {
            let bytes = store.get(&key, 1 << 30).await.unwrap().bytes;
            left.insert(key, Digest::of(&bytes));
        }
    }
    left
}

/// Asserts that a host holds what is expected, a forecast among it.
pub(crate) async fn assert_left(host: &dyn Host, expected: &Left) {
    let left = left(host).await;
    let keys: BTreeSet<&String> = left.keys().chain(expected.keys()).collect();
    let differ = |key: &&&String| left.get(**key) != expected.get(**key);
    let apart: Vec<_> = keys.iter().filter(differ).collect();
    assert!(apart.is_empty(), "other objects than in memory: {apart:#?}");
    assert!(left.keys().any(|key| key.ends_with("latest.json")), "{left:#?}");
}

/// Returns the ledgers of all jobs.
pub(crate) async fn ledgers(host: &dyn Host) -> Vec<Ledger> {
    let store = host.platform().store.as_ref();
    let mut ledgers = Vec::new();
    for key in bucket::list(store, keys::JOBS).await.unwrap() {
        let bytes = store.get(&key, 1 << 20).await.unwrap().bytes;
        ledgers.push(Ledger::parse(&bytes).unwrap());
    }
    ledgers
}

/// Returns the ledger of the fit of `gru`, if it has begun.
pub(crate) async fn fit(host: &dyn Host) -> Option<Ledger> {
    let gru: MemberName = "gru".to_owned().try_into().unwrap();
    let is_fit = |ledger: &Ledger| match &ledger.trigger {
        Some(Trigger::Message(message)) => {
            message.stage.stage() == Stage::Train && message.stage.member() == Some(&gru)
        }
        Some(Trigger::Upload(_)) | None => false,
    };
    ledgers(host).await.into_iter().find(is_fit)
}
