//! The interface of models: their settings, how they are fitted, how fitted ones forecast, and the artifact between the two.
//!
//! Promises: an artifact is data only (safetensors with one JSON entry, sizes capped, numbers finite) and equal artifacts
//! have equal bytes. A fit calls `stop` at every batch and can be resumed from its checkpoint.
//!
//! Refuses to know files, networks, clocks, and how any model works. Start reading at [`Fit`] and [`Forecast`].

mod artifact;
mod fit;
pub mod interval;
pub mod json;
mod model;
pub mod recurse;
pub mod tensors;
mod threaded;

mod spec;

pub use artifact::{About, Artifact, FORMAT, Later, Trial};
pub use fit::{Checkpoint, EpochLoss, Fit, FitError, Fitted, Progress, SeriesData, Training};
pub use interval::{Calibration, IntervalError, Intervals, Quantiles};
pub use model::{Forecast, ForecastError, History, known_future, one_by_one};
pub use series::Problem;
pub use spec::{
    ArimaSpec, Backend, Between, Candidates, Channels, Condition, CrostonSpec, Curvature, Demand, DriftSpec,
    EnsembleMember, EnsembleSpec, Errors, EtsSpec, Ground, Growth, Holiday, Lambda, LinearSpec, Mode, ModelSpec,
    MstlSpec, NaiveSpec, Optimizer, Order, Periods, Precision, ProphetSpec, RecurrentSpec, Regressor, Scaling,
    Schedule, Scope, SearchSpec, Seasonal, SeasonalNaiveSpec, Seasonality, Selection, Spread, Standardize, Strategy,
    ThetaSpec, Transformation, Trend,
};
pub use tensors::{ArtifactError, Data, Tensor, Tensors};
pub use threaded::Threaded;
