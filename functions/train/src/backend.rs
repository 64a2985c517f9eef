//! The backends that fit nets in this build: our own arithmetic, and libtorch with the feature `tch`.
//!
//! Without the feature a net with `backend = "tch"` fails before any work. Our own arithmetic does not replace
//! libtorch: it would give other bits under an identity that promises those of libtorch.

use families::Backends;
use forecast::{Fit, ModelSpec};

#[cfg(feature = "tch")]
const BACKENDS: Backends = Backends {
    tch: Some(|cell, spec| Box::new(recurrent_tch::RecurrentTch::new(cell, spec))),
};

#[cfg(not(feature = "tch"))]
const BACKENDS: Backends = Backends { tch: None };

/// Returns the fit of a model; `None` for a model that is made of others.
pub(crate) fn fit(model: &ModelSpec) -> Option<Box<dyn Fit>> {
    families::fit(model, BACKENDS)
}
