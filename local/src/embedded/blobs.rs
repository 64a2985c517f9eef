//! Large bodies as files beside the database, referenced from it.
//!
//! A body is written and fsynced under `tmp/`, renamed into `blobs/` and only then named by a row, so a row never names
//! a file that is not whole. A file that no row names is left over from a crash and is removed at the next opening.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{ReadableTable, TableDefinition, TableError, WriteTransaction};
use tokio::io::AsyncWriteExt;

use super::engine::{Engine, EngineError};

/// How many rows name each blob.
const REFERENCES: TableDefinition<&str, u64> = TableDefinition::new("blobs.references");

/// The blob files of one store. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    shared: Arc<Shared>,
}

struct Shared {
    blobs: PathBuf,
    tmp: PathBuf,
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
    pub async fn open(engine: &Engine) -> Result<Self, EngineError> {
        let (blobs, tmp) = (engine.dir().join("blobs"), engine.dir().join("tmp"));
        for dir in [&blobs, &tmp] {
            fs::create_dir_all(dir).map_err(|error| EngineError::file(dir, error))?;
        }
        engine
            .write(|transaction| transaction.open_table(REFERENCES).map(drop))
            .await??;
        let shared = Shared {
            blobs,
            tmp,
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

    /// Begins a new blob.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub async fn create(&self) -> Result<Draft, EngineError> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        // The epoch keeps names apart from those of earlier openings.
        let name = format!("{:08x}{number:08x}", self.shared.epoch);
        let path = self.shared.tmp.join(&name);
        let file = tokio::fs::File::create_new(&path)
            .await
            .map_err(|error| EngineError::file(&path, error))?;
        Ok(Draft {
            file,
            blob: Blob {
                blobs: self.clone(),
                name,
                path,
                kept: false,
            },
        })
    }

    /// Gives the file of a blob.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.shared.blobs.join(shard(name)).join(name)
    }

    /// Keeps blobs readable until the pin is dropped, also when they are removed meanwhile.
    #[must_use]
    pub fn pin(&self, names: Vec<String>) -> Pin {
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

    /// Removes blobs to which [`release`] has found no reference left: after that commit, never before.
    pub fn remove(&self, names: &[String]) {
        for name in names {
            match self.pins().get_mut(name) {
                Some(pins) => pins.doomed = true,
                None => unlink(&self.path(name)),
            }
        }
    }

    fn sweep(&self, engine: &Engine) -> Result<(), EngineError> {
        let references = engine.read()?.open_table(REFERENCES)?;
        for path in files(&self.shared.tmp)? {
            unlink(&path);
        }
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

/// A blob that is being written. Dropped unfinished, it leaves nothing.
pub struct Draft {
    file: tokio::fs::File,
    blob: Blob,
}

impl Draft {
    /// Appends bytes.
    ///
    /// # Errors
    /// When the disk refuses them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.file
            .write_all(bytes)
            .await
            .map_err(|error| EngineError::file(&self.blob.path, error))
    }

    /// Brings the blob to disk under its final name.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub async fn finish(mut self) -> Result<Blob, EngineError> {
        let mut blob = self.blob;
        self.file
            .flush()
            .await
            .map_err(|error| EngineError::file(&blob.path, error))?;
        let file = self.file.into_std().await;
        let placed = tokio::task::spawn_blocking(move || blob.place(&file).map(|()| blob));
        placed
            .await
            .map_err(|error| EngineError::file("blobs", io::Error::other(error)))?
    }
}

/// A blob that is on disk but not yet named by a row. Dropped before [`Blob::keep`], it removes itself.
pub struct Blob {
    blobs: Blobs,
    name: String,
    path: PathBuf,
    kept: bool,
}

impl Blob {
    /// Counts the first reference inside the transaction that writes the row, and gives the name to write there.
    ///
    /// # Errors
    /// When the database refuses it.
    pub fn keep(mut self, transaction: &WriteTransaction) -> Result<String, TableError> {
        transaction.open_table(REFERENCES)?.insert(self.name.as_str(), 1)?;
        self.kept = true;
        Ok(self.name.clone())
    }

    fn place(&mut self, file: &fs::File) -> Result<(), EngineError> {
        file.sync_all().map_err(|error| EngineError::file(&self.path, error))?;
        let path = self.blobs.path(&self.name);
        let shard = self.blobs.shared.blobs.join(shard(&self.name));
        let moved = make_shard(&shard)
            .and_then(|()| fs::rename(&self.path, &path))
            .and_then(|()| fs::File::open(&shard)?.sync_all());
        moved.map_err(|error| EngineError::file(&path, error))?;
        self.path = path;
        Ok(())
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
pub struct Pin {
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
/// When the database refuses it.
pub fn retain(transaction: &WriteTransaction, name: &str) -> Result<(), TableError> {
    let mut references = transaction.open_table(REFERENCES)?;
    let count = references.get(name)?.map_or(0, |count| count.value());
    references.insert(name, count + 1)?;
    Ok(())
}

/// Counts one reference less and says whether it was the last, so that the blob is to be removed after the commit.
///
/// # Errors
/// When the database refuses it.
pub fn release(transaction: &WriteTransaction, name: &str) -> Result<bool, TableError> {
    let mut references = transaction.open_table(REFERENCES)?;
    let count = references.get(name)?.map_or(0, |count| count.value());
    if count > 1 {
        references.insert(name, count - 1)?;
    } else {
        references.remove(name)?;
    }
    Ok(count <= 1)
}

/// The last two digits change with every blob, so they spread the files evenly.
fn shard(name: &str) -> &str {
    name.get(name.len().saturating_sub(2)..).unwrap_or(name)
}

fn make_shard(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Ok(()) => fs::File::open(dir.parent().unwrap_or(dir))?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let entries = fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    entries.map_err(|error| EngineError::file(dir, error))
}

/// A file that stays costs space until the next opening and harms nobody.
fn unlink(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove a blob");
    }
}
