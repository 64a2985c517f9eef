//! How one time is written, and how a cell is read in a format.

use std::fmt;

use jiff::{
    civil::{Date, ISOWeekDate, Time, Weekday},
    fmt::strtime::BrokenDownTime,
};

use super::{
    iso::{self, Day},
    stamp::{Kind, Stamp, midnight},
};

/// How a time is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Iso,
    /// A text of strftime.
    Text(String),
    /// A year with the number of a part of it: `Q`uarter, `H`alf, `M`onth or ISO `W`eek.
    Period(char),
    /// Seconds since 1970, counted in so many parts of a second.
    Epoch(u32),
    /// Days since 1899-12-30, as spreadsheets count them.
    Excel,
    /// Years with their fraction: 1949.0833 is February.
    DecimalYear,
}

const ISO: &str = "ISO 8601";
const EXCEL: &str = "excel";
const DECIMAL_YEAR: &str = "decimal year";
const EPOCHS: [(&str, u32); 4] = [
    ("epoch-s", 1),
    ("epoch-ms", 1_000),
    ("epoch-us", 1_000_000),
    ("epoch-ns", 1_000_000_000),
];
/// The parts of a year, with their length in months; a week has none.
const PERIODS: [(char, &str, i8); 4] = [
    ('Q', "YYYYQn", 3),
    ('H', "YYYYHn", 6),
    ('M', "YYYYMnn", 1),
    ('W', "YYYYWnn", 0),
];

/// Formats of numbers that are written without a sign between their parts, or with a point that makes them a number.
const DIGITS: [&str; 8] = [
    "%Y",
    "%Y%m",
    "%Y%m%d",
    "%Y%m%d%H",
    "%Y%m%d%H%M",
    "%Y%m%d%H%M%S",
    "%m.%Y",
    "%Y.%m",
];

/// The longest time in bytes, with blanks and a fraction of a second.
const LONGEST: usize = 128;
const DAY: i64 = 86_400;

impl Format {
    /// Returns the formats that a number can have.
    pub(super) fn of_numbers() -> impl Iterator<Item = Self> {
        let digits = DIGITS.iter().map(|format| Self::Text((*format).to_owned()));
        let epochs = EPOCHS.iter().map(|(_, parts)| Self::Epoch(*parts));
        digits.chain(epochs).chain([Self::Excel, Self::DecimalYear])
    }

    /// Reads a text. `day` is what the last call left.
    pub(super) fn read(&self, text: &str, day: &mut Day) -> Option<Stamp> {
        // Looking for the blanks of all scripts takes longer than everything else.
        let text = if text.is_ascii() {
            text.trim_ascii()
        } else {
            text.trim()
        };
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        match self {
            Self::Iso => iso::parse(text, day),
            Self::Text(format) => read_text(format, text).or_else(|| read_midnight(format, text)),
            Self::Period(part) => read_period(text)
                .filter(|(found, _)| found == part)
                .map(|(_, stamp)| stamp),
            Self::Epoch(_) | Self::Excel | Self::DecimalYear => self.read_number(text.parse().ok()?),
        }
    }

    /// Reads a number.
    pub(super) fn read_number(&self, number: f64) -> Option<Stamp> {
        const EPOCH_IN_EXCEL: f64 = 25_569.0;
        if !number.is_finite() {
            return None;
        }
        match self {
            Self::Text(format) => read_digits(format, number),
            Self::Epoch(parts) => {
                let seconds = number / f64::from(*parts);
                let stamp = Stamp::new(whole(seconds.floor())?, Kind::Offset(0));
                Some(Stamp {
                    finer: seconds.fract() != 0.0,
                    ..stamp
                })
            }
            Self::Excel => {
                let kind = if number.fract() == 0.0 { Kind::Date } else { Kind::Naive };
                Some(Stamp::new(whole(((number - EPOCH_IN_EXCEL) * 86_400.0).round())?, kind))
            }
            Self::DecimalYear => read_decimal_year(number),
            Self::Iso | Self::Period(_) => None,
        }
    }
}

/// Returns a number as an integer if it is one of a possible time.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64)
}

fn read_text(format: &str, text: &str) -> Option<Stamp> {
    stamp(&BrokenDownTime::parse(format, text).ok()?)
}

/// Returns the stamp of the parts of a time. Without a day it is the first one of the month, without a month the first
/// one of the year.
fn stamp(parts: &BrokenDownTime) -> Option<Stamp> {
    if let Some(moment) = parts.timestamp() {
        return Some(Stamp::new(moment.as_second(), Kind::Offset(0)));
    }
    let other = parts.day_of_year().is_some() || parts.weekday().is_some();
    let day = match (parts.year(), parts.month(), parts.day()) {
        (Some(year), month, None) if !other => Date::new(year, month.unwrap_or(1), 1),
        _ => parts.to_date(),
    };
    let (day, clock) = (day.ok()?, parts.to_time().ok()?);
    let seconds = midnight(day) + since_midnight(clock);
    if parts
        .offset()
        .is_some_and(|offset| i64::from(offset.seconds()).abs() >= DAY)
    {
        return None;
    }
    let stamp = match (parts.offset(), parts.hour()) {
        (Some(offset), _) => Stamp::new(seconds - i64::from(offset.seconds()), Kind::Offset(offset.seconds())),
        (None, Some(_)) => Stamp::new(seconds, Kind::Naive),
        (None, None) => Stamp::new(seconds, Kind::Date),
    };
    let finer = clock.subsec_nanosecond() != 0;
    Some(Stamp { finer, ..stamp })
}

/// Returns the whole seconds from midnight.
pub(super) fn since_midnight(clock: Time) -> i64 {
    i64::from(clock.hour()) * 3600 + i64::from(clock.minute()) * 60 + i64::from(clock.second())
}

/// Reads a time at hour 24, which is the midnight after that day.
fn read_midnight(format: &str, text: &str) -> Option<Stamp> {
    let at = text.rfind("24:00").or_else(|| text.rfind("24.00"))?;
    if text[..at].ends_with(|before: char| before.is_ascii_digit())
        || text[at + 5..].contains(|c| matches!(c, '1'..='9'))
    {
        return None;
    }
    let stamp = read_text(format, &format!("{}00{}", &text[..at], &text[at + 2..]))?;
    Some(Stamp {
        seconds: stamp.seconds + DAY,
        ..stamp
    })
}

/// Reads a number whose digits are the parts of a time.
fn read_digits(format: &str, number: f64) -> Option<Stamp> {
    let width = |format: &str| format.matches('%').count() * 2 + format.matches("%Y").count() * 2;
    let (decimals, width) = match format.split_once('.') {
        Some((whole, fraction)) => (width(fraction), width(whole) + 1 + width(fraction)),
        None => (0, width(format)),
    };
    let text = format!("{number:0width$.decimals$}");
    if text.len() != width || !text.parse().is_ok_and(|read: f64| (read - number).abs() < 1e-6) {
        return None;
    }
    read_text(format, &text)
}

/// Reads a year with its fraction: a whole number of months, written with two decimals or more, or the middle of one.
fn read_decimal_year(number: f64) -> Option<Stamp> {
    const ROUNDING: f64 = 0.07;
    let months = number * 12.0;
    let month = [months, months - 0.5]
        .into_iter()
        .find(|month| (month - month.round()).abs() < ROUNDING)?;
    let month = whole(month.round())?;
    let (year, month) = (
        i16::try_from(month.div_euclid(12)).ok()?,
        i8::try_from(month.rem_euclid(12)).ok()?,
    );
    Some(Stamp::new(midnight(Date::new(year, month + 1, 1).ok()?), Kind::Date))
}

/// Reads `2005Q1`, `1998 Q1`, `Q1-1998`, `1Q2005`, `2005H2`, `2012M01`, `2012-W03` or `2012-W03-1`. Returns the letter
/// too.
pub(super) fn read_period(text: &str) -> Option<(char, Stamp)> {
    let signs = |c: &char| !matches!(c, ' ' | '-' | '/' | '_' | ':');
    let compact: String = text.chars().filter(signs).take(9).collect();
    if !compact.is_ascii() {
        return None;
    }
    let (left, right) = compact.split_once(|c: char| c.is_ascii_alphabetic())?;
    let part = char::from(compact.as_bytes()[left.len()]).to_ascii_uppercase();
    let (year, number) = match (left.len(), right.len()) {
        (4, 1..=3) => (left, right),
        (1, 4) if matches!(part, 'Q' | 'H') => (right, left),
        (0, 5) if matches!(part, 'Q' | 'H') => (&right[1..], &right[..1]),
        _ => return None,
    };
    if !year.bytes().chain(number.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (_, _, months) = PERIODS.iter().find(|(letter, ..)| *letter == part)?;
    let day = match (months, number.len()) {
        (0, 1 | 2) => week(year, number, Weekday::Monday)?,
        (0, _) => week(
            year,
            &number[..2],
            Weekday::from_monday_one_offset(number[2..].parse().ok()?).ok()?,
        )?,
        (_, 3) => return None,
        (months, _) => {
            let number: i8 = number.parse().ok()?;
            let month = number.checked_sub(1)?.checked_mul(*months)?.checked_add(1)?;
            Date::new(year.parse().ok()?, month, 1).ok()?
        }
    };
    Some((part, Stamp::new(midnight(day), Kind::Date)))
}

fn week(year: &str, week: &str, day: Weekday) -> Option<Date> {
    let week = ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, day);
    Some(week.ok()?.date())
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iso => ISO,
            Self::Text(format) => format,
            Self::Period(part) => PERIODS
                .iter()
                .find(|(letter, ..)| letter == part)
                .map_or("", |(_, name, _)| name),
            Self::Epoch(parts) => EPOCHS
                .iter()
                .find(|(_, found)| found == parts)
                .map_or("", |(name, _)| name),
            Self::Excel => EXCEL,
            Self::DecimalYear => DECIMAL_YEAR,
        })
    }
}

impl From<&str> for Format {
    /// Returns the format that is written so; what has no name of its own is a text of strftime.
    fn from(name: &str) -> Self {
        let epoch = EPOCHS.iter().find(|(known, _)| *known == name);
        let period = PERIODS.iter().find(|(_, known, _)| *known == name);
        match (name, epoch, period) {
            (_, Some((_, parts)), _) => Self::Epoch(*parts),
            (_, _, Some((part, ..))) => Self::Period(*part),
            (ISO, ..) => Self::Iso,
            (EXCEL, ..) => Self::Excel,
            (DECIMAL_YEAR, ..) => Self::DecimalYear,
            _ => Self::Text(name.to_owned()),
        }
    }
}
