//! How many steps are forecast where nobody says.

use crate::{Frequency, Sessions, civil::DAY};

const HOUR: u64 = 3_600;
/// The most steps of a day that is not hourly.
const FINE: u64 = 96;
/// Steps without a calendar, and the horizon between a year of months and two weeks of days.
const DOZEN: u64 = 12;

/// Returns the number of steps that a forecast of a series usually has, at most a quarter of its rows and at least 1.
///
/// Years 6, half-years and quarters 8, months 12, dekads 36, weeks 13, days four weeks (business days 20), hours up to days two
/// days, finer steps a day but at most 96, steps without a calendar 12. A length between two of these counts as
/// the nearest.
///
/// # Source
/// For years to hours the horizons of Makridakis, Spiliotis and Assimakopoulos 2020, "The M4 Competition: 100,000 time
/// series and 61 forecasting methods"; days twice those.
///
/// # Example
/// ```
/// use series::{Frequency, horizon};
///
/// assert_eq!(horizon(Frequency::Seconds(3_600), 2_000), 48);
/// assert_eq!(horizon(Frequency::Seconds(3_600), 100), 25);
/// ```
#[must_use]
pub fn horizon(frequency: Frequency, rows: usize) -> usize {
    let steps = match frequency {
        Frequency::Months { months, .. } => of_months(u64::from(months)),
        Frequency::Seconds(seconds) => of_seconds(seconds.max(1)),
        Frequency::Sessions(Sessions { days, per_day, .. }) => of_sessions(u64::from(days.len()), u64::from(per_day)),
        Frequency::Dekads => 36,
        Frequency::Steps => DOZEN,
    };
    usize::try_from(steps).unwrap_or(1).min(rows / 4).max(1)
}

fn of_months(months: u64) -> u64 {
    match months {
        0 | 1 => DOZEN,
        2..=7 => 8,
        _ => 6,
    }
}

fn of_seconds(seconds: u64) -> u64 {
    const LENGTH: u64 = DAY.unsigned_abs();
    match seconds {
        // A year of 365 days is nearer to 200 days than a quarter.
        _ if seconds >= 20 * LENGTH => of_months((seconds + 15 * LENGTH) / (30 * LENGTH)),
        _ if seconds >= 4 * LENGTH => 13,
        _ if seconds >= LENGTH => 28 * LENGTH / seconds,
        _ if seconds >= HOUR => 2 * LENGTH / seconds,
        _ => (LENGTH / seconds).min(FINE),
    }
}

/// Days of the week count in weeks; sessions as the steps of a day do, whose number tells how fine they are.
fn of_sessions(days: u64, per_day: u64) -> u64 {
    match per_day {
        0 | 1 => 4 * days,
        2..=24 => 2 * per_day,
        _ => per_day.min(FINE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_follows_from_the_frequency_and_a_quarter_of_the_rows() {
        for (frequency, rows, expected) in [
            ("1y", 100, 6),
            ("6mo", 100, 8),
            ("3mo", 100, 8),
            ("2mo", 100, 8),
            ("1mo", 100, 12),
            ("1mo-end", 100, 12),
            ("1 dekad", 1_000, 36),
            ("4w", 1_000, 12),
            ("13w", 1_000, 8),
            ("365d", 1_000, 6),
            ("2w", 1_000, 13),
            ("1w", 1_000, 13),
            ("2d", 1_000, 14),
            ("1d", 1_000, 28),
            ("1 business day", 1_000, 20),
            ("1 day on mon-sat", 1_000, 24),
            ("30m in sessions 09:30-15:30 mon-fri", 1_000, 26),
            ("1m in sessions 09:30-15:30 mon-fri", 1_000, 96),
            ("12h", 1_000, 4),
            ("6h", 1_000, 8),
            ("1h", 1_000, 48),
            ("30m", 1_000, 48),
            ("15m", 1_000, 96),
            ("2m", 15_927, 96),
            ("1s", 1_000, 96),
            ("1 step", 1_000, 12),
            ("1mo", 47, 11),
            ("1h", 7, 1),
            ("1h", 0, 1),
        ] {
            assert_eq!(
                horizon(frequency.parse().unwrap(), rows),
                expected,
                "{frequency}, {rows} rows"
            );
        }
    }
}
