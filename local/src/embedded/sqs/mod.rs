//! The embedded SQS: standard queues in the JSON protocol of the current SDKs, on the storage engine.
//!
//! A sent message and a deletion are on disk before they are answered; receives and visibility changes may be lost in
//! a crash, which only makes a message visible again sooner. A receipt handle is good for the newest delivery of its
//! message alone: a stale one deletes nothing and extends nothing. First-in-first-out queues are refused.
//!
//! Start with [`Queues`], then [`router`] for the wire.

mod attributes;
mod auth;
mod error;
mod faults;
mod http;
mod message;
mod operations;
mod receipt;
mod rows;
mod wire;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use redb::{ReadableTable as _, WriteTransaction};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use self::{
    attributes::{Queue, last_segment},
    message::Message,
    rows::{Counts, ORDER, QUEUES, Rows, Take, Taken},
};
pub use self::{
    error::Error,
    faults::{Faults, Reorder},
    http::router,
};
use crate::embedded::engine::{Engine, EngineError};

/// Gives the time of day, UTC milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The account that queue URLs and ARNs name.
pub const ACCOUNT: &str = "000000000000";

/// Who may speak to the queues, and what the time is.
pub struct Settings {
    /// The region that ARNs name and signatures must be made for.
    pub region: String,
    /// The one access key id that is known.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The clock.
    pub now: Now,
    /// What to inject into receives.
    pub faults: Faults,
}

/// The queues of one store. Shared behind an [`Arc`] by the wire, the S3 side and the harness.
pub struct Queues {
    engine: Engine,
    settings: Arc<Settings>,
    bells: Mutex<HashMap<String, Arc<Notify>>>,
    closed: AtomicBool,
    tasks: Mutex<Vec<MoveTask>>,
}

/// A message move task; moves are done in one transaction, so every task that can be listed is over.
#[derive(Clone, Debug)]
struct MoveTask {
    source_arn: String,
    destination_arn: Option<String>,
    moved: u64,
    started_ms: i64,
}

/// A message on its way into a queue, checked.
struct Draft {
    message: Message,
    /// None: the queue's own delay.
    delay_s: Option<u32>,
}

impl Settings {
    /// Gives settings with the system's clock and no faults.
    #[must_use]
    pub fn new(region: &str, access_key: &str, secret_key: &str) -> Self {
        Self {
            region: region.to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            now: Arc::new(system_ms),
            faults: Faults::none(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("secret_key", &"<secret>")
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

impl Queues {
    /// Opens the queues of a store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn open(engine: Engine, settings: Settings) -> Result<Arc<Self>, Error> {
        // Reads expect the tables to be there.
        engine.write(|txn| Rows::open(txn).map(|_| ())).await??;
        let queues = Self {
            engine,
            settings: Arc::new(settings),
            bells: Mutex::default(),
            closed: AtomicBool::new(false),
            tasks: Mutex::default(),
        };
        Ok(Arc::new(queues))
    }

    /// Makes every message that is in flight visible at once and gives how many there were: for a start after which
    /// nobody can be working on them any more.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn release_in_flight(&self) -> Result<u64, Error> {
        let now_ms = self.now_ms();
        let released = self.engine.write(move |txn| Rows::open(txn)?.release(now_ms)).await??;
        self.bells().values().for_each(|bell| bell.notify_waiters());
        Ok(released)
    }

    /// Creates a queue where none of this name is; nothing happens where one with equal attributes is.
    ///
    /// # Errors
    /// [`Error::Exists`] where one with other attributes is; bad names, values and dead-letter targets.
    pub async fn create(
        &self,
        name: &str,
        given: BTreeMap<String, String>,
        tags: BTreeMap<String, String>,
    ) -> Result<(), Error> {
        attributes::check_name(name)?;
        let (name, now_s) = (name.to_owned(), self.now_ms() / 1000);
        self.durable(move |rows| {
            if let Some(queue) = rows.find(&name)? {
                return match queue.differs(&given)? {
                    Some(attribute) => Err(Error::Exists { name, attribute }),
                    None => Ok(()),
                };
            }
            let mut queue = Queue {
                tags,
                ..Queue::new(0, now_s)
            };
            apply(rows, &mut queue, &given)?;
            queue.id = rows.number()?;
            rows.put_queue(&name, &queue)
        })
        .await
    }

    /// Says whether a queue of this name or ARN exists.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn exists(&self, name_or_arn: &str) -> Result<bool, Error> {
        Ok(self.find(last_segment(name_or_arn))?.is_some())
    }

    /// Gives the ARN of a queue name.
    #[must_use]
    pub fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", self.settings.region)
    }

    /// Wakes whoever waits for messages of the queue with this name or ARN: after a commit that put some there.
    pub fn wake(&self, name_or_arn: &str) {
        if let Some(bell) = self.bells().get(last_segment(name_or_arn)) {
            bell.notify_waiters();
        }
    }

    /// Ends all waiting receives, and makes later ones answer at once.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.bells().values().for_each(|bell| bell.notify_waiters());
    }

    async fn delete_queue(&self, name: String) -> Result<(), Error> {
        let gone = name.clone();
        self.durable(move |rows| rows.delete_queue(&name)).await?;
        // Receivers that wait find out now.
        self.wake(&gone);
        Ok(())
    }

    async fn purge(&self, name: String) -> Result<(), Error> {
        self.durable(move |rows| {
            let queue = rows.queue(&name)?;
            rows.purge(&queue)
        })
        .await
    }

    async fn set_attributes(&self, name: String, given: BTreeMap<String, String>) -> Result<(), Error> {
        let (woken, now_s) = (name.clone(), self.now_ms() / 1000);
        self.durable(move |rows| {
            let mut queue = rows.queue(&name)?;
            apply(rows, &mut queue, &given)?;
            queue.modified_s = now_s;
            rows.put_queue(&name, &queue)
        })
        .await?;
        self.wake(&woken);
        Ok(())
    }

    async fn tag(&self, name: String, add: BTreeMap<String, String>, remove: Vec<String>) -> Result<(), Error> {
        self.durable(move |rows| {
            let mut queue = rows.queue(&name)?;
            queue.tags.extend(add);
            queue.tags.retain(|key, _| !remove.contains(key));
            rows.put_queue(&name, &queue)
        })
        .await
    }

    /// Puts checked messages into a queue; they are on disk when this answers.
    async fn send(&self, name: String, drafts: Vec<Draft>) -> Result<(), Error> {
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
    async fn receive(
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
        let (settings, arn, name) = (Arc::clone(&self.settings), self.arn(name), name.to_owned());
        let step = move |txn: &WriteTransaction| Rows::open(txn)?.take(&name, take, &settings.faults, &arn);
        let (taken, dead_letter) = self.engine.write_relaxed(step).await??;
        if let Some(dead_letter) = dead_letter {
            self.wake(&dead_letter);
        }
        Ok(taken)
    }

    /// Runs a step whose effect is on disk when this answers.
    async fn durable<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Rows<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.engine.write(move |txn| step(&mut Rows::open(txn)?)).await?
    }

    /// Runs a step whose effect may be lost in a crash.
    async fn relaxed<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Rows<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.engine
            .write_relaxed(move |txn| step(&mut Rows::open(txn)?))
            .await?
    }

    fn find(&self, name: &str) -> Result<Option<Queue>, Error> {
        let table = self.engine.read()?.open_table(QUEUES)?;
        table.get(name)?.map(|row| rows::parse(row.value())).transpose()
    }

    fn queue(&self, name: &str) -> Result<Queue, Error> {
        self.find(name)?.ok_or_else(|| Error::NoQueue(name.to_owned()))
    }

    /// Gives all queues in the order of their names.
    fn all(&self) -> Result<Vec<(String, Queue)>, Error> {
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

    fn counts(&self, queue: &Queue) -> Result<Counts, Error> {
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

    fn bell(&self, name: &str) -> Arc<Notify> {
        Arc::clone(self.bells().entry(name.to_owned()).or_default())
    }

    fn bells(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> i64 {
        (self.settings.now)()
    }
}

/// Sets attributes of a queue, whose dead-letter target must exist.
fn apply(rows: &Rows<'_>, queue: &mut Queue, given: &BTreeMap<String, String>) -> Result<(), Error> {
    for (name, value) in given {
        queue.set(name, value)?;
    }
    let Some(redrive) = queue.redrive.as_ref().filter(|_| given.contains_key("RedrivePolicy")) else {
        return Ok(());
    };
    let arn = &redrive.dead_letter_target_arn;
    if arn.starts_with("arn:aws:sqs:") && rows.find(last_segment(arn))?.is_some() {
        return Ok(());
    }
    Err(Error::Parameter {
        parameter: "RedrivePolicy",
        value: arn.clone(),
        reason: "the dead-letter target must be the ARN of an existing queue".to_owned(),
    })
}

/// Puts a message of the server itself into a queue, inside the caller's transaction. Gives whether the queue exists.
pub(super) fn enqueue(txn: &WriteTransaction, queue_arn: &str, body: &str, now_ms: i64) -> Result<bool, Error> {
    let mut rows = Rows::open(txn)?;
    let Some(queue) = rows.find(last_segment(queue_arn))? else {
        return Ok(false);
    };
    let message = Message {
        id: Uuid::new_v4().to_string(),
        body: body.to_owned(),
        attributes: BTreeMap::new(),
        trace_header: None,
        sender: "s3.amazonaws.com".to_owned(),
        sent_ms: now_ms,
        dead_letter_source: None,
        copy: false,
    };
    rows.put(queue.id, &message, now_ms + i64::from(queue.delay_s) * 1000)?;
    Ok(true)
}

fn after(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the queues learn the time; everything else is handed it"
)]
fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self::Storage(Box::new(error))
    }
}
