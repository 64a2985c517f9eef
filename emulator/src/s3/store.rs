//! What all S3 operations use: the engine, the blobs, the queues for events, and the clock.

use std::sync::Arc;

use redb::{ReadOnlyTable, ReadTransaction};
use tokio::task::spawn_blocking;

use super::error::Error;
use super::rows::{
    self, BODIES, BUCKETS, Bucket, Key, Name, OBJECTS, Object, PARTS, PartKey, Piece, Row, Rows, UPLOADS, UploadKey,
};
use crate::blobs::{Blobs, Pin};
use crate::engine::{Engine, EngineError};
use crate::settings::Now;
use crate::sqs::Queues;

/// The buckets and objects of one emulator. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    blobs: Blobs,
    queues: Arc<Queues>,
    now: Now,
}

impl Store {
    /// Opens the objects of a store. `now` returns UTC milliseconds; events go to `queues`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(crate) async fn open(engine: Engine, queues: Arc<Queues>, now: Now) -> Result<Self, Error> {
        // Reads need the tables to exist.
        engine
            .write(|transaction| Rows::open(transaction, 0).map(|_| ()))
            .await??;
        let blobs = Blobs::open(&engine).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                engine,
                blobs,
                queues,
                now,
            }),
        })
    }

    /// Returns the region that requests must be signed for.
    pub(super) fn region(&self) -> &str {
        self.shared.queues.region()
    }

    pub(super) fn blobs(&self) -> &Blobs {
        &self.shared.blobs
    }

    /// Changes rows and returns when the change is on disk. Then wakes the receivers of its events and has the files
    /// removed that it freed.
    ///
    /// The change must refuse before it writes. It runs to its end even when the client goes away, so that what follows
    /// a commit is never skipped.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Rows<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let shared = Arc::clone(&self.shared);
        let changed = tokio::spawn(async move {
            let now = Arc::clone(&shared.now);
            // A refusal comes before anything is written; any other error may come after some writes.
            let midway = |error: &Error| !matches!(error, Error::Refused(_));
            let written = shared.engine.write_or_undo(midway, move |transaction| {
                // The clock is read inside the transaction, so later changes never have earlier times.
                let mut rows = Rows::open(transaction, now())?;
                let output = change(&mut rows)?;
                Ok::<_, Error>((output, rows.freed, rows.announced))
            });
            let (output, freed, announced) = written.await??;
            for arn in &announced {
                shared.queues.wake(arn);
            }
            // Removing a large file takes time: neither the client nor the store waits for it.
            if !freed.is_empty() {
                let blobs = shared.blobs.clone();
                spawn_blocking(move || blobs.remove(&freed));
            }
            Ok(output)
        });
        changed.await.map_err(|_| EngineError::Panicked)?
    }

    /// Returns whether a queue with this ARN exists.
    pub(super) fn has_queue(&self, arn: &str) -> Result<bool, Error> {
        Ok(self.shared.queues.exists(arn)?)
    }

    pub(super) fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(Snapshot {
            transaction: self.shared.engine.read()?,
        })
    }

    /// Returns an object, with a snapshot that holds its rows and a pin that holds its files.
    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<Option<(Object, Snapshot, Pin)>, Error> {
        loop {
            let snapshot = self.snapshot()?;
            let Some(object) = snapshot.object(bucket, key)? else {
                return Ok(None);
            };
            let files: Vec<String> = object.pieces.iter().filter_map(file).collect();
            let unpinned = files.is_empty();
            let pin = self.shared.blobs.pin(files);
            // Files are removed only after the commit that frees them, so an object that still exists after the pin was
            // set has all of its files.
            let still = || Ok::<_, Error>(self.snapshot()?.object(bucket, key)?.map(|now| now.id));
            if unpinned || still()? == Some(object.id) {
                return Ok(Some((object, snapshot, pin)));
            }
        }
    }
}

fn file(piece: &Piece) -> Option<String> {
    match piece {
        Piece::Blob { name, .. } => Some(name.clone()),
        Piece::Row { .. } => None,
    }
}

/// All rows as they were committed at one moment.
pub(super) struct Snapshot {
    transaction: ReadTransaction,
}

impl Snapshot {
    pub(super) fn buckets(&self) -> Result<ReadOnlyTable<Name, Row>, Error> {
        Ok(self.transaction.open_table(BUCKETS)?)
    }

    pub(super) fn bucket(&self, name: &str) -> Result<Bucket, Error> {
        rows::bucket(&self.buckets()?, name)
    }

    pub(super) fn objects(&self) -> Result<ReadOnlyTable<Key, Row>, Error> {
        Ok(self.transaction.open_table(OBJECTS)?)
    }

    /// Returns an object; its bucket must exist.
    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<Option<Object>, Error> {
        let found = rows::object(&self.objects()?, bucket, key)?;
        if found.is_none() {
            self.bucket(bucket)?;
        }
        Ok(found)
    }

    pub(super) fn bodies(&self) -> Result<ReadOnlyTable<u64, Row>, Error> {
        Ok(self.transaction.open_table(BODIES)?)
    }

    pub(super) fn uploads(&self) -> Result<ReadOnlyTable<UploadKey, Row>, Error> {
        Ok(self.transaction.open_table(UPLOADS)?)
    }

    pub(super) fn parts(&self) -> Result<ReadOnlyTable<PartKey, Row>, Error> {
        Ok(self.transaction.open_table(PARTS)?)
    }
}
