//! Filling missing values without looking beyond the training rows.

use std::ops::Range;

use crate::Missing;

/// Fills the missing values of one column.
///
/// Rows inside `training` may be filled from both sides, but never from rows after the training rows; all other rows only
/// from rows before them. `fill` is used before the first observed value.
pub(crate) fn impute(values: &mut [f64], training: &Range<usize>, missing: Missing, fill: f64) {
    match missing {
        Missing::Mean => values
            .iter_mut()
            .filter(|value| value.is_nan())
            .for_each(|value| *value = fill),
        Missing::Forward | Missing::Drop => forward(values, fill),
        Missing::Interpolate => {
            interpolate(values, training);
            forward(values, fill);
        }
    }
}

fn forward(values: &mut [f64], fill: f64) {
    let mut last = fill;
    for value in values {
        if value.is_nan() {
            *value = last;
        }
        last = *value;
    }
}

/// Interpolates the gaps inside the training rows; a gap at their start takes the first value after it.
fn interpolate(values: &mut [f64], training: &Range<usize>) {
    let mut left = values[..training.start].iter().rposition(|value| !value.is_nan());
    for right in training.clone() {
        if values[right].is_nan() {
            continue;
        }
        let (from, end) = (
            left.map_or(training.start, |left| left.max(training.start)),
            values[right],
        );
        let line = left.map(|left| (left, values[left]));
        for (row, value) in (from..).zip(&mut values[from..right]) {
            if value.is_nan() {
                *value = line.map_or(end, |(left, start)| between(start, end, row - left, right - left));
            }
        }
        left = Some(right);
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn between(start: f64, end: f64, step: usize, steps: usize) -> f64 {
    let weight = step as f64 / steps as f64;
    start * (1.0 - weight) + end * weight
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GAP: f64 = f64::NAN;

    fn filled(values: &[f64], training: Range<usize>, missing: Missing) -> Vec<f64> {
        let mut values = values.to_vec();
        impute(&mut values, &training, missing, 9.0);
        values
    }

    #[test]
    fn gaps_are_filled_as_the_setting_says() {
        let values = [GAP, 1.0, GAP, 3.0, GAP, 5.0, GAP];
        for (missing, training, expected) in [
            (Missing::Interpolate, 0..7, [1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0]),
            (Missing::Interpolate, 0..4, [1.0, 1.0, 2.0, 3.0, 3.0, 5.0, 5.0]),
            (Missing::Interpolate, 0..5, [1.0, 1.0, 2.0, 3.0, 3.0, 5.0, 5.0]),
            (Missing::Interpolate, 2..7, [9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 5.0]),
            (Missing::Interpolate, 0..0, [9.0, 1.0, 1.0, 3.0, 3.0, 5.0, 5.0]),
            (Missing::Forward, 0..7, [9.0, 1.0, 1.0, 3.0, 3.0, 5.0, 5.0]),
            (Missing::Drop, 0..7, [9.0, 1.0, 1.0, 3.0, 3.0, 5.0, 5.0]),
            (Missing::Mean, 0..7, [9.0, 1.0, 9.0, 3.0, 9.0, 5.0, 9.0]),
        ] {
            assert_eq!(
                filled(&values, training.clone(), missing),
                expected,
                "{missing:?} {training:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_after_the_training_rows_reaches_back(
            values in proptest::collection::vec(proptest::option::of(-10.0_f64..10.0), 1..60),
            start in 0_usize..60, len in 0_usize..60, origin in 0_usize..60,
        ) {
            let values: Vec<f64> = values.into_iter().map(|value| value.unwrap_or(GAP)).collect();
            let training = start.min(values.len())..(start + len).min(values.len());
            let origin = origin.clamp(training.end, values.len().max(training.end));
            let mut poisoned = values.clone();
            poisoned[origin..].fill(1e9);
            for missing in [Missing::Interpolate, Missing::Forward, Missing::Mean, Missing::Drop] {
                let before = filled(&values, training.clone(), missing);
                let after = filled(&poisoned, training.clone(), missing);
                prop_assert_eq!(&before[..origin], &after[..origin]);
                prop_assert!(before.iter().all(|value| !value.is_nan()));
            }
        }
    }
}
