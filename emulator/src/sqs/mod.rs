//! The embedded SQS: standard queues in the JSON protocol of the current SDKs, on the storage engine.
//!
//! A sent message and a deletion are on disk before they are answered; receives and visibility changes may be lost in
//! a crash, which only makes a message visible again sooner. A receipt handle is good for the newest delivery of its
//! message alone, also when its time is over: an older one deletes nothing, which AWS answers with success, and extends
//! nothing. First-in-first-out queues are refused, and so is every field and attribute that has no effect here.
//!
//! Start with [`Queues`], then [`router`] for the wire.

mod attributes;
mod auth;
mod enqueue;
mod error;
mod http;
mod message;
mod operations;
mod receipt;
mod rows;
mod steps;
mod wire;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

pub use self::error::Error;
use self::{
    attributes::{Queue, last_segment},
    message::Message,
    rows::Rows,
};
pub(crate) use self::{enqueue::enqueue, http::router};
use crate::{
    engine::{Engine, EngineError},
    settings::{ACCOUNT, Settings},
};

/// The queues of one store. Shared behind an [`Arc`] by the wire, the S3 side and the harness.
pub struct Queues {
    engine: Engine,
    settings: Arc<Settings>,
    bells: Mutex<HashMap<String, Arc<Notify>>>,
    closed: AtomicBool,
}

/// A message on its way into a queue, checked.
struct Draft {
    message: Message,
    /// None: the queue's own delay.
    delay_s: Option<u32>,
}

impl Queues {
    /// Opens the queues of a store.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn open(engine: Engine, settings: Settings) -> Result<Arc<Self>, Error> {
        // Reads expect the tables to be there.
        engine.write(|txn| Rows::open(txn).map(|_| ())).await??;
        let queues = Self {
            engine,
            settings: Arc::new(settings),
            bells: Mutex::default(),
            closed: AtomicBool::new(false),
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
        self.ring_all();
        Ok(released)
    }

    /// Creates a queue where none of this name is; nothing happens where one with equal attributes is.
    ///
    /// # Errors
    /// [`Error::Exists`] where one with other attributes is; bad names, values and dead-letter targets.
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
            steps::apply(rows, &name, &mut queue, &given)?;
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

    /// Returns the region of the queues, and of the objects beside them.
    pub(crate) fn region(&self) -> &str {
        &self.settings.region
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
        self.ring_all();
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self::Storage(Box::new(error))
    }
}
