use std::{
    collections::BTreeMap,
    future::{Future, pending},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::Stage;
use tokio::sync::watch;

use super::{lock::lock, queue::shuffle_in_place};
use platform::{
    Clock, Delivered, Downloaded, ETag, Listed, Object, ObjectMeta, Outbox, Queue, QueueError, Store, StoreError,
};

/// One fault, at one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The number of the operation, counted from 0 over store and queue together.
    pub at: usize,
    /// Whether the fault comes before or after the operation takes effect.
    pub when: When,
    /// What the caller sees.
    pub how: How,
}

/// Whether the operation takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// It does not.
    Before,
    /// It does, but the caller never learns it.
    After,
}

/// What the caller sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    /// Nothing: this operation and all later ones never return, as in a process that was killed.
    Stop,
    /// A time-out. Later operations work.
    TimeOut,
}

/// Counts the operations of a store and a queue, and makes one of them fail.
///
/// Wraps any pair of ports, in memory or real.
pub struct Faults {
    fault: Option<Fault>,
    slow: Option<Slow>,
    state: Mutex<State>,
    stopped: watch::Sender<bool>,
}

/// Operations whose answers come late.
struct Slow {
    operation: &'static str,
    time: Duration,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct State {
    operations: Vec<String>,
    copies: usize,
    shuffle: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
#[error("timed out {0:?} the effect")]
struct TimedOut(When);

impl Faults {
    /// Returns a counter with at most one fault.
    #[must_use]
    pub fn new(fault: Option<Fault>) -> Arc<Self> {
        let state = State {
            copies: 1,
            ..State::default()
        };
        Arc::new(Self {
            fault,
            slow: None,
            state: Mutex::new(state),
            stopped: watch::Sender::new(false),
        })
    }

    /// Returns a counter under which the answers to some operations come later than their effects, by `time`.
    /// `operation` is the beginning of their names, for example `create jobs/`.
    #[must_use]
    pub fn slow(operation: &'static str, time: Duration, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            fault: None,
            slow: Some(Slow { operation, time, clock }),
            state: Mutex::default(),
            stopped: watch::Sender::new(false),
        })
    }

    /// Returns a counter whose queue sends every message `copies` times, in an order that follows from `seed`.
    #[must_use]
    pub fn duplicating(copies: usize, seed: u64) -> Arc<Self> {
        let state = State {
            copies,
            shuffle: Some(seed | 1),
            ..State::default()
        };
        Arc::new(Self {
            fault: None,
            slow: None,
            state: Mutex::new(state),
            stopped: watch::Sender::new(false),
        })
    }

    /// Wraps a store.
    #[must_use]
    pub fn store(self: &Arc<Self>, inner: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(FaultyStore {
            faults: self.clone(),
            inner,
        })
    }

    /// Wraps a queue.
    #[must_use]
    pub fn queue(self: &Arc<Self>, inner: Arc<dyn Queue>) -> Arc<dyn Queue> {
        Arc::new(FaultyQueue {
            faults: self.clone(),
            inner,
        })
    }

    /// Returns the names of the operations so far, for example `create jobs/ab/…`.
    #[must_use]
    pub fn operations(&self) -> Vec<String> {
        lock(&self.state).operations.clone()
    }

    /// Waits until a [`How::Stop`] has happened. The test then drops everything that ran.
    pub async fn stopped(&self) {
        // The sender lives in `self`, so the channel cannot close.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Runs one operation with the fault that is due at it, if any.
    async fn around<T, E>(
        &self,
        name: String,
        operation: impl Future<Output = Result<T, E>> + Send,
        timed_out: impl FnOnce(TimedOut) -> E + Send,
    ) -> Result<T, E> {
        let slow = self.slow.as_ref().filter(|slow| name.starts_with(slow.operation));
        let fault = self.begin(name).await;
        match fault {
            Some(Fault {
                when: When::Before,
                how,
                ..
            }) => Err(timed_out(self.strike(how, When::Before).await)),
            Some(Fault {
                when: When::After, how, ..
            }) => {
                // Whatever the answer is, the caller does not learn it.
                let _ = operation.await;
                Err(timed_out(self.strike(how, When::After).await))
            }
            None => {
                let answer = operation.await;
                if let Some(slow) = slow {
                    slow.clock.sleep(slow.time).await;
                }
                // A stop that happened elsewhere since has killed this caller too.
                if *self.stopped.borrow() {
                    pending().await
                } else {
                    answer
                }
            }
        }
    }

    /// Counts an operation and returns the fault that is due at it.
    async fn begin(&self, name: String) -> Option<Fault> {
        if *self.stopped.borrow() {
            pending::<()>().await;
        }
        let mut state = lock(&self.state);
        let number = state.operations.len();
        state.operations.push(name);
        self.fault.filter(|fault| fault.at == number)
    }

    async fn strike(&self, how: How, when: When) -> TimedOut {
        match how {
            How::TimeOut => TimedOut(when),
            How::Stop => {
                self.stopped.send_replace(true);
                pending().await
            }
        }
    }

    /// Returns the copies of messages, shuffled if that was asked for.
    fn multiply(&self, bodies: &[String]) -> Vec<String> {
        let mut state = lock(&self.state);
        let mut sent: Vec<String> = (0..state.copies).flat_map(|_| bodies.iter().cloned()).collect();
        if let Some(seed) = &mut state.shuffle {
            shuffle_in_place(&mut sent, seed);
        }
        sent
    }
}

struct FaultyStore {
    faults: Arc<Faults>,
    inner: Arc<dyn Store>,
}

fn unavailable(key: &str) -> impl FnOnce(TimedOut) -> StoreError + Send + use<> {
    let key = key.to_owned();
    |source| StoreError::Unavailable {
        key,
        source: source.into(),
    }
}

fn doubt(key: &str) -> impl FnOnce(TimedOut) -> StoreError + Send + use<> {
    let key = key.to_owned();
    |source| StoreError::Doubt {
        key,
        source: source.into(),
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        self.faults
            .around(format!("get {key}"), self.inner.get(key, cap), unavailable(key))
            .await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.faults
            .around(format!("head {key}"), self.inner.head(key), unavailable(key))
            .await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.faults
            .around(format!("put {key}"), self.inner.put(key, bytes), doubt(key))
            .await
    }

    async fn put_named(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.faults
            .around(format!("put {key}"), self.inner.put_named(key, bytes), doubt(key))
            .await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.faults
            .around(format!("create {key}"), self.inner.create(key, bytes), doubt(key))
            .await
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.faults
            .around(format!("swap {key}"), self.inner.swap(key, bytes, seen), doubt(key))
            .await
    }

    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        self.faults
            .around(
                format!("upload {key}"),
                self.inner.upload(key, file, metadata),
                doubt(key),
            )
            .await
    }

    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError> {
        let operation = self.inner.download(key, seen, file, cap);
        self.faults
            .around(format!("download {key}"), operation, unavailable(key))
            .await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.faults
            .around(format!("delete {key}"), self.inner.delete(key), doubt(key))
            .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError> {
        let operation = self.inner.list(prefix, after, max);
        self.faults
            .around(format!("list {prefix}"), operation, unavailable(prefix))
            .await
    }
}

struct FaultyQueue {
    faults: Arc<Faults>,
    inner: Arc<dyn Queue>,
}

fn silent(stage: Stage) -> impl FnOnce(TimedOut) -> QueueError + Send {
    move |source| QueueError::Unavailable {
        queue: format!("flits-{stage}"),
        source: source.into(),
    }
}

#[async_trait]
impl Outbox for FaultyQueue {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        let sent = self.faults.multiply(bodies);
        self.faults
            .around(format!("send {stage}"), self.inner.send(stage, &sent), silent(stage))
            .await
    }
}

#[async_trait]
impl Queue for FaultyQueue {
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError> {
        let operation = self.inner.receive(stage, max, wait);
        self.faults
            .around(format!("receive {stage}"), operation, silent(stage))
            .await
    }

    async fn delete(&self, stage: Stage, handle: &str) -> Result<(), QueueError> {
        self.faults
            .around(
                format!("delete {stage}"),
                self.inner.delete(stage, handle),
                silent(stage),
            )
            .await
    }

    async fn extend(&self, stage: Stage, handle: &str, visibility: Duration) -> Result<(), QueueError> {
        let operation = self.inner.extend(stage, handle, visibility);
        self.faults
            .around(format!("extend {stage}"), operation, silent(stage))
            .await
    }

    fn dead_letters(&self) -> Option<Arc<dyn Queue>> {
        self.inner.dead_letters()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::World, *};

    #[tokio::test]
    async fn a_stop_after_the_effect_leaves_the_effect_and_nothing_returns_any_more() {
        let world = World::new();
        let faults = Faults::new(Some(Fault {
            at: 1,
            when: When::After,
            how: How::Stop,
        }));
        let store = faults.store(world.store.clone());
        store.put("a", Bytes::from_static(b"1")).await.unwrap();
        let write = tokio::spawn({
            let store = store.clone();
            async move { store.put("b", Bytes::from_static(b"2")).await }
        });
        faults.stopped().await;
        write.abort();
        assert_eq!(world.store.keys(), ["a", "b"]);
        let later = tokio::spawn(async move { store.head("a").await });
        tokio::task::yield_now().await;
        assert!(!later.is_finished());
        later.abort();
    }

    #[tokio::test]
    async fn a_time_out_before_the_effect_is_a_doubt_and_the_next_try_works() {
        let world = World::new();
        let faults = Faults::new(Some(Fault {
            at: 0,
            when: When::Before,
            how: How::TimeOut,
        }));
        let store = faults.store(world.store.clone());
        let first = store.create("a", Bytes::new()).await;
        assert!(matches!(first, Err(StoreError::Doubt { .. })) && world.store.keys().is_empty());
        store.create("a", Bytes::new()).await.unwrap();
        assert_eq!(faults.operations(), ["create a", "create a"]);
    }

    #[tokio::test]
    async fn every_message_is_sent_as_often_as_asked_and_in_another_order() {
        let world = World::new();
        let queue = Faults::duplicating(10, 7).queue(world.queue.clone());
        let bodies: Vec<String> = (0..5).map(|i| i.to_string()).collect();
        queue.send(Stage::Sample, &bodies).await.unwrap();
        let sent = world.queue.bodies(Stage::Sample);
        assert_eq!(sent.len(), 50);
        for body in &bodies {
            assert_eq!(sent.iter().filter(|b| *b == body).count(), 10, "{body}");
        }
        let calm: Vec<String> = (0..10).flat_map(|_| bodies.clone()).collect();
        assert_ne!(sent, calm);
    }
}
