//! Forecasters without iterations: the naive baselines and ridge regression in closed form.
//!
//! Promises: no seed, no iterations, and equal data give equal bits: all sums run in one fixed order in double precision.
//!
//! Refuses to know files, clocks and how training rows were chosen. Start reading at [`Ridge`].

mod calendar;
mod candidate;
mod contexts;
mod drift;
mod judge;
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

use forecast::{Artifact, ArtifactError};

pub use contexts::contexts;
pub use drift::{Drift, DriftFit};
pub use naive::Naive;
pub use ridge::Ridge;
pub use ridge_fit::RidgeFit;
pub use seasonal::{SeasonalNaive, SeasonalNaiveFit};

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
