//! Who serves a directory: one process at a time holds `{dir}/lock`, all others are its clients.
//!
//! The operating system drops the lock with the process, also after `kill -9`, so no time-out is needed to take over.
//! A new holder takes the address of the one before it away before it serves anything, so no client waits at a door
//! that nobody will open.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use emulator::private;
use serde::{Deserialize, Serialize};

/// Lies beside the lock.
const ADDRESS: &str = "address.json";

/// What a directory of ours holds, made private where an older version left it open. Whatever else lies there is not ours.
const OURS: [&str; 6] = ["lock", "store.redb", "store.draft", "blobs", "logs", "scratch"];

/// Where the holder serves, and with which credentials. Readable by the owner alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The holder's process id, for people.
    pub pid: u32,
    /// How often the directory was served; leases of another epoch belong to a process that is gone.
    pub epoch: u64,
    /// The S3 endpoint.
    pub s3: String,
    /// The SQS endpoint.
    pub sqs: String,
    /// The access key id of both.
    pub access_key: String,
    /// The secret key of both.
    pub secret_key: String,
    /// The region of both.
    pub region: String,
    /// The bucket.
    pub bucket: String,
}

/// A directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A file operation failed.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file of ours holds something else.
    #[error("{} is not a file of flits; remove it if nobody serves this directory", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
}

/// The right to serve a directory, until dropped.
#[derive(Debug)]
pub struct Lock {
    dir: PathBuf,
    /// The lock itself; the system drops it with the process.
    _file: File,
}

impl Lock {
    /// Takes the lock unless another process holds it.
    ///
    /// # Errors
    /// When the directory cannot be created or written.
    pub fn try_take(dir: &Path) -> Result<Option<Self>, LockError> {
        private::folder(dir).map_err(failed("create", dir))?;
        let path = dir.join("lock");
        let file = private::open()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
        }
        for ours in OURS {
            let path = dir.join(ours);
            private::keep(&path).map_err(failed("protect", &path))?;
        }
        let stale = dir.join(ADDRESS);
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &stale)(error)),
            Ok(()) | Err(_) => Ok(Some(Self {
                dir: dir.to_owned(),
                _file: file,
            })),
        }
    }

    /// Tells clients where to find the servers.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// Never: an address is plain JSON.
    pub fn publish(&self, address: &Address) -> Result<(), LockError> {
        let bytes = serde_json::to_vec_pretty(address).expect("an address is plain JSON");
        replace(&self.dir.join(ADDRESS), &bytes)
    }
}

/// Reads where the holder of a directory serves; nothing if no holder has published yet.
///
/// # Errors
/// When the file exists and cannot be read or is not ours.
pub fn address(dir: &Path) -> Result<Option<Address>, LockError> {
    let path = dir.join(ADDRESS);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| LockError::Foreign { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", &path)(source)),
    }
}

/// Replaces a file so that a crash leaves the old or the new bytes, never half of them.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), LockError> {
    let draft = path.with_extension("draft");
    let write = || -> io::Result<()> {
        let mut file = private::open().create(true).truncate(true).write(true).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(failed("write", path))
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> LockError {
    move |source| LockError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new/.flits");
        let first = Lock::try_take(&dir).unwrap().expect("nobody holds it");
        assert!(Lock::try_take(&dir).unwrap().is_none(), "held");
        drop(first);
        assert!(Lock::try_take(&dir).unwrap().is_some(), "free again");
    }

    // A folder that was made by hand was left open to all.
    #[test]
    fn a_directory_that_existed_is_closed_to_others_with_what_is_ours_in_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (blobs, other) = (dir.path().join("blobs"), dir.path().join("notes.txt"));
        fs::create_dir(&blobs).unwrap();
        for path in [&dir.path().join("store.redb"), &blobs.join("one"), &other] {
            fs::write(path, "x").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        for path in [dir.path(), &blobs] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let _lock = Lock::try_take(dir.path()).unwrap().unwrap();
        for (path, expected) in [
            (".", 0o700),
            ("lock", 0o600),
            ("store.redb", 0o600),
            ("blobs", 0o700),
            ("blobs/one", 0o600),
            ("notes.txt", 0o644),
        ] {
            let mode = fs::metadata(dir.path().join(path)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, expected, "{path}");
        }
    }

    #[test]
    fn the_address_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(address(dir.path()).unwrap(), None);
        let lock = Lock::try_take(dir.path()).unwrap().unwrap();
        let published = Address {
            pid: 1,
            epoch: 3,
            s3: "http://127.0.0.1:1".into(),
            sqs: "http://127.0.0.1:2".into(),
            access_key: "key".into(),
            secret_key: "secret".into(),
            region: "us-east-1".into(),
            bucket: "flits".into(),
        };
        lock.publish(&published).unwrap();
        assert_eq!(address(dir.path()).unwrap(), Some(published));
        let mode = fs::metadata(dir.path().join("address.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(lock);
        let _next = Lock::try_take(dir.path()).unwrap().unwrap();
        assert_eq!(
            address(dir.path()).unwrap(),
            None,
            "a dead holder's address is gone before the next one serves"
        );
    }
}
