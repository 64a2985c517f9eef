//! Finds numbers that likely stand for a missing value.

#![expect(clippy::float_cmp, reason = "values are compared as they were read")]

/// Numbers that are known to stand for a missing value, without their sign.
const CODES: [f64; 11] = [
    99.0,
    200.0,
    999.0,
    9_999.0,
    99_999.0,
    999_999.0,
    9_999_999.0,
    32_767.0,
    32_768.0,
    99.99,
    999.9,
];

/// A code stands there at least so often.
const OFTEN: usize = 3;

/// Returns the extreme value that likely stands for a missing value, and how often it is there: one that is repeated and
/// lies farther from all others than they do from each other.
pub(crate) fn likely(values: &[f64]) -> Option<(f64, usize)> {
    [f64::min, f64::max]
        .into_iter()
        .find_map(|extreme: fn(f64, f64) -> f64| {
            // NaN gives way to any number.
            let code = values.iter().copied().fold(f64::NAN, extreme);
            let others = || values.iter().copied().filter(|value| !value.is_nan() && *value != code);
            let count = values.iter().filter(|value| **value == code).count();
            let (low, high) = (others().fold(f64::NAN, f64::min), others().fold(f64::NAN, f64::max));
            let far = (code - low).abs().min((code - high).abs());
            let range = high - low;
            let known = CODES.contains(&code.abs()) && far > range / 4.0;
            (count >= OFTEN && code != 0.0 && count * 2 < values.len() && (known || far > 2.0 * range && range > 0.0))
                .then_some((code, count))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_value_far_from_all_others_is_a_code() {
        let mut values: Vec<f64> = (0..50).map(|row| f64::from(row % 17) + 0.5).collect();
        assert_eq!(likely(&values), None);
        values.extend([-999.0; 4]);
        assert_eq!(likely(&values), Some((-999.0, 4)));
        values.extend([f64::NAN; 4]);
        assert_eq!(likely(&values), Some((-999.0, 4)), "missing values change nothing");
        let high: Vec<f64> = values
            .iter()
            .map(|value| if *value == -999.0 { 1e7 } else { *value })
            .collect();
        assert_eq!(likely(&high), Some((1e7, 4)));
        assert_eq!(likely(&[0.0; 20]), None);
        assert_eq!(likely(&[1.0, 2.0, 99.0]), None, "once");
    }
}
