//! Which process serves a directory: one at a time holds `{dir}/lock`, all others are its clients.
//!
//! The operating system releases the lock when the process ends, also after `kill -9`, so the next process takes over
//! without a timeout. It first removes the address of the previous one, so no client waits for a server that is gone.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use emulator::private;
use serde::{Deserialize, Serialize};

/// The file beside the lock that says where the servers are.
const ADDRESS: &str = "address.json";

/// The files of a served directory. They are made private where an older version left them open to others; other files
/// in the directory are not touched.
const OURS: [&str; 6] = ["lock", "store.redb", "store.draft", "blobs", "logs", "scratch"];

/// Where the holder of the lock serves, and with which credentials. The file is readable by its owner only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The holder's process id, shown in messages.
    pub pid: u32,
    /// How often the directory was opened. Leases of another epoch belong to a process that is gone.
    pub epoch: u64,
    /// The S3 endpoint.
    pub s3: String,
    /// The SQS endpoint.
    pub sqs: String,
    /// The URL of the gateway; `None` where it is not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// The access key id of both servers.
    pub access_key: String,
    /// The secret of that key.
    pub secret_key: String,
    /// The region of both servers.
    pub region: String,
    /// The bucket that holds everything.
    pub bucket: String,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    /// A file operation failed.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// The operation that failed.
        what: &'static str,
        /// Its file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `address.json` was not written by this program.
    #[error("{} is not a file of flits; remove it if nobody serves this directory", path.display())]
    Foreign {
        /// The path of the file.
        path: PathBuf,
    },
}

/// The right to serve a directory. It is released when this value is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    dir: PathBuf,
    /// The locked file; the system releases it with the process.
    _file: File,
}

impl Lock {
    /// Takes the lock, or returns `None` when another process holds it.
    ///
    /// # Errors
    /// When the directory cannot be created or written.
    pub(super) fn try_take(dir: &Path) -> Result<Option<Self>, LockError> {
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

    /// Writes where clients find the servers.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// Never: an address is plain JSON.
    pub(super) fn publish(&self, address: &Address) -> Result<(), LockError> {
        let bytes = serde_json::to_vec_pretty(address).expect("an address is plain JSON");
        replace(&self.dir.join(ADDRESS), &bytes)
    }
}

/// Reads where the holder of a directory serves. Returns `None` when no holder has published its address yet.
///
/// # Errors
/// When the file exists and cannot be read, or was not written by this program.
pub(super) fn address(dir: &Path) -> Result<Option<Address>, LockError> {
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

    // A directory that was made by hand stayed open to all.
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
            http: None,
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
