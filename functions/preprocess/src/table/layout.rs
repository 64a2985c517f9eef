//! Finds the table in a text: the delimiter, the rows before it, and its header.

use contract::spec::{Choice, DataSection};

use super::records::{Record, Records, cells, is_blank};
use crate::{
    limits::{self, Limits},
    number,
    refusal::{Problem, Refusal},
    time::looks_like_time,
};

/// How many records at the beginning are looked at.
const LOOKED_AT: usize = 200;

/// The most rows of a header.
const HEADER_ROWS: usize = 5;

/// With so many times among the names, they are the times of a wide table.
const WIDE: usize = 3;

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

/// One of the first records.
struct Line {
    record: Record,
    cells: Vec<String>,
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
    let delimiter = delimiter(&text[start..]);
    let mut lines = Vec::new();
    let mut comments = Vec::new();
    for record in Records::new(text, delimiter).skip_while(|record| record.bytes.start < start) {
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
        Choice::Auto => lines.iter().position(|line| belongs(line, width)).unwrap_or(0),
    };
    let skipped_rows = begin
        + comments
            .iter()
            .filter(|comment| is_before(comment, lines.get(begin)))
            .count();
    let table = &lines[begin.min(lines.len())..];
    let header = header(file, table, &comments, width, data)?;
    let first = table.get(header.rows).map(|line| line.record.clone());
    Ok(Found {
        delimiter,
        width,
        names: header.names,
        first,
        header: table
            .first()
            .filter(|_| header.rows > 0)
            .map(|line| line.record.clone()),
        header_rows: header.rows + usize::from(header.comment),
        skipped_rows: skipped_rows - usize::from(header.comment),
    })
}

/// Checks that a line is not too long; a quote that is never closed makes one of the rest of the file.
pub(super) fn check_line(file: &str, text: &[u8], record: &Record, limits: &Limits) -> Result<(), Refusal> {
    let have = record.bytes.len();
    if have <= limits.line {
        return Ok(());
    }
    let (row, bound) = (record.line, limits.line);
    let quoted = text[record.bytes.clone()][..limits.line].contains(&b'"');
    let why = if quoted { "; a quote may not be closed" } else { "" };
    Err(Problem::new(format!(
        "{file}, row {row} has {have} bytes, at most {bound} are read{why}"
    ))
    .row(row)
    .value(format!("{have} bytes"))
    .bound(format!("at most {bound} bytes"))
    .into())
}

fn after_lines(text: &[u8], rows: usize) -> usize {
    if rows == 0 {
        return 0;
    }
    memchr::memchr_iter(b'\n', text)
        .nth(rows - 1)
        .map_or(text.len(), |end| end + 1)
}

fn is_before(comment: &Line, first: Option<&Line>) -> bool {
    first.is_none_or(|first| comment.record.line < first.record.line)
}

/// Returns the delimiter with which most of the first records have one number of fields, at least two.
fn delimiter(text: &[u8]) -> u8 {
    let share = |delimiter: u8| {
        let records = Records::new(text, delimiter).take(LOOKED_AT);
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

/// Returns the number of columns: the most common one of the rows with a number or a time.
fn width(lines: &[Line]) -> usize {
    let widths = |of: &dyn Fn(&&Line) -> bool| {
        lines
            .iter()
            .filter(of)
            .map(|line| line.record.fields)
            .collect::<Vec<_>>()
    };
    let data = widths(&|line| line.cells.iter().any(|cell| is_value(cell)));
    most_common(if data.is_empty() { widths(&|_| true) } else { data }.as_slice())
}

/// Returns whether a row can be the first one of the table. The header may lack a name for the index column.
fn belongs(line: &Line, width: usize) -> bool {
    let filled = line.cells.iter().filter(|cell| !cell.trim().is_empty()).count();
    let fields = line.record.fields;
    fields == width && (width == 1 || filled * 2 > width || filled >= 2)
        || fields + 1 == width && filled == fields && width > 2
        || fields > width && line.cells[width..].iter().all(|cell| cell.trim().is_empty())
}

fn is_value(cell: &str) -> bool {
    number::is_number(cell) || looks_like_time(cell.trim())
}

struct Header {
    names: Vec<String>,
    rows: usize,
    /// Whether the names stand in a comment before the table.
    comment: bool,
}

fn header(file: &str, table: &[Line], comments: &[Line], width: usize, data: &DataSection) -> Result<Header, Refusal> {
    let none = Header {
        names: vec![String::new(); width],
        rows: 0,
        comment: false,
    };
    let Some(first) = table.first() else { return Ok(none) };
    let times: Vec<&String> = first.cells.iter().filter(|cell| looks_like_time(cell.trim())).collect();
    if times.len() >= WIDE && times.len() * 2 > first.cells.len() && data.header != Choice::Given(false) {
        return Err(wide(file, first, &times));
    }
    let named = match data.header {
        Choice::Given(named) => named,
        Choice::Auto => times.is_empty() && !holds_data(table),
    };
    if !named {
        let comment = comments.iter().rfind(|comment| is_before(comment, Some(first)));
        return Ok(comment.and_then(|comment| from_comment(comment, width)).unwrap_or(none));
    }
    let mut rows = 1;
    while rows < HEADER_ROWS && rows + 1 < table.len() && goes_on(&table[rows]) && data.header == Choice::Auto {
        rows += 1;
    }
    // Rows of names need data below them: a table of text only has one row of names.
    if rows > 1 && !table[rows].cells.iter().any(|cell| is_value(cell)) {
        rows = 1;
    }
    Ok(Header {
        names: names(&table[..rows], width),
        rows,
        comment: false,
    })
}

/// Returns whether the first row is data: its cells are numbers, and so are those below it. Counted columns, which data
/// frames name 0, 1, 2, are names.
fn holds_data(table: &[Line]) -> bool {
    let numbers = |line: &Line| -> Option<Vec<f64>> {
        let cells = line.cells.iter().filter(|cell| !cell.trim().is_empty());
        cells.map(|cell| number::plain(cell)).collect()
    };
    let (Some(first), Some(second)) = (table.first().and_then(numbers), table.get(1)) else {
        return false;
    };
    let counted = first.len() > 1
        && first
            .iter()
            .zip(0_u32..)
            .all(|(number, at)| number.total_cmp(&f64::from(at)).is_eq());
    let present = first.iter().any(|number| !number.is_nan());
    present && !counted && second.cells.iter().any(|cell| number::is_number(cell))
}

/// Returns whether a row below the names belongs to the header: it has text, and neither a number nor a time.
fn goes_on(line: &Line) -> bool {
    let present = || line.cells.iter().filter(|cell| !number::is_missing(cell));
    present().next().is_some() && !present().any(|cell| is_value(cell)) && line.cells.len() > 1
}

fn from_comment(comment: &Line, width: usize) -> Option<Header> {
    let names: Vec<String> = comment.cells.iter().map(|cell| trimmed(cell)).collect();
    let names: Vec<String> = names
        .iter()
        .map(|name| name.trim_start_matches('#').trim().to_owned())
        .collect();
    let text = names.iter().all(|name| !name.is_empty() && !is_value(name));
    (names.len() == width && width > 1 && text).then_some(Header {
        names,
        rows: 0,
        comment: true,
    })
}

/// Returns one name per column from the rows of a header: the first row that tells the columns apart, or all together.
fn names(rows: &[Line], width: usize) -> Vec<String> {
    let row = |line: &Line| -> Vec<String> {
        let mut names: Vec<String> = line.cells.iter().map(|cell| trimmed(cell)).collect();
        // Data frames of R have no name above their row names.
        if names.len() + 1 == width {
            names.insert(0, String::new());
        }
        names.resize(width, String::new());
        names
    };
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    let apart = |row: &&Vec<String>| {
        let mut names: Vec<&String> = row.iter().skip(1).filter(|name| !name.is_empty()).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        names.len() == all && all > 0
    };
    let mut names = match rows.iter().find(apart) {
        Some(names) => names.clone(),
        None if rows.len() == 1 => rows[0].clone(),
        None => joined(&rows, width),
    };
    // The row that names the index of a data frame has nothing beside it.
    let index = rows
        .iter()
        .skip(1)
        .find(|row| !row[0].is_empty() && row[1..].iter().all(String::is_empty));
    if let Some(index) = index {
        names[0].clone_from(&index[0]);
    }
    names
}

fn joined(rows: &[Vec<String>], width: usize) -> Vec<String> {
    let name = |column: usize| {
        let parts: Vec<&str> = rows
            .iter()
            .map(|row| row[column].as_str())
            .filter(|part| !part.is_empty())
            .collect();
        parts.join(" ")
    };
    (0..width).map(name).collect()
}

/// Returns a name without the blanks around it, those of all scripts and marks without width included.
fn trimmed(cell: &str) -> String {
    cell.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'))
        .to_owned()
}

fn wide(file: &str, first: &Line, times: &[&String]) -> Refusal {
    let row = first.record.line;
    let (count, example) = (times.len(), times[0].trim());
    let message = format!(
        "{file}, row {row}: {count} columns are named by times, such as `{example}`: each row is a series; write one row \
         per time and one column per series"
    );
    Problem::new(message)
        .row(row)
        .value(format!("{count} times as names"))
        .bound("one row per time")
        .into()
}
