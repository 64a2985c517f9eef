//! The units that a target is fitted in, of size 1, and the way from scaled values to them and back.

use forecast::FitError;
use series::Unit;

use crate::{ets::Rows, season, target::Halt};

/// The fewest observed rows: a single one does not show how rows change.
const LEAST: usize = 2;
/// Values of at least this size count as infinite, and infinite ones as not observed: differences must stay finite.
pub(crate) const LARGEST: f64 = 1e305;
/// Multiplicative forms are additive ones where values differ by a smaller share of their mean.
const FLAT: f64 = 1e-3;
/// The largest logarithm of a forecast, in units of the mean.
const HIGHEST: f64 = 600.0;

/// How scaled values become those that a model knows: centred, divided, and perhaps their logarithm.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Size {
    /// What is subtracted, in scaled units.
    pub(crate) centre: f64,
    /// The divisor, in scaled units; above 0.
    pub(crate) spread: f64,
    /// The smallest value of which a logarithm is taken, after centring and dividing; 0 where none is taken.
    pub(crate) floor: f64,
}

/// The rows of a target in units of size 1.
pub(crate) struct Sized {
    pub(crate) size: Size,
    /// The values with their gaps filled.
    pub(crate) filled: Vec<f64>,
    /// The values; NaN where nothing was observed.
    pub(crate) observed: Vec<f64>,
    /// Whether all observed values are above 0 in original units, and differ by enough for multiplicative forms.
    pub(crate) positive: bool,
}

impl Size {
    /// Returns the size for multiplicative forms, where values are original ones divided by their mean, or else that in which
    /// they have mean 0 and size 1.
    ///
    /// # Errors
    /// Where fewer than two rows were observed.
    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    pub(crate) fn of(filled: &[f64], observed: &[bool], unit: Unit) -> Result<Sized, Halt> {
        let is_known = |(y, ok): &(&f64, &bool)| **ok && y.abs() < LARGEST;
        let known = || filled.iter().zip(observed).filter(is_known).map(|(y, _)| *y);
        let have = known().count();
        if have < LEAST {
            return Err(Halt::Failed(FitError::Mismatch {
                what: "observed training rows of a target",
                have,
                need: LEAST,
            }));
        }
        // Dividing before summing keeps the sums of large values finite.
        let n = have as f64;
        let centre: f64 = known().map(|y| y / n).sum();
        let widest = known().fold(0.0_f64, |most, y| most.max((y - centre).abs()));
        let part = |y: f64| (y - centre) / widest;
        let spread = if widest > 0.0 {
            widest * known().map(|y| part(y) * part(y) / n).sum::<f64>().sqrt()
        } else {
            1.0
        };
        let mean = unit.original(centre) / unit.scale;
        let positive = known().all(|y| unit.original(y) > 0.0) && spread >= FLAT * mean && mean.abs() < LARGEST;
        let size = if positive {
            Self {
                centre: -unit.offset / unit.scale,
                spread: mean,
                floor: 0.0,
            }
        } else {
            Self {
                centre,
                spread,
                floor: 0.0,
            }
        };
        let fill = |y: &f64| {
            if y.abs() < LARGEST {
                size.known(*y)
            } else {
                size.known(centre)
            }
        };
        let open = |(y, ok): (&f64, &bool)| if is_known(&(y, ok)) { size.known(*y) } else { f64::NAN };
        Ok(Sized {
            filled: filled.iter().map(fill).collect(),
            observed: filled.iter().zip(observed).map(open).collect(),
            size,
            positive,
        })
    }

    /// Returns the size in which a 0 in original units stays 0, for demand that is mostly 0.
    ///
    /// # Errors
    /// Where fewer than two rows were observed.
    pub(crate) fn from_zero(filled: &[f64], observed: &[bool], unit: Unit) -> Result<Sized, Halt> {
        let rows = Self::of(filled, observed, unit)?;
        let centre = -unit.offset / unit.scale;
        let sizes: Vec<f64> = rows
            .observed
            .iter()
            .filter(|y| !y.is_nan())
            .map(|y| (rows.size.scaled(*y) - centre).abs())
            .collect();
        let mean = season::mean(&sizes);
        let size = Self {
            centre,
            spread: if mean > 0.0 && mean.is_finite() { mean } else { 1.0 },
            floor: 0.0,
        };
        let back = |y: &f64| size.known(rows.size.scaled(*y));
        Ok(Sized {
            filled: rows.filled.iter().map(back).collect(),
            observed: rows.observed.iter().map(back).collect(),
            size,
            positive: false,
        })
    }

    /// Returns a scaled value as the model knows it.
    pub(crate) fn known(self, scaled: f64) -> f64 {
        let value = (scaled - self.centre) / self.spread;
        if self.floor > 0.0 {
            libm::log(value.max(self.floor))
        } else {
            value
        }
    }

    /// Returns a value of the model as a scaled one.
    pub(crate) fn scaled(self, known: f64) -> f64 {
        let value = if self.floor > 0.0 {
            libm::exp(known.min(HIGHEST))
        } else {
            known
        };
        self.centre + self.spread * value
    }
}

impl Sized {
    /// Returns the rows to fit on.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows {
            observed: &self.observed,
            filled: &self.filled,
        }
    }

    /// Returns the logarithms of positive rows, and the sum of those observed: what the change of units adds to a likelihood.
    ///
    /// Later values of half the smallest row or less count as that.
    pub(crate) fn logarithms(&self) -> (Self, f64) {
        let least = self
            .observed
            .iter()
            .copied()
            .filter(|y| !y.is_nan())
            .fold(f64::INFINITY, f64::min);
        let floor = 0.5 * least;
        let log = |y: &f64| if y.is_nan() { f64::NAN } else { libm::log(y.max(floor)) };
        let observed: Vec<f64> = self.observed.iter().map(log).collect();
        let sum = observed.iter().filter(|y| !y.is_nan()).sum();
        let logs = Self {
            size: Size { floor, ..self.size },
            filled: self.filled.iter().map(log).collect(),
            observed,
            positive: false,
        };
        (logs, sum)
    }
}
