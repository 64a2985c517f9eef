//! The time axis: a regular grid of seconds or calendar months.

use serde::{Deserialize, Serialize};

use crate::{
    Frequency,
    frequency::LONGEST,
    months::{dekad_number, dekads_later, month_later, month_number},
};

/// A regular grid of times, UTC seconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeAxis {
    /// The time of row 0.
    pub start: i64,
    /// The distance of two neighbouring rows.
    pub frequency: Frequency,
    /// How many rows the grid has.
    pub len: usize,
}

/// Why times are not a regular grid.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AxisError {
    /// A frequency needs two rows.
    #[error("the number of different times is {have}, a time axis needs {need}")]
    TooFewRows {
        /// How many different times there are.
        have: usize,
        /// How many are needed: 1 with a given frequency, else 2.
        need: usize,
    },
    /// A time that is not after the one before it.
    #[error("row {row}: time {time} is not after the row before it")]
    NotSorted {
        /// The row, from 0.
        row: usize,
        /// The time of the row, RFC 3339 UTC.
        time: String,
    },
    /// A time between two steps of the grid.
    #[error("row {row}: time {time} is off the grid of one row every {frequency} from {start}")]
    OffGrid {
        /// The row, from 0.
        row: usize,
        /// The time of the row, RFC 3339 UTC.
        time: String,
        /// The distance of the grid's rows.
        frequency: Frequency,
        /// The grid's first time, RFC 3339 UTC.
        start: String,
    },
    /// A step longer than a [`Frequency`] may be, which could not be read back from its text.
    #[error("row {row}: time {time} is a step of {step} after the row before it, a step is at most {LONGEST}")]
    StepTooLong {
        /// The row, from 0.
        row: usize,
        /// The time of the row, RFC 3339 UTC.
        time: String,
        /// The distance from the row before.
        step: Frequency,
    },
    /// A grid that would be too long.
    #[error(
        "a row every {frequency} from {start} to {end} makes {have} rows, at most {bound} are allowed; the largest gap lies between {} and {}",
        gap.0, gap.1
    )]
    TooManyRows {
        /// The distance of the grid's rows.
        frequency: Frequency,
        /// The grid's first time, RFC 3339 UTC.
        start: String,
        /// The grid's last time, RFC 3339 UTC.
        end: String,
        /// How many rows the grid would have.
        have: u64,
        /// The most rows that are allowed.
        bound: usize,
        /// The times around the largest gap.
        gap: Box<(String, String)>,
    },
    /// Times that no step explains.
    #[error(
        "the times have no regular step: the most common one, {frequency}, is that of {have} of {all} neighbours; write one row per step, such as the mean of each hour, or set `data.frequency`"
    )]
    Irregular {
        /// The most common step.
        frequency: Frequency,
        /// How many neighbours are so far apart.
        have: usize,
        /// How many neighbours there are.
        all: usize,
    },
}

impl TimeAxis {
    /// Returns a grid of `len` rows from a first time in UTC seconds.
    #[must_use]
    pub fn new(start: i64, frequency: Frequency, len: usize) -> Self {
        Self { start, frequency, len }
    }

    /// Returns the time of a row in UTC seconds, also beyond the end.
    #[must_use]
    pub fn at(&self, row: usize) -> i64 {
        let row = i64::try_from(row).unwrap_or(i64::MAX);
        match self.frequency {
            Frequency::Seconds(s) => self.start.saturating_add(row.saturating_mul(step(s))),
            Frequency::Months { months, anchor } => {
                month_later(self.start, row.saturating_mul(i64::from(months)), anchor)
            }
            Frequency::Sessions(sessions) => sessions.later(self.start, row),
            Frequency::Dekads => dekads_later(self.start, row),
            Frequency::Steps => self.start.saturating_add(row),
        }
    }

    /// Returns the time of a row as text, also beyond the end: RFC 3339 in UTC, or the number of a step without a calendar.
    #[must_use]
    pub fn label(&self, row: usize) -> String {
        self.frequency.label(self.at(row))
    }

    /// Returns the row of a time in UTC seconds; `None` where no row has this time.
    #[must_use]
    pub fn index_of(&self, t: i64) -> Option<usize> {
        let row = usize::try_from(self.number(t)?).ok()?;
        (row < self.len && self.at(row) == t).then_some(row)
    }

    /// Returns the rows of times as [`Self::index_of`] does; fastest where each is the row after the one before.
    pub(crate) fn indices_of(&self, times: impl IntoIterator<Item = i64>) -> impl Iterator<Item = Option<usize>> {
        let mut next = 0;
        times.into_iter().map(move |t| {
            let is_next = next < self.len && self.at(next) == t;
            let row = if is_next { Some(next) } else { self.index_of(t) };
            next = row.map_or(next, |row| row + 1);
            row
        })
    }

    /// Returns the time of the last row in UTC seconds; the start of an empty grid.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.at(self.len.saturating_sub(1))
    }

    /// Returns the number of the step at or before a time, counted from the start.
    pub(crate) fn number(&self, t: i64) -> Option<i64> {
        match self.frequency {
            Frequency::Seconds(s) => t.checked_sub(self.start).map(|since| since.div_euclid(step(s))),
            Frequency::Months { months, .. } => {
                Some((month_number(t) - month_number(self.start)).div_euclid(i64::from(months.max(1))))
            }
            Frequency::Sessions(sessions) => {
                Some(sessions.number(self.start, t) - sessions.number(self.start, self.start))
            }
            Frequency::Dekads => Some(dekad_number(t) - dekad_number(self.start)),
            Frequency::Steps => t.checked_sub(self.start),
        }
    }
}

pub(crate) fn step(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Anchor,
        civil::{DAY, Date, days},
        sessions::{Sessions, Weekdays},
    };

    fn day(year: i64, month: i64, day: i64) -> i64 {
        days(Date { year, month, day }) * DAY
    }

    #[test]
    fn a_label_is_a_time_or_the_number_of_a_step() {
        assert_eq!(
            TimeAxis::new(0, Frequency::Seconds(60), 2).label(1),
            "1970-01-01T00:01:00Z"
        );
        assert_eq!(TimeAxis::new(1, Frequency::Steps, 300).label(300), "301");
    }

    proptest! {
        #[test]
        fn every_row_is_found_at_its_time(
            start in -4_000_000_000_i64..8_000_000_000, months in 1_u32..25, seconds in 1_u64..1_000_000, row in 0_usize..400,
        ) {
            let end = month_later(start, 0, Anchor::End);
            for (start, frequency) in [
                (start, Frequency::Seconds(seconds)),
                (start, Frequency::Months { months, anchor: Anchor::Start }),
                (end, Frequency::Months { months, anchor: Anchor::End }),
                (start, Frequency::Steps),
                (dekads_later(start, 0), Frequency::Dekads),
                (day(2024, 1, 1) + start.rem_euclid(DAY), Frequency::Sessions(Sessions::daily(Weekdays::BUSINESS))),
                (day(2024, 1, 2) + 36_000, "30m in sessions 09:30-15:30 mon,tue,sat".parse().unwrap()),
            ] {
                let axis = TimeAxis { start, frequency, len: 500 };
                prop_assert_eq!(axis.index_of(axis.at(row)), Some(row));
                prop_assert!(axis.at(row) < axis.at(row + 1));
            }
        }
    }
}
