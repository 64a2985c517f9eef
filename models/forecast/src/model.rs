//! How a fitted model forecasts.

use series::{Matrix, Scaled};

/// What is known at a forecast's origin.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// Rows as models see them; those from the origin on are not looked at.
    pub scaled: &'a Scaled,
    /// The first forecast row: rows before it are known.
    pub origin: usize,
    /// Inputs that are known for the rows from the origin on, NaN elsewhere.
    ///
    /// # Shapes
    /// `[steps, inputs]`; may be shorter than a forecast within the trained horizon.
    pub future: &'a Matrix,
}

/// A fitted model. Parameters stay as they are, states start anew at every origin.
pub trait Forecast: Send + Sync {
    /// Gives the rows before an origin that the model looks at.
    fn history_rows(&self) -> usize;

    /// Gives the steps it was trained for; none where every number of steps is alike.
    fn trained_horizon(&self) -> Option<usize>;

    /// Forecasts from one origin.
    ///
    /// # Shapes
    /// The result is `[steps, targets]`, scaled values.
    ///
    /// # Errors
    /// Where the history is too short, inputs are not the model's, or a future input is missing.
    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError>;

    /// Forecasts from many origins, in their order: `out` gets the index of each and `[steps, targets]` scaled values.
    ///
    /// Calendar inputs after an origin are taken from the rows that are there, nothing else is.
    ///
    /// # Errors
    /// As for one origin.
    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        one_by_one(self, scaled, origins, steps, out)
    }
}

/// Forecasts from many origins, each as [`Forecast::forecast`] does.
///
/// # Errors
/// As for one origin.
pub fn one_by_one(
    model: &(impl Forecast + ?Sized),
    scaled: &Scaled,
    origins: &[usize],
    steps: usize,
    out: &mut dyn FnMut(usize, &[f64]),
) -> Result<(), ForecastError> {
    for (index, &origin) in origins.iter().enumerate() {
        let future = &known_future(scaled, origin, steps);
        let forecast = model.forecast(&History { scaled, origin, future }, steps)?;
        out(index, &forecast.data);
    }
    Ok(())
}

/// Gives the calendar inputs of rows from an origin on, NaN elsewhere and after the last row.
#[must_use]
pub fn known_future(scaled: &Scaled, origin: usize, steps: usize) -> Matrix {
    let mut future = Matrix::filled(steps, scaled.values.cols, f64::NAN);
    for step in 0..steps.min(scaled.rows().saturating_sub(origin)) {
        for &input in &scaled.calendar {
            *future.at_mut(step, input) = scaled.values.at(origin + step, input);
        }
    }
    future
}

/// Why a model cannot forecast.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ForecastError {
    /// Too few rows before the origin.
    #[error("{have} rows before the forecast, the model needs {need}")]
    HistoryTooShort {
        /// The rows.
        have: usize,
        /// The rows needed.
        need: usize,
    },
    /// An origin after the last row.
    #[error("forecast from row {have}, the history has {bound} rows")]
    Origin {
        /// The origin.
        have: usize,
        /// The history's rows.
        bound: usize,
    },
    /// Other inputs or targets than the model was fitted on.
    #[error("{have} {what}, the model was fitted on {need}")]
    Shape {
        /// Of what.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// An input that must be known ahead is not.
    #[error("input {input} is not known at step {step} of the forecast")]
    FutureMissing {
        /// The input, from 0.
        input: usize,
        /// The step, from 1.
        step: usize,
    },
    /// A forecast that is no number.
    #[error("forecast of target {target} is {value} at step {step}, it must be finite")]
    NotFinite {
        /// The target, from 0.
        target: usize,
        /// The step, from 1.
        step: usize,
        /// The value.
        value: f64,
    },
}

impl History<'_> {
    /// Checks that enough rows lie before the origin.
    ///
    /// # Errors
    /// Where they do not, or the origin lies after the last row.
    pub fn check(&self, need: usize) -> Result<(), ForecastError> {
        if self.origin > self.scaled.rows() {
            return Err(ForecastError::Origin {
                have: self.origin,
                bound: self.scaled.rows(),
            });
        }
        if self.origin < need {
            return Err(ForecastError::HistoryTooShort {
                have: self.origin,
                need,
            });
        }
        Ok(())
    }
}
