//! What the operations are made of: one read or one transaction each, and the waiting of a long poll.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use redb::{ReadableTable as _, WriteTransaction};
use tokio::{sync::Notify, time::Instant};

use super::{
    Draft, Error, Queues,
    attributes::{Queue, last_segment},
    rows::{self, Counts, ORDER, QUEUES, Rows, Take, Taken},
};

impl Queues {
    pub(super) async fn delete_queue(&self, name: String) -> Result<(), Error> {
        let gone = name.clone();
        self.durable(move |rows| rows.delete_queue(&name)).await?;
        // Receivers that wait find out now.
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
            apply(rows, &name, &mut queue, &given)?;
            queue.modified_s = now_s;
            rows.put_queue(&name, &queue)
        })
        .await?;
        self.wake(&woken);
        Ok(())
    }

    /// Puts checked messages into a queue; they are on disk when this answers.
    pub(super) async fn send(&self, name: String, drafts: Vec<Draft>) -> Result<(), Error> {
        if drafts.is_empty() {
            return Ok(());
        }
        let (woken, now_ms) = (name.clone(), self.now_ms());
        self.durable(move |rows| {
            let queue = rows.queue(&name)?;
            for draft in &drafts {
                let delay_s = draft.delay_s.unwrap_or(queue.delay_s);
                rows.put(queue.id, &draft.message, now_ms + i64::from(delay_s) * 1000)?;
            }
            Ok(())
        })
        .await?;
        self.wake(&woken);
        Ok(())
    }

    /// Receives up to `max` messages, waiting up to `wait` for the first.
    pub(super) async fn receive(
        &self,
        name: &str,
        max: usize,
        visibility_s: Option<u32>,
        wait: Option<Duration>,
    ) -> Result<Vec<Taken>, Error> {
        let queue = self.queue(name)?;
        let deadline = Instant::now() + wait.unwrap_or(Duration::from_secs(u64::from(queue.wait_s)));
        let bell = self.bell(name);
        loop {
            // Listening begins before looking, so a message sent in between still rings.
            let mut heard = std::pin::pin!(bell.notified());
            heard.as_mut().enable();
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
            // Both ends mean the same: look again.
            let _ = tokio::time::timeout_at(until, heard).await;
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

    /// Runs a step whose effect is on disk when this answers.
    pub(super) async fn durable<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Rows<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.engine.write(move |txn| step(&mut Rows::open(txn)?)).await?
    }

    /// Runs a step whose effect may be lost in a crash.
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

    /// Gives all queues in the order of their names.
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

    pub(super) fn ring_all(&self) {
        for bell in self.bells().values() {
            bell.notify_waiters();
        }
    }

    fn bell(&self, name: &str) -> Arc<Notify> {
        Arc::clone(self.bells().entry(name.to_owned()).or_default())
    }

    pub(super) fn bells(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now_ms(&self) -> i64 {
        (self.settings.now)()
    }
}

/// Sets attributes of a queue, whose dead-letter target must be another queue that exists.
pub(super) fn apply(
    rows: &Rows<'_>,
    name: &str,
    queue: &mut Queue,
    given: &BTreeMap<String, String>,
) -> Result<(), Error> {
    for (attribute, value) in given {
        queue.set(attribute, value)?;
    }
    let Some(redrive) = queue.redrive.as_ref().filter(|_| given.contains_key("RedrivePolicy")) else {
        return Ok(());
    };
    let arn = &redrive.dead_letter_target_arn;
    let target = last_segment(arn);
    if arn.starts_with("arn:aws:sqs:") && target != name && rows.find(target)?.is_some() {
        return Ok(());
    }
    Err(Error::Parameter {
        parameter: "RedrivePolicy",
        value: arn.clone(),
        reason: "the dead-letter target must be the ARN of another queue that exists".to_owned(),
    })
}

fn after(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
