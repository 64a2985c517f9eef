//! Finds the time column and reads its cells as UTC seconds.

use contract::spec::Choice;
use jiff::{civil::Date, tz::TimeZone};

use crate::{
    error::PreprocessError,
    raw::{Cells, Raw},
};

/// The names of time columns.
const NAMES: [&str; 6] = ["time", "timestamp", "date", "ds", "datetime", "index"];

/// From this number on, a bare number counts milliseconds: as seconds it would lie beyond the year 5000.
const MILLISECONDS: u64 = 100_000_000_000;

/// Below this number of seconds (1973), a bare number in a column that is only guessed to hold times is taken for a
/// count.
const PLAUSIBLE: i64 = 100_000_000;

/// The calendar in UTC seconds, from the beginning of the year 1 to the end of 9999, as RFC 3339 writes it.
const CALENDAR: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The format of a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Rfc3339,
    DateTime,
    Date,
    Seconds,
    Milliseconds,
}

/// One time as it is written, in seconds: UTC, or local time if the format names no zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    format: Format,
    seconds: i64,
    whole: bool,
}

/// Returns the time column: the one that the spec names, or else the first with a name of a time column, or else the
/// first that holds only times.
pub(crate) fn find(raw: &Raw<'_>, wanted: &Choice<String>) -> Result<usize, PreprocessError> {
    if let Choice::Given(name) = wanted {
        return raw.find(name).ok_or_else(|| PreprocessError::NoColumn {
            file: raw.file.clone(),
            column: name.clone(),
            setting: "data.time",
            columns: raw.names(),
        });
    }
    let named: Vec<usize> = (0..raw.columns.len())
        .filter(|&index| is_named(&raw.columns[index].name))
        .collect();
    let begins = |cells: &Cells<'_>| first(cells).is_some_and(Stamp::is_plausible);
    if let Some(index) = named.iter().find(|&&index| begins(&raw.columns[index].cells)) {
        return Ok(*index);
    }
    if let Some(index) = raw.columns.iter().position(|column| holds_times(&column.cells)) {
        return Ok(index);
    }
    match named
        .first()
        .and_then(|&index| Some((index, raw.columns[index].cells.first_row()?)))
    {
        Some((index, row)) => Err(PreprocessError::Time(raw.cell(index, row))),
        None => Err(PreprocessError::NoTime {
            file: raw.file.clone(),
            columns: raw.examples(),
        }),
    }
}

/// Returns whether a column has the name of a time column.
pub(crate) fn is_named(name: &str) -> bool {
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Returns whether a text is a time and not a bare number.
pub(crate) fn is_time(text: &str) -> bool {
    parse(text).is_some_and(|stamp| !stamp.is_number())
}

/// Reads the first cell that is not missing.
fn first(cells: &Cells<'_>) -> Option<Stamp> {
    let row = cells.first_row()?;
    match cells {
        Cells::Text(text) => parse(text.get(row)?),
        Cells::Numbers(numbers) => number(numbers[row]),
        Cells::Times(stamps) => Some(Stamp {
            format: Format::Rfc3339,
            seconds: stamps.seconds[row]?,
            whole: true,
        }),
        Cells::Other { .. } => None,
    }
}

/// Returns whether a column without a known name holds times. Bare numbers do not count, because they could mean
/// anything.
fn holds_times(cells: &Cells<'_>) -> bool {
    match cells {
        Cells::Times(_) => true,
        Cells::Text(text) => text.iter().all(|cell| cell.is_some_and(is_time)),
        Cells::Numbers(_) | Cells::Other { .. } => false,
    }
}

/// Reads a column as UTC seconds. All its cells must have one format.
///
/// A time without a zone is a local time in `zone`. When the clock goes back it means the earlier moment, when the
/// clock goes forward the later one. A date is midnight UTC, because it has no time zone, and days must be evenly
/// spaced.
pub(crate) fn read(raw: &Raw<'_>, column: usize, zone: &TimeZone) -> Result<Vec<i64>, PreprocessError> {
    match &raw.columns[column].cells {
        Cells::Text(text) => {
            let mut day = Day::default();
            let stamps = text
                .iter()
                .map(|cell| cell.and_then(|cell| parse_after(cell, &mut day)));
            read_stamps(raw, column, stamps, zone)
        }
        Cells::Numbers(numbers) => read_stamps(raw, column, numbers.iter().map(|&n| number(n)), zone),
        Cells::Times(stamps) => {
            if let Some(row) = stamps.finer {
                return Err(PreprocessError::SubSecond(raw.cell(column, row)));
            }
            let format = if stamps.naive {
                Format::DateTime
            } else {
                Format::Rfc3339
            };
            let stamp = |seconds: i64| Stamp {
                format,
                seconds,
                whole: true,
            };
            read_stamps(raw, column, stamps.seconds.iter().map(|cell| cell.map(stamp)), zone)
        }
        Cells::Other { .. } => Err(PreprocessError::Time(raw.cell(column, 0))),
    }
}

fn read_stamps(
    raw: &Raw<'_>,
    column: usize,
    stamps: impl Iterator<Item = Option<Stamp>>,
    zone: &TimeZone,
) -> Result<Vec<i64>, PreprocessError> {
    let mut times = Vec::with_capacity(raw.rows());
    let mut expected = None;
    for (row, stamp) in stamps.enumerate() {
        let cell = || raw.cell(column, row);
        let stamp = stamp.ok_or_else(|| PreprocessError::Time(cell()))?;
        let expected = *expected.get_or_insert(stamp.format);
        if stamp.format != expected {
            let first = raw.cell(column, 0);
            return Err(PreprocessError::MixedTimes {
                cell: cell(),
                have: stamp.format.name(),
                need: expected.name(),
                first_row: first.row,
                first_value: first.value,
            });
        }
        if !stamp.whole {
            return Err(PreprocessError::SubSecond(cell()));
        }
        if !CALENDAR.contains(&stamp.seconds) {
            return Err(PreprocessError::OutOfCalendar(cell()));
        }
        times.push(stamp.utc(zone).ok_or_else(|| PreprocessError::Time(cell()))?);
    }
    Ok(times)
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Rfc3339 => "a time with its zone",
            Self::DateTime => "a date and time without zone",
            Self::Date => "a date",
            Self::Seconds => "epoch seconds",
            Self::Milliseconds => "epoch milliseconds",
        }
    }
}

impl Stamp {
    fn is_number(self) -> bool {
        matches!(self.format, Format::Seconds | Format::Milliseconds)
    }

    fn is_plausible(self) -> bool {
        !self.is_number() || self.seconds >= PLAUSIBLE
    }

    fn utc(self, zone: &TimeZone) -> Option<i64> {
        if self.format != Format::DateTime || *zone == TimeZone::UTC {
            return Some(self.seconds);
        }
        let clock = jiff::Timestamp::from_second(self.seconds)
            .ok()?
            .to_zoned(TimeZone::UTC)
            .datetime();
        Some(zone.to_ambiguous_timestamp(clock).compatible().ok()?.as_second())
    }
}

fn number(value: f64) -> Option<Stamp> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    let whole = (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)?;
    Some(epoch(whole))
}

fn epoch(count: i64) -> Stamp {
    if count.unsigned_abs() < MILLISECONDS {
        return Stamp {
            format: Format::Seconds,
            seconds: count,
            whole: true,
        };
    }
    Stamp {
        format: Format::Milliseconds,
        seconds: count.div_euclid(1000),
        whole: count % 1000 == 0,
    }
}

/// Parses a time in any of the formats.
fn parse(text: &str) -> Option<Stamp> {
    parse_after(text, &mut Day::default())
}

/// The longest time in bytes, with blanks and a fraction of a second.
const LONGEST: usize = 256;

/// Parses a time that is often on the same day as the last one.
fn parse_after(text: &str, day: &mut Day) -> Option<Stamp> {
    if text.len() > LONGEST {
        return None;
    }
    // Looking for the blanks of all scripts takes longer than everything else.
    let text = if text.is_ascii() {
        text.trim_ascii()
    } else {
        text.trim()
    };
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        let whole = text.strip_suffix(".0").unwrap_or(text);
        return whole.parse().ok().map(epoch);
    }
    let (date, rest) = bytes.split_first_chunk()?;
    let midnight = day.midnight(date)?;
    let Some((separator, rest)) = rest.split_first() else {
        return Some(Stamp {
            format: Format::Date,
            seconds: midnight,
            whole: true,
        });
    };
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (time, rest) = rest.split_at_checked(5)?;
    if time[2] != b':' {
        return None;
    }
    let (second, rest) = match rest {
        [b':', a, b, rest @ ..] => (digits(&[*a, *b])?, rest),
        rest => (0, rest),
    };
    let (whole, rest) = fraction(rest)?;
    let seconds = midnight + clock([digits(&time[..2])?, digits(&time[3..])?, second])?;
    if rest.is_empty() {
        return Some(Stamp {
            format: Format::DateTime,
            seconds,
            whole,
        });
    }
    Some(Stamp {
        format: Format::Rfc3339,
        seconds: seconds - offset(rest)?,
        whole,
    })
}

/// Reads `.fff`, if it is there. Returns whether it is zero, and the rest.
fn fraction(rest: &[u8]) -> Option<(bool, &[u8])> {
    let Some(rest) = rest.strip_prefix(b".") else {
        return Some((true, rest));
    };
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    (!digits.is_empty()).then(|| (digits.iter().all(|byte| *byte == b'0'), rest))
}

/// Returns the seconds of `Z`, `+01:00`, `+0100` or `+01`.
fn offset(rest: &[u8]) -> Option<i64> {
    let rest = rest.trim_ascii_start();
    let (sign, rest) = match rest {
        b"Z" | b"z" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [a, b] => (digits(&[*a, *b])?, 0),
        [a, b, b':', c, d] | [a, b, c, d] => (digits(&[*a, *b])?, digits(&[*c, *d])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn digits(bytes: &[u8]) -> Option<i64> {
    let digit = |number: i64, byte: &u8| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'));
    bytes.iter().try_fold(0, digit)
}

/// The day that was parsed last.
#[derive(Default)]
struct Day {
    text: [u8; 10],
    midnight: i64,
}

impl Day {
    /// Returns the seconds from 1970 to a day's midnight; `None` when there is no such day.
    fn midnight(&mut self, text: &[u8; 10]) -> Option<i64> {
        if *text != self.text {
            let small = |n: i64| i8::try_from(n).ok();
            let year = i16::try_from(digits(&text[..4])?).ok()?;
            let date = Date::new(year, small(digits(&text[5..7])?)?, small(digits(&text[8..])?)?).ok()?;
            self.midnight = date.duration_since(jiff::civil::date(1970, 1, 1)).as_secs();
            self.text = *text;
        }
        Some(self.midnight)
    }
}

/// Returns the seconds from midnight; `None` when there is no such time.
fn clock([hour, minute, second]: [i64; 3]) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests;
