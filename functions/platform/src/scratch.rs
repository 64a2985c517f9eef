//! Files that live as long as one invocation.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A unique file name in the scratch directory. The file is deleted when this value is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Scratch {
    /// Returns a name that no other process or call returns. Creates nothing.
    #[must_use]
    pub fn new(directory: &Path, purpose: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(directory.join(format!("flits-{purpose}-{}-{number}", std::process::id())))
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The file may never have been created.
        let _ = std::fs::remove_file(&self.0);
    }
}
