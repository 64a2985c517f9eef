//! Which arithmetic fits a net: our own, or libtorch's in a build with the feature `tch`.
//!
//! Without the feature a net with `backend = "tch"` fails before any work. Our own would give other bits under the
//! identity that promises libtorch's, so it does not step in.

use forecast::{Backend, Fit, RecurrentSpec};
use recurrent::{Cell, Recurrent};

pub(crate) fn fit(cell: Cell, spec: &RecurrentSpec) -> Box<dyn Fit> {
    match spec.backend {
        Backend::Rust => Box::new(Recurrent::new(cell, spec)),
        Backend::Tch => libtorch(cell, spec),
    }
}

#[cfg(feature = "tch")]
fn libtorch(cell: Cell, spec: &RecurrentSpec) -> Box<dyn Fit> {
    Box::new(recurrent_tch::RecurrentTch::new(cell, spec))
}

#[cfg(not(feature = "tch"))]
fn libtorch(_: Cell, _: &RecurrentSpec) -> Box<dyn Fit> {
    Box::new(NoLibtorch)
}

/// Stands where libtorch would fit.
#[cfg(not(feature = "tch"))]
struct NoLibtorch;

#[cfg(not(feature = "tch"))]
impl Fit for NoLibtorch {
    fn run(
        &self,
        _: &forecast::Training<'_>,
        _: Option<&forecast::Checkpoint>,
        _: &dyn Fn() -> bool,
        _: &mut dyn FnMut(forecast::Progress, Option<&forecast::EpochLoss>),
    ) -> Result<forecast::Fitted, forecast::FitError> {
        Err(forecast::FitError::NoLibtorch)
    }
}
