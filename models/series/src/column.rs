//! The fitted transform of one column.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    Clean, Column, Missing, Outliers, Role, Scaler, TimeAxis, TransformError, Unit,
    impute::impute,
    statistics::{deviation, mean, quantile},
};

/// The largest size of a value that can be scaled: differences, means and widths of larger values may not be finite.
pub const LARGEST: f64 = 1e300;

/// How one column is clipped, filled and scaled, as fitted on the training rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnTransform {
    /// The name of the column.
    pub name: String,
    /// The role of the column in a forecast.
    pub role: Role,
    /// What replaces missing values before the first observed one: the mean of the training rows, original units.
    pub fill: f64,
    /// The bounds to which inputs are clipped, original units; `None` where outliers stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<(f64, f64)>,
    /// What is subtracted before dividing, original units.
    pub offset: f64,
    /// The divisor, original units; never 0.
    pub scale: f64,
    /// The smallest value of a forecast, original units; `None` where any value is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
}

impl ColumnTransform {
    pub(crate) fn unit(&self) -> Unit {
        Unit {
            offset: self.offset,
            scale: self.scale,
        }
    }

    pub(crate) fn scaled(&self, value: f64) -> f64 {
        (value - self.offset) / self.scale
    }

    /// Checks that every value can be scaled, also outside the training rows.
    pub(crate) fn check(&self, raw: &[f64], axis: &TimeAxis) -> Result<(), TransformError> {
        let far = |value: &f64| !value.is_nan() && !self.scaled(*value).is_finite();
        let Some(row) = raw.iter().position(far) else {
            return Ok(());
        };
        Err(TransformError::TooFar {
            column: self.name.clone(),
            row,
            time: axis.label(row),
            value: raw[row],
            offset: self.offset,
            scale: self.scale,
        })
    }

    /// Returns the column's values as models see them: clipped, then filled, so that no outlier is spread over a gap.
    pub(crate) fn values(&self, raw: &[f64], training: &Range<usize>, missing: Missing) -> Vec<f64> {
        let mut values = raw.to_vec();
        if let Some((low, high)) = self.clip {
            for value in &mut values {
                *value = clip(*value, low, high);
            }
        }
        impute(&mut values, training, missing, self.fill);
        values.into_iter().map(|value| self.scaled(value)).collect()
    }
}

/// Returns whether a column is kept: an input with too many gaps is left out, such a target is an error.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn is_full_enough(column: &Column, training: &Range<usize>, clean: &Clean) -> Result<bool, TransformError> {
    let Some(bound) = clean.missing_threshold else {
        return Ok(true);
    };
    let rows = &column.values[training.clone()];
    let have = rows.iter().filter(|value| value.is_nan()).count() as f64 / rows.len().max(1) as f64;
    if have > bound && column.role == Role::Target {
        return Err(TransformError::TooManyMissing {
            column: column.name.clone(),
            have,
            bound,
        });
    }
    Ok(have <= bound)
}

pub(crate) fn fit_column(
    column: &Column,
    axis: &TimeAxis,
    training: &Range<usize>,
    clean: &Clean,
) -> Result<ColumnTransform, TransformError> {
    check_size(column, axis)?;
    let mut values: Vec<f64> = column.values[training.clone()]
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    if values.is_empty() {
        return match column.role {
            Role::Target => {
                let Range { start, end } = *training;
                Err(TransformError::NoValues {
                    column: column.name.clone(),
                    start,
                    end,
                })
            }
            Role::Past | Role::Calendar => Ok(unscaled(column)),
        };
    }
    // Sorting costs more than everything else, and only quantiles need it.
    if needs_order(clean) {
        values.sort_unstable_by(f64::total_cmp);
    }
    let clip = bounds(&values, clean.outliers);
    if let Some((low, high)) = clip {
        for value in &mut values {
            *value = self::clip(*value, low, high);
        }
    }
    let (offset, scale) = scaling(&values, extent(&values), clean.scaler);
    // A scale below the normal range has lost its digits, so the column counts as constant.
    let scale = if scale.is_normal() { scale } else { 1.0 };
    let fitted = ColumnTransform {
        name: column.name.clone(),
        role: column.role,
        fill: mean(&values).unwrap_or(0.0),
        clip,
        offset,
        scale,
        floor: None,
    };
    fitted.check(&column.values, axis)?;
    Ok(fitted)
}

/// Checks that no value of a column is above [`LARGEST`], also outside the training rows.
fn check_size(column: &Column, axis: &TimeAxis) -> Result<(), TransformError> {
    let Some(row) = column.values.iter().position(|value| value.abs() > LARGEST) else {
        return Ok(());
    };
    Err(TransformError::TooLarge {
        column: column.name.clone(),
        row,
        time: axis.label(row),
        value: column.values[row],
    })
}

/// Returns the transform that leaves a column as it is.
pub(crate) fn unscaled(column: &Column) -> ColumnTransform {
    ColumnTransform {
        name: column.name.clone(),
        role: column.role,
        fill: 0.0,
        clip: None,
        offset: 0.0,
        scale: 1.0,
        floor: None,
    }
}

fn needs_order(clean: &Clean) -> bool {
    matches!(clean.outliers, Outliers::Iqr { .. }) || matches!(clean.scaler, Scaler::Robust)
}

/// Returns the smallest and the largest value.
fn extent(values: &[f64]) -> (f64, f64) {
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    values
        .iter()
        .fold(ends, |(low, high), value| (low.min(*value), high.max(*value)))
}

/// Returns the bounds of outliers; `sorted` must be sorted where there are any.
fn bounds(sorted: &[f64], outliers: Outliers) -> Option<(f64, f64)> {
    let Outliers::Iqr { factor } = outliers else {
        return None;
    };
    let (low, high) = (quantile(sorted, 0.25)?, quantile(sorted, 0.75)?);
    let (low, high) = (low - factor * (high - low), high + factor * (high - low));
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

/// Clips a value; a missing one stays missing.
fn clip(value: f64, low: f64, high: f64) -> f64 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Returns offset and scale of training values, which are sorted where the scaler takes quantiles.
fn scaling(values: &[f64], (low, high): (f64, f64), scaler: Scaler) -> (f64, f64) {
    let at = |q| quantile(values, q).unwrap_or(0.0);
    match scaler {
        Scaler::None => (0.0, 1.0),
        Scaler::MinMax => (low, high - low),
        Scaler::MaxAbs => (0.0, high.abs().max(low.abs())),
        Scaler::Robust => (at(0.5), at(0.75) - at(0.25)),
        Scaler::Standard => {
            let mean = mean(values).unwrap_or(0.0);
            (mean, deviation(values, mean))
        }
    }
}
