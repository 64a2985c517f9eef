//! The one place that knows every family of models: from a spec to its fit, from an artifact to its forecaster.
//!
//! Promises that [`forecaster`] reads the artifacts of every [`fit`], kind by kind and without a default: a new kind fails to
//! compile until both sides are named. Refuses to know how any of them works, and which backends a build has: they are an
//! argument, [`Backends`].

mod backend;
pub mod ensemble;
mod refit;
pub mod rolling;
mod several;

use classical::{Classical, Smoother};
use ensemble::Ensemble;
use forecast::{Artifact, ArtifactError, Fit, Forecast, ModelSpec, SearchSpec};
use linear::{Drift, DriftFit, Naive, Ridge, SeasonalNaive, SeasonalNaiveFit};
use prophet::{ProphetFit, ProphetForecast};
use recurrent::{Cell, Net};
use rolling::Rolled;
use search::{Elapsed, MakeFit, Search};

pub use backend::{Backends, FitNet};
pub use refit::Refit;

/// Returns the fit of a model's spec; `None` for a model that is made of others.
#[must_use]
pub fn fit(model: &ModelSpec, backends: Backends) -> Option<Box<dyn Fit>> {
    Some(match model {
        ModelSpec::Naive(_) => Box::new(Naive),
        ModelSpec::SeasonalNaive(_) => Box::new(SeasonalNaiveFit),
        ModelSpec::Drift(_) => Box::new(DriftFit),
        ModelSpec::Linear(spec) => Box::new(Ridge::fit(spec)),
        ModelSpec::Gru(spec) => backends.fit(Cell::Gru, spec),
        ModelSpec::Lstm(spec) => backends.fit(Cell::Lstm, spec),
        ModelSpec::Ets(spec) => Box::new(Classical::ets(spec)),
        ModelSpec::Theta(spec) => Box::new(Classical::theta(spec)),
        ModelSpec::Mstl(spec) => Box::new(Classical::mstl(spec)),
        ModelSpec::Arima(spec) => Box::new(Classical::arima(spec)),
        ModelSpec::Croston(spec) => Box::new(Classical::croston(spec)),
        ModelSpec::Prophet(spec) => Box::new(ProphetFit::new(spec)),
        ModelSpec::Ensemble(_) => return None,
    })
}

/// Returns the contexts among which a windowed model chooses, in steps; empty for a model that takes the one it is given.
#[must_use]
pub fn contexts(model: &ModelSpec, horizon: usize, seasons: &[usize], rows: usize) -> Vec<usize> {
    match model {
        ModelSpec::Linear(_) => linear::contexts(horizon, seasons, rows),
        _ => Vec::new(),
    }
}

/// Returns how far the origins of training windows lie apart where nobody says: 1, and for nets so far that all windows of an
/// epoch have at most 32,768 rows of history. More windows of one series overlap, and cost more than they teach.
#[must_use]
pub fn stride(model: &ModelSpec, windows: usize, context: usize) -> usize {
    const ROWS: usize = 32_768;
    match model {
        ModelSpec::Gru(_) | ModelSpec::Lstm(_) => windows.div_ceil((ROWS / context.max(1)).max(1)).max(1),
        _ => 1,
    }
}

/// Returns the fit of the best of several settings of a model.
///
/// `fit` makes the fit of each: [`fit`] with the caller's backends. `elapsed` returns how long this run has taken so far; it
/// is called only where the search is limited in seconds.
#[must_use]
pub fn search(model: &ModelSpec, spec: &SearchSpec, fit: MakeFit, elapsed: Elapsed) -> Search {
    Search::new(model, spec, fit, forecaster, elapsed)
}

/// Returns the forecaster of a fitted model.
///
/// # Errors
/// Where the tensors of the artifact do not match its kind.
///
/// # Example
/// A model that is written and read back forecasts the same.
/// ```
/// use families::Backends;
/// use forecast::{Artifact, Fitted, Forecast, History, ModelSpec};
/// # use forecast::{SeriesData, Training};
/// # use series::{Clean, Column, Cut, Frequency, Matrix, Role, Sampling, Split, Table, TimeAxis, Transform, WindowShape};
/// # let values = (0..60).map(|row| f64::from(row * row % 17)).collect();
/// # let column = Column { name: "visitors".into(), role: Role::Target, values };
/// # let axis = TimeAxis::new(0, Frequency::Seconds(3_600), 60);
/// # let table = Table::new(String::new(), axis, vec![column], None)?;
/// # let window = WindowShape { context: 6, horizon: 2, stride: 1 };
/// # let cut = Cut::new(&table, Split::default(), &Sampling::default(), window, 1)?;
/// # let transform = Transform::fit(&table, cut.training.clone(), &Clean::default())?;
/// # let scaled = transform.apply(&table, cut.training.clone())?;
/// # let training = Training {
/// #     series: &[SeriesData { scaled: &scaled, cut: &cut }],
/// #     window,
/// #     season: 1,
/// #     seasons: &[],
/// #     contexts: &[],
/// #     threads: 1,
/// #     cut: "c0ffee",
/// #     target_names: &transform.target_names(),
/// #     input_names: &transform.input_names(),
/// # };
///
/// let ets = ModelSpec::of_kind("ets").expect("a known kind");
/// let fit = families::fit(&ets, Backends::default()).expect("fitted by itself");
/// let Fitted::Finished(artifact) = fit.run(&training, None, &|| false, &mut |_, _| ())? else {
///     panic!("nothing stops it");
/// };
/// let bytes = artifact.to_bytes()?;
/// let read = Artifact::parse(&bytes)?;
/// assert_eq!(read, artifact);
/// assert_eq!(read.about.targets, ["visitors"]);
///
/// let future = transform.future(&table.axis, 60, 2);
/// let history = History { scaled: &scaled, origin: 60, future: &future };
/// let forecast = families::forecaster(&read)?.forecast(&history, 2)?;
/// assert_eq!(forecast, families::forecaster(&artifact)?.forecast(&history, 2)?);
/// assert!(forecast.data.iter().all(|value| value.is_finite()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn forecaster(artifact: &Artifact) -> Result<Box<dyn Forecast>, ArtifactError> {
    if artifact.about.later.is_empty() {
        read_one(artifact)
    } else {
        Ok(Box::new(Rolled::read(artifact)?))
    }
}

/// Reads the first fit of an artifact.
fn read_one(artifact: &Artifact) -> Result<Box<dyn Forecast>, ArtifactError> {
    Ok(match &artifact.about.settings {
        ModelSpec::Naive(_) => Box::new(Naive::read(artifact)?),
        ModelSpec::SeasonalNaive(_) => Box::new(SeasonalNaive::read(artifact)?),
        ModelSpec::Drift(_) => Box::new(Drift::read(artifact)?),
        ModelSpec::Linear(_) => Box::new(Ridge::read(artifact)?),
        ModelSpec::Gru(_) | ModelSpec::Lstm(_) => Box::new(Net::read(artifact)?),
        ModelSpec::Ets(_) | ModelSpec::Theta(_) | ModelSpec::Mstl(_) | ModelSpec::Arima(_) | ModelSpec::Croston(_) => {
            Box::new(Smoother::read(artifact)?)
        }
        ModelSpec::Ensemble(spec) => Box::new(Ensemble::read(artifact, spec)?),
        ModelSpec::Prophet(_) => Box::new(ProphetForecast::read(artifact)?),
    })
}
