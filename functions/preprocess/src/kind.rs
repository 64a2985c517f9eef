//! What a column of numbers is: a measurement, or something that nobody would forecast.

#![expect(clippy::float_cmp, reason = "values are compared as they were read")]

use std::collections::HashSet;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use crate::time::words;

/// What the values of a column are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Measured,
    /// It counts the rows, or the time that has passed.
    Counter,
    /// It names something.
    Id,
    /// It a part of the calendar: a year, a month, a weekday.
    CalendarPart,
    /// It is 0 or 1.
    Flag,
    /// A cap or floor of a measurement, as Prophet has them.
    Limit,
}

/// A counter is believed from this many rows on: fewer measurements may rise by equal steps.
const COUNTED: usize = 20;

/// A column with any name holds a part of the calendar from so many different values on.
const DISTINCT: usize = 5;

/// How many rows are compared with the calendar.
const COMPARED: usize = 5_000;

const IDS: [&str; 7] = ["id", "uuid", "guid", "index", "row", "no", "nr"];

const LIMITS: [&str; 2] = ["cap", "floor"];

/// Returns what a column is, by its values and, where those allow several answers, by its name. `seconds` are the times of
/// its rows; empty without a calendar.
pub(crate) fn of(name: &str, values: &[f64], seconds: &[i64]) -> Kind {
    let words = words(name);
    let name = name.trim().to_lowercase();
    let present = || values.iter().filter(|value| !value.is_nan());
    let whole = present().all(|value| value.fract() == 0.0);
    let is_index = name.starts_with("unnamed") || name == "column_1" || IDS.contains(&name.as_str());
    let least = if is_index { 2 } else { COUNTED };
    if is_counter(values, seconds, least) || is_year_with_fraction(values, seconds) {
        Kind::Counter
    } else if whole && is_calendar_part(&name, values, seconds) {
        Kind::CalendarPart
    } else if whole && is_id(&words) {
        Kind::Id
    } else if present().all(|value| *value == 0.0 || *value == 1.0) && present().any(|value| *value == 1.0) {
        Kind::Flag
    } else if LIMITS.contains(&name.as_str()) {
        Kind::Limit
    } else {
        Kind::Measured
    }
}

/// Returns whether the last word of a name says that whole numbers name something. `NO` alone is a gas.
fn is_id(words: &[String]) -> bool {
    const ALONE: [&str; 3] = ["id", "uuid", "guid"];
    const LAST: [&str; 6] = ["no", "nr", "code", "key", "zip", "postcode"];
    words.last().is_some_and(|last| {
        let last = last.as_str();
        ALONE.contains(&last) || words.len() > 1 && LAST.contains(&last)
    })
}

/// Returns whether the values rise or fall by one step from row to row, or as the time does.
fn is_counter(values: &[f64], seconds: &[i64], least: usize) -> bool {
    if values.len() < least.max(2) {
        return false;
    }
    let step = values[1] - values[0];
    let equal = |pair: &[f64]| (pair[1] - pair[0] - step).abs() <= 1e-6 * step.abs();
    let counts = step != 0.0 && values.windows(2).all(equal);
    counts || is_elapsed(values, seconds)
}

/// Returns whether the values are the time of each row in years, such as 1958.2027.
#[expect(clippy::cast_precision_loss, reason = "seconds of a calendar have 12 digits")]
fn is_year_with_fraction(values: &[f64], seconds: &[i64]) -> bool {
    const YEAR: f64 = 31_556_952.0;
    /// Some write the middle of a month, some its beginning.
    const CLOSE: f64 = 0.1;
    let close = |(value, time): (&f64, &i64)| (value - 1970.0 - *time as f64 / YEAR).abs() < CLOSE;
    seconds.len() >= values.len() && values.len() >= COUNTED && values.iter().zip(seconds).all(close)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a calendar have 12 digits")]
fn is_elapsed(values: &[f64], seconds: &[i64]) -> bool {
    let (&[first, .., last], &[start, .., end]) = (values, &seconds[..values.len().min(seconds.len())]) else {
        return false;
    };
    let rate = (last - first) / (end - start) as f64;
    let close =
        |(value, time): (&f64, &i64)| (value - first - rate * (time - start) as f64).abs() <= 1e-9 * value.abs();
    seconds.len() >= values.len().max(COUNTED) && rate != 0.0 && values.iter().zip(seconds).all(close)
}

/// A part of the calendar: names of columns that hold it, the largest of its numbers, from wherever they are counted, and
/// its number of a time.
type CalendarPart = (&'static [&'static str], f64, fn(DateTime) -> i64);

const PARTS: [CalendarPart; 9] = [
    (&["year", "yr"], 3_000.0, |time| i64::from(time.year())),
    (&["quarter", "qtr"], 4.0, |time| i64::from(time.month() + 2) / 3),
    (&["month", "mnth", "mon"], 12.0, |time| i64::from(time.month())),
    (&["week", "weekofyear", "week_of_year", "isoweek"], 53.0, |time| {
        i64::from(time.date().iso_week_date().week())
    }),
    (&["day", "dayofmonth", "day_of_month"], 31.0, |time| {
        i64::from(time.day())
    }),
    (&["dayofyear", "day_of_year", "doy", "yday"], 366.0, |time| {
        i64::from(time.day_of_year())
    }),
    (&["weekday", "dayofweek", "day_of_week", "dow", "wday"], 7.0, |time| {
        i64::from(time.weekday().to_monday_zero_offset())
    }),
    (&["hour", "hr", "hourofday", "hour_of_day"], 24.0, |time| {
        i64::from(time.hour())
    }),
    (&["minute"], 60.0, |time| i64::from(time.minute())),
];

/// Returns whether the values are those of a part of the calendar: by the name and the range, or by each value of enough
/// rows.
fn is_calendar_part(name: &str, values: &[f64], seconds: &[i64]) -> bool {
    let name: String = name.chars().filter(|c| *c != '.').collect();
    let mut present = values.iter().filter(|value| !value.is_nan()).peekable();
    if let Some((_, largest, _)) = PARTS.iter().find(|(names, ..)| names.contains(&name.as_str())) {
        return present.peek().is_some() && present.all(|value| (0.0..=*largest).contains(value));
    }
    if seconds.len() < values.len() || values.is_empty() {
        return false;
    }
    let rows = (0..values.len()).step_by(values.len().div_ceil(COMPARED));
    let moment = |row: usize| Some(TimeZone::UTC.to_datetime(Timestamp::from_second(seconds[row]).ok()?));
    let rows: Vec<(f64, DateTime)> = rows
        .filter(|row| !values[*row].is_nan())
        .filter_map(|row| Some((values[row], moment(row)?)))
        .collect();
    // Few rows, or few values, are equal by chance.
    rows.len() >= COUNTED
        && PARTS.iter().any(|(_, _, number)| {
            let parts = || rows.iter().map(|(_, time)| number(*time));
            #[expect(clippy::cast_precision_loss, reason = "parts of a calendar are small")]
            let equal = rows.iter().zip(parts()).all(|((value, _), part)| *value == part as f64);
            equal && parts().collect::<HashSet<_>>().len() >= DISTINCT
        })
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "days of a test are few")]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn a_column_is_what_its_values_and_its_name_say() {
        let days: Vec<i64> = (0..60).map(|day| 1_700_000_000 / DAY * DAY + day * DAY).collect();
        let of_days = |value: fn(i64) -> f64| -> Vec<f64> { (0..60).map(value).collect() };
        let weekday = |day: i64| ((day + 1) % 7) as f64;
        for (name, values, expected) in [
            ("load", of_days(|day| (day * day % 17) as f64 + 0.5), Kind::Measured),
            ("visitors", of_days(|day| (day * day % 17) as f64), Kind::Measured),
            ("No", of_days(|day| day as f64 + 1.0), Kind::Counter),
            ("anything", of_days(|day| 500.0 - 5.0 * day as f64), Kind::Counter),
            ("epoch", of_days(|day| (day * DAY) as f64), Kind::Counter),
            ("decimal", of_days(|day| 2023.866 + day as f64 / 365.0), Kind::Counter),
            ("seconds", of_days(|day| 0.1 * day as f64), Kind::Counter),
            ("customerNo", of_days(|day| (day * 7 % 5) as f64), Kind::Id),
            ("NO", of_days(|day| (day * 7 % 5) as f64), Kind::Measured),
            ("station_id", of_days(|day| (day * 7 % 5) as f64), Kind::Id),
            ("weekday", of_days(weekday), Kind::CalendarPart),
            ("flow", of_days(|day| ((day * 11) % 3) as f64), Kind::Measured),
            ("promo", of_days(|day| (day % 3 / 2) as f64), Kind::Flag),
            ("zero", of_days(|_| 0.0), Kind::Measured),
            ("cap", of_days(|day| 100.0 + (day % 5) as f64), Kind::Limit),
        ] {
            assert_eq!(of(name, &values, &days), expected, "{name}");
        }
        assert_eq!(of("rising", &[1.0, 2.0, 3.0], &days[..3]), Kind::Measured, "three rows");
        assert_eq!(of("column_1", &[0.0, 1.0, 2.0], &days[..3]), Kind::Counter, "an index");
        assert_eq!(of("hour", &[1.0, 2.0], &[]), Kind::CalendarPart, "without a date");
        assert_eq!(of("hour", &[1.0, 25.0], &[]), Kind::Measured, "no hour of a day");
    }
}
