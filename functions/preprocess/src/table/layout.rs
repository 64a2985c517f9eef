//! Finds the table in a text: the delimiter, the rows before it, and where it begins.

use contract::spec::{Choice, DataSection};

use super::{
    header::{self, is_before, is_value},
    records::{Line, Record, Records, cells, is_blank},
};
use crate::{
    limits::{self, Limits},
    refusal::{Problem, Refusal},
};

/// How many records at the beginning are looked at.
const LOOKED_AT: usize = 200;

/// Where a table stands in a text.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) delimiter: u8,
    /// The number of columns.
    pub(super) width: usize,
    /// One name per column; empty for a column without one.
    pub(super) names: Vec<String>,
    /// The first record after the header; `None` when there is none.
    pub(super) first: Option<Record>,
    /// The first row of the header, which some files repeat.
    pub(super) header: Option<Record>,
    pub(super) header_rows: usize,
    /// Lines before the table that are not empty.
    pub(super) skipped_rows: usize,
}

/// The delimiters of records; of two that are equally consistent, the earlier one.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];

/// Finds the table.
///
/// # Errors
/// When there is no record, a line is too long, there are too many columns, or the names are times.
pub(super) fn find(file: &str, text: &[u8], data: &DataSection, limits: &Limits) -> Result<Found, Refusal> {
    let start = match data.skip_rows {
        Choice::Given(rows) => after_lines(text, rows),
        Choice::Auto => 0,
    };
    let quotes = memchr::memchr(b'"', text).is_some();
    let delimiter = delimiter(&text[start..], quotes);
    let mut lines = Vec::new();
    let mut comments = Vec::new();
    for record in Records::quoted(text, delimiter, quotes).skip_while(|record| record.bytes.start < start) {
        check_line(file, text, &record, limits)?;
        let comment = text[record.bytes.clone()].starts_with(b"#");
        if is_blank(text, &record, delimiter) {
            continue;
        }
        limits::check(file, record.fields as u64, "columns", limits.columns as u64)?;
        let line = Line {
            cells: cells(text, &record, delimiter),
            record,
        };
        if comment { &mut comments } else { &mut lines }.push(line);
        if lines.len() >= LOOKED_AT {
            break;
        }
    }
    let width = width(&lines);
    let begin = match data.skip_rows {
        Choice::Given(_) => 0,
        Choice::Auto => begin(&lines, width),
    };
    let table = &lines[begin.min(lines.len())..];
    let header = header::find(file, table, &comments, width, data)?;
    if header.rows == 0 && begin > 0 {
        check_above(file, text, &lines[begin - 1], &lines[begin])?;
    }
    let before = comments.iter().filter(|comment| is_before(comment, table.first()));
    let skipped_rows = begin + header.above + before.count();
    let first = table.get(header.above + header.rows).map(|line| line.record.clone());
    Ok(Found {
        delimiter,
        width,
        names: header.names,
        first,
        header: table
            .get(header.above)
            .filter(|_| header.rows > 0)
            .map(|line| line.record.clone()),
        header_rows: header.rows + usize::from(header.comment),
        skipped_rows: skipped_rows - usize::from(header.comment),
    })
}

/// Checks that a line is not too long and that its quotes are closed.
pub(super) fn check_line(file: &str, text: &[u8], record: &Record, limits: &Limits) -> Result<(), Refusal> {
    let (have, row, bound) = (record.bytes.len(), record.line, limits.line);
    if have > bound {
        let quoted = text[record.bytes.clone()][..bound].contains(&b'"');
        let why = if quoted { "; a quote may not be closed" } else { "" };
        return Err(Problem::new(format!(
            "{file}, row {row} has {have} bytes, at most {bound} are read{why}"
        ))
        .row(row)
        .value(format!("{have} bytes"))
        .bound(format!("at most {bound} bytes"))
        .into());
    }
    if record.open {
        let problem = Problem::new(format!("{file}, row {row}: a quote is opened and never closed"));
        return Err(problem.row(row).value("\"").bound("a closing quote").into());
    }
    Ok(())
}

fn after_lines(text: &[u8], rows: usize) -> usize {
    if rows == 0 {
        return 0;
    }
    memchr::memchr_iter(b'\n', text)
        .nth(rows - 1)
        .map_or(text.len(), |end| end + 1)
}

/// Returns the delimiter with which most of the first records have one number of fields, at least two.
fn delimiter(text: &[u8], quotes: bool) -> u8 {
    let share = |delimiter: u8| {
        let records = Records::quoted(text, delimiter, quotes).take(LOOKED_AT);
        let fields: Vec<usize> = records
            .filter(|record| !is_blank(text, record, delimiter) && !text[record.bytes.clone()].starts_with(b"#"))
            .map(|record| record.fields)
            .collect();
        let usual = most_common(&fields);
        let same = fields.iter().filter(|fields| **fields == usual).count();
        if usual < 2 { 0 } else { same * 1_000 / fields.len() }
    };
    let shares = DELIMITERS.map(|delimiter| (share(delimiter), delimiter));
    let best = shares.iter().map(|(share, _)| *share).max().unwrap_or(0);
    // A few rows may be ragged with the right delimiter and even with a wrong one.
    let close = shares.iter().find(|(share, _)| *share > 0 && share + 20 >= best);
    close.map_or(b',', |(_, delimiter)| *delimiter)
}

/// Returns the most common number, of equally common ones the largest; 1 without any.
fn most_common(numbers: &[usize]) -> usize {
    let count = |number: usize| numbers.iter().filter(|other| **other == number).count();
    numbers
        .iter()
        .copied()
        .max_by_key(|number| (count(*number), *number))
        .unwrap_or(1)
}

/// Returns the number of columns: that of most rows with a number or a time, or else that of the first row.
fn width(lines: &[Line]) -> usize {
    let fields = |of: &dyn Fn(&&Line) -> bool| -> Vec<usize> {
        lines.iter().filter(of).map(|line| line.record.fields).collect()
    };
    let (all, data) = (
        fields(&|_| true),
        fields(&|line| line.cells.iter().any(|cell| is_value(cell))),
    );
    let usual = most_common(if data.is_empty() { &all } else { &data });
    let most = data.iter().filter(|fields| **fields == usual).count() * 2 > data.len();
    if most || data.is_empty() { usual } else { all[0] }
}

/// Returns the first line that can belong to the table.
fn begin(lines: &[Line], width: usize) -> usize {
    lines
        .iter()
        .enumerate()
        .position(|(at, line)| belongs(line, width) || is_header_of_an_index(line, &lines[at + 1..], width))
        .unwrap_or(0)
}

/// Returns whether a row can be the first one of the table.
fn belongs(line: &Line, width: usize) -> bool {
    let filled = line.cells.iter().filter(|cell| !cell.trim().is_empty()).count();
    let fields = line.record.fields;
    let unnamed_index = filled + 1 == width && line.cells.first().is_some_and(|cell| cell.trim().is_empty());
    fields == width && (width == 1 || filled * 2 > width || filled >= 2 || unnamed_index)
        || fields > width && line.cells.iter().skip(width).all(|cell| cell.trim().is_empty())
}

/// Returns whether a row lacks only the name of the index, as data frames of R write it. Where two columns that follow
/// each other hold bare digits, one may be the fraction of the other, cut off by a decimal comma.
fn is_header_of_an_index(line: &Line, below: &[Line], width: usize) -> bool {
    let digits = |cell: &String| !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
    let all_digits = |column: usize| below.iter().all(|line| line.cells.get(column).is_some_and(digits));
    width > 2
        && line.record.fields + 1 == width
        && line.cells.iter().all(|cell| !cell.trim().is_empty() && !is_value(cell))
        && !(1..width).any(|column| all_digits(column - 1) && all_digits(column))
}

/// Refuses a row of another shape right above rows without a header: it may be their header or a title.
fn check_above(file: &str, text: &[u8], above: &Line, first: &Line) -> Result<(), Refusal> {
    const SHOWN: usize = 40;
    let row = above.record.line;
    if row + 1 != first.record.line {
        return Ok(());
    }
    let value = String::from_utf8_lossy(&text[above.record.bytes.clone()]);
    let value = contract::text::shortened(value.trim(), SHOWN);
    let message = format!(
        "{file}, row {row}: `{value}` may be the header of the rows below it, which have {} fields, or a title: write one \
         name per column, or leave the row out with `data.skip_rows = {row}`",
        first.record.fields
    );
    Err(Problem::new(message)
        .row(row)
        .value(value)
        .bound("one name per column")
        .into())
}
