//! The seasons of a series: which its frequency suggests, and which its rows show.

mod shown;

use self::shown::is_shown;
use crate::{Frequency, Sessions, axis::step, civil::DAY};

/// The most rows that are tested, the last ones.
const TESTED: usize = 50_000;

/// Of so many targets at least one must show a season. All have the same seasons, and a missed one costs a target more than
/// one too many.
const VOTERS: usize = 3;

/// Returns the season in steps: the first of day, week and year that holds two steps or more and fits twice into the
/// training rows, else 1.
#[must_use]
pub fn season(frequency: Frequency, training_rows: usize) -> usize {
    cycles(frequency)
        .into_iter()
        .find(|&steps| fits(steps, training_rows))
        .unwrap_or(1)
}

/// Returns the seasons in steps that the training rows show, ascending; empty without one.
///
/// Candidates are the day, the week and the year of the frequency and the `given` ones, as far as they hold two steps or
/// more and fit twice into the rows, of which the last 50,000 are looked at. A candidate is kept where at least a third of
/// the targets that vary show it: relative to a moving average over one season, rows one season apart are correlated by at
/// least 0.1 and by 1.645 standard errors. Shorter seasons are removed before a longer one is tested.
///
/// # Shapes
/// `values` is `[targets][rows]`: the training rows of each target, NaN where a value is missing.
///
/// # Example
/// ```
/// use series::{Frequency, seasons};
///
/// let visitors: Vec<f64> = (0..240_u32).map(|hour| f64::from(hour) / 10.0 + f64::from((hour % 24) / 8)).collect();
/// assert_eq!(seasons(Frequency::Seconds(3_600), &[], &[&visitors]), [24]);
///
/// let slope: Vec<f64> = (0..240).map(f64::from).collect();
/// assert_eq!(seasons(Frequency::Seconds(3_600), &[], &[&slope]), []);
/// ```
#[must_use]
pub fn seasons(frequency: Frequency, given: &[usize], values: &[&[f64]]) -> Vec<usize> {
    let last = |rows: &&'_ [f64]| rows.len().saturating_sub(TESTED);
    let tested: Vec<&[f64]> = values
        .iter()
        .map(|rows| &rows[last(rows)..])
        .filter(|rows| varies(rows))
        .collect();
    let rows = tested.iter().map(|rows| rows.len()).min().unwrap_or(0);
    let mut candidates = cycles(frequency);
    candidates.extend(given);
    candidates.sort_unstable();
    candidates.dedup();
    let mut found = Vec::new();
    for season in candidates.into_iter().filter(|&steps| fits(steps, rows)) {
        let shown = tested.iter().filter(|rows| is_shown(rows, season, &found)).count();
        if shown * VOTERS >= tested.len() {
            found.push(season);
        }
    }
    found
}

/// Returns whether two values differ.
fn varies(rows: &[f64]) -> bool {
    let mut values = rows.iter().filter(|y| y.is_finite());
    values
        .next()
        .is_some_and(|first| values.any(|y| y.total_cmp(first).is_ne()))
}

/// Returns whether a season has places and is seen twice.
fn fits(steps: usize, rows: usize) -> bool {
    steps >= 2 && steps <= rows / 2
}

/// Returns the cycles of the calendar in steps, ascending; those of less than two steps are no seasons.
fn cycles(frequency: Frequency) -> Vec<usize> {
    // A year has 365.25 days; a cycle that is not a whole number of steps is rounded.
    const CYCLES: [i64; 3] = [DAY, 7 * DAY, 31_557_600];
    let whole = |cycle: i64, s: i64| usize::try_from((cycle + s / 2) / s).unwrap_or(1);
    match frequency {
        Frequency::Sessions(Sessions { days, per_day, .. }) => {
            let (day, week) = (per_day as usize, days.len() as usize * per_day as usize);
            vec![day, week, week * 52]
        }
        Frequency::Dekads => vec![36],
        Frequency::Steps => Vec::new(),
        Frequency::Seconds(s) => CYCLES.map(|cycle| whole(cycle, step(s))).to_vec(),
        Frequency::Months { months, .. } => vec![whole(12, i64::from(months.max(1)))],
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "tests count few rows")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Anchor;

    const HOUR: Frequency = Frequency::Seconds(3_600);

    /// A number that looks random, from -1 to 1.
    fn noise(seed: u64, row: usize) -> f64 {
        let mut x = seed ^ (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((x ^ (x >> 31)) >> 32).unwrap()) / f64::from(1_u32 << 31) - 1.0
    }

    /// A wave of amplitude 1.
    fn wave(row: usize, season: usize) -> f64 {
        libm::sin(std::f64::consts::TAU * (row % season) as f64 / season as f64)
    }

    fn rows(count: usize, of: impl Fn(usize) -> f64) -> Vec<f64> {
        (0..count).map(of).collect()
    }

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

    #[test]
    fn noise_of_any_memory_shows_a_season_in_at_most_one_of_ten_series() {
        for (season, count) in [
            (7, 21),
            (7, 200),
            (12, 60),
            (24, 48),
            (24, 1_000),
            (52, 104),
            (168, 500),
        ] {
            for memory in [0.0, 0.9, 1.0] {
                let shown = |seed: &u64| {
                    let mut last = 0.0;
                    let next = |row| {
                        last = memory * last + noise(*seed, row);
                        last
                    };
                    !seasons(
                        Frequency::Steps,
                        &[season],
                        &[&(0..count).map(next).collect::<Vec<_>>()],
                    )
                    .is_empty()
                };
                let found = (0..200).filter(shown).count();
                assert!(
                    found <= 20,
                    "{found} of 200 series of {count} rows, season {season}, memory {memory}"
                );
            }
        }
    }

    #[test]
    fn a_day_of_changing_strength_is_a_week_in_at_most_one_of_ten_series() {
        let strength = |seed: u64, row: usize| 1.0 + noise(!seed, row / 24) / 2.0;
        let day = |seed: u64| rows(1_000, |row| strength(seed, row) * wave(row, 24) + noise(seed, row));
        let found: Vec<_> = (0..200).map(|seed| seasons(HOUR, &[], &[&day(seed)])).collect();
        assert!(found.iter().all(|found| found.contains(&24)));
        assert!(found.iter().filter(|found| found.contains(&168)).count() <= 20);
    }

    #[test]
    fn trends_and_constants_have_no_season() {
        for (what, series) in [
            ("a constant", rows(500, |_| 7.0)),
            ("a line", rows(500, |row| 1e6 - 3.0 * row as f64)),
            ("a bend", rows(500, |row| (row * row) as f64)),
            ("growth", rows(500, |row| libm::exp(row as f64 / 50.0))),
            ("a step", rows(500, |row| if row < 250 { 0.0 } else { 1.0 })),
            ("nothing", rows(500, |_| f64::NAN)),
            ("too few rows", rows(47, |row| wave(row, 24))),
        ] {
            assert_eq!(seasons(HOUR, &[], &[&series]), [0; 0], "{what}");
        }
        assert_eq!(seasons(HOUR, &[], &[]), [0; 0], "no targets");
    }

    #[test]
    fn a_third_of_the_targets_that_vary_decides() {
        let (day, still) = (rows(480, |row| wave(row, 24)), rows(480, |_| 1.0));
        let other = |seed: u64| rows(480, move |row| noise(seed, row));
        let (a, b, c) = (other(1), other(2), other(3));
        assert_eq!(seasons(HOUR, &[], &[&a, &day, &b, &still]), [24]);
        assert_eq!(seasons(HOUR, &[], &[&a, &day, &b, &c]), [0; 0]);
    }

    #[test]
    fn given_seasons_are_tested_like_those_of_the_calendar() {
        let series = rows(600, |row| wave(row, 24) + wave(row, 50) + 0.5 * noise(1, row));
        assert_eq!(seasons(HOUR, &[50, 17, 1, 0, 400], &[&series]), [24, 50]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_wave_in_noise_on_a_trend_with_gaps_is_found(
            seed in any::<u64>(), slope in -1.0_f64..1.0, count in 240_usize..900, missing in 0_usize..4,
        ) {
            let series = rows(count, |row| {
                let gap = noise(!seed, row / 5) < -1.0 + 0.1 * missing as f64;
                if gap { f64::NAN } else { wave(row, 24) + noise(seed, row) + slope * row as f64 }
            });
            prop_assert!(seasons(HOUR, &[], &[&series]).contains(&24));
        }

        #[test]
        fn a_week_beside_a_day_is_found(seed in any::<u64>(), drift in 0.0_f64..0.5) {
            let amplitude = |row: usize| 1.0 + drift * noise(seed, row / 24);
            let day = |row: usize| amplitude(row) * wave(row, 24) + 0.3 * noise(seed, row);
            let week = |row: usize| if row / 24 % 7 < 5 { 1.0 } else { 0.0 };
            prop_assert_eq!(seasons(HOUR, &[], &[&rows(1_500, |row| day(row) + week(row))]), [24, 168]);
        }
    }
}
