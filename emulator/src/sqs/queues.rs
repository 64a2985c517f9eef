//! The queues: what can be done with them without a request.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::{
    attributes::{self, Queue, last_segment},
    error::Error,
    message::Message,
    rows::Rows,
};
use crate::{
    engine::Engine,
    settings::{ACCOUNT, Settings},
};

/// The queues of one emulator, shared by both servers.
pub struct Queues {
    pub(super) engine: Engine,
    pub(super) settings: Arc<Settings>,
    pub(super) notifiers: Mutex<HashMap<String, Arc<Notify>>>,
    pub(super) closed: AtomicBool,
}

/// A checked message that is to be sent.
pub(super) struct NewMessage {
    pub(super) message: Message,
    /// `None` means the queue's own delay.
    pub(super) delay_s: Option<u32>,
}

impl Queues {
    /// Opens the queues of a store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn open(engine: Engine, settings: Settings) -> Result<Arc<Self>, Error> {
        // Reads need the tables to exist.
        engine.write(|txn| Rows::open(txn).map(|_| ())).await??;
        let queues = Self {
            engine,
            settings: Arc::new(settings),
            notifiers: Mutex::default(),
            closed: AtomicBool::new(false),
        };
        Ok(Arc::new(queues))
    }

    /// Makes every message that is in flight visible at once and returns how many there were. Meant for a moment when
    /// no receiver can be working on them any more.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn release_in_flight(&self) -> Result<u64, Error> {
        let now_ms = self.now_ms();
        let released = self.engine.write(move |txn| Rows::open(txn)?.release(now_ms)).await??;
        self.wake_all();
        Ok(released)
    }

    /// Creates a queue. Nothing happens where a queue of this name with equal attributes exists.
    ///
    /// # Errors
    /// [`Error::Exists`] where a queue of this name has other attributes; other errors for a wrong name, value or
    /// dead-letter target.
    pub async fn create(&self, name: &str, given: BTreeMap<String, String>) -> Result<(), Error> {
        attributes::check_name(name)?;
        let (name, now_s) = (name.to_owned(), self.now_ms() / 1000);
        self.durable(move |rows| {
            if let Some(queue) = rows.find(&name)? {
                return match queue.differs(&given)? {
                    Some(attribute) => Err(Error::Exists { name, attribute }),
                    None => Ok(()),
                };
            }
            let mut queue = Queue::new(0, now_s);
            rows.set_attributes(&name, &mut queue, &given)?;
            queue.id = rows.number()?;
            rows.put_queue(&name, &queue)
        })
        .await
    }

    /// Returns whether a queue with this name or ARN exists.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn exists(&self, name_or_arn: &str) -> Result<bool, Error> {
        Ok(self.find(last_segment(name_or_arn))?.is_some())
    }

    /// Returns the region of the queues and buckets.
    pub(crate) fn region(&self) -> &str {
        &self.settings.region
    }

    /// Returns the ARN of the queue with this name, whether it exists or not.
    #[must_use]
    pub fn arn(&self, name: &str) -> String {
        format!("arn:aws:sqs:{}:{ACCOUNT}:{name}", self.settings.region)
    }

    /// Wakes all receives that wait at the queue with this name or ARN. Call it after a commit that put messages there.
    pub(crate) fn wake(&self, name_or_arn: &str) {
        if let Some(notifier) = self.notifiers().get(last_segment(name_or_arn)) {
            notifier.notify_waiters();
        }
    }

    /// Ends all waiting receives and makes later ones answer at once.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake_all();
    }
}
