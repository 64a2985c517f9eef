//! Large bodies as files beside the database, referenced from it.
//!
//! A body is written to its place in `blobs/` by a thread of its own and synced to disk, with its directory, before a
//! row names it, so a row never names an incomplete file. A file that no row names is left over from a crash and is
//! removed when the store is opened again.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use redb::{ReadableTable, TableDefinition, TableError, WriteTransaction};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::engine::{Engine, EngineError};
use crate::private;

/// How many chunks may wait for the disk.
const AHEAD: usize = 16;

/// How many rows name each blob.
const REFERENCES: TableDefinition<&str, u64> = TableDefinition::new("blobs.references");

/// The blob files of one store. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blobs {
    shared: Arc<Shared>,
}

struct Shared {
    blobs: PathBuf,
    epoch: u64,
    next: AtomicU64,
    pins: Mutex<HashMap<String, Pins>>,
}

#[derive(Default)]
struct Pins {
    readers: usize,
    doomed: bool,
}

impl Blobs {
    /// Opens the blobs of a store and removes what a crash left over.
    ///
    /// # Errors
    /// When the directories cannot be made or read.
    pub(crate) async fn open(engine: &Engine) -> Result<Self, EngineError> {
        let blobs = engine.dir().join("blobs");
        private::folder(&blobs).map_err(|error| EngineError::file(&blobs, error))?;
        engine
            .write(|transaction| transaction.open_table(REFERENCES).map(drop))
            .await??;
        let shared = Shared {
            blobs,
            epoch: engine.epoch(),
            next: AtomicU64::new(0),
            pins: Mutex::default(),
        };
        let opened = Self {
            shared: Arc::new(shared),
        };
        opened.sweep(engine)?;
        Ok(opened)
    }

    /// Begins a new blob. When its file cannot be created, [`BlobDraft::finish`] returns the error.
    pub(crate) fn create(&self) -> BlobDraft {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        // The epoch keeps names apart from those of earlier openings.
        let name = format!("{:08x}{number:08x}", self.shared.epoch);
        let blob = Blob {
            path: self.path(&name),
            name,
            kept: false,
        };
        let (chunks, received) = mpsc::channel(AHEAD);
        let written = spawn_blocking(move || blob.receive(received));
        BlobDraft { chunks, written }
    }

    /// Returns the path of a blob's file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.shared.blobs.join(shard(name)).join(name)
    }

    /// Keeps blobs readable until the pin is dropped, also when they are removed meanwhile.
    pub(crate) fn pin(&self, names: Vec<String>) -> Pin {
        let mut pins = self.pins();
        for name in &names {
            pins.entry(name.clone()).or_default().readers += 1;
        }
        drop(pins);
        Pin {
            blobs: self.clone(),
            names,
        }
    }

    /// Removes blobs to which [`release`] left no reference. Call it after that commit, never before.
    pub(crate) fn remove(&self, names: &[String]) {
        for name in names {
            match self.pins().get_mut(name) {
                Some(pins) => pins.doomed = true,
                None => unlink(&self.path(name)),
            }
        }
    }

    fn sweep(&self, engine: &Engine) -> Result<(), EngineError> {
        let references = engine.read()?.open_table(REFERENCES)?;
        for shard in files(&self.shared.blobs)? {
            for path in files(&shard)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if references.get(name)?.is_none() {
                    unlink(&path);
                }
            }
        }
        Ok(())
    }

    fn pins(&self) -> MutexGuard<'_, HashMap<String, Pins>> {
        self.shared.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A blob that is being written. If it is dropped before it is finished, nothing of it stays.
pub(crate) struct BlobDraft {
    chunks: Sender<Chunk>,
    written: JoinHandle<Result<Option<Blob>, EngineError>>,
}

enum Chunk {
    Bytes(Bytes),
    /// The body is complete.
    End,
}

impl BlobDraft {
    /// Appends bytes while the caller goes on. When the disk refuses them, [`BlobDraft::finish`] returns the error.
    pub(crate) async fn write(&mut self, bytes: Bytes) {
        // After an error the receiver is gone; `finish` returns that error.
        drop(self.chunks.send(Chunk::Bytes(bytes)).await);
    }

    /// Removes what was written of a body that broke off.
    pub(crate) async fn give_up(self) {
        drop(self.chunks);
        // What cannot be removed now is removed at the next opening.
        drop(self.written.await);
    }

    /// Waits until the blob is on disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn finish(self) -> Result<Blob, EngineError> {
        drop(self.chunks.send(Chunk::End).await);
        let written = self.written.await.map_err(io::Error::other);
        let written = written.map_err(|error| EngineError::file("blobs", error))?;
        written?.ok_or_else(|| EngineError::file("blobs", io::ErrorKind::Interrupted.into()))
    }
}

/// A blob that is on disk and that no row names yet. If it is dropped before [`Blob::keep`], its file is removed.
pub(crate) struct Blob {
    name: String,
    path: PathBuf,
    kept: bool,
}

impl Blob {
    /// Counts the first reference inside the transaction that writes the row, and returns the name to write there.
    ///
    /// # Errors
    /// When the row cannot be read or written.
    pub(crate) fn keep(mut self, transaction: &WriteTransaction) -> Result<String, TableError> {
        transaction.open_table(REFERENCES)?.insert(self.name.as_str(), 1)?;
        self.kept = true;
        Ok(self.name.clone())
    }

    /// Writes the chunks to disk. Returns `None` where the body breaks off.
    fn receive(self, mut chunks: Receiver<Chunk>) -> Result<Option<Self>, EngineError> {
        let whole = self.write(&mut chunks);
        let whole = whole.map_err(|error| EngineError::file(&self.path, error))?;
        Ok(whole.then_some(self))
    }

    fn write(&self, chunks: &mut Receiver<Chunk>) -> io::Result<bool> {
        let shard = self.path.parent().unwrap_or(&self.path);
        make_shard(shard)?;
        let mut file = private::open().write(true).create_new(true).open(&self.path)?;
        while let Some(chunk) = chunks.blocking_recv() {
            match chunk {
                Chunk::Bytes(bytes) => file.write_all(&bytes)?,
                Chunk::End => {
                    file.sync_all()?;
                    // The directory last: most file systems have then written the name together with the bytes.
                    fs::File::open(shard)?.sync_all()?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

impl Drop for Blob {
    fn drop(&mut self) {
        if !self.kept {
            unlink(&self.path);
        }
    }
}

/// Keeps blobs readable while it lives.
pub(crate) struct Pin {
    blobs: Blobs,
    names: Vec<String>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.blobs.pins();
        for name in &self.names {
            let Some(pin) = pins.get_mut(name) else { continue };
            pin.readers -= 1;
            if pin.readers == 0 {
                let doomed = pin.doomed;
                pins.remove(name);
                if doomed {
                    unlink(&self.blobs.path(name));
                }
            }
        }
    }
}

/// Counts one more reference to a blob.
///
/// # Errors
/// When the row cannot be read or written.
pub(crate) fn retain(transaction: &WriteTransaction, name: &str) -> Result<(), TableError> {
    let mut references = transaction.open_table(REFERENCES)?;
    let count = references.get(name)?.map_or(0, |count| count.value());
    references.insert(name, count + 1)?;
    Ok(())
}

/// Counts one reference less. Returns whether it was the last, in which case the blob is removed after the commit.
///
/// # Errors
/// When the row cannot be read or written.
pub(crate) fn release(transaction: &WriteTransaction, name: &str) -> Result<bool, TableError> {
    let mut references = transaction.open_table(REFERENCES)?;
    let count = references.get(name)?.map_or(0, |count| count.value());
    if count > 1 {
        references.insert(name, count - 1)?;
    } else {
        references.remove(name)?;
    }
    Ok(count <= 1)
}

/// Returns the directory of a blob. The last two digits of a name change with every blob, so they spread the files
/// evenly.
fn shard(name: &str) -> &str {
    name.get(name.len().saturating_sub(2)..).unwrap_or(name)
}

fn make_shard(dir: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => fs::File::open(dir.parent().unwrap_or(dir))?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let entries = fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.map_err(|error| EngineError::file(dir, error))
}

/// Removes a file. One that stays costs space until the store is opened again and does no harm.
fn unlink(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a blob");
    }
}
