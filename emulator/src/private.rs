//! Files and folders that their owner alone can read: a store holds uploads, keys and forecasts.

use std::{
    fs::{self, DirBuilder, Metadata, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// The mode of a private file.
const FILE: u32 = 0o600;
/// The mode of a private folder.
const FOLDER: u32 = 0o700;
/// What the owner's group and everybody may do.
const OTHERS: u32 = 0o077;
/// Set on folders that many share, such as `/tmp`.
const STICKY: u32 = 0o1000;

/// Makes a folder that is private, also where it is there already. One that many share, or that belongs to somebody else,
/// stays as it is, with a warning.
///
/// # Errors
/// When the folder cannot be made or looked at.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)?;
    tighten(path, &fs::metadata(path)?, FOLDER)
}

/// Begins to open a file that will be private if it is made.
#[must_use]
pub fn open() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(FILE);
    options
}

/// Makes a file, and everything below a folder, private. What is not there is no error, and links are not followed.
///
/// # Errors
/// When something cannot be looked at.
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
        // Removed meanwhile.
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
