//! The test whether the rows of one target show a season.
//!
//! Rows are first taken relative to a moving average over one season. That leaves nothing of a trend, and of noise that
//! wanders nothing that is still alike one season later; a season stays whole. What is left one season apart is then
//! compared with chance.

/// The most places of a season that are told apart; a longer season is tested on means over neighbouring rows.
const PLACES: usize = 168;
/// How many standard errors above 0 the correlation must be: one-sided 5 % of a normal distribution.
const SIGNIFICANT: f64 = 1.645;
/// The least correlation: a season of less than a tenth of what the trend leaves changes no forecast.
const LEAST: f64 = 0.1;
/// How far beyond the mean distance from the moving average a row counts, in such distances.
const FAR: f64 = 4.0;
/// Distances of less than this share of the largest value are rounding.
const ROUNDING: f64 = 1e-10;

/// Returns whether rows one season apart are more alike than chance allows.
///
/// `rows` are at least two seasons, NaN where a value is missing. `shorter` are the seasons found before this one,
/// ascending: their patterns are removed and the longest of them is averaged over, so that a day never counts as a week.
///
/// # Source
/// After Fiorucci et al. 2016, "Models for optimising the theta method and their relationship to state space models",
/// section 2: the autocorrelation at the season's lag against its standard error with Bartlett's formula. Here the error
/// is that of the rows without trend and pattern; with them, a strong season of few cycles would hide itself.
pub(super) fn is_shown(rows: &[f64], season: usize, shorter: &[usize]) -> bool {
    let mut rows = rows.to_vec();
    let inside = |shorter: &&usize| **shorter * 2 <= season;
    for &shorter in shorter.iter().filter(inside) {
        remove(&mut rows, shorter);
    }
    let longest = shorter.iter().rfind(inside).copied().unwrap_or(1);
    let places = ((season + longest / 2) / longest).min(PLACES);
    if places < season {
        rows = means(&rows, season, places);
    }
    let largest = rows
        .iter()
        .filter(|y| y.is_finite())
        .fold(0.0_f64, |most, y| most.max(y.abs()));
    let Some(off) = clipped(distances(&rows, places), largest * ROUNDING) else {
        return false;
    };
    let apart = product(&off, places);
    let variance = product(&off, 0).mean();
    // A season is as often below its mean as above; a bend that the moving average leaves is alike at every distance.
    let usual = (1..=places).map(|lag| product(&off, lag).mean()).sum::<f64>() / number(places);
    let alike = (apart.mean() - usual.max(0.0)) / variance;
    alike >= LEAST && alike * (apart.pairs / memory(&off, places)).sqrt() >= SIGNIFICANT
}

/// Subtracts what a season adds at each of its places.
fn remove(rows: &mut [f64], season: usize) {
    let pattern = pattern(&distances(rows, season), season);
    for (row, y) in rows.iter_mut().enumerate() {
        *y -= pattern[row % season];
    }
}

/// Returns the mean of each place of a season over the values that are not missing; 0 for a place without any.
fn pattern(rows: &[f64], season: usize) -> Vec<f64> {
    let mut sums = vec![Sum::default(); season];
    for (row, &y) in rows.iter().enumerate() {
        sums[row % season].add(y);
    }
    sums.iter().map(Sum::mean).collect()
}

/// Returns the means over `places` parts of each season, counted from the last row; NaN for a part without a value.
fn means(rows: &[f64], season: usize, places: usize) -> Vec<f64> {
    let ahead = (season - rows.len() % season) % season;
    let part = |row: usize| (row + ahead) / season * places + (row + ahead) % season * places / season;
    let first = part(0);
    let mut sums = vec![Sum::default(); part(rows.len() - 1) + 1 - first];
    for (row, &y) in rows.iter().enumerate() {
        sums[part(row) - first].add(y);
    }
    let mean = |sum: &Sum| if sum.pairs > 0.0 { sum.mean() } else { f64::NAN };
    sums.iter().map(mean).collect()
}

/// Returns the distances from a centred moving average over one season, which goes on as a line at both ends.
fn distances(rows: &[f64], season: usize) -> Vec<f64> {
    let half = season / 2;
    let whole = interpolated(rows);
    let mut before = vec![0.0];
    for y in &whole {
        before.push(before[before.len() - 1] + y);
    }
    let mean = |centre: usize| {
        let (low, high) = (centre - half, centre + half);
        let inner = before[high + 1] - before[low];
        // The window of an even season is one row longer, and its two ends count half.
        let ends = if season.is_multiple_of(2) {
            f64::midpoint(whole[low], whole[high])
        } else {
            0.0
        };
        (inner - ends) / number(season)
    };
    let (first, last) = (half, rows.len() - 1 - half);
    let across = season.min(last - first);
    let slope = |from: usize| (mean(from + across) - mean(from)) / number(across.max(1));
    let (start, end) = ((mean(first), slope(first)), (mean(last), slope(last - across)));
    let trend = |row: usize| match row {
        row if row < first => start.0 - start.1 * number(first - row),
        row if row > last => end.0 + end.1 * number(row - last),
        row => mean(row),
    };
    rows.iter().enumerate().map(|(row, y)| y - trend(row)).collect()
}

/// Returns the rows with lines across missing values, which go on level at both ends.
fn interpolated(rows: &[f64]) -> Vec<f64> {
    let mut whole = rows.to_vec();
    let mut last: Option<usize> = None;
    for next in 0..=rows.len() {
        let here = rows.get(next).copied().filter(|y| y.is_finite());
        if here.is_none() && next < rows.len() {
            continue;
        }
        let start = last.map_or(0, |last| last + 1);
        let (from, to) = (last.map(|last| rows[last]), here);
        let ends = from.or(to).zip(to.or(from)).unwrap_or((0.0, 0.0));
        let steps = number(next - start + 1);
        for (row, y) in whole.iter_mut().enumerate().take(next).skip(start) {
            *y = ends.0 + (ends.1 - ends.0) * number(row + 1 - start) / steps;
        }
        last = Some(next);
    }
    whole
}

/// Returns distances around their mean, none of them far beyond the others; `None` where there are only distances by rounding.
fn clipped(mut off: Vec<f64>, rounding: f64) -> Option<Vec<f64>> {
    let centre = Sum::of(off.iter().copied()).mean();
    let usual = Sum::of(off.iter().map(|off| (off - centre).abs())).mean();
    for off in &mut off {
        *off = (*off - centre).clamp(-FAR * usual, FAR * usual);
    }
    (usual > rounding).then_some(off)
}

/// Returns how many neighbouring rows tell as much as one independent row would.
fn memory(off: &[f64], season: usize) -> f64 {
    let pattern = pattern(off, season);
    let noise: Vec<f64> = off
        .iter()
        .enumerate()
        .map(|(row, off)| off - pattern[row % season])
        .collect();
    let all = product(&noise, 0).total;
    if all <= 0.0 {
        return 1.0;
    }
    let squares: f64 = (1..season)
        .map(|lag| product(&noise, lag).total / all)
        .map(|r| r * r)
        .sum();
    1.0 + 2.0 * squares
}

/// Returns the sum of products of values some rows apart.
fn product(rows: &[f64], lag: usize) -> Sum {
    Sum::of(rows.iter().zip(&rows[lag.min(rows.len())..]).map(|(a, b)| a * b))
}

/// The sum of the values that are not missing, and how many they are.
#[derive(Clone, Copy, Default)]
struct Sum {
    total: f64,
    pairs: f64,
}

impl Sum {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sum = Self::default();
        values.for_each(|value| sum.add(value));
        sum
    }

    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.total += value;
            self.pairs += 1.0;
        }
    }

    /// Returns the mean; 0 without values.
    fn mean(&self) -> f64 {
        if self.pairs > 0.0 { self.total / self.pairs } else { 0.0 }
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn distances_from_a_line_are_zero_up_to_both_ends() {
        for season in [2, 5, 12] {
            let line: Vec<f64> = (0..2 * season + 3).map(|row| 3.0 + 0.5 * number(row)).collect();
            let off = distances(&line, season);
            assert!(off.iter().all(|off| off.abs() < 1e-12), "season {season}: {off:?}");
        }
    }

    #[test]
    fn missing_values_lie_on_lines() {
        let nan = f64::NAN;
        assert_eq!(
            interpolated(&[nan, 1.0, nan, nan, 4.0, nan]),
            [1.0, 1.0, 2.0, 3.0, 4.0, 4.0]
        );
        assert_eq!(interpolated(&[nan, nan]), [0.0, 0.0]);
    }

    #[test]
    fn means_are_counted_from_the_last_row() {
        let rows = [9.0, 1.0, 3.0, f64::NAN, 5.0, 7.0, 9.0];
        assert_eq!(means(&rows, 4, 2), [9.0, 2.0, 5.0, 8.0]);
        assert_eq!(means(&rows[1..], 4, 4)[..2], [1.0, 3.0]);
        assert!(means(&rows, 4, 4)[3].is_nan());
    }

    proptest! {
        #[test]
        fn a_pattern_is_found_at_any_scale_and_level(
            scale in 1e-3_f64..1e6, level in -1e3_f64..1e3, slope in -1.0_f64..1.0, cycles in 4_usize..9,
            pattern in proptest::collection::vec(-1.0_f64..1.0, 4..30),
        ) {
            let season = pattern.len();
            let mean = pattern.iter().sum::<f64>() / number(season);
            prop_assume!(pattern.iter().any(|y| (y - mean).abs() > 0.1));
            let row = |row: usize| scale * (level + slope * number(row) + pattern[row % season]);
            let rows: Vec<f64> = (0..cycles * season).map(row).collect();
            prop_assert!(is_shown(&rows, season, &[]));
        }
    }
}
