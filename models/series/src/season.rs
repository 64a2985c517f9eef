//! The length of the season.

use crate::{Frequency, Sessions, axis::step, civil::DAY};

/// Returns the season in steps: the first of day, week and year that holds two steps or more and fits twice into the
/// training rows, else 1.
#[must_use]
pub fn season(frequency: Frequency, training_rows: usize) -> usize {
    // A year has 365.25 days; a cycle that is not a whole number of steps is rounded.
    const CYCLES: [i64; 3] = [DAY, 7 * DAY, 31_557_600];
    let fits = |&steps: &usize| steps >= 2 && steps <= training_rows / 2;
    let whole = |cycle: i64, s: i64| usize::try_from((cycle + s / 2) / s).unwrap_or(1);
    let first = |cycles: &[u32]| cycles.iter().map(|&steps| steps as usize).find(fits).unwrap_or(1);
    match frequency {
        Frequency::Sessions(Sessions { days, per_day, .. }) => {
            let (week, day) = (days.len() * per_day, per_day);
            first(&[day, week, week * 52])
        }
        Frequency::Dekads => first(&[36]),
        Frequency::Steps => 1,
        Frequency::Seconds(s) => CYCLES
            .into_iter()
            .map(|cycle| whole(cycle, step(s)))
            .find(fits)
            .unwrap_or(1),
        Frequency::Months { months, .. } => Some(whole(12, i64::from(months.max(1)))).filter(fits).unwrap_or(1),
    }
}

/// TEMPORARY
#[must_use]
pub fn horizon(frequency: Frequency, rows: usize) -> usize {
    let steps = match frequency {
        Frequency::Months { months: 12.., .. } => 6,
        Frequency::Months { months: 3.., .. } => 8,
        Frequency::Months { .. } => 12,
        Frequency::Seconds(s) if s >= 604_800 => 13,
        Frequency::Seconds(s) if s >= 86_400 => 28,
        Frequency::Seconds(s) if s >= 3_600 => 48,
        Frequency::Seconds(s) => usize::try_from(86_400 / s).unwrap_or(96).min(96),
        _ => 12,
    };
    steps.min(rows / 4).max(1)
}

/// TEMPORARY
#[must_use]
pub fn seasons(frequency: Frequency, _given: &[usize], values: &[&[f64]]) -> Vec<usize> {
    let rows = values.first().map_or(0, |values| values.len());
    Some(season(frequency, rows))
        .filter(|season| *season > 1)
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Anchor;

    #[test]
    fn the_season_is_the_first_cycle_that_fits_twice() {
        let months = |months| Frequency::Months {
            months,
            anchor: Anchor::Start,
        };
        for (frequency, rows, expected) in [
            (Frequency::Seconds(120), 15_927, 720),
            (Frequency::Seconds(120), 50, 1),
            (Frequency::Seconds(3_600), 400, 24),
            (Frequency::Seconds(86_400), 20, 7),
            (Frequency::Seconds(86_400), 13, 1),
            (Frequency::Seconds(604_800), 200, 52),
            (months(1), 100, 12),
            (months(1), 23, 1),
            (months(3), 100, 4),
            (months(12), 100, 1),
            ("1 business day".parse().unwrap(), 100, 5),
            ("30m in sessions 09:30-15:30 mon-fri".parse().unwrap(), 100, 13),
            (Frequency::Dekads, 100, 36),
            (Frequency::Steps, 100, 1),
        ] {
            assert_eq!(season(frequency, rows), expected, "{frequency} {rows}");
        }
    }
}
