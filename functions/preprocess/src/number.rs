//! Reads the cells of a column as numbers, and notes the cells that are not numbers.

use std::{borrow::Cow, thread};

use crate::raw::{Cells, Text};

/// A column read as numbers.
#[derive(Debug, Default)]
pub(crate) struct Numbers<'a> {
    /// NaN for a cell that is missing or not a number.
    pub(crate) values: Cow<'a, [f64]>,
    /// The number of cells that hold a number.
    pub(crate) count: usize,
    /// The first cell that holds text which does not mean a missing value.
    pub(crate) text: Option<usize>,
    /// The first cell that holds an infinity.
    pub(crate) infinite: Option<usize>,
}

/// With fewer cells than this a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 50_000;

/// Reads columns, on several threads when that is faster. The results are in the order of the columns.
pub(crate) fn read_all<'a>(columns: &[&'a Cells<'_>], threads: usize) -> Vec<Numbers<'a>> {
    let text = |cells: &&&Cells<'_>| matches!(cells, Cells::Text(_));
    let cells: usize = columns.iter().filter(text).map(|cells| cells.len()).sum();
    let threads = threads.min(cells / WORTH_A_THREAD).max(1);
    if threads == 1 {
        return columns.iter().map(|cells| read(cells)).collect();
    }
    thread::scope(|scope| {
        let share = columns.len().div_ceil(threads).max(1);
        let read_share = |share: &[&'a Cells<'_>]| share.iter().map(|cells| read(cells)).collect::<Vec<_>>();
        let workers: Vec<_> = columns
            .chunks(share)
            .map(|share| scope.spawn(move || read_share(share)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn read<'a>(cells: &'a Cells<'_>) -> Numbers<'a> {
    match cells {
        Cells::Text(text) => read_text(text),
        Cells::Numbers(values) => read_numbers(values),
        Cells::Times(stamps) => Numbers {
            values: vec![f64::NAN; stamps.seconds.len()].into(),
            ..Numbers::default()
        },
        Cells::Other { rows } => Numbers {
            values: vec![f64::NAN; *rows].into(),
            ..Numbers::default()
        },
    }
}

fn read_text(cells: &Text<'_>) -> Numbers<'static> {
    let mut values = Vec::with_capacity(cells.len());
    let mut read = Numbers::default();
    for (row, cell) in cells.iter().enumerate() {
        let value = match cell.map_or(Read::Missing, parse) {
            Read::Number(number) => {
                read.count += 1;
                number
            }
            Read::Missing => f64::NAN,
            Read::Infinite => {
                read.infinite.get_or_insert(row);
                f64::NAN
            }
            Read::Text => {
                read.text.get_or_insert(row);
                f64::NAN
            }
        };
        values.push(value);
    }
    read.values = values.into();
    read
}

fn read_numbers(values: &[f64]) -> Numbers<'_> {
    let count = values.iter().filter(|value| value.is_finite()).count();
    let missing = values.iter().filter(|value| value.is_nan()).count();
    // Passes over all values are faster than a search that can end anywhere.
    let infinite = || values.iter().position(|value| value.is_infinite());
    Numbers {
        values: values.into(),
        count,
        text: None,
        infinite: (count + missing < values.len()).then(infinite).flatten(),
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Read {
    Number(f64),
    Missing,
    Infinite,
    Text,
}

/// The longest text of a number, in bytes: the smallest number has 1,076 digits when it is written out.
const LONGEST: usize = 2_048;

/// Parses a cell. Upper and lower case are equal, and surrounding blanks are ignored.
fn parse(cell: &str) -> Read {
    match cell.trim() {
        // One text can be a million cells of a Parquet file.
        _ if cell.len() > LONGEST => Read::Text,
        text if is_missing(text) => Read::Missing,
        text => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Read::Number(number),
            Ok(number) if number.is_nan() => Read::Missing,
            Ok(_) => Read::Infinite,
            Err(_) => Read::Text,
        },
    }
}

/// Returns whether a cell holds a number.
pub(crate) fn is_number(cell: &str) -> bool {
    matches!(parse(cell), Read::Number(_))
}

/// Parses a cell of a column of numbers. NaN for a missing value; `None` for text or an infinity.
pub(crate) fn plain(cell: &str) -> Option<f64> {
    match parse(cell) {
        Read::Number(number) => Some(number),
        Read::Missing => Some(f64::NAN),
        Read::Infinite | Read::Text => None,
    }
}

fn is_missing(text: &str) -> bool {
    const MISSING: [&str; 8] = ["NaN", "NA", "null", "-", "N/A", "#N/A", "<NA>", "None"];
    text.is_empty() || (text.len() <= 4 && MISSING.iter().any(|missing| text.eq_ignore_ascii_case(missing)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_missing_infinite_or_text() {
        for (cell, expected) in [
            ("12.5", Read::Number(12.5)),
            (" -3 ", Read::Number(-3.0)),
            ("+1e-3", Read::Number(0.001)),
            ("", Read::Missing),
            ("  ", Read::Missing),
            ("NaN", Read::Missing),
            ("nan", Read::Missing),
            ("NA", Read::Missing),
            ("NULL", Read::Missing),
            ("-", Read::Missing),
            ("n/a", Read::Missing),
            ("#N/A", Read::Missing),
            ("<NA>", Read::Missing),
            ("None", Read::Missing),
            ("inf", Read::Infinite),
            ("-Infinity", Read::Infinite),
            ("1e999", Read::Infinite),
            ("1,5", Read::Text),
            ("12 MB", Read::Text),
            ("true", Read::Text),
            ("--", Read::Text),
            (&format!("0.{}1", "0".repeat(1_000)), Read::Number(0.0)),
            (&"1".repeat(LONGEST + 1), Read::Text),
        ] {
            assert_eq!(parse(cell), expected, "{cell}");
        }
    }
}
