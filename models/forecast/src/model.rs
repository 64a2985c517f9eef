//! Forecasts of a fitted model.

use series::{Matrix, Scaled};

/// What is known at the origin of a forecast.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The transformed rows; those from the origin on are not read.
    pub scaled: &'a Scaled,
    /// The first forecast row; all rows before it are known.
    pub origin: usize,
    /// The inputs that are known from the origin on; NaN where they are not.
    ///
    /// # Shapes
    /// `[steps, inputs]`; may have fewer rows than the forecast within the trained horizon.
    pub future: &'a Matrix,
}

/// A fitted model. Its parameters do not change; its state starts afresh at every origin.
///
/// # Example
/// ```
/// use forecast::{Forecast, History};
/// # use series::{Clean, Column, Frequency, Matrix, Role, Table, TimeAxis, Transform};
/// # let values = vec![10.0, 20.0, 30.0, 40.0];
/// # let column = Column { name: "visitors".into(), role: Role::Target, values };
/// # let axis = TimeAxis::new(0, Frequency::Seconds(3_600), 4);
/// # let table = Table::new(String::new(), axis, vec![column], None)?;
/// # let transform = Transform::fit(&table, 0..4, &Clean::default())?;
/// # let scaled = transform.apply(&table, 0..4)?;
///
/// // The forecast starts at row 3, so the model knows the rows 0 to 2: 10, 20 and 30.
/// let future = Matrix::zeros(0, scaled.values.cols);
/// let history = History { scaled: &scaled, origin: 3, future: &future };
/// let forecast = linear::Naive.forecast(&history, 2)?;
/// assert_eq!((forecast.rows, forecast.cols), (2, 1));
/// assert_eq!(transform.unscale(0, forecast.at(1, 0)), 30.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Forecast: Send + Sync {
    /// Returns how many rows before an origin the model reads.
    fn history_rows(&self) -> usize;

    /// Returns how many steps it was trained to forecast; `None` where it forecasts any number of steps in the same way.
    fn trained_horizon(&self) -> Option<usize>;

    /// Forecasts from one origin.
    ///
    /// # Shapes
    /// The result is `[steps, targets]`, scaled values.
    ///
    /// # Errors
    /// Where the history is too short, the inputs are not those of the fit, or a future input is missing.
    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError>;

    /// Forecasts from many origins in their order: `out` is called with the index of each and `[steps, targets]` scaled values.
    ///
    /// Of the rows after an origin only the calendar inputs are read.
    ///
    /// # Errors
    /// As for one origin, see [`Forecast::forecast`].
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
/// As for one origin, see [`Forecast::forecast`].
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

/// Returns the calendar inputs of `steps` rows from an origin on; NaN for other inputs and after the last row.
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
        /// How many rows there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// An origin after the last row.
    #[error("forecast from row {have}, the history has {bound} rows")]
    Origin {
        /// The row of the origin.
        have: usize,
        /// How many rows the history has.
        bound: usize,
    },
    /// Other inputs or targets than the model was fitted on.
    #[error("{have} {what}, the model was fitted on {need}")]
    Shape {
        /// What there is a wrong number of.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// An input that must be known for future rows is missing.
    #[error("input {input} is not known at step {step} of the forecast")]
    FutureMissing {
        /// The input, from 0.
        input: usize,
        /// The step, from 1.
        step: usize,
    },
    /// A forecast that is not finite.
    #[error("forecast of target {target} is {value} at step {step}, it must be finite")]
    NotFinite {
        /// The target, from 0.
        target: usize,
        /// The step, from 1.
        step: usize,
        /// The value that is not finite.
        value: f64,
    },
}

impl History<'_> {
    /// Checks that at least `need` rows lie before the origin.
    ///
    /// # Errors
    /// Where there are fewer rows, or the origin lies after the last row.
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
