//! The time axis: a regular grid of seconds or calendar months.

use serde::{Deserialize, Serialize};

use crate::{
    Frequency,
    civil::{DAY, rfc3339},
    frequency::{LONGEST, MAX_SECONDS},
    months::{month_later, month_number, monthly},
    statistics::most_common,
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
    #[error("{have} rows with different times, a time axis needs {need}")]
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
    #[error("a row every {frequency} from {start} to {end} makes {have} rows, at most {bound} are allowed")]
    TooManyRows {
        /// The distance of the grid's rows.
        frequency: Frequency,
        /// The grid's first time, RFC 3339 UTC.
        start: String,
        /// The grid's last time, RFC 3339 UTC.
        end: String,
        /// How many rows the grid would have.
        have: u64,
        /// The most rows that the caller allows.
        bound: usize,
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
        }
    }

    /// Returns the row of a time in UTC seconds; `None` where no row has this time.
    #[must_use]
    pub fn index_of(&self, t: i64) -> Option<usize> {
        let row = usize::try_from(self.nearest(t)?).ok()?;
        (row < self.len && self.at(row) == t).then_some(row)
    }

    /// Returns the rows of times as [`Self::index_of`] does; fastest where each is the row after the one before.
    pub fn indices_of(&self, times: impl IntoIterator<Item = i64>) -> impl Iterator<Item = Option<usize>> {
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

    /// Finds the grid of sorted times without duplicates.
    ///
    /// The most common difference (the smaller one of equally common ones) must divide all others. Times that lie four weeks
    /// or more apart and fall on one day of the month, or on its last day, are calendar months.
    ///
    /// # Errors
    /// With fewer than two rows, times out of order, a time off the grid, a step longer than [`Frequency`] allows, or a grid of
    /// more than `max_rows`.
    pub fn infer(times: &[i64], max_rows: usize) -> Result<Self, AxisError> {
        check_sorted(times)?;
        let differences = || times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let sparse = differences().all(|difference| difference >= 28 * DAY);
        let monthly = if sparse { monthly(times) } else { None };
        let frequency = monthly.unwrap_or_else(|| Frequency::Seconds(most_common(differences())));
        if frequency.is_too_long() {
            let long = |difference: i64| difference.unsigned_abs() > MAX_SECONDS;
            let row = 1 + differences().position(long).unwrap_or_default();
            return Err(AxisError::StepTooLong {
                row,
                time: rfc3339(times[row]),
                step: frequency,
            });
        }
        Self::with_frequency(times, frequency, max_rows)
    }

    /// Lays a given grid over sorted times without duplicates.
    ///
    /// # Errors
    /// Without any row, with times out of order, a time off the grid, or a grid of more than `max_rows`.
    pub fn with_frequency(times: &[i64], frequency: Frequency, max_rows: usize) -> Result<Self, AxisError> {
        let (Some(&start), Some(&end)) = (times.first(), times.last()) else {
            return Err(AxisError::TooFewRows { have: 0, need: 1 });
        };
        check_order(times)?;
        let mut axis = Self {
            start,
            frequency,
            len: usize::MAX,
        };
        let off = axis.indices_of(times.iter().copied()).position(|row| row.is_none());
        let grid = |row: usize| AxisError::OffGrid {
            row,
            time: rfc3339(times[row]),
            frequency,
            start: rfc3339(start),
        };
        if let Some(row) = off {
            return Err(grid(row));
        }
        let have = axis.nearest(end).unwrap_or(i64::MAX).unsigned_abs() + 1;
        axis.len = usize::try_from(have).unwrap_or(usize::MAX);
        if axis.len > max_rows {
            let (start, end) = (rfc3339(start), rfc3339(end));
            return Err(AxisError::TooManyRows {
                frequency,
                start,
                end,
                have,
                bound: max_rows,
            });
        }
        Ok(axis)
    }

    /// Returns the number of the step at or before a time, counted from the start.
    fn nearest(&self, t: i64) -> Option<i64> {
        match self.frequency {
            Frequency::Seconds(s) => t.checked_sub(self.start).map(|since| since.div_euclid(step(s))),
            Frequency::Months { months, .. } => {
                Some((month_number(t) - month_number(self.start)).div_euclid(i64::from(months.max(1))))
            }
        }
    }
}

fn check_sorted(times: &[i64]) -> Result<(), AxisError> {
    if times.len() < 2 {
        return Err(AxisError::TooFewRows {
            have: times.len(),
            need: 2,
        });
    }
    check_order(times)
}

fn check_order(times: &[i64]) -> Result<(), AxisError> {
    match times.windows(2).position(|pair| pair[1] <= pair[0]) {
        Some(before) => Err(AxisError::NotSorted {
            row: before + 1,
            time: rfc3339(times[before + 1]),
        }),
        None => Ok(()),
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
        civil::{Date, days},
    };

    const MANY: usize = 1_000_000;

    fn day(year: i64, month: i64, day: i64) -> i64 {
        days(Date { year, month, day }) * DAY
    }

    fn inferred(times: &[i64]) -> String {
        let axis = TimeAxis::infer(times, MANY).unwrap();
        format!("{} x {}", axis.len, axis.frequency)
    }

    #[test]
    fn the_most_common_difference_is_the_frequency_and_gaps_are_steps() {
        for (times, expected) in [
            (vec![0, 120, 240, 600], "6 x 2m"),
            (vec![0, 3600, 7200], "3 x 1h"),
            (vec![day(2024, 1, 1), day(2024, 2, 1)], "2 x 1mo"),
            (
                vec![day(1992, 1, 1), day(1992, 2, 1), day(1992, 3, 1), day(1992, 6, 1)],
                "6 x 1mo",
            ),
            (
                vec![day(2023, 11, 30), day(2023, 12, 31), day(2024, 1, 31), day(2024, 2, 29)],
                "4 x 1mo-end",
            ),
            (
                vec![day(2024, 1, 31), day(2024, 2, 29), day(2024, 3, 31)],
                "3 x 1mo-end",
            ),
            (vec![day(2023, 1, 30), day(2023, 2, 28), day(2023, 3, 30)], "3 x 1mo"),
            (
                vec![day(2022, 1, 1), day(2023, 1, 1), day(2024, 1, 1), day(2025, 1, 1)],
                "4 x 12mo",
            ),
            (vec![0, 28 * DAY, 56 * DAY], "3 x 4w"),
        ] {
            assert_eq!(inferred(&times), expected);
        }
    }

    #[test]
    fn what_is_no_grid_is_refused_with_row_and_time() {
        for (times, message) in [
            (vec![0], "1 rows with different times, a time axis needs 2"),
            (
                vec![0, 60, 60],
                "row 2: time 1970-01-01T00:01:00Z is not after the row before it",
            ),
            (
                vec![0, 60, 120, 150],
                "row 3: time 1970-01-01T00:02:30Z is off the grid of one row every 1m from 1970-01-01T00:00:00Z",
            ),
            (
                vec![0, 1, 2, 10_000_000],
                "a row every 1s from 1970-01-01T00:00:00Z to 1970-04-26T17:46:40Z makes 10000001 rows, at most 1000000 are allowed",
            ),
            (
                vec![day(1, 1, 2), day(1, 1, 2) + 3_600_000 * DAY],
                "row 1: time 9857-06-21T00:00:00Z is a step of 3600000d after the row before it, a step is at most 100 years",
            ),
            (
                vec![day(1900, 1, 1), day(2000, 2, 1), day(2100, 3, 1)],
                "row 1: time 2000-02-01T00:00:00Z is a step of 36553d after the row before it, a step is at most 100 years",
            ),
        ] {
            assert_eq!(TimeAxis::infer(&times, MANY).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_given_frequency_may_be_finer_than_the_rows() {
        let axis = TimeAxis::with_frequency(&[0, 240], Frequency::Seconds(120), MANY).unwrap();
        assert_eq!(axis.len, 3);
        assert_eq!(axis.index_of(120), Some(1));
        assert_eq!(axis.index_of(121), None);
        assert_eq!(axis.index_of(-120), None);
        assert_eq!(axis.end(), 240);
        assert_eq!(axis.at(5), 600, "beyond the end");
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
            ] {
                let axis = TimeAxis { start, frequency, len: 500 };
                prop_assert_eq!(axis.index_of(axis.at(row)), Some(row));
                prop_assert!(axis.at(row) < axis.at(row + 1));
            }
        }

        #[test]
        fn no_times_make_it_panic(times in proptest::collection::vec(any::<i64>(), 0..6)) {
            let mut times = times;
            times.sort_unstable();
            if let Ok(axis) = TimeAxis::infer(&times, 100) {
                let written = serde_json::to_string(&axis).unwrap();
                prop_assert_eq!(serde_json::from_str::<TimeAxis>(&written).unwrap(), axis, "what is written can be read");
            }
        }
    }
}
