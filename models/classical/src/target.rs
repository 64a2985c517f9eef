//! The training rows of one target, and why it has no model.

use forecast::FitError;
use series::{Frequency, Unit};

use crate::stop::Stopped;

/// The training rows of one target.
pub(crate) struct Target<'a> {
    /// The values with their gaps filled, scaled.
    pub(crate) filled: &'a [f64],
    /// Which of the values were observed.
    pub(crate) observed: &'a [bool],
    pub(crate) unit: Unit,
    /// The main season; 1 without one.
    pub(crate) season: usize,
    /// All seasons, ascending; may be empty.
    pub(crate) seasons: &'a [usize],
    pub(crate) frequency: Frequency,
}

/// Why a target has no model.
#[derive(Debug)]
pub(crate) enum Halt {
    Stopped,
    Failed(FitError),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

pub(crate) type Tick<'a> = &'a mut dyn FnMut() -> Result<(), Stopped>;
