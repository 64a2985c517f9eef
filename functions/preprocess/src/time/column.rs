//! Reads one column as times, in the format that all its cells have.

use contract::spec::{Choice, DataSection};
use polars::prelude::StringChunked;

use super::{
    candidates,
    format::{Format, Kind, Stamp},
    iso::Day,
    regular::regularity,
};
use crate::{
    raw::{Cells, Raw},
    refusal::Problem,
};

/// The place of a cell that is no time.
pub(super) const MISSING: i64 = i64::MIN;

/// The calendar in seconds, from the beginning of the year 1 to the end of 9999, as RFC 3339 writes it.
const CALENDAR: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The most rows at the end that may have no time.
const FOOTERS: usize = 10;

/// The share of a grid that must have rows for a guess to be good.
const REGULAR: f64 = 0.5;

/// A column as it is read in one format.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) format: String,
    /// Seconds as in [`Stamp`], or `MISSING`.
    pub(super) seconds: Vec<i64>,
    /// The first rows with a date, a naive time and an offset.
    pub(super) kinds: [Option<usize>; 3],
    /// Whether an offset is not zero.
    pub(super) shifted: bool,
    /// Whether all times are midnight on their own clock.
    midnights: bool,
    /// The number of times with a fraction of a second.
    pub(super) finer: usize,
    /// The first time outside the calendar.
    outside: Option<usize>,
}

/// The format of typed times.
pub(super) const TYPED: &str = "typed";

/// How much the name of a column says that it is the time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Trust {
    /// Nothing.
    None,
    /// A part of the calendar, or a word of time among others.
    Weak,
    /// A name of the time, or the one that the settings give.
    Named,
}

impl Column {
    pub(super) fn is_dates(&self) -> bool {
        matches!(self.kinds, [Some(_), None, None])
    }

    /// Returns whether the dates are days, and not months, quarters or years.
    pub(super) fn has_days(&self) -> bool {
        let format = Format::from(self.format.as_str());
        match format {
            Format::Text(format) => format == TYPED || format.contains("%d") || format.contains("%j"),
            Format::Period(_) | Format::DecimalYear => false,
            Format::Iso | Format::Epoch(_) | Format::Excel => true,
        }
    }

    /// Reads stamps. With `as_dates` those with an offset are the dates on their own clock.
    pub(super) fn collect(format: String, stamps: impl Iterator<Item = Option<Stamp>>, as_dates: bool) -> Self {
        let mut column = Self {
            format,
            seconds: Vec::with_capacity(stamps.size_hint().0),
            kinds: [None; 3],
            shifted: false,
            midnights: true,
            finer: 0,
            outside: None,
        };
        for (row, stamp) in stamps.enumerate() {
            let Some(mut stamp) = stamp else {
                column.seconds.push(MISSING);
                continue;
            };
            if let Kind::Offset(offset) = stamp.kind {
                let local = stamp.seconds.saturating_add(i64::from(offset));
                column.midnights &= local.rem_euclid(86_400) == 0 && !stamp.finer;
                column.shifted |= offset != 0;
                if as_dates {
                    stamp = Stamp::new(local, Kind::Date);
                }
            }
            let kind = match stamp.kind {
                Kind::Date => 0,
                Kind::Naive => 1,
                Kind::Offset(_) => 2,
            };
            column.kinds[kind].get_or_insert(row);
            column.finer += usize::from(stamp.finer);
            if column.outside.is_none() && !CALENDAR.contains(&stamp.seconds) {
                column.outside = Some(row);
            }
            column.seconds.push(stamp.seconds);
        }
        column
    }

    /// Reads all cells in one format. Where every time is midnight on a clock that is not UTC, they are dates.
    pub(super) fn read(cells: &Cells, format: &Format) -> Self {
        let name = format.to_string();
        let column = Self::collect(name.clone(), stamps(cells, format), false);
        if column.shifted && column.midnights && column.kinds[0].or(column.kinds[1]).is_none() {
            return Self::collect(name, stamps(cells, format), true);
        }
        column
    }

    /// Returns the number of rows up to the last time.
    pub(super) fn rows(&self) -> usize {
        self.seconds
            .iter()
            .rposition(|second| *second != MISSING)
            .map_or(0, |last| last + 1)
    }

    /// Returns the times that are there, up to the last one.
    fn present(&self) -> impl Iterator<Item = i64> + '_ {
        self.seconds.iter().copied().filter(|second| *second != MISSING)
    }

    /// Returns the first row without a time that is not one of a few at the end.
    pub(super) fn wrong(&self) -> Option<usize> {
        let (rows, good) = (self.rows(), self.present().count());
        if rows == 0 {
            return Some(0);
        }
        let within = self.seconds[..rows].iter().position(|second| *second == MISSING);
        let many = (self.seconds.len() - rows > FOOTERS.min(good)).then_some(rows);
        within.or(many)
    }

    /// Returns whether numbers are likely these times and not a measurement.
    fn is_plausible(&self, trust: Trust) -> bool {
        const YEAR: i64 = 31_556_952;
        let years = match self.format.as_str() {
            format if format.starts_with("epoch") => 10 * YEAR..=130 * YEAR,
            "excel" => -16 * YEAR..=95 * YEAR,
            _ => -470 * YEAR..=230 * YEAR,
        };
        let sure = matches!(self.format.as_str(), "%Y%m%d" | "%Y%m%d%H%M%S") || self.format.starts_with("epoch");
        self.present().all(|second| years.contains(&second))
            && (trust == Trust::Named && sure || regularity(self.present()) >= REGULAR)
    }
}

/// Returns the stamps of all cells.
fn stamps<'c>(cells: &'c Cells, format: &'c Format) -> Box<dyn Iterator<Item = Option<Stamp>> + 'c> {
    match cells {
        Cells::Text(text) => {
            let mut day = Day::default();
            Box::new(text.iter().map(move |cell| format.read(cell?, &mut day)))
        }
        Cells::Numbers(numbers) => Box::new(numbers.iter().map(|number| format.read_number(*number))),
        Cells::Stamps(stamps) => {
            let kind = match (stamps.dates, stamps.naive) {
                (true, _) => Kind::Date,
                (_, true) => Kind::Naive,
                _ => Kind::Offset(0),
            };
            Box::new(
                stamps
                    .seconds
                    .iter()
                    .map(move |second| Some(Stamp::new((*second)?, kind))),
            )
        }
        Cells::Other { rows } => Box::new(std::iter::repeat_n(None, *rows)),
    }
}

/// Reads a column, if its cells are times. What is a time but cannot be read is a problem.
pub(super) fn understand(
    raw: &Raw,
    column: usize,
    data: &DataSection,
    trust: Trust,
) -> Result<Option<Column>, Problem> {
    let cells = &raw.columns[column].cells;
    let Some(first) = cells.first_row() else {
        return Ok(None);
    };
    if let Cells::Stamps(stamps) = cells {
        let mut read = Column::read(cells, &Format::Iso);
        read.format = TYPED.to_owned();
        read.finer = stamps.finer;
        return settled(raw, column, read).map(Some);
    }
    if let Choice::Given(format) = &data.time_format {
        let format = Format::from(format.as_str());
        return match Column::read(cells, &format) {
            read if read.seconds[first] == MISSING => Ok(None),
            read => settled(raw, column, read).map(Some),
        };
    }
    match cells {
        Cells::Text(text) => {
            let formats = candidates::of(&cells.text(first));
            if formats.is_empty() {
                return numbers(raw, column, &as_numbers(text), trust);
            }
            if trust == Trust::None && !candidates::is_unmistakable(&cells.text(first)) {
                return Ok(None);
            }
            let formats = likely(text, formats);
            let read: Vec<_> = formats.iter().map(|format| Column::read(cells, format)).collect();
            chosen(raw, column, read).map(Some)
        }
        cells => numbers(raw, column, cells, trust),
    }
}

/// Returns the formats that most cells of a sample have.
fn likely(text: &StringChunked, formats: Vec<Format>) -> Vec<Format> {
    const SAMPLE: usize = 500;
    if formats.len() < 2 {
        return formats;
    }
    let fits = |format: &Format| {
        let rows = (0..text.len()).step_by(text.len() / SAMPLE + 1);
        let mut day = Day::default();
        rows.filter(|row| text.get(*row).is_some_and(|cell| format.read(cell, &mut day).is_some()))
            .count()
    };
    let counts: Vec<_> = formats.iter().map(fits).collect();
    let most = counts.iter().copied().max().unwrap_or_default();
    let all = formats.into_iter().zip(counts);
    all.filter(|(_, count)| *count == most)
        .map(|(format, _)| format)
        .collect()
}

/// Returns a column of numbers that is text because some cells, such as the last one, are no numbers.
fn as_numbers(text: &StringChunked) -> Cells {
    let number = |cell: Option<&str>| cell.and_then(|cell| cell.trim().parse().ok()).unwrap_or(f64::NAN);
    Cells::Numbers(text.iter().map(number).collect())
}

/// Reads numbers as times, if they are likely times and not a measurement.
fn numbers(raw: &Raw, column: usize, cells: &Cells, trust: Trust) -> Result<Option<Column>, Problem> {
    if trust == Trust::None && column > 0 {
        return Ok(None);
    }
    let whole = |read: &Column| read.wrong().is_none() && read.is_plausible(trust);
    let first = cells
        .first_row()
        .map_or(f64::NAN, |row| cells.text(row).parse().unwrap_or(f64::NAN));
    let formats = Format::of_numbers().filter(|format| format.read_number(first).is_some());
    let read = formats.map(|format| Column::read(cells, &format));
    let read: Vec<_> = read.filter(whole).filter(|read| may_be(read, trust)).collect();
    if read.is_empty() {
        return Ok(None);
    }
    chosen(raw, column, read).map(Some)
}

/// Returns whether numbers in a column with such a name can have a format.
fn may_be(read: &Column, trust: Trust) -> bool {
    match read.format.as_str() {
        // 44197, 44198 are as well the numbers of items.
        "excel" => trust == Trust::Named,
        "%Y" | "decimal year" | "%m.%Y" | "%Y.%m" => trust >= Trust::Weak,
        _ => true,
    }
}

/// Returns the one of several readings that is right.
fn chosen(raw: &Raw, column: usize, read: Vec<Column>) -> Result<Column, Problem> {
    let (good, bad): (Vec<_>, Vec<_>) = read.into_iter().partition(|read| read.wrong().is_none());
    if good.is_empty() {
        let best = bad.into_iter().max_by_key(|read| read.present().count());
        return match best {
            Some(best) => settled(raw, column, best),
            None => Err(unreadable(raw, column, 0)),
        };
    }
    let mut scored: Vec<(f64, Column)> = Vec::new();
    for read in good {
        if scored.iter().all(|(_, other)| other.seconds != read.seconds) {
            scored.push((score(&read), read));
        }
    }
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    if let [(best, a), (second, b), ..] = &scored[..]
        && *second > best / 3.0
    {
        return Err(ambiguous(raw, column, a, b));
    }
    settled(raw, column, scored.swap_remove(0).1)
}

/// Returns how likely a reading is: the share of its grid that has rows, and less if the times go to and fro.
fn score(read: &Column) -> f64 {
    let times: Vec<_> = read.present().collect();
    let monotone = times.is_sorted() || times.is_sorted_by(|a, b| a >= b);
    regularity(times.into_iter()) * if monotone { 1.0 } else { 0.1 }
}

/// Checks that all cells of a column are times, except at the end.
pub(super) fn settled(raw: &Raw, column: usize, read: Column) -> Result<Column, Problem> {
    if let Some(row) = read.wrong() {
        return Err(wrong(raw, column, &read, row));
    }
    if let Some(row) = read.outside {
        let cell = raw.cell(column, row);
        return Err(cell.problem(
            "lies outside the years 1 to 9999; correct it or set `data.time_format`",
            "1 to 9999",
        ));
    }
    if let [date, naive, Some(offset)] = read.kinds
        && let Some(other) = date.or(naive)
    {
        return Err(two_formats(raw, column, other.min(offset), other.max(offset)));
    }
    Ok(read)
}

/// Returns the problem of a cell that is not written as the first one.
fn wrong(raw: &Raw, column: usize, read: &Column, row: usize) -> Problem {
    let cell = raw.cell(column, row);
    let Some(first) = read.seconds.iter().position(|second| *second != MISSING) else {
        return unreadable(raw, column, row);
    };
    if cell.value.is_empty() {
        let message = format!(
            "{}, row {}, column `{}`: the time is missing; add it or remove the row",
            cell.file, cell.row, cell.column
        );
        return Problem::new(message)
            .row(cell.row)
            .column(cell.column)
            .bound("a time in each row");
    }
    if !candidates::of(&cell.value).is_empty() {
        return two_formats(raw, column, first, row);
    }
    let example = raw.cell(column, first);
    let what = format!(
        "is not written as the other times, such as `{}` in row {} ({}); correct it or remove the row",
        example.value, example.row, read.format
    );
    cell.problem(&what, read.format.clone())
}

fn two_formats(raw: &Raw, column: usize, first: usize, row: usize) -> Problem {
    let (cell, first) = (raw.cell(column, row), raw.cell(column, first));
    let what = format!(
        "is written in another format than `{}` in row {}; write all times in one format",
        first.value, first.row
    );
    cell.problem(&what, format!("as `{}`", first.value))
}

/// Returns the problem of a cell that is no time of the day.
pub(super) fn wrong_clock(raw: &Raw, column: usize, row: usize, format: &str) -> Problem {
    let what = format!("is not a time of the day as the others ({format}); correct it or remove the row");
    raw.cell(column, row).problem(&what, format)
}

/// Returns the problem of a cell that is no time in any format.
pub(super) fn unreadable(raw: &Raw, column: usize, row: usize) -> Problem {
    let what = "is not a time that can be read; write it as 2024-01-31 or 2024-01-31 18:00, name its format in \
                `data.time_format`, or name another column in `data.time`";
    raw.cell(column, row).problem(what, "a time")
}

/// Returns the problem of two readings that both fit.
fn ambiguous(raw: &Raw, column: usize, a: &Column, b: &Column) -> Problem {
    let differs = a.seconds.iter().zip(&b.seconds).position(|(a, b)| a != b);
    let row = differs.unwrap_or_default();
    let words = |read: &Column| {
        let moment = jiff::Timestamp::from_second(read.seconds[row]).unwrap_or_default();
        jiff::fmt::strtime::format("%-d %B %Y", moment).unwrap_or_default()
    };
    let what = format!(
        "is {} or {}, and both fit all rows; set `data.time_format` to `{}` or `{}`",
        words(a),
        words(b),
        a.format,
        b.format
    );
    raw.cell(column, row).problem(&what, "one format")
}
