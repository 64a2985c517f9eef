//! Files and directories that only their owner can read, because a store holds data and keys.

use std::{
    fs::{self, DirBuilder, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// The mode of a private file.
const FILE: u32 = 0o600;
/// The mode of a private directory.
const FOLDER: u32 = 0o700;
/// The permissions of the owner's group and of everybody else.
const OTHERS: u32 = 0o077;
/// The bit that is set on directories that many share, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Creates a private directory, with its parents, or makes an existing one private. A directory that many share, such
/// as `/tmp`, or that belongs to another user is left as it is, with a warning in the log.
///
/// # Errors
/// When the directory cannot be created or read.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
    tighten(path, &fs::metadata(path)?, FOLDER)
}

/// Returns options to open a file that is private if the call creates it.
#[must_use]
pub fn open() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE);
    options
}

/// Makes a file, or a directory with everything below it, private. A missing path is no error, and links are not
/// followed.
///
/// # Errors
/// When metadata or a directory cannot be read, or permissions cannot be changed.
pub fn keep(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_file() {
        return tighten(path, &found, FILE);
    }
    if found.is_dir() {
        tighten(path, &found, FOLDER)?;
        for entry in fs::read_dir(path)? {
            keep(&entry?.path())?;
        }
    }
    Ok(())
}

fn tighten(path: &Path, found: &Metadata, mode: u32) -> io::Result<()> {
    if found.mode() & OTHERS == 0 {
        return Ok(());
    }
    let shared = found.mode() & STICKY != 0 || found.uid() != rustix::process::geteuid().as_raw();
    if shared {
        tracing::warn!(path = %path.display(), "others can read this, and it is not ours to change");
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode)) {
        // It was removed in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        set => set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_folder_that_was_there_is_closed_with_everything_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let (outer, inner) = (dir.path().join("outer"), dir.path().join("outer/inner"));
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("file"), "x").unwrap();
        for (path, wide) in [(&outer, 0o755), (&inner, 0o775), (&inner.join("file"), 0o644)] {
            fs::set_permissions(path, Permissions::from_mode(wide)).unwrap();
        }
        folder(&outer).unwrap();
        keep(&inner).unwrap();
        assert_eq!(
            [mode(&outer), mode(&inner), mode(&inner.join("file"))],
            [FOLDER, FOLDER, FILE]
        );
        keep(&outer.join("missing")).unwrap();
    }

    #[test]
    fn a_folder_that_many_share_stays_open_to_them() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
        folder(dir.path()).unwrap();
        assert_eq!(mode(dir.path()), 0o1777);
    }
}
