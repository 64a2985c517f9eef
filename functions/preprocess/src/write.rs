//! Writes a table as the clean part's Parquet, the same bytes for the same table.

use std::sync::Arc;

use parquet::{
    basic::{Encoding, Repetition, Type as Physical},
    data_type::{DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{ColumnPath, Type},
};
use platform::clean::{CleanColumn, CleanMeta, METADATA, TIME};
use series::{Column, Role, Table};

use crate::error::PreprocessError;

/// Rows of one row group, fixed because it decides bytes.
const ROW_GROUP: usize = 1 << 18;

/// Writes the table: `time` as UTC seconds, then its columns in original units, null where missing.
///
/// Nothing is compressed by a codec, whose bytes would change with its library. Times are written as differences and
/// calendar columns, which repeat, by a dictionary; both are the format's own encodings.
///
/// # Errors
/// When a column cannot be written.
pub fn parquet(table: &Table) -> Result<Vec<u8>, PreprocessError> {
    write(table).map_err(PreprocessError::Write)
}

fn write(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let mut bytes = Vec::with_capacity(table.rows() * table.columns.len() * size_of::<f64>() + (64 << 10));
    let mut file = SerializedFileWriter::new(&mut bytes, Arc::new(schema(table)?), Arc::new(properties(table)))?;
    for start in (0..table.rows()).step_by(ROW_GROUP) {
        let rows = start..table.rows().min(start + ROW_GROUP);
        let mut group = file.next_row_group()?;
        let times: Vec<i64> = rows.clone().map(|row| table.axis.at(row)).collect();
        let mut time = next(&mut group)?;
        time.typed::<Int64Type>().write_batch(&times, None, None)?;
        time.close()?;
        for column in &table.columns {
            write_values(&column.values[rows.clone()], has_gaps(column), &mut group)?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(bytes)
}

fn write_values(
    values: &[f64],
    gaps: bool,
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
) -> Result<(), ParquetError> {
    let mut column = next(group)?;
    let writer = column.typed::<DoubleType>();
    if gaps {
        let levels: Vec<i16> = values.iter().map(|value| i16::from(!value.is_nan())).collect();
        let present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        writer.write_batch(&present, Some(&levels), None)?;
    } else {
        writer.write_batch(values, None, None)?;
    }
    column.close()
}

fn next<'a>(
    group: &'a mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
) -> Result<parquet::file::writer::SerializedColumnWriter<'a>, ParquetError> {
    let column = group.next_column()?;
    column.ok_or_else(|| ParquetError::General("the schema has fewer columns than the table".to_owned()))
}

fn has_gaps(column: &Column) -> bool {
    column.values.iter().any(|value| value.is_nan())
}

fn schema(table: &Table) -> Result<Type, ParquetError> {
    let field = |name: &str, physical, repetition| {
        let field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        Ok::<_, ParquetError>(Arc::new(field.build()?))
    };
    let time = field(TIME, Physical::INT64, Repetition::REQUIRED);
    let columns = table.columns.iter().map(|column| {
        let repetition = if has_gaps(column) {
            Repetition::OPTIONAL
        } else {
            Repetition::REQUIRED
        };
        field(&column.name, Physical::DOUBLE, repetition)
    });
    let fields = std::iter::once(time).chain(columns).collect::<Result<_, _>>()?;
    Type::group_type_builder("clean").with_fields(fields).build()
}

fn properties(table: &Table) -> WriterProperties {
    let about = KeyValue::new(METADATA.to_owned(), about(table));
    let mut properties = WriterProperties::builder()
        // The name of a version of the library would change the bytes with it.
        .set_created_by("flits".to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED)
        .set_key_value_metadata(Some(vec![about]));
    for column in table.columns.iter().filter(|column| column.role == Role::Calendar) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name.as_str()), true);
    }
    properties.build()
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
