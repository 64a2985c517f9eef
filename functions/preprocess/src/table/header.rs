//! Tells the names of the columns from their data, by what stands in the rows below.

use contract::spec::{Choice, DataSection};

use super::records::Line;
use crate::{
    number,
    refusal::{Problem, Refusal},
    time::looks_like_time,
};

/// The most rows of a header.
const HEADER_ROWS: usize = 5;

/// How many rows below a header tell what its columns hold.
const BELOW: usize = 50;

/// The names of the columns, and where they stand.
pub(super) struct Header {
    /// One per column; empty for a column without one.
    pub(super) names: Vec<String>,
    /// Rows of text above the names that are no part of the header.
    pub(super) above: usize,
    /// Rows of the table that hold them.
    pub(super) rows: usize,
    /// Whether the names stand in a comment before the table.
    pub(super) comment: bool,
}

/// Finds the names of the columns in the first rows of a table, or in the last comment before it.
///
/// # Errors
/// When the first row may be names or numbers, or the names are times.
pub(super) fn find(
    file: &str,
    table: &[Line],
    comments: &[Line],
    width: usize,
    data: &DataSection,
) -> Result<Header, Refusal> {
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
    fn is_value(self) -> bool {
        matches!(self, Self::Number | Self::Time)
    }

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
    let is = |content: &Option<Content>| content.is_some_and(Content::is_value);
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

/// Returns whether a comment stands before the table.
pub(super) fn is_before(comment: &Line, first: Option<&Line>) -> bool {
    first.is_none_or(|first| comment.record.line < first.record.line)
}

/// Returns whether a cell is a number or a time.
pub(super) fn is_value(cell: &str) -> bool {
    Content::of(cell).is_some_and(Content::is_value)
}
