//! The one transform between original units and what models see: fitted on training rows, applied everywhere.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    CALENDAR, Clean, Column, Matrix, Missing, Outliers, Role, Scaler, Table, TimeAxis, calendar,
    impute::impute,
    statistics::{deviation, mean, quantile},
};

/// How one column is cleaned and scaled.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnTransform {
    /// The column.
    pub name: String,
    /// What it is to a forecast.
    pub role: Role,
    /// What stands in where nothing was seen yet: the mean of the training rows, original units.
    pub fill: f64,
    /// The bounds to which inputs are clipped, original units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<(f64, f64)>,
    /// What is subtracted before dividing.
    pub offset: f64,
    /// By what is divided; never 0.
    pub scale: f64,
}

/// How rows in original units become the inputs of models, and forecasts become original units again.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    columns: Vec<ColumnTransform>,
    lags: Vec<usize>,
    missing: Missing,
}

/// A table as models see it. Nothing in it is missing.
#[derive(Clone, PartialEq, Debug)]
pub struct Scaled {
    /// The inputs.
    ///
    /// # Shapes
    /// `[rows, inputs]`.
    pub values: Matrix,
    /// The input of each target.
    pub targets: Vec<usize>,
    /// The inputs whose future is unknown.
    pub past: Vec<usize>,
    /// The inputs that follow from the time.
    pub calendar: Vec<usize>,
    /// The inputs that are earlier values of a target: input, number of the target, lag in rows.
    pub lags: Vec<(usize, usize, usize)>,
    /// Whether a row had no missing input.
    pub complete: Vec<bool>,
    /// Whether training windows that touch an incomplete row are left out.
    pub drops_incomplete: bool,
}

/// Why a transform does not fit a table.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum TransformError {
    /// A column is not there.
    #[error("column `{column}` is missing")]
    MissingColumn {
        /// The column.
        column: String,
    },
    /// A target without any value in the training rows.
    #[error("target `{column}` has no value in training rows {start} to {end}")]
    NoValues {
        /// The target.
        column: String,
        /// The first training row.
        start: usize,
        /// The row after the last training row.
        end: usize,
    },
    /// A target with too many missing values.
    #[error("target `{column}`: {have} of the training rows are missing, at most {bound} may be")]
    TooManyMissing {
        /// The target.
        column: String,
        /// The missing fraction.
        have: f64,
        /// The allowed fraction.
        bound: f64,
    },
    /// Values so far apart that their distance is no number.
    #[error("column `{column}`: values from {low:e} to {high:e} cannot be scaled")]
    TooWide {
        /// The column.
        column: String,
        /// The smallest training value.
        low: f64,
        /// The largest training value.
        high: f64,
    },
    /// Training rows beyond the table.
    #[error("training rows end at {have}, the table has {bound} rows")]
    Rows {
        /// The row after the last training row.
        have: usize,
        /// The table's rows.
        bound: usize,
    },
}

impl Transform {
    /// Fits imputer, outlier bounds and scaler on the training rows.
    ///
    /// Calendar columns lie in -1 to 1 and stay as they are. A column that does not vary in the training rows keeps its
    /// size (scale 1).
    ///
    /// # Errors
    /// Where a target has no or too few values, a column cannot be scaled, or the rows are not the table's.
    pub fn fit(table: &Table, training: Range<usize>, clean: &Clean) -> Result<Self, TransformError> {
        check_rows(table, &training)?;
        let mut columns = Vec::new();
        for column in &table.columns {
            if column.role == Role::Calendar {
                columns.extend(clean.calendar.then(|| unscaled(column)));
            } else if is_full_enough(column, &training, clean)? {
                columns.push(fit_column(column, &training, clean)?);
            }
        }
        Ok(Self {
            columns,
            lags: clean.lags.clone(),
            missing: clean.missing,
        })
    }

    /// Gives the table as models see it. Columns are matched by name.
    ///
    /// Rows inside `training` are imputed from both sides, all others only from rows before them; pass `0..0` where no
    /// row may be imputed from later ones.
    ///
    /// # Errors
    /// Where a column is missing or the rows are not the table's.
    pub fn apply(&self, table: &Table, training: Range<usize>) -> Result<Scaled, TransformError> {
        check_rows(table, &training)?;
        let mut scaled = self.empty(table.rows());
        for (input, fitted) in self.columns.iter().enumerate() {
            let column = table
                .column(&fitted.name)
                .ok_or_else(|| TransformError::MissingColumn {
                    column: fitted.name.clone(),
                })?;
            for (row, value) in column.values.iter().enumerate() {
                scaled.complete[row] &= !value.is_nan();
            }
            for (row, value) in fitted
                .values(&column.values, &training, self.missing)
                .into_iter()
                .enumerate()
            {
                *scaled.values.at_mut(row, input) = value;
            }
        }
        self.fill_lags(&mut scaled, table);
        Ok(scaled)
    }

    /// Brings a scaled value of a target back to original units.
    ///
    /// # Panics
    /// Where there is no such target.
    #[must_use]
    pub fn unscale(&self, target: usize, scaled: f64) -> f64 {
        let column = self.target(target);
        scaled * column.scale + column.offset
    }

    /// Brings a value of a target from original units to what models see, without clipping.
    ///
    /// # Panics
    /// Where there is no such target.
    #[must_use]
    pub fn rescale(&self, target: usize, value: f64) -> f64 {
        self.target(target).scaled(value)
    }

    /// Gives the original size of one scaled unit of a target.
    ///
    /// # Panics
    /// Where there is no such target.
    #[must_use]
    pub fn scale_of(&self, target: usize) -> f64 {
        self.target(target).scale
    }

    /// Gives the fitted columns, in the order of inputs.
    #[must_use]
    pub fn columns(&self) -> &[ColumnTransform] {
        &self.columns
    }

    /// Gives the lags that are inputs, in rows.
    #[must_use]
    pub fn lags(&self) -> &[usize] {
        &self.lags
    }

    /// Gives the targets' names, in the order of forecasts.
    #[must_use]
    pub fn target_names(&self) -> Vec<String> {
        self.targets().map(|column| column.name.clone()).collect()
    }

    /// Gives the inputs' names, in the order of [`Scaled::values`].
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        let lags = self
            .targets()
            .flat_map(|column| self.lags.iter().map(|lag| format!("{}_lag_{lag}", column.name)));
        self.columns
            .iter()
            .map(|column| column.name.clone())
            .chain(lags)
            .collect()
    }

    /// Gives the inputs of rows that are not there yet: calendar columns filled in, NaN elsewhere.
    ///
    /// # Shapes
    /// `[steps, inputs]`.
    #[must_use]
    pub fn future(&self, axis: &TimeAxis, first_row: usize, steps: usize) -> Matrix {
        let mut future = Matrix::filled(steps, self.inputs(), f64::NAN);
        let waves = calendar(axis, first_row..first_row.saturating_add(steps));
        for (input, column) in self.columns.iter().enumerate() {
            let Some(wave) = CALENDAR.iter().position(|name| *name == column.name) else {
                continue;
            };
            if column.role == Role::Calendar {
                for (step, value) in waves[wave].1.iter().enumerate() {
                    *future.at_mut(step, input) = *value;
                }
            }
        }
        future
    }

    fn inputs(&self) -> usize {
        self.columns.len() + self.targets().count() * self.lags.len()
    }

    fn targets(&self) -> impl Iterator<Item = &ColumnTransform> {
        self.columns.iter().filter(|column| column.role == Role::Target)
    }

    fn target(&self, target: usize) -> &ColumnTransform {
        self.targets().nth(target).expect("the target is one of target_names")
    }

    fn with_role(&self, role: Role) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|&input| self.columns[input].role == role)
            .collect()
    }

    fn empty(&self, rows: usize) -> Scaled {
        let targets = self.with_role(Role::Target);
        let lags = (0..targets.len()).flat_map(|target| self.lags.iter().map(move |&lag| (target, lag)));
        let lags = lags
            .zip(self.columns.len()..)
            .map(|((target, lag), input)| (input, target, lag))
            .collect();
        Scaled {
            values: Matrix::zeros(rows, self.inputs()),
            targets,
            past: self.with_role(Role::Past),
            calendar: self.with_role(Role::Calendar),
            lags,
            complete: vec![true; rows],
            drops_incomplete: self.missing == Missing::Drop,
        }
    }

    /// Copies targets to their lag inputs; rows without so much history take the first row there is.
    fn fill_lags(&self, scaled: &mut Scaled, table: &Table) {
        let observed: Vec<&Column> = self.targets().filter_map(|target| table.column(&target.name)).collect();
        for &(input, target, lag) in &scaled.lags {
            for row in 0..scaled.values.rows {
                let source = row.checked_sub(lag);
                let value = scaled.values.at(source.unwrap_or(0), scaled.targets[target]);
                *scaled.values.at_mut(row, input) = value;
                scaled.complete[row] &= source.is_some_and(|source| !observed[target].values[source].is_nan());
            }
        }
    }
}

impl Scaled {
    /// Gives the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.rows
    }

    /// Gives the flags by which training windows are left out, where they are.
    #[must_use]
    pub fn mask(&self) -> Option<&[bool]> {
        self.drops_incomplete.then_some(self.complete.as_slice())
    }

    /// Gives a target's values, row after row.
    ///
    /// # Panics
    /// Where there is no such target.
    #[must_use]
    pub fn target(&self, target: usize) -> Vec<f64> {
        self.values.column(self.targets[target])
    }
}

impl ColumnTransform {
    fn scaled(&self, value: f64) -> f64 {
        (value - self.offset) / self.scale
    }

    /// Clips, then fills, so that no outlier is spread over a gap; then scales.
    fn values(&self, raw: &[f64], training: &Range<usize>, missing: Missing) -> Vec<f64> {
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

fn check_rows(table: &Table, training: &Range<usize>) -> Result<(), TransformError> {
    if training.start > training.end || training.end > table.rows() {
        return Err(TransformError::Rows {
            have: training.end.max(training.start),
            bound: table.rows(),
        });
    }
    Ok(())
}

/// Says whether a column stays in: an input with too many gaps is left out, a target is an error.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn is_full_enough(column: &Column, training: &Range<usize>, clean: &Clean) -> Result<bool, TransformError> {
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

fn fit_column(column: &Column, training: &Range<usize>, clean: &Clean) -> Result<ColumnTransform, TransformError> {
    let mut sorted: Vec<f64> = column.values[training.clone()]
        .iter()
        .copied()
        .filter(|value| !value.is_nan())
        .collect();
    if sorted.is_empty() {
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
    sorted.sort_unstable_by(f64::total_cmp);
    let clip = bounds(&sorted, clean.outliers);
    if let Some((low, high)) = clip {
        for value in &mut sorted {
            *value = self::clip(*value, low, high);
        }
    }
    let (offset, scale) = scaling(&sorted, clean.scaler);
    if !scale.is_finite() {
        let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
        return Err(TransformError::TooWide {
            column: column.name.clone(),
            low,
            high,
        });
    }
    // A scale below the normal numbers has lost its digits: as good as constant.
    let scale = if scale.is_normal() { scale } else { 1.0 };
    let fill = mean(&sorted).unwrap_or(0.0);
    Ok(ColumnTransform {
        name: column.name.clone(),
        role: column.role,
        fill,
        clip,
        offset,
        scale,
    })
}

fn unscaled(column: &Column) -> ColumnTransform {
    ColumnTransform {
        name: column.name.clone(),
        role: column.role,
        fill: 0.0,
        clip: None,
        offset: 0.0,
        scale: 1.0,
    }
}

fn bounds(sorted: &[f64], outliers: Outliers) -> Option<(f64, f64)> {
    let Outliers::Iqr { factor } = outliers else {
        return None;
    };
    let (low, high) = (quantile(sorted, 0.25)?, quantile(sorted, 0.75)?);
    let (low, high) = (low - factor * (high - low), high + factor * (high - low));
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

/// Clips a value; what is missing stays missing.
fn clip(value: f64, low: f64, high: f64) -> f64 {
    if value < low {
        low
    } else if value > high {
        high
    } else {
        value
    }
}

/// Gives offset and scale of sorted training values.
fn scaling(sorted: &[f64], scaler: Scaler) -> (f64, f64) {
    let (low, high) = (sorted[0], sorted[sorted.len() - 1]);
    let at = |q| quantile(sorted, q).unwrap_or(0.0);
    match scaler {
        Scaler::None => (0.0, 1.0),
        Scaler::MinMax => (low, high - low),
        Scaler::MaxAbs => (0.0, high.abs().max(low.abs())),
        Scaler::Robust => (at(0.5), at(0.75) - at(0.25)),
        Scaler::Standard => {
            let mean = mean(sorted).unwrap_or(0.0);
            (mean, deviation(sorted, mean))
        }
    }
}
