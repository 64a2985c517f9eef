//! Time series as numbers: the time axis, tables, cuts, the fitted transform, windows and scores.
//!
//! Promises: equal inputs give equal bits on every machine (fixed-order sums, `libm` for transcendentals), nothing
//! after a forecast origin is ever looked at, and bad input is a typed error with the value and the bound it broke.
//!
//! Refuses to know files, networks, clocks, randomness, models and what a stage is.
//!
//! Times are UTC seconds (`i64`), a missing value is NaN. Start reading at [`TimeAxis`], then [`Table`], [`Cut`],
//! [`Transform`], [`Windows`] and [`score`].

mod axis;
mod calendar;
mod civil;
mod cleaning;
mod column;
mod cut;
mod fit;
mod frequency;
mod horizon;
mod impute;
mod matrix;
mod months;
mod quantile_score;
mod scaled;
mod score;
mod score_scale;
mod season;
mod sessions;
mod settings;
mod split;
mod statistics;
mod table;
mod time;
mod transform;
mod windows;

pub use axis::{AxisError, TimeAxis};
pub use calendar::{CALENDAR, calendar};
pub use civil::rfc3339;
pub use cleaning::{Clean, Missing, Outliers, Scaler};
pub use column::{ColumnTransform, LARGEST};
pub use cut::{Cut, CutError};
pub use fit::Fitted;
pub use frequency::{Anchor, Frequency, FrequencyError, LONGEST};
pub use horizon::horizon;
pub use matrix::Matrix;
pub use quantile_score::{Coverage, QuantileScores, QuantileScoring, TargetQuantiles};
pub use scaled::{Scaled, Unit};
pub use score::{Scores, Scoring, StepScores, TargetScores, score};
pub use score_scale::ScoreScale;
pub use season::{season, seasons};
pub use sessions::{Sessions, Weekdays};
pub use settings::{Problem, Sampling, Strategy, WindowShape};
pub use split::{Holdout, Split, Validation};
pub use table::{Column, Role, Table, TableError};
pub use time::{Time, TimeError};
pub use transform::{Transform, TransformError};
pub use windows::Windows;
