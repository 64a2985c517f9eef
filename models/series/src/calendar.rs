//! Calendar columns: inputs that follow from the time alone.

use std::{f64::consts::TAU, ops::Range};

use crate::{
    TimeAxis,
    civil::{DAY, date, day_of_week, day_of_year},
};

/// The names of the calendar columns, in order.
pub const CALENDAR: [&str; 6] = [
    "min_of_day_sin",
    "min_of_day_cos",
    "day_of_week_sin",
    "day_of_week_cos",
    "day_of_year_sin",
    "day_of_year_cos",
];

/// Returns the calendar columns of some rows, also of rows beyond the axis' end.
///
/// Sine and cosine of the minute of the day (period 1,440), the day of the week (Monday 0, period 7) and the day of the
/// year (from 1, period 365.25), in UTC.
#[must_use]
pub fn calendar(axis: &TimeAxis, rows: Range<usize>) -> [(&'static str, Vec<f64>); 6] {
    let mut columns = CALENDAR.map(|name| (name, Vec::with_capacity(rows.len())));
    let mut waves = Waves::of(rows.len());
    for row in rows {
        for ((_, values), value) in columns.iter_mut().zip(waves.at(axis.at(row))) {
            values.push(value);
        }
    }
    columns
}

/// The minutes of a day.
const MINUTES: usize = 1440;

/// Waves that were computed before: many rows have the same minute of the day.
struct Waves {
    /// By minute; empty for few rows, which would not pay for it.
    minutes: Vec<Option<(f64, f64)>>,
    day: Option<(i64, [f64; 4])>,
}

impl Waves {
    fn of(rows: usize) -> Self {
        Self {
            minutes: if rows < MINUTES {
                Vec::new()
            } else {
                vec![None; MINUTES]
            },
            day: None,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "minutes of a day are small and not negative"
    )]
    fn at(&mut self, t: i64) -> [f64; 6] {
        let minute = t.rem_euclid(DAY) / 60;
        let of_minute = || wave(minute as f64, MINUTES as f64);
        let (minute_sin, minute_cos) = match self.minutes.get_mut(minute as usize) {
            Some(known) => *known.get_or_insert_with(of_minute),
            None => of_minute(),
        };
        let days = t.div_euclid(DAY);
        let [week_sin, week_cos, year_sin, year_cos] = match self.day {
            Some((day, waves)) if day == days => waves,
            _ => self.day.insert((days, of_day(days))).1,
        };
        [minute_sin, minute_cos, week_sin, week_cos, year_sin, year_cos]
    }
}

#[expect(clippy::cast_precision_loss, reason = "days of a year are few")]
fn of_day(days: i64) -> [f64; 4] {
    let (week_sin, week_cos) = wave(day_of_week(days) as f64, 7.0);
    let (year_sin, year_cos) = wave(day_of_year(date(days)) as f64, 365.25);
    [week_sin, week_cos, year_sin, year_cos]
}

fn wave(value: f64, period: f64) -> (f64, f64) {
    libm::sincos(value * (TAU / period))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frequency;

    const CLOSE: f64 = 1e-12; // One rounding of the angle and one of the wave.

    #[test]
    fn a_quarter_of_a_day_is_a_quarter_of_a_turn() {
        // 2018-02-05 was a Monday and the 36th day of its year.
        let axis = TimeAxis {
            start: 1_517_788_800,
            frequency: Frequency::Seconds(21_600),
            len: 1,
        };
        let columns = calendar(&axis, 0..2);
        let first: Vec<f64> = columns.iter().map(|(_, values)| values[0]).collect();
        let angle = 36.0 * TAU / 365.25;
        for (have, want) in first
            .iter()
            .zip([0.0, 1.0, 0.0, 1.0, libm::sin(angle), libm::cos(angle)])
        {
            assert!((have - want).abs() < CLOSE, "{first:?}");
        }
        assert!(
            (columns[0].1[1] - 1.0).abs() < CLOSE,
            "six in the morning, one row beyond the axis"
        );
    }

    #[test]
    fn few_rows_have_the_waves_of_many() {
        let axis = TimeAxis::new(1_517_788_800, Frequency::Seconds(420), 2 * MINUTES);
        let many = calendar(&axis, 0..axis.len);
        let few = calendar(&axis, 100..200);
        for (many, few) in many.iter().zip(&few) {
            assert_eq!(many.1[100..200], few.1);
        }
    }
}
