//! Writes clean parts: equal bytes for equal tables.

use std::{
    io,
    sync::{Arc, mpsc},
    thread,
};

use bytes::Bytes;
use contract::Digest;
use parquet::{
    basic::{Encoding, Repetition, Type as Physical},
    column::writer::{
        ColumnCloseResult, ColumnWriter, ColumnWriterImpl, get_column_writer, get_typed_column_writer_mut,
    },
    data_type::{DoubleType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion},
        writer::{SerializedFileWriter, SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite},
    },
    schema::types::{ColumnDescPtr, ColumnPath, Type},
};
use series::{Column, Role, Table};
use sha2::{Digest as _, Sha256};

use crate::format::{ColumnEntry, FooterEntry, METADATA, TIME};

/// The number of rows in a row group. Fixed, because it decides the bytes.
const ROW_GROUP: usize = 1 << 18;

/// The number of rows in a page: the library's own limit in whole batches of its own, which decided the bytes of
/// earlier parts.
const PAGE_ROWS: usize = 20_480;

/// One in this many columns is written on the thread that also hashes all bytes; the others are encoded on a second
/// thread.
const BESIDE: usize = 5;

/// Why a table could not be written as a clean part.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct WriteError(#[from] ParquetError);

/// Writes a table. Returns the bytes and their digest.
///
/// No compression codec is used, because its bytes would change with the version of its library. Times are written as
/// differences, and calendar columns, which repeat, through a dictionary. Both are encodings of the format itself.
///
/// # Errors
/// When a column cannot be written.
pub fn write(table: &Table) -> Result<(Vec<u8>, Digest), WriteError> {
    Ok(in_groups(table, ROW_GROUP)?)
}

/// Writes a table in row groups of at most `row_group` rows.
pub(crate) fn in_groups(table: &Table, row_group: usize) -> Result<(Vec<u8>, Digest), ParquetError> {
    let mut part = Hashed {
        bytes: Vec::with_capacity(table.rows() * table.columns.len() * size_of::<f64>() + (64 << 10)),
        hash: Sha256::new(),
    };
    let properties = Arc::new(properties(table));
    let mut file = SerializedFileWriter::new(&mut part, Arc::new(schema(table)?), properties.clone())?;
    let described = file.schema_descr().columns().to_vec();
    for start in (0..table.rows()).step_by(row_group) {
        let rows = start..table.rows().min(start + row_group);
        let mut group = file.next_row_group()?;
        let times: Vec<i64> = rows.clone().map(|row| table.axis.at(row)).collect();
        let mut time = next(&mut group)?;
        time.typed::<Int64Type>().write_batch(&times, None, None)?;
        time.close()?;
        let (here, beside) = table.columns.split_at(table.columns.len() / BESIDE);
        thread::scope(|scope| {
            let (encoded, encodings) = mpsc::channel();
            let described = described[1 + here.len()..].iter();
            let (properties, range) = (&properties, rows.clone());
            scope.spawn(move || {
                for (column, description) in beside.iter().zip(described) {
                    let chunk = encode(&column.values[range.clone()], has_gaps(column), description, properties);
                    // After an error nobody receives it.
                    drop(encoded.send(chunk));
                }
            });
            for column in here {
                let mut writer = next(&mut group)?;
                write_values(
                    &column.values[rows.clone()],
                    has_gaps(column),
                    writer.typed::<DoubleType>(),
                )?;
                writer.close()?;
            }
            for chunk in encodings {
                let (bytes, close) = chunk?;
                group.append_column(&bytes, close)?;
            }
            Ok::<_, ParquetError>(())
        })?;
        group.close()?;
    }
    file.close()?;
    Ok((part.bytes, Digest::from_bytes(part.hash.finalize().into())))
}

/// The bytes written so far, and their hash.
struct Hashed {
    bytes: Vec<u8>,
    hash: Sha256,
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes one column on its own. The bytes are those that it has inside of the file.
fn encode(
    values: &[f64],
    gaps: bool,
    description: &ColumnDescPtr,
    properties: &WriterPropertiesPtr,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut bytes = TrackedWrite::new(Vec::with_capacity(size_of_val(values) + (4 << 10)));
    let pages = Box::new(SerializedPageWriter::new(&mut bytes));
    let mut writer: ColumnWriter<'_> = get_column_writer(description.clone(), properties.clone(), pages);
    write_values(values, gaps, get_typed_column_writer_mut::<DoubleType>(&mut writer))?;
    let close = writer.close()?;
    Ok((bytes.into_inner()?.into(), close))
}

fn write_values(values: &[f64], gaps: bool, writer: &mut ColumnWriterImpl<'_, DoubleType>) -> Result<(), ParquetError> {
    if gaps {
        let levels: Vec<i16> = values.iter().map(|value| i16::from(!value.is_nan())).collect();
        let present: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        writer.write_batch(&present, Some(&levels), None)?;
    } else {
        writer.write_batch(values, None, None)?;
    }
    Ok(())
}

fn next<'a>(
    group: &'a mut SerializedRowGroupWriter<'_, &mut Hashed>,
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
        // The library's own name contains its version, which would change the bytes.
        .set_created_by("flits".to_owned())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        // A page has at most this many rows, and is allocated once.
        .set_write_batch_size(PAGE_ROWS)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED)
        .set_key_value_metadata(Some(vec![about]));
    for column in table.columns.iter().filter(|column| column.role == Role::Calendar) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(column.name.as_str()), true);
    }
    properties.build()
}

/// Returns the footer entry as JSON.
fn about(table: &Table) -> String {
    let columns = table.columns.iter().map(|column| ColumnEntry {
        name: column.name.clone(),
        role: column.role,
    });
    let about = FooterEntry {
        axis: table.axis.clone(),
        columns: columns.collect(),
        test_start: table.test_start,
        series: table.series.clone(),
    };
    let about = contract::canonical(&about).expect("names and places on a grid are texts and whole numbers");
    String::from_utf8_lossy(&about).into_owned()
}
