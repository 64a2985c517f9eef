use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contract::Stage;
use tokio::sync::Notify;

use super::lock::lock;
use platform::{Clock, Delivered, Outbox, Queue, QueueError};

/// Queues in memory, one per stage, each with a dead-letter queue.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    limits: Limits,
    shared: Arc<Shared>,
    lane: Lane,
}

/// What the queues and their dead-letter queues have in common.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    sent: Notify,
}

/// Which of the two queues of a stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Work,
    Dead,
}

/// The attributes of all queues.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long a sent message is hidden.
    pub delay: Duration,
    /// After how many deliveries a message goes to the dead-letter queue.
    pub max_receive_count: u32,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<(Lane, Stage), Vec<Entry>>,
    ids: u64,
    sent: usize,
    shuffle: Option<u64>,
}

struct Entry {
    id: u64,
    body: String,
    visible_at: Duration,
    receive_count: u32,
    sent: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            visibility: Duration::from_secs(30),
            delay: Duration::ZERO,
            max_receive_count: 100,
        }
    }
}

impl MemoryQueue {
    /// Returns empty queues.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self {
            clock,
            limits,
            shared: Arc::default(),
            lane: Lane::Work,
        }
    }

    /// Delivers in an order that follows from `seed`, not in the order of sending.
    pub fn shuffle(&self, seed: u64) {
        lock(&self.shared.state).shuffle = Some(seed | 1);
    }

    /// Returns the moment of the monotonic clock at which the next message of any stage becomes visible; `None` when
    /// all queues are empty.
    #[must_use]
    pub fn next_visible(&self) -> Option<Duration> {
        lock(&self.shared.state)
            .queues
            .iter()
            .filter(|((lane, _), _)| *lane == Lane::Work)
            .flat_map(|(_, entries)| entries)
            .map(|entry| entry.visible_at)
            .min()
    }

    /// Returns the bodies in a stage's queue, hidden ones included, in the order of sending.
    #[must_use]
    pub fn bodies(&self, stage: Stage) -> Vec<String> {
        self.bodies_in(Lane::Work, stage)
    }

    /// Loses all messages of all stages, hidden and dead ones included.
    pub fn lose(&self) {
        lock(&self.shared.state).queues.clear();
    }

    /// Returns the bodies in a stage's dead-letter queue.
    #[must_use]
    pub fn dead(&self, stage: Stage) -> Vec<String> {
        self.bodies_in(Lane::Dead, stage)
    }

    fn bodies_in(&self, lane: Lane, stage: Stage) -> Vec<String> {
        let inner = lock(&self.shared.state);
        let entries = inner.queues.get(&(lane, stage)).into_iter().flatten();
        entries.map(|entry| entry.body.clone()).collect()
    }

    /// Returns the number of messages that were ever sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        lock(&self.shared.state).sent
    }

    fn next_visible_in(&self, stage: Stage) -> Option<Duration> {
        lock(&self.shared.state)
            .queues
            .get(&(self.lane, stage))?
            .iter()
            .map(|entry| entry.visible_at)
            .min()
    }

    fn take(&self, stage: Stage, max: usize) -> Vec<Delivered> {
        let now = self.clock.monotonic();
        let mut inner = lock(&self.shared.state);
        let State { queues, shuffle, .. } = &mut *inner;
        let limit = self.limits.max_receive_count;
        if self.lane == Lane::Work {
            let spent = |entry: &mut Entry| entry.visible_at <= now && entry.receive_count >= limit;
            let entries = queues.entry((Lane::Work, stage)).or_default();
            let dead: Vec<Entry> = entries.extract_if(.., spent).collect();
            queues.entry((Lane::Dead, stage)).or_default().extend(dead);
        }
        let entries = queues.entry((self.lane, stage)).or_default();

        let mut visible: Vec<usize> = (0..entries.len()).filter(|i| entries[*i].visible_at <= now).collect();
        if let Some(seed) = shuffle {
            shuffle_in_place(&mut visible, seed);
        }
        let deliver = |i: usize| {
            let entry = &mut entries[i];
            entry.receive_count += 1;
            entry.visible_at = now + self.limits.visibility;
            Delivered {
                id: format!("message-{}", entry.id),
                body: entry.body.clone(),
                handle: handle(entry),
                receive_count: entry.receive_count,
                sent: Some(entry.sent),
            }
        };
        visible.into_iter().take(max.min(10)).map(deliver).collect()
    }
}

/// Returns the receipt handle of a delivery. It names the delivery, so that receiving the message again voids it.
fn handle(entry: &Entry) -> String {
    format!("{}#{}", entry.id, entry.receive_count)
}

/// Shuffles (Fisher-Yates with xorshift64): the same seed gives the same order.
pub(super) fn shuffle_in_place<T>(items: &mut [T], seed: &mut u64) {
    for i in (1..items.len()).rev() {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        let j = *seed % (i as u64 + 1);
        items.swap(i, usize::try_from(j).expect("j is at most i"));
    }
}

#[async_trait]
impl Outbox for MemoryQueue {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        let visible_at = self.clock.monotonic() + self.limits.delay;
        let mut inner = lock(&self.shared.state);
        for body in bodies {
            inner.ids += 1;
            inner.sent += 1;
            let entry = Entry {
                id: inner.ids,
                body: body.clone(),
                visible_at,
                receive_count: 0,
                sent: self.clock.now_s(),
            };
            inner.queues.entry((self.lane, stage)).or_default().push(entry);
        }
        drop(inner);
        self.shared.sent.notify_waiters();
        Ok(())
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError> {
        let end = self.clock.monotonic() + wait;
        loop {
            // Registered before looking, so that a send in between is not missed.
            let sent = self.shared.sent.notified();
            let taken = self.take(stage, max);
            let now = self.clock.monotonic();
            if !taken.is_empty() || now >= end {
                return Ok(taken);
            }
            let next = self.next_visible_in(stage);
            let until = next.map_or(end, |next| next.min(end));
            tokio::select! {
                () = sent => {}
                () = self.clock.sleep(until.saturating_sub(now)) => {}
            }
        }
    }

    async fn delete(&self, stage: Stage, held: &str) -> Result<(), QueueError> {
        lock(&self.shared.state)
            .queues
            .entry((self.lane, stage))
            .or_default()
            .retain(|entry| handle(entry) != held);
        Ok(())
    }

    async fn extend(&self, stage: Stage, held: &str, visibility: Duration) -> Result<(), QueueError> {
        let now = self.clock.monotonic();
        let mut inner = lock(&self.shared.state);
        let entries = inner.queues.entry((self.lane, stage)).or_default();
        // As in SQS: a late worker can still hide a message that nobody else has received.
        let held = entries.iter_mut().find(|entry| handle(entry) == held);
        let Some(entry) = held else {
            return Err(QueueError::Stale {
                queue: format!("flits-{stage}"),
            });
        };
        entry.visible_at = now + visibility;
        drop(inner);
        self.shared.sent.notify_waiters();
        Ok(())
    }

    fn dead_letters(&self) -> Option<Arc<dyn Queue>> {
        Some(Arc::new(Self {
            clock: self.clock.clone(),
            limits: self.limits,
            shared: self.shared.clone(),
            lane: Lane::Dead,
        }))
    }
}
