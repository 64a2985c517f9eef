//! Means, deviations and quantiles in one fixed order of summation.

/// Returns the mean; `None` without values.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    // Dividing before summing keeps the mean of large values finite.
    let n = values.len() as f64;
    (!values.is_empty()).then(|| values.iter().map(|value| value / n).sum())
}

/// Returns the population standard deviation around a mean.
pub(crate) fn deviation(values: &[f64], mean: f64) -> f64 {
    let size = values
        .iter()
        .fold(0.0_f64, |most, value| most.max((value - mean).abs()));
    if size == 0.0 {
        return 0.0;
    }
    // Dividing by the largest deviation keeps squares from overflow and underflow.
    let squares: Vec<f64> = values
        .iter()
        .map(|value| ((value - mean) / size) * ((value - mean) / size))
        .collect();
    size * self::mean(&squares).unwrap_or(0.0).sqrt()
}

/// Returns a quantile of sorted values by linear interpolation between the two nearest ones; `None` without values.
///
/// # Source
/// Hyndman and Fan 1996, type 7: the default of R, NumPy and pandas.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "positions are not negative and lie far below 2^52"
)]
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let position = (sorted.len().checked_sub(1)?) as f64 * q;
    let low = libm::floor(position) as usize;
    let high = (low + 1).min(sorted.len() - 1);
    let weight = position - libm::floor(position);
    Some(sorted[low] * (1.0 - weight) + sorted[high] * weight)
}

/// Returns the most common difference, the smallest of equally common ones; at least 1.
pub(crate) fn most_common(differences: impl Iterator<Item = i64>) -> u64 {
    let mut sorted: Vec<i64> = differences.collect();
    sorted.sort_unstable();
    let (mut best, mut best_count) = (1, 0);
    for group in sorted.chunk_by(|a, b| a == b) {
        if group.len() > best_count {
            (best, best_count) = (group[0], group.len());
        }
    }
    best.unsigned_abs().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let sorted = [1.0, 2.0, 3.0, 10.0];
        for (q, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.75, 4.75), (1.0, 10.0)] {
            assert_eq!(quantile(&sorted, q), Some(expected), "{q}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn deviations_of_large_values_stay_finite() {
        let values = [1e300, -1e300];
        let mean = mean(&values).unwrap();
        assert!((deviation(&values, mean) / 1e300 - 1.0).abs() < 1e-12);
        assert!(deviation(&[3.0; 5], 3.0) == 0.0);
    }
}
