//! Forecasters without iterations: the naive baselines and ridge regression in closed form.
//!
//! Promises: no seed, no iterations, and equal data give equal bits: all sums run in one fixed order in double precision.
//!
//! Refuses to know files, clocks and how training rows were chosen. Start reading at [`Ridge`].

mod calendar;
mod candidate;
mod kernel;
mod maps;
mod moments;
mod naive;
mod parallel;
mod path;
mod plan;
mod products;
mod ridge;
mod ridge_fit;
mod runs;
mod scale;
mod seasonal;
mod shifted;
mod strips;
mod tridiagonal;
mod wide;

use forecast::{Artifact, ArtifactError, Fit, Forecast, ModelSpec};

pub use naive::Naive;
pub use ridge::Ridge;
pub use ridge_fit::RidgeFit;
pub use seasonal::{SeasonalNaive, SeasonalNaiveFit};

/// Returns the fit of a model; `None` for a kind that is not in this crate.
#[must_use]
pub fn fit(spec: &ModelSpec) -> Option<Box<dyn Fit>> {
    match spec {
        ModelSpec::Naive(_) => Some(Box::new(Naive)),
        ModelSpec::SeasonalNaive(_) => Some(Box::new(SeasonalNaiveFit)),
        ModelSpec::Linear(spec) => Some(Box::new(Ridge::fit(spec))),
        _ => None,
    }
}

/// Reads the model of an artifact; `None` for a kind that is not in this crate.
///
/// # Errors
/// Where its tensors do not match its description.
pub fn read(artifact: &Artifact) -> Result<Option<Box<dyn Forecast>>, ArtifactError> {
    Ok(match artifact.about.settings {
        ModelSpec::Naive(_) => Some(Box::new(Naive)),
        ModelSpec::SeasonalNaive(_) => Some(Box::new(SeasonalNaive::read(artifact)?)),
        ModelSpec::Linear(_) => Some(Box::new(Ridge::read(artifact)?)),
        _ => None,
    })
}

/// Checks that an artifact is of a kind.
fn check_kind(artifact: &Artifact, need: &str) -> Result<(), ArtifactError> {
    if artifact.about.kind == need {
        return Ok(());
    }
    Err(ArtifactError::Kind {
        have: artifact.about.kind.clone(),
        need: need.to_owned(),
    })
}
