//! The scales of errors: how much the targets varied in the training rows.

use std::ops::Range;

use crate::{Table, Transform};

/// The scales of each target's errors, from the training rows in original units.
#[derive(Clone, PartialEq, Debug)]
pub struct ScoreScale {
    pub(crate) targets: Vec<TargetScale>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TargetScale {
    pub(crate) name: String,
    /// The mean absolute difference at lag `season`.
    pub(crate) seasonal: Option<f64>,
    /// The mean squared difference at lag 1.
    pub(crate) squared: Option<f64>,
    /// The distance between the smallest and the largest value.
    pub(crate) width: Option<f64>,
}

impl ScoreScale {
    /// Measures the targets of a transform on the training rows of the raw table.
    ///
    /// Differences with a missing end are left out.
    #[must_use]
    pub fn of(table: &Table, training: Range<usize>, season: usize, transform: &Transform) -> Self {
        let targets = transform.target_names().into_iter().map(|name| {
            let values = table.column(&name).map_or(&[][..], |column| &column.values);
            let rows = values.get(training.clone()).unwrap_or(&[]);
            TargetScale {
                seasonal: positive(mean_difference(rows, season.max(1), f64::abs)),
                squared: positive(mean_difference(rows, 1, |d| d * d)),
                width: positive(Some(width(rows))),
                name,
            }
        });
        Self {
            targets: targets.collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn mean_difference(rows: &[f64], lag: usize, of: fn(f64) -> f64) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for (before, after) in rows.iter().zip(rows.iter().skip(lag)) {
        if !before.is_nan() && !after.is_nan() {
            sum += of(after - before);
            count += 1;
        }
    }
    (count > 0).then(|| sum / count as f64)
}

fn width(rows: &[f64]) -> f64 {
    let low = rows.iter().copied().fold(f64::INFINITY, f64::min);
    let high = rows.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    high - low
}

fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_normal() && *value > 0.0)
}
