//! A time as text.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::civil::{DAY, Date, date, days, days_in_month, rfc3339};

/// A time, UTC seconds since 1970.
///
/// Read from `2018-02-05`, `2018-02-05 23:40` or `2018-02-05T23:40:00Z`; shown as the first at midnight, else as the last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(pub i64);

/// A text that is not a time.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("time `{0}` must be written as 2018-02-05, 2018-02-05 23:40 or 2018-02-05T23:40:00, UTC")]
pub struct TimeError(String);

impl Time {
    /// Returns the days since 1970-01-01.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    /// Returns the month, from 1.
    #[must_use]
    pub fn month(self) -> i64 {
        date(self.day()).month
    }

    /// Returns the day of the week, Monday is 0.
    #[must_use]
    pub fn weekday(self) -> i64 {
        crate::civil::day_of_week(self.day())
    }

    /// Returns the hour of the day.
    #[must_use]
    pub fn hour(self) -> i64 {
        self.0.rem_euclid(DAY) / 3_600
    }
}

impl std::str::FromStr for Time {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).map(Time).ok_or_else(|| TimeError(text.to_owned()))
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = rfc3339(self.0);
        let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
        f.write_str(if clock == "00:00:00Z" { day } else { &text })
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

fn parse(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, "00:00:00"),
    };
    let mut parts = day.split('-');
    let (year, month, day) = (
        digits(parts.next()?, 4)?,
        digits(parts.next()?, 2)?,
        digits(parts.next()?, 2)?,
    );
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    // Whole seconds only: a fraction is accepted where it is zero.
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |text| digits(text, 2))?;
    let whole = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    if parts.next().is_some() || !whole || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days(Date { year, month, day }) * DAY + hour * 3_600 + minute * 60 + second)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let ok = text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit());
    ok.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("2018-02-05 23:40", 1_517_874_000),
            ("2018-02-05T23:40:00Z", 1_517_874_000),
            ("2018-02-05 23:40:00.000", 1_517_874_000),
            ("1969-12-31 23:59:59", -1),
        ] {
            assert_eq!(text.parse(), Ok(Time(seconds)), "{text}");
        }
        for text in [
            "",
            "2018-02-30",
            "2018-13-01",
            "05.02.2018",
            "2018-02-05 24:00",
            "2018-02-05 23:40:00.5",
            "2018-2-5",
            "2018-02-05T",
        ] {
            let error = text.parse::<Time>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        let monday = "2018-02-05 23:40".parse::<Time>().unwrap();
        assert_eq!((monday.month(), monday.weekday(), monday.hour()), (2, 0, 23));
    }

    proptest! {
        #[test]
        fn a_time_that_is_shown_is_read_back(seconds in 0_i64..200_000_000_000) {
            prop_assert_eq!(Time(seconds).to_string().parse(), Ok(Time(seconds)));
        }
    }
}
