//! A Parquet file with a column of each type.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use std::sync::Arc;

use parquet::{
    column::writer::{ColumnWriter, ColumnWriterImpl},
    data_type::{ByteArray, DataType, FixedLenByteArray},
    file::writer::SerializedFileWriter,
    schema::parser::parse_message_type,
};

/// The schema of [`typed`]: numbers of all kinds, and types that are not numbers.
const TYPED: &str = "message schema {
    required int64 time;
    required int32 small (INTEGER(8, true));
    required int32 unsigned (INTEGER(16, false));
    required int64 large (INTEGER(64, false));
    required float single;
    required fixed_len_byte_array(2) half (FLOAT16);
    required int32 cents (DECIMAL(9, 2));
    required int64 mills (DECIMAL(18, 3));
    required fixed_len_byte_array(16) wide (DECIMAL(38, 1));
    required group struct { required double inner; required group deeper { required int64 inner; } }
    required group list (LIST) { repeated group list { required double element; } }
    required group map (MAP) { repeated group key_value { required binary key (STRING); required double value; } }
    required binary blob;
    required int32 clock (TIME(MILLIS, true));
    required double last;
}";

/// The first time, and one step in seconds.
const START: i64 = 1_700_006_400;
const HOUR: i64 = 3_600;

/// Writes four rows. Column `c` of row `r` holds `r + c`, in the units of its type. The time is column 0.
pub(crate) fn typed() -> Vec<u8> {
    let schema = Arc::new(parse_message_type(TYPED).unwrap());
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    for column in 0.. {
        let Some(mut writer) = group.next_column().unwrap() else {
            break;
        };
        write(writer.untyped(), column);
        writer.close().unwrap();
    }
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

fn write(writer: &mut ColumnWriter<'_>, column: u8) {
    let rows = column..column + 4;
    match writer {
        ColumnWriter::Int32ColumnWriter(typed) => batch(typed, rows.map(i32::from)),
        ColumnWriter::Int64ColumnWriter(typed) if column == 0 => {
            batch(typed, rows.map(|row| START + i64::from(row) * HOUR));
        }
        ColumnWriter::Int64ColumnWriter(typed) => batch(typed, rows.map(i64::from)),
        ColumnWriter::FloatColumnWriter(typed) => batch(typed, rows.map(f32::from)),
        ColumnWriter::DoubleColumnWriter(typed) => batch(typed, rows.map(f64::from)),
        ColumnWriter::ByteArrayColumnWriter(typed) => batch(typed, rows.map(|row| ByteArray::from(vec![row]))),
        ColumnWriter::FixedLenByteArrayColumnWriter(typed) if typed.get_descriptor().type_length() == 2 => {
            // 1.0, 1.25, 1.5 and 1.75.
            let half = |row: u8| (0x3c00 + u16::from(row - column) * 0x100).to_le_bytes().to_vec();
            batch(typed, rows.map(|row| FixedLenByteArray::from(half(row))));
        }
        ColumnWriter::FixedLenByteArrayColumnWriter(typed) => {
            let wide = |row: u8| i128::from(row).to_be_bytes().to_vec();
            batch(typed, rows.map(|row| FixedLenByteArray::from(wide(row))));
        }
        ColumnWriter::BoolColumnWriter(_) | ColumnWriter::Int96ColumnWriter(_) => unreachable!("not in the schema"),
    }
}

/// Writes four values. For a list and a map they are repeated values, one in each row.
fn batch<T: DataType>(typed: &mut ColumnWriterImpl<'_, T>, values: impl Iterator<Item = T::T>) {
    let values: Vec<T::T> = values.collect();
    let (present, first) = ([1; 4], [0; 4]);
    let (present, first) = match typed.get_descriptor().max_rep_level() {
        0 => (None, None),
        _ => (Some(&present[..]), Some(&first[..])),
    };
    typed.write_batch(&values, present, first).unwrap();
}
