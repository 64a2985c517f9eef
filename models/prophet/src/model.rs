//! A fitted model.

use std::sync::Arc;

use forecast::{Growth, ProphetSpec};

use crate::{Notice, design::Design};

/// A fitted model: its parameters, their scales and their meaning.
#[derive(Clone, PartialEq, Debug)]
pub struct Prophet {
    pub(crate) shape: Arc<Shape>,
    pub(crate) scale: Scale,
    pub(crate) parameters: Parameters,
    pub(crate) negative_log: f64,
    pub(crate) notices: Vec<Notice>,
}

/// The parameters of a model, in scaled time (0 to 1 over the history) and scaled values.
#[derive(Clone, PartialEq, Debug)]
pub struct Parameters {
    /// The first rate of growth, `k`.
    pub rate: f64,
    /// The offset of the trend, `m`.
    pub offset: f64,
    /// The changes of the rate, one per changepoint.
    pub deltas: Vec<f64>,
    /// The coefficients of seasons, holidays and regressors, `beta`.
    pub columns: Vec<f64>,
    /// The deviation of the noise, `sigma_obs`.
    pub noise: f64,
}

/// What models of equal rows share.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Shape {
    pub(crate) spec: ProphetSpec,
    /// How many waves the seasons of the year, the week and the day have.
    pub(crate) orders: [usize; 3],
    pub(crate) design: Design,
    /// The time of the first row, UTC seconds.
    pub(crate) start: i64,
    /// The time from the first row to the last one, seconds.
    pub(crate) length: f64,
    /// Where the trend may change, UTC seconds.
    pub(crate) changepoints: Vec<i64>,
}

/// The scale of values: `(value - floor) / size`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Scale {
    pub(crate) floor: f64,
    pub(crate) size: f64,
}

impl Shape {
    /// Returns a time on the scale of the history: 0 at its first row, 1 at its last.
    #[expect(
        clippy::cast_precision_loss,
        reason = "times lie far below 2^52 seconds from each other"
    )]
    pub(crate) fn scaled(&self, time: i64) -> f64 {
        time.saturating_sub(self.start) as f64 / self.length
    }

    /// Returns the changepoints on the scale of the history; without changepoints one at its start, as in the Python package. A
    /// flat trend has no changepoint.
    pub(crate) fn scaled_changepoints(&self) -> Vec<f64> {
        if self.spec.growth == Growth::Flat {
            return Vec::new();
        }
        if self.changepoints.is_empty() {
            return vec![0.0];
        }
        self.changepoints.iter().map(|&time| self.scaled(time)).collect()
    }
}

impl Prophet {
    /// Returns the fitted parameters, in scaled units.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns the negative logarithm of the posterior, without the constants that Stan drops.
    #[must_use]
    pub fn negative_log_posterior(&self) -> f64 {
        self.negative_log
    }

    /// Returns what the fit did differently from its settings.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Returns the times at which the trend may change, UTC seconds.
    #[must_use]
    pub fn changepoints(&self) -> &[i64] {
        &self.shape.changepoints
    }

    /// Returns how many waves the seasons of the year, the week and the day have; 0 where one is not fitted.
    #[must_use]
    pub fn calendar_orders(&self) -> [usize; 3] {
        self.shape.orders
    }

    /// Returns how many original units one scaled unit is.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.scale.size
    }
}
