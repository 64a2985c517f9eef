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

/// Puts index columns that hold times before all others, where a time is looked for first, and drops an index that only
/// counts the rows. A level beside others is a column like any other: it may tell several series apart. Returns sentences
/// about what was dropped.
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
        } else if index.len() > 1 {
            columns.push(column);
        } else {
            dropped.push(format!(
                "the index `{name}` of the data frame holds no times and is left out"
            ));
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::Stamps;

    fn column(name: &str, cells: Cells) -> RawColumn {
        RawColumn {
            name: name.to_owned(),
            cells,
        }
    }

    fn columns() -> Vec<RawColumn> {
        let times = Cells::Stamps(Stamps {
            seconds: vec![Some(0), Some(60)],
            naive: true,
            dates: false,
            finer: 0,
        });
        vec![
            column("load", Cells::Numbers(vec![1.5, 2.5])),
            column("store", Cells::Numbers(vec![7.0, 8.0])),
            column("ts", times),
        ]
    }

    #[test]
    fn an_index_is_the_time_or_nothing_and_a_level_beside_it_stays() {
        for (index, order, notices) in [
            (&["ts"][..], &["ts", "load", "store"][..], 0),
            (&["store"], &["load", "ts"], 1),
            (&["store", "ts"], &["ts", "load", "store"], 0),
        ] {
            let mut columns = columns();
            let index: Vec<String> = index.iter().map(|name| (*name).to_owned()).collect();
            let dropped = put_first(&mut columns, &index);
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!((&names[..], dropped.len()), (order, notices), "{index:?}");
        }
    }
}
