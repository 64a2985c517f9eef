//! Parquet: first checks what the file announces, then polars reads the columns that can matter, with their types.

mod footer;
mod index;
mod pages;
mod refuse;
mod thrift;
mod wanted;

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use contract::Layout;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use polars::prelude::{Column, DataFrame, DataType, ParquetReader, PolarsResult, SerReader, TimeUnit};

use self::{
    refuse::{damaged, height, unreadable},
    wanted::Wanted,
};
use crate::{
    limits::Limits,
    raw::{Cells, File, Lines, Raw, RawColumn, Stamps},
    refusal::{Problem, Refusal},
};

/// Reads a Parquet file with columns of numbers, times and text. Of columns with other types only the names are kept.
pub(crate) fn read(file: &File, limits: &Limits) -> Result<Raw, Refusal> {
    // The readers panic at some damaged files. That must be an error, not the end of the process.
    catch_unwind(AssertUnwindSafe(|| checked(file, limits)))
        .unwrap_or_else(|_| Err(damaged(file, "the reader gave up: the file is damaged")))
}

fn checked(file: &File, limits: &Limits) -> Result<Raw, Refusal> {
    let footer = footer::check(file, limits)?;
    let meta = ParquetMetaDataReader::decode_metadata(footer).map_err(|source| unreadable(file, source))?;
    let columns = wanted::of(meta.file_metadata());
    Limits::check_names(&file.name, columns.iter().map(|column| column.name.as_str()))?;
    let rows = rows(file, &meta, columns.len(), limits)?;
    pages::check(file, &meta, &columns, footer::start(file, footer), limits)?;
    let frame = frame(file, &columns)?;
    let mut read = frame.columns().iter();
    let columns = columns.into_iter().map(|column| {
        let cells = match column.leaf.and_then(|_| read.next()) {
            Some(values) => cells(values, column.half).map_err(|source| unreadable(file, source))?,
            None => Cells::Other { rows },
        };
        if cells.len() == rows {
            return Ok(RawColumn {
                name: column.name,
                cells,
            });
        }
        Err(height(file, &column.name, cells.len(), rows))
    });
    let mut columns = columns.collect::<Result<Vec<RawColumn>, Refusal>>()?;
    let notices = index::put_first(&mut columns, &index::named(meta.file_metadata()));
    Ok(Raw {
        file: file.name.clone(),
        columns,
        lines: Lines::From(1),
        empty: Vec::new(),
        layout: Layout {
            format: "Parquet".to_owned(),
            ..Layout::default()
        },
        notices,
    })
}

/// Returns the number of rows in the row groups. It must be what the footer says and, over all columns, no more than is
/// read.
fn rows(file: &File, meta: &ParquetMetaData, columns: usize, limits: &Limits) -> Result<usize, Refusal> {
    let mut groups = meta.row_groups().iter();
    let rows = groups.try_fold(0_usize, |sum, group| {
        sum.checked_add(usize::try_from(group.num_rows()).ok()?)
    });
    let rows = rows.ok_or_else(|| damaged(file, "a row group has no possible number of rows"))?;
    let announced = meta.file_metadata().num_rows();
    if i64::try_from(rows) != Ok(announced) {
        let why = format!("its row groups have {rows} rows, its footer says {announced}");
        return Err(damaged(file, why));
    }
    if columns == 0 {
        return Err(none(file, "no columns"));
    }
    if rows == 0 {
        return Err(none(file, "no data rows: at least 1 is needed"));
    }
    limits.check_values(&file.name, rows, columns)?;
    Ok(rows)
}

fn none(file: &File, what: &str) -> Refusal {
    let problem = Problem::new(format!("{} has {what}", file.name));
    problem.value("0 data rows").bound("at least 1 data row").into()
}

/// Reads the columns that can matter.
fn frame(file: &File, columns: &[Wanted]) -> Result<DataFrame, Refusal> {
    let wrong = |source| unreadable(file, source);
    let wanted = columns.iter().enumerate().filter(|(_, column)| column.leaf.is_some());
    let wanted: Vec<usize> = wanted.map(|(index, _)| index).collect();
    if wanted.is_empty() {
        return Ok(DataFrame::empty());
    }
    let mut reader = ParquetReader::new(Cursor::new(file.bytes.clone()));
    let mut meta = reader.get_metadata().map_err(wrong)?.as_ref().clone();
    // Only Parquet's own types are used. Data frame libraries add a schema of their own as text, which would be one
    // more thing to decode and could change the types that were checked.
    meta.key_value_metadata = None;
    reader.set_metadata(Arc::new(meta));
    reader
        .with_projection(Some(wanted))
        .set_rechunk(true)
        .finish()
        .map_err(wrong)
}

fn cells(column: &Column, half: bool) -> PolarsResult<Cells> {
    Ok(match column.dtype() {
        DataType::String => Cells::Text(column.str()?.clone()),
        DataType::Date => Cells::Stamps(Stamps {
            seconds: whole(column, 1, 86_400)?.0,
            // Midnight UTC, like a date in a CSV file, because a date has no time zone.
            naive: false,
            dates: true,
            finer: 0,
        }),
        DataType::Datetime(unit, zone) => {
            let per_second = match unit {
                TimeUnit::Nanoseconds => 1_000_000_000,
                TimeUnit::Microseconds => 1_000_000,
                TimeUnit::Milliseconds => 1_000,
            };
            let (seconds, finer) = whole(column, per_second, 1)?;
            Cells::Stamps(Stamps {
                seconds,
                naive: zone.is_none(),
                dates: false,
                finer,
            })
        }
        DataType::Binary if half => Cells::Numbers(column.binary()?.iter().map(half_float).collect()),
        DataType::Boolean | DataType::Decimal(..) => numbers(column)?,
        dtype if dtype.is_primitive_numeric() => numbers(column)?,
        _ => Cells::Other { rows: column.len() },
    })
}

fn numbers(column: &Column) -> PolarsResult<Cells> {
    let numbers = column.cast(&DataType::Float64)?;
    let numbers = numbers.f64()?.iter().map(|number| number.unwrap_or(f64::NAN));
    Ok(Cells::Numbers(numbers.collect()))
}

/// Returns a floating-point number of two bytes, little-endian; NaN for a missing value.
///
/// # Source
/// IEEE 754, binary16: a sign, 5 bits of exponent with bias 15, 10 bits of fraction.
fn half_float(bytes: Option<&[u8]>) -> f64 {
    let Some(&[low, high]) = bytes else { return f64::NAN };
    let bits = u16::from_le_bytes([low, high]);
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    match exponent {
        0 => sign * fraction * 2_f64.powi(-14),
        0x1f if fraction == 0.0 => sign * f64::INFINITY,
        0x1f => f64::NAN,
        exponent => sign * (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

/// Returns counts of a unit as whole seconds, and how many of them are not whole seconds.
fn whole(column: &Column, per_second: i64, seconds: i64) -> PolarsResult<(Vec<Option<i64>>, usize)> {
    let counts = column.cast(&DataType::Int64)?;
    let counts: Vec<Option<i64>> = counts.i64()?.iter().collect();
    let finer = counts
        .iter()
        .filter(|count| count.is_some_and(|count| count % per_second != 0))
        .count();
    let whole = |count: i64| count.div_euclid(per_second).saturating_mul(seconds);
    Ok((counts.into_iter().map(|count| count.map(whole)).collect(), finer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_are_read_as_the_standard_says() {
        for (bits, expected) in [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x0001, 2_f64.powi(-24)),
            (0x0400, 2_f64.powi(-14)),
            (0x3c00, 1.0),
            (0x3555, 0.333_251_953_125),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            let read = half_float(Some(&u16::to_le_bytes(bits)));
            assert_eq!(read.to_bits(), expected.to_bits(), "{bits:04x}");
        }
        assert!(half_float(Some(&u16::to_le_bytes(0x7e00))).is_nan());
        assert!(half_float(None).is_nan());
    }
}
