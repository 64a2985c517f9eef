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

/// An extreme value, how often it is there, and the next one to it.
struct Extreme {
    value: f64,
    count: usize,
    next: f64,
}

impl Extreme {
    /// Finds the largest value of those that `sign` makes comparable: 1 for the largest, -1 for the smallest.
    fn of(values: &[f64], sign: f64) -> Self {
        let (mut value, mut count, mut next) = (f64::NEG_INFINITY, 0, f64::NEG_INFINITY);
        for signed in values.iter().map(|value| value * sign) {
            if signed > value {
                (value, count, next) = (signed, 1, value);
            } else if signed == value {
                count += 1;
            } else if signed > next {
                next = signed;
            }
        }
        Self {
            value: value * sign,
            count,
            next: next * sign,
        }
    }
}

/// Returns the extreme value that likely stands for a missing value, and how often it is there: one that is repeated and
/// lies farther from all others than they do from each other.
pub(crate) fn likely(values: &[f64]) -> Option<(f64, usize)> {
    let (low, high) = (Extreme::of(values, -1.0), Extreme::of(values, 1.0));
    let code = |code: &Extreme, end: f64| {
        let (far, range) = ((code.value - code.next).abs(), (end - code.next).abs());
        let known = CODES.contains(&code.value.abs()) && far > range / 4.0;
        let often = code.count >= OFTEN && code.count * 2 < values.len() && code.next.is_finite();
        often && code.value != 0.0 && (known || far > 2.0 * range && range > 0.0)
    };
    let found = [(&low, high.value), (&high, low.value)];
    let found = found.into_iter().find(|(extreme, end)| code(extreme, *end));
    found.map(|(extreme, _)| (extreme.value, extreme.count))
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
