//! The distance of two neighbouring rows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    civil::rfc3339,
    sessions::{self, Sessions},
};

/// On which day of its month a monthly row falls.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchor {
    /// On the same day of every month, usually the first.
    Start,
    /// On the last day of every month.
    End,
}

/// The distance of two neighbouring rows.
///
/// Written and read as text: `2m`, `1h`, `1d`, `90s`, `1mo` and `1mo-end`, `1 business day`, `1 day on mon-sat`,
/// `30m in sessions 09:30-15:30 mon-fri`, `1 dekad` and `1 step`. `1y` is read as `12mo`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Frequency {
    /// A fixed number of seconds, at least 1.
    Seconds(u64),
    /// Calendar months.
    Months {
        /// How many months, at least 1.
        months: u32,
        /// On which day of the month.
        anchor: Anchor,
    },
    /// Some days of the week, or sessions within them.
    Sessions(Sessions),
    /// The 1st, the 11th and the 21st of every month.
    Dekads,
    /// Steps without a calendar: a time is the number of its step.
    Steps,
}

/// A text that is not a frequency.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "frequency `{0}` must be a whole number from 1 with s, m, h, d, w, mo, mo-end or y, at most 100 years, or one of `1 business day`, `1 day on mon-sat`, `30m in sessions 09:30-15:30 mon-fri`, `1 dekad` and `1 step`"
)]
pub struct FrequencyError(String);

/// Units of seconds, largest first, so that printing finds the shortest text.
const UNITS: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// A hundred years in seconds: a longer frequency is surely a mistake, and sums stay far from overflow.
pub(crate) const MAX_SECONDS: u64 = 3_155_760_000;
const MAX_MONTHS: u32 = 1_200;

/// The same bound in words.
pub const LONGEST: &str = "100 years";

impl Frequency {
    /// Returns a time as text: RFC 3339 in UTC, or the number of a step without a calendar.
    #[must_use]
    pub fn label(self, t: i64) -> String {
        match self {
            Self::Steps => t.to_string(),
            _ => rfc3339(t),
        }
    }

    /// Returns whether it is longer than the bound up to which texts are read.
    pub(crate) fn is_too_long(self) -> bool {
        match self {
            Self::Seconds(seconds) => seconds > MAX_SECONDS,
            Self::Months { months, .. } => months > MAX_MONTHS,
            Self::Sessions(_) | Self::Dekads | Self::Steps => false,
        }
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Seconds(s) => {
                let (unit, size) = UNITS.into_iter().find(|(_, size)| s % size == 0).unwrap_or(("s", 1));
                write!(f, "{}{unit}", s / size)
            }
            Self::Months {
                months,
                anchor: Anchor::Start,
            } => write!(f, "{months}mo"),
            Self::Months {
                months,
                anchor: Anchor::End,
            } => write!(f, "{months}mo-end"),
            Self::Sessions(sessions) => sessions.fmt(f),
            Self::Dekads => f.write_str(DEKAD),
            Self::Steps => f.write_str(STEP),
        }
    }
}

impl FromStr for Frequency {
    type Err = FrequencyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| FrequencyError(text.to_owned()))
    }
}

impl TryFrom<String> for Frequency {
    type Error = FrequencyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Frequency> for String {
    fn from(frequency: Frequency) -> Self {
        frequency.to_string()
    }
}

const DEKAD: &str = "1 dekad";
const STEP: &str = "1 step";

fn parse(text: &str) -> Option<Frequency> {
    match text {
        DEKAD => return Some(Frequency::Dekads),
        STEP => return Some(Frequency::Steps),
        _ if text.contains(' ') => return sessions::parse(text).map(Frequency::Sessions),
        _ => {}
    }
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok().filter(|&n| n > 0)?;
    let months = |anchor| {
        let months = u32::try_from(number).ok().filter(|&m| m <= MAX_MONTHS)?;
        Some(Frequency::Months { months, anchor })
    };
    match unit {
        "mo" => months(Anchor::Start),
        "mo-end" => months(Anchor::End),
        "y" => parse(&format!("{}mo", number.checked_mul(12)?)),
        _ => {
            let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            number
                .checked_mul(size)
                .filter(|&s| s <= MAX_SECONDS)
                .map(Frequency::Seconds)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_read_and_written_in_their_shortest_text() {
        for (text, shortest) in [
            ("120s", "2m"),
            ("2m", "2m"),
            ("90s", "90s"),
            ("1h", "1h"),
            ("24h", "1d"),
            ("7d", "1w"),
            ("1mo", "1mo"),
            ("3mo-end", "3mo-end"),
            ("2y", "24mo"),
            ("1 business day", "1 business day"),
            ("1 day on mon-fri", "1 business day"),
            ("1 day on mon-sat", "1 day on mon-sat"),
            ("1 day on sun-thu", "1 day on sun-thu"),
            ("1 day on mon,wed,fri", "1 day on mon,wed,fri"),
            (
                "30m in sessions 09:30-15:30 mon-fri",
                "30m in sessions 09:30-15:30 mon-fri",
            ),
            ("1 dekad", "1 dekad"),
            ("1 step", "1 step"),
        ] {
            let frequency: Frequency = text.parse().unwrap();
            assert_eq!(frequency.to_string(), shortest, "{text}");
            let json = serde_json::to_string(&frequency).unwrap();
            assert_eq!(serde_json::from_str::<Frequency>(&json).unwrap(), frequency);
        }
    }

    #[test]
    fn what_is_no_frequency_is_refused_with_its_text() {
        for text in [
            "",
            "0s",
            "m",
            "2",
            "2x",
            "-1h",
            "1.5h",
            "99999999999999999999s",
            "5300w",
            "1201mo",
            "101y",
            "2 steps",
            "1 day on",
            "1 day on noday",
            "30m in sessions 15:30-09:30 mon-fri",
            "30m in sessions 09:30-15:40 mon-fri",
        ] {
            let error = text.parse::<Frequency>().unwrap_err();
            assert!(error.to_string().contains(&format!("`{text}`")), "{error}");
        }
    }
}
