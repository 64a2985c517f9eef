//! The index of a data frame, which pandas names in the metadata of the files that it writes.
//!
//! # Source
//! pandas, "Storing pandas `DataFrame` objects in Apache Parquet format", key `pandas`, field `index_columns`.

use parquet::file::metadata::FileMetaData;
use serde::Deserialize;

use crate::{
    raw::{Cells, RawColumn},
    time::looks_like_time,
};

#[derive(Deserialize)]
struct Pandas {
    /// Names of columns, or descriptions of an index that is not stored.
    index_columns: Vec<serde_json::Value>,
}

/// The name under which pandas stores an index without a name.
const UNNAMED: &str = "__index_level_";

/// Returns the columns that are the index of a data frame.
pub(super) fn named(meta: &FileMetaData) -> Vec<String> {
    let entries = meta.key_value_metadata().into_iter().flatten();
    let mut pandas = entries
        .filter(|entry| entry.key == "pandas")
        .filter_map(|entry| entry.value.as_deref());
    let index = pandas.next().and_then(|text| serde_json::from_str::<Pandas>(text).ok());
    let columns = index.into_iter().flat_map(|pandas| pandas.index_columns);
    columns.filter_map(|column| Some(column.as_str()?.to_owned())).collect()
}

/// Puts index columns that hold times before all others, where a time is looked for first, and drops those that only
/// count the rows. Returns sentences about what was dropped.
pub(super) fn put_first(columns: &mut Vec<RawColumn>, index: &[String]) -> Vec<String> {
    let mut dropped = Vec::new();
    for name in index.iter().rev() {
        let Some(at) = columns.iter().position(|column| column.name == *name) else {
            continue;
        };
        let mut column = columns.remove(at);
        if column.name.starts_with(UNNAMED) {
            "index".clone_into(&mut column.name);
        }
        let times = match &column.cells {
            Cells::Stamps(_) => true,
            Cells::Text(_) => column
                .cells
                .first_row()
                .is_some_and(|row| looks_like_time(&column.cells.text(row))),
            Cells::Numbers(_) | Cells::Other { .. } => false,
        };
        if times && columns.iter().all(|other| other.name != column.name) {
            columns.insert(0, column);
        } else {
            dropped.push(format!(
                "the index `{name}` of the data frame holds no times and is left out"
            ));
        }
    }
    dropped
}
