//! Writes a table as the clean part's Parquet, the same bytes for the same table.

use platform::clean::{CleanColumn, CleanMeta, METADATA, TIME};
use polars::{
    io::parquet::write::KeyValueMetadata,
    prelude::{
        Column as Values, DataFrame, Float64Chunked, IntoColumn, NamedFrom, NewChunkedArray, ParquetCompression,
        ParquetWriter, Series, StatisticsOptions,
    },
};
use series::{Column, Table};

use crate::error::PreprocessError;

/// Rows of one row group, fixed because it decides bytes.
const ROW_GROUP: usize = 1 << 18;

/// Writes the table: `time` as UTC seconds, then its columns in original units, null where missing.
///
/// # Errors
/// When polars cannot write it.
pub fn parquet(table: &Table) -> Result<Vec<u8>, PreprocessError> {
    let times: Vec<i64> = (0..table.axis.len).map(|row| table.axis.at(row)).collect();
    let time = Series::new(TIME.into(), times).into_column();
    let columns: Vec<Values> = std::iter::once(time).chain(table.columns.iter().map(values)).collect();
    let mut frame = DataFrame::new(table.axis.len, columns).map_err(PreprocessError::Write)?;
    let about = vec![(METADATA.to_owned(), about(table))];
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        // Zstd would halve it (PobleSec: 2.3 to 1.1 MB), but its bytes change with the library's version.
        .with_compression(ParquetCompression::Uncompressed)
        .with_statistics(StatisticsOptions::empty())
        .with_row_group_size(Some(ROW_GROUP))
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(about)))
        .finish(&mut frame)
        .map_err(PreprocessError::Write)?;
    Ok(bytes)
}

fn values(column: &Column) -> Values {
    let present = |value: &f64| (!value.is_nan()).then_some(*value);
    Float64Chunked::from_iter_options(column.name.as_str().into(), column.values.iter().map(present)).into_column()
}

/// What the columns cannot say.
fn about(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| CleanColumn {
        name: column.name.clone(),
        role: column.role,
    });
    let about = CleanMeta {
        axis: table.axis.clone(),
        columns: columns.collect(),
        test_start: table.test_start,
        series: table.series.clone(),
    };
    String::from_utf8_lossy(&contract::canonical(&about)).into_owned()
}
