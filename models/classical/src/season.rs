//! The pattern of a season, and the test whether there is one.

/// The most seasons from which the first pattern is computed.
const FIRST_SEASONS: usize = 8;
/// Two-sided 10 % of a normal distribution: the level of the test of the Theta method's authors.
const SIGNIFICANT: f64 = 1.645;
/// The smallest factor of a season.
const LEAST: f64 = 0.01;

/// Returns what a season adds at each of its places, or multiplies by: the mean distance from a centred moving average. The
/// sum is 0, or the mean 1.
///
/// No row may be NaN, and there must be at least two seasons; for factors all rows must be above 0.
///
/// # Source
/// Classical decomposition: Hyndman and Athanasopoulos 2021, "Forecasting: Principles and Practice", section 3.4.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn pattern(rows: &[f64], season: usize, product: bool) -> Vec<f64> {
    let half = season / 2;
    let mut before = vec![0.0];
    for y in rows {
        before.push(before[before.len() - 1] + y);
    }
    let around = |centre: usize| {
        let (low, high) = (centre - half, centre + half);
        let inner = before[high + 1] - before[low];
        // The window of an even season is one row longer, and its two ends count half.
        let ends = if season.is_multiple_of(2) {
            f64::midpoint(rows[low], rows[high])
        } else {
            0.0
        };
        (inner - ends) / season as f64
    };
    let (mut sums, mut counts) = (vec![0.0; season], vec![0_usize; season]);
    for row in half..rows.len() - half {
        let trend = around(row);
        sums[row % season] += if product { rows[row] / trend } else { rows[row] - trend };
        counts[row % season] += 1;
    }
    let mut pattern: Vec<f64> = sums
        .iter()
        .zip(&counts)
        .map(|(sum, &n)| sum / n.max(1) as f64)
        .collect();
    let mean = mean(&pattern);
    for value in &mut pattern {
        *value = if product {
            (*value / mean).max(LEAST)
        } else {
            *value - mean
        };
    }
    pattern
}

/// Returns the pattern of the first seasons, from which a fit starts.
pub(crate) fn first_pattern(rows: &[f64], season: usize, product: bool) -> Vec<f64> {
    pattern(
        &rows[..rows.len().min(season.saturating_mul(FIRST_SEASONS))],
        season,
        product,
    )
}

/// Returns whether rows one season apart are correlated by more than chance.
///
/// # Source
/// Fiorucci et al. 2016, section 2: the autocorrelation at the season's lag against its standard error with Bartlett's
/// formula.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn is_there(rows: &[f64], season: usize) -> bool {
    let n = rows.len() as f64;
    let mean = mean(rows);
    let centred: Vec<f64> = rows.iter().map(|y| y - mean).collect();
    let product = |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let all = product(0);
    if all <= 0.0 {
        return false;
    }
    let squares: f64 = (1..season).map(|lag| product(lag) / all).map(|r| r * r).sum();
    (product(season) / all).abs() > SIGNIFICANT * ((1.0 + 2.0 * squares) / n).sqrt()
}

/// Returns the mean of some rows; 0 without any.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn mean(rows: &[f64]) -> f64 {
    rows.iter().sum::<f64>() / rows.len().max(1) as f64
}

/// Returns intercept and slope of the straight line through some rows, counted from 1.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn line(rows: &[f64]) -> (f64, f64) {
    let n = rows.len() as f64;
    let (middle, mean) = (f64::midpoint(n, 1.0), mean(rows));
    let (mut spread, mut together) = (0.0, 0.0);
    for (row, y) in rows.iter().enumerate() {
        let t = (row + 1) as f64 - middle;
        spread += t * t;
        together += t * (y - mean);
    }
    let slope = if spread > 0.0 { together / spread } else { 0.0 };
    (mean - slope * middle, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_on_a_slope_is_found() {
        for truth in [&[-1.5, -0.5, 0.5, 1.5][..], &[-2.0, 1.0, 0.0, -1.0, 2.0]] {
            let season = truth.len();
            let slope = |row: u32| 0.3 * f64::from(row);
            let rows: Vec<f64> = truth
                .iter()
                .cycle()
                .zip(0..50)
                .map(|(place, row)| place + slope(row))
                .collect();
            let found = pattern(&rows, season, false);
            for (have, want) in found.iter().zip(truth) {
                assert!((have - want).abs() < 1e-9, "{found:?}, not {truth:?}");
            }
            assert!(is_there(&rows, season));
        }
    }

    #[test]
    fn factors_on_a_level_are_found() {
        let truth = [0.5, 1.0, 1.5];
        let rows: Vec<f64> = truth.iter().cycle().take(30).map(|factor| 7.0 * factor).collect();
        for (have, want) in pattern(&rows, 3, true).iter().zip(truth) {
            assert!((have - want).abs() < 1e-9);
        }
    }

    #[test]
    fn noise_and_constants_have_no_season() {
        let noise = |t: u32| {
            let mut x = t.wrapping_add(1).wrapping_mul(0x9e37_79b9);
            x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
            f64::from((x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35) >> 16)
        };
        assert!(!is_there(&(0..120).map(noise).collect::<Vec<_>>(), 12));
        assert!(!is_there(&[3.0; 48], 12));
    }

    #[test]
    fn a_straight_line_is_found() {
        let rows: Vec<f64> = (1..30).map(|t| 2.0 - 0.5 * f64::from(t)).collect();
        let (intercept, slope) = line(&rows);
        assert!((intercept - 2.0).abs() < 1e-12 && (slope + 0.5).abs() < 1e-12);
        assert_eq!(line(&[3.0]), (3.0, 0.0));
    }
}
