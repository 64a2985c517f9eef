//! Reads clean parts.
//!
//! Later stages need whole columns, so the plain column reader is enough: no data frames, and no second copy of the
//! values in another layout.

use bytes::Bytes;
use parquet::{
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{DataType, DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::ParquetMetaData,
        reader::{FileReader, SerializedFileReader},
    },
};
use series::{Column, Table, TableError, TimeAxis};

use crate::format::{FooterEntry, MAX_VALUES, METADATA, TIME};

/// Why bytes are not a clean part.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The bytes are not Parquet, or are damaged.
    #[error("not a readable Parquet file")]
    Parquet(#[from] ParquetError),
    /// The footer has no description of the columns.
    #[error("the Parquet footer has no entry `{METADATA}`")]
    NoMetadata,
    /// The description of the columns cannot be parsed.
    #[error("the footer's entry `{METADATA}` is not ours")]
    Metadata(#[source] serde_json::Error),
    /// The footer announces more values than are read.
    #[error("the footer announces {have} values, at most {MAX_VALUES} are read")]
    TooLarge {
        /// The number of values: rows times columns, or as many as the bytes of the column chunks could hold.
        have: u64,
    },
    /// A column of the description is missing in the file, or has another type.
    #[error("column `{column}` is not there as {need}")]
    Column {
        /// The column's name.
        column: String,
        /// The type that it must have.
        need: &'static str,
    },
    /// A column has another number of rows than the grid.
    #[error("column `{column}` has {have} rows, the grid has {need}")]
    Rows {
        /// The column's name.
        column: String,
        /// The number of its rows, as far as they were counted.
        have: usize,
        /// The number of rows in the grid.
        need: usize,
    },
    /// A row is off the grid.
    #[error("row {row} has time {have}, the grid has {need}")]
    OffGrid {
        /// The row, from 0.
        row: usize,
        /// The time of the row, UTC seconds.
        have: i64,
        /// The time of the grid at this row, UTC seconds.
        need: i64,
    },
    /// The columns do not make a table, for example because two have one name.
    #[error("the columns do not make a table")]
    Table(#[from] TableError),
}

/// Reads a clean part. Missing values become NaN.
///
/// # Errors
/// When the bytes are not a clean part, or their rows are not those of the grid.
pub fn read(bytes: Bytes) -> Result<Table, PartError> {
    let file = SerializedFileReader::new(bytes)?;
    let FooterEntry {
        axis,
        columns,
        test_start,
        series,
    } = meta(file.metadata())?;
    check_size(file.metadata(), &axis, columns.len())?;
    check_times(&file, &axis)?;
    let columns = columns.into_iter().map(|column| {
        let values = numbers(&file, &column.name, axis.len)?;
        Ok(Column {
            name: column.name,
            role: column.role,
            values,
        })
    });
    let columns = columns.collect::<Result<_, PartError>>()?;
    Ok(Table::new(series, axis, columns, test_start)?)
}

fn meta(file: &ParquetMetaData) -> Result<FooterEntry, PartError> {
    let entries = file.file_metadata().key_value_metadata();
    let entry = entries.and_then(|entries| entries.iter().find(|entry| entry.key == METADATA));
    let text = entry
        .and_then(|entry| entry.value.as_deref())
        .ok_or(PartError::NoMetadata)?;
    serde_json::from_str(text).map_err(PartError::Metadata)
}

/// Compares the announced sizes with the bound, before anything is allocated for them.
fn check_size(file: &ParquetMetaData, axis: &TimeAxis, columns: usize) -> Result<(), PartError> {
    let announced = (axis.len as u64).saturating_mul(columns as u64 + 1);
    let chunks = file
        .row_groups()
        .iter()
        .flat_map(parquet::file::metadata::RowGroupMetaData::columns);
    let bytes = chunks.fold(0_u64, |sum, chunk| {
        sum.saturating_add_signed(chunk.uncompressed_size().max(0))
    });
    let have = announced.max(bytes / 8);
    if have > MAX_VALUES {
        return Err(PartError::TooLarge { have });
    }
    Ok(())
}

fn check_times(file: &SerializedFileReader<Bytes>, axis: &TimeAxis) -> Result<(), PartError> {
    let times = column::<Int64Type>(file, TIME, axis.len, "64-bit integers", None, |reader| match reader {
        ColumnReader::Int64ColumnReader(reader) => Some(reader),
        _ => None,
    })?;
    let off = |(row, have): (usize, &i64)| (*have != axis.at(row)).then_some((row, *have));
    match times.iter().enumerate().find_map(off) {
        Some((row, have)) => Err(PartError::OffGrid {
            row,
            have,
            need: axis.at(row),
        }),
        None => Ok(()),
    }
}

fn numbers(file: &SerializedFileReader<Bytes>, name: &str, rows: usize) -> Result<Vec<f64>, PartError> {
    column::<DoubleType>(
        file,
        name,
        rows,
        "64-bit floats",
        Some(f64::NAN),
        |reader| match reader {
            ColumnReader::DoubleColumnReader(reader) => Some(reader),
            _ => None,
        },
    )
}

/// Reads a column over all row groups, with `missing` for null. `typed` returns the reader of the right type.
fn column<T: DataType<T: Copy>>(
    file: &SerializedFileReader<Bytes>,
    name: &str,
    rows: usize,
    need: &'static str,
    missing: Option<T::T>,
    typed: impl Fn(ColumnReader) -> Option<ColumnReaderImpl<T>>,
) -> Result<Vec<T::T>, PartError> {
    let wrong = || PartError::Column {
        column: name.to_owned(),
        need,
    };
    let schema = file.metadata().file_metadata().schema_descr();
    // Compares the whole path, so that a nested column with the same last name does not match.
    let index = schema
        .columns()
        .iter()
        .position(|c| c.path().parts() == [name])
        .ok_or_else(wrong)?;
    let optional = schema.column(index).max_def_level() > 0;
    if schema.column(index).max_rep_level() != 0 || (optional && missing.is_none()) {
        return Err(wrong());
    }
    let wrong_rows = |have| PartError::Rows {
        column: name.to_owned(),
        have,
        need: rows,
    };
    let mut all = Vec::with_capacity(rows);
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group)?;
        let in_group = usize::try_from(group.metadata().num_rows()).unwrap_or(usize::MAX);
        if in_group > rows - all.len() {
            return Err(wrong_rows(all.len().saturating_add(in_group)));
        }
        let mut reader = typed(group.get_column_reader(index)?).ok_or_else(wrong)?;
        match missing.filter(|_| optional) {
            None => {
                reader.read_records(in_group, None, None, &mut all)?;
            }
            Some(missing) => {
                let (mut values, mut levels) = (Vec::new(), Vec::new());
                reader.read_records(in_group, Some(&mut levels), None, &mut values)?;
                let mut values = values.into_iter();
                all.extend(levels.iter().map(|&level| {
                    let value = if level == 0 { None } else { values.next() };
                    value.unwrap_or(missing)
                }));
            }
        }
    }
    if all.len() == rows {
        Ok(all)
    } else {
        Err(wrong_rows(all.len()))
    }
}

#[cfg(test)]
mod tests {
    use series::{Frequency, Role};

    use super::*;
    use crate::write::in_groups;

    fn table() -> Table {
        let column = |name: &str, role, values: &[f64]| Column {
            name: name.to_owned(),
            role,
            values: values.to_vec(),
        };
        let axis = TimeAxis {
            start: 1_500_000_000,
            frequency: Frequency::Seconds(120),
            len: 5,
        };
        let columns = vec![
            column("down", Role::Target, &[1.0, f64::NAN, 3.0, 4.5, -0.1]),
            column("up", Role::Past, &[f64::NAN; 5]),
            column("min_of_day_sin", Role::Calendar, &[0.0, 0.1, 0.2, 0.3, 0.4]),
        ];
        Table::new(String::new(), axis, columns, Some(3)).unwrap()
    }

    #[test]
    fn a_clean_part_is_read_as_it_was_written_whatever_its_row_groups() {
        for group in [1, 2, 5] {
            let read = read(in_groups(&table(), group).unwrap().0.into()).unwrap();
            // NaN is not equal to itself, but its debug form is.
            assert_eq!(format!("{read:?}"), format!("{:?}", table()), "groups of {group}");
        }
    }

    #[test]
    fn a_footer_that_announces_too_much_is_refused_before_anything_is_read() {
        let mut large = table();
        large.axis.len = 1 << 40;
        let bytes = in_groups(&table(), 5).unwrap().0;
        let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        assert!(check_size(file.metadata(), &table().axis, 3).is_ok());
        let refused = check_size(file.metadata(), &large.axis, 3);
        assert!(matches!(refused, Err(PartError::TooLarge { have }) if have == 4 << 40));
    }

    #[test]
    fn bytes_that_are_no_clean_part_are_refused() {
        assert!(matches!(
            read(Bytes::from_static(b"time,down\n")),
            Err(PartError::Parquet(_))
        ));
        let good = in_groups(&table(), 5).unwrap().0;
        assert!(matches!(
            read(Bytes::copy_from_slice(&good[..good.len() - 9])),
            Err(PartError::Parquet(_))
        ));
    }
}
