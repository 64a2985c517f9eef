//! Recurrent nets on libtorch: the training of `recurrent` with PyTorch's arithmetic.
//!
//! Promises: first parameters, order of windows, losses, updates, early stopping, checkpoints and artifact are those of
//! `recurrent`, only products, gates and gradients come from libtorch. Parameters of a fit agree with those of our own
//! arithmetic to the tolerance that the tests state, and either continues from the other's checkpoint; equal bits are
//! not promised.
//!
//! Refuses to be needed for a forecast: its artifacts are read by `recurrent::Net`. It is built only where libtorch is
//! installed. Start reading at [`RecurrentTch`].

mod torch;

use forecast::{Checkpoint, EpochLoss, Fit, FitError, Fitted, Progress, RecurrentSpec, Training};
use recurrent::{Cell, Recurrent};

use torch::Torch;

/// The fit of a GRU or an LSTM on libtorch.
#[derive(Clone, Debug)]
pub struct RecurrentTch {
    net: Recurrent,
}

impl RecurrentTch {
    /// Returns the fit of a net with some settings.
    #[must_use]
    pub fn new(cell: Cell, spec: &RecurrentSpec) -> Self {
        Self {
            net: Recurrent::new(cell, spec),
        }
    }
}

impl Fit for RecurrentTch {
    /// Fits as `recurrent::Recurrent` does.
    ///
    /// The number of threads is set for the whole process, so fits that run at the same time should use the same number. That of
    /// `OpenMP` must be set before the process starts: with `OMP_NUM_THREADS` above the free cores its threads spin while they
    /// wait.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        tch::set_num_threads(i32::try_from(data.threads.max(1)).unwrap_or(i32::MAX));
        self.net.run_on(data, resume, stop, observe, &|task, start| {
            Box::new(Torch::new(task, start))
        })
    }
}
