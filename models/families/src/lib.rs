//! The one place that knows every family of models: from a spec to its fit, from an artifact to its forecaster.
//!
//! Promises that [`forecaster`] reads the artifacts of every [`fit`], kind by kind and without a default: a new kind fails to
//! compile until both sides are named. Refuses to know how any of them works, and which backends a build has: they are an
//! argument, [`Backends`].

mod backend;
pub mod ensemble;

use classical::{Classical, Smoother};
use ensemble::Ensemble;
use forecast::{Artifact, ArtifactError, Fit, Forecast, ModelSpec, SearchSpec};
use linear::{Naive, Ridge, SeasonalNaive, SeasonalNaiveFit};
use prophet::{ProphetFit, ProphetForecast};
use recurrent::{Cell, Net};
use search::{Elapsed, MakeFit, Search};

pub use backend::{Backends, FitNet};

/// Returns the fit of a model's spec; `None` for a model that is made of others.
#[must_use]
pub fn fit(model: &ModelSpec, backends: Backends) -> Option<Box<dyn Fit>> {
    Some(match model {
        ModelSpec::Naive(_) => Box::new(Naive),
        ModelSpec::SeasonalNaive(_) => Box::new(SeasonalNaiveFit),
        ModelSpec::Linear(spec) => Box::new(Ridge::fit(spec)),
        ModelSpec::Gru(spec) => backends.fit(Cell::Gru, spec),
        ModelSpec::Lstm(spec) => backends.fit(Cell::Lstm, spec),
        ModelSpec::Ets(spec) => Box::new(Classical::ets(spec)),
        ModelSpec::Theta(spec) => Box::new(Classical::theta(spec)),
        ModelSpec::Mstl(spec) => Box::new(Classical::mstl(spec)),
        ModelSpec::Prophet(spec) => Box::new(ProphetFit::new(spec)),
        ModelSpec::Ensemble(_) => return None,
    })
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
pub fn forecaster(artifact: &Artifact) -> Result<Box<dyn Forecast>, ArtifactError> {
    Ok(match &artifact.about.settings {
        ModelSpec::Naive(_) => Box::new(Naive::read(artifact)?),
        ModelSpec::SeasonalNaive(_) => Box::new(SeasonalNaive::read(artifact)?),
        ModelSpec::Linear(_) => Box::new(Ridge::read(artifact)?),
        ModelSpec::Gru(_) | ModelSpec::Lstm(_) => Box::new(Net::read(artifact)?),
        ModelSpec::Ets(_) | ModelSpec::Theta(_) | ModelSpec::Mstl(_) => Box::new(Smoother::read(artifact)?),
        ModelSpec::Ensemble(spec) => Box::new(Ensemble::read(artifact, spec)?),
        ModelSpec::Prophet(_) => Box::new(ProphetForecast::read(artifact)?),
    })
}
