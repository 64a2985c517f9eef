//! Which arithmetic fits a net: our own, or that of another backend that the caller brings.

use forecast::{Backend, Fit, RecurrentSpec};
use recurrent::{Cell, Recurrent};

/// Makes the fit of a net of a kind with some settings.
pub type FitNet = fn(Cell, &RecurrentSpec) -> Box<dyn Fit>;

/// The backends that a build has beside our own arithmetic. By default it has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backends {
    /// Fits nets with `backend = "tch"`; `None` in a build without libtorch.
    pub tch: Option<FitNet>,
}

impl Backends {
    /// Returns the fit of a net. [`Recurrent`] refuses settings that ask for a backend which is missing.
    pub(crate) fn fit(self, cell: Cell, spec: &RecurrentSpec) -> Box<dyn Fit> {
        match (spec.backend, self.tch) {
            (Backend::Tch, Some(tch)) => tch(cell, spec),
            (Backend::Rust, _) | (Backend::Tch, None) => Box::new(Recurrent::new(cell, spec)),
        }
    }
}
