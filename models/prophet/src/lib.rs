//! The additive model of trend, seasons, holidays and regressors: the mode of its posterior, forecasts and intervals.
//!
//! Promises: the model, its priors, scales and defaults are those of the Python package `prophet`; equal data give equal
//! bits whatever the number of threads; the fit is deterministic and intervals follow from a seed. Where growth is not
//! logistic and all terms are added, the mode is exact; optimisers that treat the prior of changepoints as smooth only
//! approximate it.
//!
//! Refuses to know files, clocks and full posteriors (there is no sampling of parameters). Times are UTC seconds and may
//! be irregular. Start reading at [`fit`], then [`Prophet::predict`] and [`Prophet::intervals`].

mod artifact;
mod design;
mod error;
mod features;
mod fit;
mod group;
mod history;
mod interval;
mod lasso;
mod mode;
mod model;
mod moments;
mod newton;
mod pass;
mod predict;
mod quadratic;
mod seasons;
mod targets;
mod trend;

pub use error::{Error, Notice};
pub use fit::{Rows, fit, fit_all};
pub use interval::{Intervals, Simulation};
pub use model::{Parameters, Prophet};
pub use predict::{Component, Prediction, predict_all};
pub use targets::{ProphetFit, ProphetForecast};
