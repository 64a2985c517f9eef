//! The transform between original units and the inputs of models: fitted on training rows, applied to all rows.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::{
    CALENDAR, Clean, Column, ColumnTransform, Matrix, Missing, Role, Scaled, Table, TimeAxis, calendar,
    column::{LARGEST, fit_column, is_full_enough, unscaled},
};

/// How rows in original units become the inputs of models, and forecasts become original units again.
///
/// # Example
/// ```
/// use series::{Clean, Column, Frequency, Role, Table, TimeAxis, Transform};
///
/// let visitors = Column {
///     name: "visitors".into(),
///     role: Role::Target,
///     values: vec![10.0, f64::NAN, 30.0, 40.0],
/// };
/// let hourly = TimeAxis::new(0, Frequency::Seconds(3_600), 4);
/// let table = Table::new(String::new(), hourly, vec![visitors], None)?;
///
/// // Fitted on the first three rows: the smallest value becomes 0, the largest 1.
/// let transform = Transform::fit(&table, 0..3, &Clean::default())?;
/// let scaled = transform.apply(&table, 0..3)?;
/// assert_eq!(scaled.target(0), [0.0, 0.5, 1.0, 1.5]);
/// assert_eq!(scaled.observed[0], [true, false, true, true]);
/// assert_eq!(transform.unscale(0, 1.5), 40.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    columns: Vec<ColumnTransform>,
    lags: Vec<usize>,
    missing: Missing,
}

/// Why a transform does not fit a table.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum TransformError {
    /// A column of the transform is not in the table.
    #[error("column `{column}` is missing")]
    MissingColumn {
        /// The name of the column.
        column: String,
    },
    /// A target without any value in the training rows.
    #[error("target `{column}` has no value in training rows {start} to {end}")]
    NoValues {
        /// The name of the target.
        column: String,
        /// The first training row.
        start: usize,
        /// The row after the last training row.
        end: usize,
    },
    /// A target with too many missing values.
    #[error("target `{column}`: {have} of the training rows are missing, at most {bound} may be")]
    TooManyMissing {
        /// The name of the target.
        column: String,
        /// The missing fraction.
        have: f64,
        /// The allowed fraction.
        bound: f64,
    },
    /// A value so large that sums and differences with it may not be finite.
    #[error("column `{column}` at {time}: {value:e} is not between -{LARGEST:e} and {LARGEST:e}")]
    TooLarge {
        /// The name of the column.
        column: String,
        /// The row of the table, from 0.
        row: usize,
        /// The time of the row, RFC 3339 UTC.
        time: String,
        /// The value, original units.
        value: f64,
    },
    /// A value so far from the training rows that it is not finite in their scale.
    #[error(
        "column `{column}` at {time}: {value:e} is too far from {offset:e} to be scaled by {scale:e}, as the training rows are"
    )]
    TooFar {
        /// The name of the column.
        column: String,
        /// The row of the table, from 0.
        row: usize,
        /// The time of the row, RFC 3339 UTC.
        time: String,
        /// The value, original units.
        value: f64,
        /// What is subtracted before dividing, original units.
        offset: f64,
        /// The divisor, original units.
        scale: f64,
    },
    /// Training rows beyond the end of the table.
    #[error("training rows end at {have}, the table has {bound} rows")]
    Rows {
        /// The row after the last training row.
        have: usize,
        /// How many rows the table has.
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
    /// Where a target has no or too few values, a value of any row cannot be scaled, or the training rows are not inside the table.
    pub fn fit(table: &Table, training: Range<usize>, clean: &Clean) -> Result<Self, TransformError> {
        check_rows(table, &training)?;
        let mut columns = Vec::new();
        for column in &table.columns {
            if column.role == Role::Calendar {
                columns.extend(clean.calendar.then(|| unscaled(column)));
            } else if is_full_enough(column, &training, clean)? {
                columns.push(fit_column(column, &table.axis, &training, clean)?);
            }
        }
        Ok(Self {
            columns,
            lags: clean.lags.clone(),
            missing: clean.missing,
        })
    }

    /// Returns the table as models see it. Columns are matched by name.
    ///
    /// Rows inside `training` are imputed from both sides, all others only from rows before them; pass `0..0` where no
    /// row may be imputed from later ones.
    ///
    /// # Errors
    /// Where a column is missing, a value cannot be scaled or the training rows are not inside the table.
    pub fn apply(&self, table: &Table, training: Range<usize>) -> Result<Scaled, TransformError> {
        check_rows(table, &training)?;
        let mut scaled = self.empty(&table.axis);
        for (input, fitted) in self.columns.iter().enumerate() {
            let column = table
                .column(&fitted.name)
                .ok_or_else(|| TransformError::MissingColumn {
                    column: fitted.name.clone(),
                })?;
            fitted.check(&column.values, &table.axis)?;
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
        scaled.observed = self.observed(table);
        self.fill_lags(&mut scaled, table);
        Ok(scaled)
    }

    /// Returns the transform whose forecasts are never negative for targets without a negative value among some rows.
    #[must_use]
    pub fn nonnegative(mut self, table: &Table, rows: Range<usize>) -> Self {
        for fitted in self.columns.iter_mut().filter(|column| column.role == Role::Target) {
            let values = table
                .column(&fitted.name)
                .and_then(|column| column.values.get(rows.clone()));
            let negative = values.is_none_or(|values| values.iter().any(|value| *value < 0.0));
            fitted.floor = (!negative).then_some(0.0);
        }
        self
    }

    /// Converts a forecast of a target to original units, within the bounds of the target.
    ///
    /// # Panics
    /// With a target that does not exist.
    #[must_use]
    pub fn forecast(&self, target: usize, scaled: f64) -> f64 {
        let value = self.unscale(target, scaled);
        match self.target(target).floor {
            Some(floor) if value < floor => floor,
            _ => value,
        }
    }

    /// Converts a scaled value of a target to original units.
    ///
    /// # Panics
    /// With a target that does not exist.
    #[must_use]
    pub fn unscale(&self, target: usize, scaled: f64) -> f64 {
        let column = self.target(target);
        scaled * column.scale + column.offset
    }

    /// Scales a value of a target from original units, without clipping.
    ///
    /// # Panics
    /// With a target that does not exist.
    #[must_use]
    pub fn rescale(&self, target: usize, value: f64) -> f64 {
        self.target(target).scaled(value)
    }

    /// Returns how many original units one scaled unit of a target is.
    ///
    /// # Panics
    /// With a target that does not exist.
    #[must_use]
    pub fn scale_of(&self, target: usize) -> f64 {
        self.target(target).scale
    }

    /// Returns the fitted columns, in the order of inputs.
    #[must_use]
    pub fn columns(&self) -> &[ColumnTransform] {
        &self.columns
    }

    /// Returns the lags that are inputs, in rows.
    #[must_use]
    pub fn lags(&self) -> &[usize] {
        &self.lags
    }

    /// Returns the targets' names, in the order of forecasts.
    #[must_use]
    pub fn target_names(&self) -> Vec<String> {
        self.targets().map(|column| column.name.clone()).collect()
    }

    /// Returns the inputs' names, in the order of [`Scaled::values`].
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

    /// Returns the inputs of future rows: calendar columns filled in, NaN elsewhere.
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

    fn observed(&self, table: &Table) -> Vec<Vec<bool>> {
        let columns = self.targets().filter_map(|target| table.column(&target.name));
        columns
            .map(|column| column.values.iter().map(|value| !value.is_nan()).collect())
            .collect()
    }

    fn empty(&self, axis: &TimeAxis) -> Scaled {
        let rows = axis.len;
        let targets = self.with_role(Role::Target);
        let lags = (0..targets.len()).flat_map(|target| self.lags.iter().map(move |&lag| (target, lag)));
        let lags = lags
            .zip(self.columns.len()..)
            .map(|((target, lag), input)| (input, target, lag))
            .collect();
        Scaled {
            values: Matrix::zeros(rows, self.inputs()),
            axis: axis.clone(),
            observed: Vec::new(),
            targets,
            past: self.with_role(Role::Past),
            calendar: self.with_role(Role::Calendar),
            lags,
            complete: vec![true; rows],
            drops_incomplete: self.missing == Missing::Drop,
            units: self.targets().map(ColumnTransform::unit).collect(),
        }
    }

    /// Copies targets to their lag inputs; rows with less history than the lag take the first row.
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

fn check_rows(table: &Table, training: &Range<usize>) -> Result<(), TransformError> {
    if training.start > training.end || training.end > table.rows() {
        return Err(TransformError::Rows {
            have: training.end.max(training.start),
            bound: table.rows(),
        });
    }
    Ok(())
}
