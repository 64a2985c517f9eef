//! The reads and transactions that the operations use, and the wait of a long poll.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use redb::{ReadableTable as _, WriteTransaction};
use tokio::{sync::Notify, time::Instant};

use super::{
    attributes::Queue,
    error::Error,
    queues::{NewMessage, Queues},
    rows::{self, Counts, ORDER, QUEUES, Rows, Take, Taken},
};

impl Queues {
    pub(super) async fn delete_queue(&self, name: String) -> Result<(), Error> {
        let gone = name.clone();
        self.durable(move |rows| rows.delete_queue(&name)).await?;
        // Waiting receives find out now that the queue is gone.
        self.wake(&gone);
        Ok(())
    }

    pub(super) async fn purge(&self, name: String) -> Result<(), Error> {
        self.durable(move |rows| {
            let queue = rows.queue(&name)?;
            rows.purge(&queue)
        })
        .await
    }

    pub(super) async fn set_attributes(&self, name: String, given: BTreeMap<String, String>) -> Result<(), Error> {
        let (woken, now_s) = (name.clone(), self.now_ms() / 1000);
        self.durable(move |rows| {
            let mut queue = rows.queue(&name)?;
            rows.set_attributes(&name, &mut queue, &given)?;
            queue.modified_s = now_s;
            rows.put_queue(&name, &queue)
        })
        .await?;
        self.wake(&woken);
        Ok(())
    }

    /// Puts checked messages into a queue. They are on disk when it returns.
    pub(super) async fn send(&self, name: String, messages: Vec<NewMessage>) -> Result<(), Error> {
        if messages.is_empty() {
            return Ok(());
        }
        let (woken, now_ms) = (name.clone(), self.now_ms());
        self.durable(move |rows| {
            let queue = rows.queue(&name)?;
            for message in &messages {
                let delay_s = message.delay_s.unwrap_or(queue.delay_s);
                rows.put(queue.id, &message.message, now_ms + i64::from(delay_s) * 1000)?;
            }
            Ok(())
        })
        .await?;
        self.wake(&woken);
        Ok(())
    }

    /// Receives up to `max` messages and waits up to `wait` for the first, or as long as the queue says.
    pub(super) async fn receive(
        &self,
        name: &str,
        max: usize,
        visibility_s: Option<u32>,
        wait: Option<Duration>,
    ) -> Result<Vec<Taken>, Error> {
        let queue = self.queue(name)?;
        let deadline = Instant::now() + wait.unwrap_or(Duration::from_secs(u64::from(queue.wait_s)));
        let notifier = self.notifier(name);
        loop {
            // Registered before the check, so a message that is sent in between still wakes it.
            let mut woken_up = std::pin::pin!(notifier.notified());
            woken_up.as_mut().enable();
            let (next_ms, now_ms) = (self.next_visible(name)?, self.now_ms());
            if next_ms.is_some_and(|next| next <= now_ms) {
                let taken = self
                    .take(
                        name,
                        Take {
                            now_ms,
                            max,
                            visibility_s,
                        },
                    )
                    .await?;
                if !taken.is_empty() {
                    return Ok(taken);
                }
            }
            if Instant::now() >= deadline || self.closed.load(Ordering::SeqCst) {
                return Ok(Vec::new());
            }
            let until = next_ms.map_or(deadline, |next| {
                deadline.min(Instant::now() + after(next - self.now_ms()))
            });
            // Woken or timed out: check again.
            let _ = tokio::time::timeout_at(until, woken_up).await;
        }
    }

    async fn take(&self, name: &str, take: Take) -> Result<Vec<Taken>, Error> {
        let (settings, arn, queue) = (Arc::clone(&self.settings), self.arn(name), name.to_owned());
        let step = move |txn: &WriteTransaction| Rows::open(txn)?.take(&queue, take, &settings.faults, &arn);
        let (taken, dead_letter) = self.engine.write_relaxed(step).await??;
        if self.settings.faults.duplicate > 1 && !taken.is_empty() {
            self.wake(name);
        }
        if let Some(dead_letter) = dead_letter {
            self.wake(&dead_letter);
        }
        Ok(taken)
    }

    /// Runs a change that is on disk when it returns.
    pub(super) async fn durable<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Rows<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.engine.write(move |txn| step(&mut Rows::open(txn)?)).await?
    }

    /// Runs a change that may be lost in a crash.
    pub(super) async fn relaxed<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Rows<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.engine
            .write_relaxed(move |txn| step(&mut Rows::open(txn)?))
            .await?
    }

    pub(super) fn find(&self, name: &str) -> Result<Option<Queue>, Error> {
        let table = self.engine.read()?.open_table(QUEUES)?;
        table.get(name)?.map(|row| rows::parse(row.value())).transpose()
    }

    pub(super) fn queue(&self, name: &str) -> Result<Queue, Error> {
        self.find(name)?.ok_or_else(|| Error::NoQueue(name.to_owned()))
    }

    /// Returns all queues by name.
    pub(super) fn all(&self) -> Result<Vec<(String, Queue)>, Error> {
        let table = self.engine.read()?.open_table(QUEUES)?;
        let rows = table.iter()?.map(|row| {
            let (name, queue) = row?;
            Ok((name.value().to_owned(), rows::parse(queue.value())?))
        });
        rows.collect()
    }

    fn next_visible(&self, name: &str) -> Result<Option<i64>, Error> {
        let id = self.queue(name)?.id;
        let order = self.engine.read()?.open_table(ORDER)?;
        let mut waiting = order.range((id, i64::MIN, 0)..=(id, i64::MAX, u64::MAX))?;
        Ok(waiting.next().transpose()?.map(|(key, _)| key.value().1))
    }

    pub(super) fn counts(&self, queue: &Queue) -> Result<Counts, Error> {
        let (id, now_ms) = (queue.id, self.now_ms());
        let order = self.engine.read()?.open_table(ORDER)?;
        let mut counts = Counts::default();
        for row in order.range((id, i64::MIN, 0)..=(id, i64::MAX, u64::MAX))? {
            let (key, value) = row?;
            let (received, sent_ms) = value.value();
            if sent_ms + i64::from(queue.retention_s) * 1000 > now_ms {
                counts.add(key.value().1, received, now_ms);
            }
        }
        Ok(counts)
    }

    pub(super) fn wake_all(&self) {
        for notifier in self.notifiers().values() {
            notifier.notify_waiters();
        }
    }

    fn notifier(&self, name: &str) -> Arc<Notify> {
        Arc::clone(self.notifiers().entry(name.to_owned()).or_default())
    }

    pub(super) fn notifiers(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.notifiers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.settings.now)()
    }
}

fn after(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
