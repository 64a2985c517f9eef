//! One database file, one writer thread, group commit.
//!
//! A change is a closure that is sent to the writer. The writer runs all waiting changes one after the other in one
//! transaction, brings it to disk with one fsync and only then answers. So the checks in a closure see every earlier
//! write, and nothing happens between a check and its write: this makes conditional writes atomic.

mod error;
pub(crate) mod file;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tokio::sync::oneshot;

pub use self::error::EngineError;
use self::writer::{Change, Job, Ran};
use crate::private;

/// The storage under both servers: a `redb` database with group commit.
///
/// Cheap to clone. The database closes when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    epoch: u64,
    // `None` only while dropping: the writer ends when the last sender is gone, and is joined after that.
    jobs: Option<Sender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    database: Arc<Database>,
}

impl Engine {
    /// Opens the store in a directory, or creates it. A store that was not closed, because its process was killed, is
    /// repaired.
    ///
    /// # Errors
    /// When the directory cannot be written or another process has the store open.
    pub(crate) fn open(dir: impl AsRef<Path>) -> Result<Self, EngineError> {
        let dir = dir.as_ref().to_path_buf();
        private::folder(&dir).map_err(|error| EngineError::file(&dir, error))?;
        let path = dir.join(file::NAME);
        if !path.exists() {
            file::make(&dir, &path)?;
        }
        private::keep(&path).map_err(|error| EngineError::file(&path, error))?;
        let (database, epoch) = file::open(&path)?;
        let (jobs, waiting) = mpsc::channel();
        let writer = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn({
                let database = Arc::clone(&database);
                move || writer::run(&database, &waiting)
            })
            .map_err(|error| EngineError::file(&dir, error))?;
        let shared = Shared {
            dir,
            epoch,
            jobs: Some(jobs),
            writer: Mutex::new(Some(writer)),
            database,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Returns the directory of the store.
    pub(crate) fn dir(&self) -> &Path {
        &self.shared.dir
    }

    /// Returns how often this store has been opened, this time included. What was written under a lower number is from
    /// a process that is gone.
    pub(crate) fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// Runs a change and returns when it is on disk.
    ///
    /// Changes run one after the other, several in one transaction. A change that returns an error must not have
    /// written anything (check first, then write), because the other changes of its transaction are committed. A change
    /// that panics undoes its whole transaction.
    ///
    /// # Errors
    /// The outer error: nothing was written.
    pub(crate) async fn write<T, E>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, EngineError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.submit(true, |_| false, change).await
    }

    /// Runs a change like [`Engine::write`], except that an error for which `broken` holds may come after something was
    /// written. Its whole transaction is then undone, and the other changes in it fail with [`EngineError::Aborted`].
    ///
    /// # Errors
    /// The outer error: nothing was written.
    pub(crate) async fn write_or_undo<T, E>(
        &self,
        broken: impl FnOnce(&E) -> bool + Send + 'static,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, EngineError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.submit(true, broken, change).await
    }

    /// Runs a change whose loss in a crash does no harm, such as a receive count. It is seen by all later reads and
    /// writes at once and reaches the disk with the next durable change, or within about a second.
    ///
    /// # Errors
    /// As for [`Engine::write`].
    pub(crate) async fn write_relaxed<T, E>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, EngineError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        self.submit(false, |_| false, change).await
    }

    /// Returns a snapshot of everything committed so far.
    ///
    /// # Errors
    /// When the database has failed.
    pub(crate) fn read(&self) -> Result<ReadTransaction, EngineError> {
        Ok(self.shared.database.begin_read()?)
    }

    async fn submit<T, E>(
        &self,
        durable: bool,
        broken: impl FnOnce(&E) -> bool + Send + 'static,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, EngineError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let change: Change = Box::new(move |transaction| {
            let outcome = transaction.map(change).ok_or(EngineError::Closed);
            let sound = !matches!(&outcome, Ok(Err(error)) if broken(error));
            let reply = move |committed: Result<(), EngineError>| {
                // The change that failed returns its own error. A caller that went away needs no answer.
                let _ = answer.send(if sound { committed.and(outcome) } else { outcome });
            };
            Ran {
                reply: Box::new(reply),
                sound,
            }
        });
        let jobs = self.shared.jobs.as_ref().ok_or(EngineError::Closed)?;
        jobs.send(Job { durable, change }).map_err(|_| EngineError::Closed)?;
        // The sender is dropped unanswered only by a panic of the closure that held it.
        answered.await.map_err(|_| EngineError::Panicked)?
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.jobs = None;
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // The last clone may have lived in a change, which the writer itself drops.
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != thread::current().id())
            && writer.join().is_err()
        {
            tracing::error!("the store's writer ended by a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use redb::{ReadableTable, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<u64, u64> = TableDefinition::new("numbers");

    async fn put(engine: &Engine, key: u64, value: u64) -> Result<Result<(), redb::Error>, EngineError> {
        engine
            .write(move |transaction| {
                transaction.open_table(TABLE)?.insert(key, value)?;
                Ok(())
            })
            .await
    }

    // A kill while redb made its file left one without a magic number, which nothing could open any more.
    #[tokio::test]
    async fn a_database_that_a_kill_left_half_made_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("store.draft"), [0; 4096]).unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        put(&engine, 1, 2).await.unwrap().unwrap();
        drop(engine);
        assert_eq!(get(&Engine::open(dir.path()).unwrap(), 1), Some(2));
    }

    fn get(engine: &Engine, key: u64) -> Option<u64> {
        let snapshot = engine.read().unwrap();
        let table = snapshot.open_table(TABLE).unwrap();
        table.get(key).unwrap().map(|value| value.value())
    }

    #[tokio::test]
    async fn a_write_is_there_after_the_store_was_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        put(&engine, 1, 10).await.unwrap().unwrap();
        let first = engine.epoch();
        drop(engine);
        let engine = Engine::open(dir.path()).unwrap();
        assert_eq!(get(&engine, 1), Some(10));
        assert!(engine.epoch() > first);
    }

    #[tokio::test]
    async fn a_relaxed_write_is_seen_at_once_and_survives_an_orderly_end() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        let written = engine.write_relaxed(|transaction| {
            transaction.open_table(TABLE)?.insert(1, 10)?;
            Ok::<_, redb::Error>(())
        });
        written.await.unwrap().unwrap();
        assert_eq!(get(&engine, 1), Some(10));
        drop(engine);
        assert_eq!(get(&Engine::open(dir.path()).unwrap(), 1), Some(10));
    }

    #[tokio::test]
    async fn racing_check_then_write_changes_have_one_winner() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        let racers: Vec<_> = (0..16)
            .map(|racer: u64| {
                let engine = engine.clone();
                tokio::spawn(async move {
                    let claim = move |transaction: &WriteTransaction| {
                        let mut table = transaction.open_table(TABLE).unwrap();
                        if table.get(7).unwrap().is_some() {
                            return Err("taken");
                        }
                        table.insert(7, racer).unwrap();
                        Ok(racer)
                    };
                    engine.write(claim).await.unwrap()
                })
            })
            .collect();
        let mut winners = Vec::new();
        for racer in racers {
            winners.extend(racer.await.unwrap());
        }
        assert_eq!(winners.len(), 1);
        assert_eq!(get(&engine, 7), Some(winners[0]));
    }

    #[tokio::test]
    async fn a_change_that_breaks_off_midway_leaves_nothing_written() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        put(&engine, 1, 10).await.unwrap().unwrap();
        let change = |transaction: &WriteTransaction| -> Result<(), &str> {
            transaction.open_table(TABLE).unwrap().insert(1, 11).unwrap();
            Err("midway")
        };
        assert_eq!(engine.write_or_undo(|_| true, change).await.unwrap(), Err("midway"));
        assert_eq!(get(&engine, 1), Some(10));
    }

    #[tokio::test]
    async fn a_panicking_change_writes_nothing_and_the_writer_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(dir.path()).unwrap();
        put(&engine, 1, 10).await.unwrap().unwrap();
        let outcome = engine
            .write(|transaction| -> Result<(), ()> {
                transaction.open_table(TABLE).unwrap().insert(1, 11).unwrap();
                panic!("on purpose");
            })
            .await;
        assert!(matches!(outcome, Err(EngineError::Panicked)));
        assert_eq!(get(&engine, 1), Some(10));
        put(&engine, 2, 20).await.unwrap().unwrap();
        assert_eq!(get(&engine, 2), Some(20));
    }
}
