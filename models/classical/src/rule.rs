//! The recursions of all kinds: how a state follows from row to row, and the forecasts from it.

use crate::{arima::Arima, croston::Croston, ets::Smooth, theta::Theta};

/// A recursion with its parameters.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Rule {
    Smooth(Smooth),
    Theta(Theta),
    Croston(Croston),
    Arima(Arima),
}

impl Rule {
    /// Advances over one row; NaN is a row that was not observed, which changes no forecast.
    ///
    /// `turn` is the row's distance from the first row of the estimate.
    pub(crate) fn absorb(&self, state: &mut [f64], turn: i64, y: f64) {
        match self {
            Self::Smooth(smooth) => smooth.absorb(state, turn, y),
            Self::Theta(theta) => theta.absorb(state, y),
            Self::Croston(croston) => croston.absorb(state, y),
            Self::Arima(arima) => arima.absorb(state, y),
        }
    }

    /// Writes the expected values of the next rows.
    pub(crate) fn ahead(&self, state: &[f64], turn: i64, into: &mut [f64]) {
        match self {
            Self::Smooth(smooth) => smooth.ahead(state, turn, into),
            Self::Theta(theta) => theta.ahead(state, into),
            Self::Croston(croston) => into.fill(croston.next(state)),
            Self::Arima(arima) => arima.ahead(state, into),
        }
    }

    /// Returns the state after some rows.
    pub(crate) fn after(&self, start: &[f64], rows: &[f64]) -> Vec<f64> {
        let mut state = start.to_vec();
        for (turn, &y) in (0..).zip(rows) {
            self.absorb(&mut state, turn, y);
        }
        state
    }

    /// Returns after how many rows the weight of a level is a thousandth.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the smallest alpha is 1e-4, which gives 69,075 rows"
    )]
    pub(crate) fn memory(&self) -> usize {
        let alpha = match self {
            Self::Smooth(smooth) => smooth.alpha,
            Self::Theta(theta) => theta.alpha,
            Self::Croston(croston) => croston.alpha.min(croston.beta),
            // What a row leaves behind falls with moving averages; ten times their length is many of them.
            Self::Arima(arima) => return arima.state().0 + 10 * arima.state().1.max(1),
        };
        if alpha >= 0.999 {
            return 1;
        }
        libm::ceil(libm::log(1e-3) / libm::log(1.0 - alpha)) as usize
    }
}
