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

/// How many rows below a header tell what its columns hold.
const BELOW: usize = 50;

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
        Choice::Auto => begin(&lines, width),
    };
    let table = &lines[begin.min(lines.len())..];
    let header = header(file, table, &comments, width, data)?;
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

fn is_value(cell: &str) -> bool {
    number::is_number(cell) || looks_like_time(cell.trim())
}

struct Header {
    names: Vec<String>,
    /// Rows of text above the names that are no part of the header.
    above: usize,
    rows: usize,
    /// Whether the names stand in a comment before the table.
    comment: bool,
}

fn header(file: &str, table: &[Line], comments: &[Line], width: usize, data: &DataSection) -> Result<Header, Refusal> {
    let nameless = Header {
        names: vec![String::new(); width],
        above: 0,
        rows: 0,
        comment: false,
    };
    let Some(first) = table.first() else {
        return Ok(nameless);
    };
    let has_names = match data.header {
        Choice::Given(named) => named,
        Choice::Auto => !holds_data(file, table, width)?,
    };
    if !has_names {
        let comment = comments.iter().rfind(|comment| is_before(comment, Some(first)));
        return Ok(comment
            .and_then(|comment| from_comment(comment, width))
            .unwrap_or(nameless));
    }
    if let Some(times) = named_by_times(first) {
        return Err(wide(file, first, &times));
    }
    let mut rows = 1;
    if data.header == Choice::Auto {
        let more = (1..table.len().min(HEADER_ROWS) - 1).take_while(|&row| goes_on(table, row, width));
        rows += more.count();
    }
    let (names, above) = names(&table[..rows], width);
    Ok(Header {
        names,
        above,
        rows: rows - above,
        comment: false,
    })
}

/// What a cell holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    Number,
    Time,
    Text,
}

impl Content {
    /// Returns `None` for a missing value.
    fn of(cell: &str) -> Option<Self> {
        if number::is_missing(cell) {
            None
        } else if looks_like_time(cell.trim()) {
            Some(Self::Time)
        } else if number::is_number(cell) {
            Some(Self::Number)
        } else {
            Some(Self::Text)
        }
    }
}

/// Returns what a row says of each column: its own content, and what most rows far below have there.
fn compared(table: &[Line], row: usize, width: usize) -> Vec<(Option<Content>, Option<Content>)> {
    let below = &table[row + 1..table.len().min(row + 1 + BELOW)];
    // A header may have several rows.
    let below = &below[below.len() / 2..];
    let content = |line: &Line, column: usize| line.cells.get(column).and_then(|cell| Content::of(cell));
    let usual = |column: usize| {
        let count = |wanted| {
            below
                .iter()
                .filter(|line| content(line, column) == Some(wanted))
                .count()
        };
        let counts = [Content::Number, Content::Time, Content::Text].map(|wanted| (count(wanted), wanted));
        let most = counts.into_iter().max_by_key(|(count, _)| *count);
        most.filter(|(count, _)| *count > 0).map(|(_, content)| content)
    };
    (0..width)
        .map(|column| (content(&table[row], column), usual(column)))
        .collect()
}

/// Returns whether the first row is data and no header: what it holds is like what stands below it.
///
/// # Errors
/// When the row counts, such as `0,1`, over numbers that do not: these may be names.
fn holds_data(file: &str, table: &[Line], width: usize) -> Result<bool, Refusal> {
    use Content::{Number, Text, Time};
    let first = &table[0];
    let columns = compared(table, 0, width);
    let any = |wanted: (Content, Content)| columns.contains(&(Some(wanted.0), Some(wanted.1)));
    let alone = table.len() == 1 && columns.iter().any(|(own, _)| *own == Some(Time));
    if alone || any((Time, Time)) {
        return Ok(true);
    }
    if any((Text, Number)) || any((Text, Time)) || any((Number, Time)) || any((Time, Number)) {
        return Ok(false);
    }
    if !any((Number, Number)) {
        return Ok(false);
    }
    // The index of a data frame has no name.
    if columns[0].0.is_none() && columns[0].1.is_some() && width > 1 {
        return Ok(false);
    }
    let counted = |line: &Line| -> Option<u64> {
        let numbers: Vec<u64> = line.cells.iter().map(|cell| cell.parse().ok()).collect::<Option<_>>()?;
        let rises = numbers.len() > 1 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
        rises.then_some(numbers[0])
    };
    match counted(first) {
        // Data frames count columns without a name.
        Some(0) if width > 2 => Ok(false),
        Some(0 | 1) if width == 2 && !index_goes_on(table) => Err(names_or_numbers(file, first)),
        Some(_) if width > 2 && table.get(1).is_none_or(|second| counted(second).is_none()) => {
            Err(names_or_numbers(file, first))
        }
        _ => Ok(true),
    }
}

/// Returns whether the first column counts the rows.
fn index_goes_on(table: &[Line]) -> bool {
    let first = |line: &Line| line.cells.first()?.parse::<u64>().ok();
    let counts: Vec<_> = table.iter().take(3).map(first).collect();
    counts.len() > 1
        && counts
            .windows(2)
            .all(|pair| pair[0].is_some() && pair[1] == pair[0].map(|count| count + 1))
}

fn names_or_numbers(file: &str, first: &Line) -> Refusal {
    let (row, cells) = (first.record.line, contract::text::shortened(&first.cells.join(","), 40));
    let message = format!(
        "{file}, row {row}: `{cells}` may be names or numbers; `data.header = true` or `data.header = false` says which"
    );
    Problem::new(message)
        .row(row)
        .value(cells)
        .bound("names, or numbers with `data.header = false`")
        .into()
}

/// Returns whether a row below the first one belongs to the header: it has text where the rows below have values, and no
/// value like theirs.
fn goes_on(table: &[Line], row: usize, width: usize) -> bool {
    let columns = compared(table, row, width);
    let is = |content: &Option<Content>| matches!(content, Some(Content::Number | Content::Time));
    let text = |(own, below): &(Option<Content>, Option<Content>)| *own == Some(Content::Text) && is(below);
    let data = |(own, below): &(Option<Content>, Option<Content>)| is(own) && own == below;
    width > 1 && columns.iter().any(text) && !columns.iter().any(data)
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
        above: 0,
        rows: 0,
        comment: true,
    })
}

/// Returns one name per column from rows of text, and how many rows above the names are no part of the header.
///
/// The last row that tells the columns apart has the names, unless it holds units. Data frames with several levels of names
/// end with a row that names their index only: of those the first level that tells the columns apart has the names.
fn names(rows: &[Line], width: usize) -> (Vec<String>, usize) {
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
    let is_index = |row: &Vec<String>| width > 1 && !row[0].is_empty() && row[1..].iter().all(String::is_empty);
    let tells_apart = |row: &Vec<String>| {
        let mut names: Vec<&String> = row
            .iter()
            .skip(usize::from(width > 1))
            .filter(|name| !name.is_empty())
            .collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        names.len() == all && all > 0 && !is_units(row)
    };
    let index = rows.iter().skip(1).rposition(is_index).map(|row| row + 1);
    let chosen = match index {
        Some(index) => rows[..index].iter().position(tells_apart),
        None => rows.iter().rposition(tells_apart),
    };
    let above = if index.is_some() { 0 } else { chosen.unwrap_or(0) };
    let mut names = match chosen {
        Some(chosen) => rows[chosen].clone(),
        None if rows.len() == 1 => rows[0].clone(),
        None => joined(&rows, width),
    };
    if let Some(index) = index {
        names[0].clone_from(&rows[index][0]);
    }
    (names, above)
}

/// Returns whether all names behind the first one are units: in brackets, or with a sign of one.
fn is_units(row: &[String]) -> bool {
    let is_unit = |name: &String| {
        let bracketed = name.starts_with(['[', '(']) && name.ends_with([']', ')']);
        bracketed || number::is_unit(name) || name.contains(['/', '°', '%', '²', '³', '^'])
    };
    let mut units = row.iter().skip(1).filter(|name| !name.is_empty()).peekable();
    units.peek().is_some() && units.all(is_unit)
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

/// Returns the names that are times: days, the months of a year, or the hours of a day.
fn named_by_times(first: &Line) -> Option<Vec<&String>> {
    const MONTHS: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    const HOURS: usize = 24;
    let having =
        |is: &dyn Fn(&str) -> bool| -> Vec<&String> { first.cells.iter().filter(|cell| is(cell.trim())).collect() };
    let days = having(&looks_like_time);
    if days.len() > 1 && days.len() * 2 > first.cells.len() {
        return Some(days);
    }
    let is_month = |name: &str| MONTHS.iter().any(|month| name.to_lowercase().starts_with(month)) && name.len() < 10;
    let months = having(&is_month);
    if months.len() == MONTHS.len() {
        return Some(months);
    }
    let hour = |name: &str| -> Option<usize> {
        let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.trim_end_matches(":00").parse().ok()
    };
    let hours = having(&|name| hour(name).is_some());
    let counts: Vec<usize> = hours.iter().filter_map(|name| hour(name)).collect();
    let whole = counts.len() == HOURS && counts[0] < 2 && counts.windows(2).all(|pair| pair[1] == pair[0] + 1);
    whole.then_some(hours)
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
