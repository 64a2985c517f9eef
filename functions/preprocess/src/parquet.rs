//! Parquet: the footer's declared size first, then polars reads the columns with their types.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use polars::prelude::{Column, DataFrame, DataType, ParquetReader, PolarsResult, SerReader, TimeUnit};

use crate::{
    config::Limits,
    error::PreprocessError,
    raw::{Cells, File, Lines, Raw, RawColumn, Stamps, Text},
};

/// Reads a Parquet file with columns of numbers, times and text; columns of other types are carried by name only.
pub(crate) fn read(file: &File, limits: &Limits) -> Result<Raw<'static>, PreprocessError> {
    // The reader asserts what a damaged file can break; that must be an answer, not the end of the function.
    let frame = catch_unwind(AssertUnwindSafe(|| frame(file, limits))).unwrap_or_else(|_| {
        let source = "the reader gave up: the file is damaged".into();
        Err(PreprocessError::Unreadable {
            file: file.name.clone(),
            format: "Parquet",
            source,
        })
    })?;
    let columns = frame.columns().iter().map(|column| {
        let cells = cells(column).map_err(|source| unreadable(file, source))?;
        Ok::<_, PreprocessError>(RawColumn {
            name: column.name().to_string(),
            cells,
        })
    });
    Ok(Raw {
        file: file.name.clone(),
        columns: columns.collect::<Result<_, _>>()?,
        lines: Lines::From(1),
    })
}

fn frame(file: &File, limits: &Limits) -> Result<DataFrame, PreprocessError> {
    let wrong = |source| unreadable(file, source);
    let mut reader = ParquetReader::new(Cursor::new(file.bytes.clone()));
    let columns = reader.schema().map_err(wrong)?.len();
    let rows = reader.num_rows().map_err(wrong)?;
    let name = || file.name.clone();
    if columns > limits.columns {
        return Err(PreprocessError::TooManyColumns {
            file: name(),
            have: columns,
            bound: limits.columns,
        });
    }
    let have = rows.saturating_mul(columns);
    if have > limits.values {
        return Err(PreprocessError::TooManyValues {
            file: name(),
            have,
            bound: limits.values,
        });
    }
    if columns == 0 {
        return Err(PreprocessError::Empty { file: name() });
    }
    if rows == 0 {
        return Err(PreprocessError::HeaderOnly { file: name() });
    }
    reader.set_rechunk(true).finish().map_err(wrong)
}

fn cells(column: &Column) -> PolarsResult<Cells<'static>> {
    Ok(match column.dtype() {
        DataType::String => Cells::Text(Text::Held(column.str()?.clone())),
        DataType::Date => Cells::Times(Stamps {
            seconds: whole(column, 1, 86_400)?.0,
            // Like a date in a CSV file: midnight UTC, for a day is no moment of a clock.
            naive: false,
            finer: None,
        }),
        DataType::Datetime(unit, zone) => {
            let per_second = match unit {
                TimeUnit::Nanoseconds => 1_000_000_000,
                TimeUnit::Microseconds => 1_000_000,
                TimeUnit::Milliseconds => 1_000,
            };
            let (seconds, finer) = whole(column, per_second, 1)?;
            Cells::Times(Stamps {
                seconds,
                naive: zone.is_none(),
                finer,
            })
        }
        dtype if dtype.is_primitive_numeric() => {
            let numbers = column.cast(&DataType::Float64)?;
            Cells::Numbers(numbers.f64()?.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
        }
        _ => Cells::Other { rows: column.len() },
    })
}

/// Reads counts of a unit as whole seconds, and finds the first one that is finer.
fn whole(column: &Column, per_second: i64, seconds: i64) -> PolarsResult<(Vec<Option<i64>>, Option<usize>)> {
    let counts = column.cast(&DataType::Int64)?;
    let counts: Vec<Option<i64>> = counts.i64()?.iter().collect();
    let finer = counts
        .iter()
        .position(|count| count.is_some_and(|count| count % per_second != 0));
    let whole = |count: i64| count.div_euclid(per_second).saturating_mul(seconds);
    Ok((counts.into_iter().map(|count| count.map(whole)).collect(), finer))
}

fn unreadable(file: &File, source: impl std::error::Error + Send + Sync + 'static) -> PreprocessError {
    PreprocessError::Unreadable {
        file: file.name.clone(),
        format: "Parquet",
        source: Box::new(source),
    }
}
