//! The one thread that writes: it takes all waiting changes, commits them together, and only then answers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use redb::{Database, Durability, WriteTransaction};

use super::error::EngineError;

/// Bounds the memory that one transaction holds before its commit.
const BATCH: usize = 256;

/// The longest time until a change of `write_relaxed` is on disk.
const RELAXED_FLUSH: Duration = Duration::from_secs(1);

/// Answers one caller after the commit.
pub(super) type Reply = Box<dyn FnOnce(Result<(), EngineError>) + Send>;
/// Runs one caller's change. Takes `None` where no transaction could begin.
pub(super) type Change = Box<dyn FnOnce(Option<&WriteTransaction>) -> Ran + Send>;

pub(super) struct Ran {
    pub(super) reply: Reply,
    /// Whether what the change wrote may be committed.
    pub(super) sound: bool,
}

pub(super) struct Job {
    pub(super) durable: bool,
    pub(super) change: Change,
}

/// Runs changes until all senders are gone.
pub(super) fn run(database: &Database, waiting: &Receiver<Job>) {
    let mut unflushed = false;
    loop {
        let first = if unflushed {
            waiting.recv_timeout(RELAXED_FLUSH)
        } else {
            waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let batch: Vec<Job> = match first {
            Ok(first) => std::iter::once(first).chain(waiting.try_iter()).take(BATCH).collect(),
            // An empty durable commit carries earlier relaxed ones to disk.
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let durable = batch.is_empty() || batch.iter().any(|job| job.durable);
        let committed = commit(database, batch, durable);
        unflushed = if durable {
            unflushed && !committed
        } else {
            unflushed || committed
        };
    }
    if unflushed {
        commit(database, Vec::new(), true);
    }
}

/// Runs one batch and answers its callers. Returns whether its last transaction was committed.
fn commit(database: &Database, batch: Vec<Job>, durable: bool) -> bool {
    let mut rest = batch.into_iter();
    loop {
        let mut replies = Vec::with_capacity(rest.len());
        let outcome = transact(database, &mut rest, durable, &mut replies);
        for reply in replies {
            reply(outcome.clone());
        }
        // After a change that failed, the ones behind it have not run yet: they get a transaction of their own.
        if rest.len() == 0 {
            return outcome.is_ok();
        }
    }
}

fn transact(
    database: &Database,
    jobs: &mut std::vec::IntoIter<Job>,
    durable: bool,
    replies: &mut Vec<Reply>,
) -> Result<(), EngineError> {
    let transaction = match begin(database, durable) {
        Ok(transaction) => transaction,
        Err(error) => {
            replies.extend(jobs.map(|job| (job.change)(None).reply));
            return Err(error);
        }
    };
    for job in jobs {
        let sound = match catch_unwind(AssertUnwindSafe(|| (job.change)(Some(&transaction)))) {
            Ok(ran) => {
                replies.push(ran.reply);
                ran.sound
            }
            Err(panic) => {
                tracing::error!(panic = text(panic.as_ref()), "a change of the store panicked");
                false
            }
        };
        if !sound {
            transaction.abort()?;
            return Err(EngineError::Aborted);
        }
    }
    Ok(transaction.commit()?)
}

fn begin(database: &Database, durable: bool) -> Result<WriteTransaction, EngineError> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(if durable {
        Durability::Immediate
    } else {
        Durability::None
    })?;
    Ok(transaction)
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}
