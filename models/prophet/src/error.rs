//! The errors of fits and forecasts, and the notices of a fit.

use series::{Problem, Time};

/// Why a model cannot be fitted or cannot forecast.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Error {
    /// A setting out of its range.
    #[error(transparent)]
    Setting(Problem),
    /// Too few values.
    #[error("{have} values that are not missing, a fit needs {need}")]
    TooFewValues {
        /// How many values there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// All values at one time.
    #[error("all {values} values are at {time}, a fit needs two times")]
    OneTime {
        /// How many values there are.
        values: usize,
        /// The time of all values.
        time: Time,
    },
    /// A number that is not finite.
    #[error("column `{column}`, row {row}: {value} is not finite")]
    NotFinite {
        /// The name of the column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// The number in this row.
        value: f64,
    },
    /// A cap that is not above the floor.
    #[error("row {row}: cap {cap} must be above the floor {floor}")]
    Cap {
        /// The row, from 0.
        row: usize,
        /// The cap in this row.
        cap: f64,
        /// The floor in this row.
        floor: f64,
    },
    /// A logistic trend without a cap.
    #[error("logistic growth needs a cap")]
    NoCap,
    /// A missing column.
    #[error("column `{column}` is missing")]
    MissingColumn {
        /// The name of the column.
        column: String,
    },
    /// A condition that is neither 0 nor 1.
    #[error("condition `{column}`, row {row}: {value} must be 0 or 1")]
    Condition {
        /// The name of the column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// The number in this row.
        value: f64,
    },
    /// A changepoint outside the history.
    #[error("changepoint {changepoint} must lie between {start} and {end}")]
    Changepoint {
        /// The time of the changepoint.
        changepoint: Time,
        /// The first time of the history.
        start: Time,
        /// The last time of the history.
        end: Time,
    },
    /// Columns of different lengths.
    #[error("column `{column}` has {have} rows, must have {need}")]
    Length {
        /// The name of the column.
        column: String,
        /// How many rows it has.
        have: usize,
        /// How many rows it must have.
        need: usize,
    },
    /// Values so far apart that their distance is not finite.
    #[error("values from {low:e} to {high:e} cannot be scaled")]
    TooWide {
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
    },
    /// A posterior without a finite mode.
    #[error("the posterior is {value} at its best point, it must be finite")]
    Unbounded {
        /// The negative logarithm of the posterior.
        value: f64,
    },
}

/// What a fit did differently from its settings, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Fewer changepoints than asked for, because the history is short.
    Changepoints {
        /// How many were asked for.
        asked: usize,
        /// How many were used.
        used: usize,
    },
    /// Values above the cap or below the floor: a logistic trend cannot reach them.
    OutsideCap {
        /// How many values are outside.
        values: usize,
    },
    /// All values are equal: the trend is constant and nothing else is fitted.
    Constant,
    /// The model fits every value exactly, so that the posterior has no mode: the noise is set to its smallest value.
    NoiseFloor,
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changepoints { asked, used } => {
                write!(f, "{used} changepoints instead of {asked}, the history is short")
            }
            Self::OutsideCap { values } => {
                write!(f, "{values} values outside floor and cap, which the trend cannot reach")
            }
            Self::Constant => write!(f, "all values are equal"),
            Self::NoiseFloor => write!(f, "the model goes through every value, its noise is held at the floor"),
        }
    }
}
