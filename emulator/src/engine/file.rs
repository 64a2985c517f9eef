//! The database file: how it is created and opened.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, ReadableTable, TableDefinition};

use super::EngineError;
use crate::{private, quiet};

/// Enough for the upper levels of the trees; the page cache of the system does the rest.
const CACHE_BYTES: usize = 4 << 20;

/// The name of the database in its directory.
pub(crate) const NAME: &str = "store.redb";

const META: TableDefinition<&str, u64> = TableDefinition::new("engine.meta");

/// Makes an empty database under another name and then renames it: a database that a kill left half-made would never
/// open.
pub(super) fn make(dir: &Path, path: &Path) -> Result<(), EngineError> {
    let draft = dir.join("store.draft");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(EngineError::file(&draft, error)),
        Ok(()) | Err(_) => {}
    }
    // Made here, because the database would make one that all can read.
    let file = private::open().read(true).write(true).create_new(true).open(&draft);
    let file = file.map_err(|error| EngineError::file(&draft, error))?;
    drop(file);
    drop(Database::builder().create(&draft)?);
    let moved = fs::rename(&draft, path).and_then(|()| fs::File::open(dir)?.sync_all());
    moved.map_err(|error| EngineError::file(path, error))
}

/// Opens a database and returns it with its epoch. A damaged file may make `redb` panic instead of returning an error;
/// either way the file is the cause.
pub(super) fn open(path: &Path) -> Result<(Arc<Database>, u64), EngineError> {
    let opened = quiet::catch(|| {
        let database = Database::builder().set_cache_size(CACHE_BYTES).open(path)?;
        let epoch = next_epoch(&database)?;
        Ok((Arc::new(database), epoch))
    });
    opened.unwrap_or(Err(EngineError::Unreadable))
}

/// Counts how often the database was opened, so that names made now differ from all earlier ones.
fn next_epoch(database: &Database) -> Result<u64, EngineError> {
    let transaction = database.begin_write()?;
    let epoch = {
        let mut meta = transaction.open_table(META)?;
        let epoch = meta.get("epoch")?.map_or(0, |last| last.value()) + 1;
        meta.insert("epoch", epoch)?;
        epoch
    };
    transaction.commit()?;
    Ok(epoch)
}
