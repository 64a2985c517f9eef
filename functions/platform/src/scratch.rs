//! Files for the time of one invocation.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A file name of its own in the scratch directory; the file is removed when this is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Scratch {
    /// Names a file that nobody else in any process names. Creates nothing.
    #[must_use]
    pub fn new(directory: &Path, purpose: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(directory.join(format!("flits-{purpose}-{}-{number}", std::process::id())))
    }

    /// Gives the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_file(&self.0);
    }
}
