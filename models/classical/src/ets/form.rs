//! Which parts a model of exponential smoothing has, and the region of its parameters.

use forecast::{Errors, Seasonal, Trend};

use super::Smooth;

/// The parts of a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    /// Whether the likelihood takes errors as shares of the expected values.
    pub(crate) relative: bool,
    pub(crate) trend: Trend,
    /// The length of the season in steps; 0 without one.
    pub(crate) season: usize,
    /// Whether the season multiplies the level.
    pub(crate) product: bool,
}

/// The place of each parameter among the shares that a search moves.
pub(crate) const ALPHA: usize = 0;
pub(crate) const BETA: usize = 1;
pub(crate) const GAMMA: usize = 2;
pub(crate) const PHI: usize = 3;

/// Parameters stay this far away from 0 and 1.
const EDGE: f64 = 1e-4;
/// The range of `phi`.
const FADE: (f64, f64) = (0.8, 0.98);

/// What may be chosen from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    pub(crate) errors: Errors,
    pub(crate) trend: Trend,
    pub(crate) seasonal: Seasonal,
    /// Whether forms may have multiplicative parts: all values are above 0, and it was not their logarithms that stand for such
    /// forms.
    pub(crate) products: bool,
    /// Whether the values are logarithms. A slope that does not fade would be exponential growth then, and is not offered.
    pub(crate) logs: bool,
}

/// Returns the forms that a choice allows, those with fewer parts first.
///
/// # Source
/// A multiplicative season goes with multiplicative errors by itself: with additive ones its variance may be infinite. Hyndman
/// et al. 2008, section 4.2; this is `restrict=TRUE` of R's `ets`.
pub(crate) fn forms(choice: Choice, season: usize) -> Vec<Form> {
    let trends = match choice.trend {
        Trend::Auto if choice.logs => &[Trend::None, Trend::Damped][..],
        Trend::Auto => &[Trend::None, Trend::Additive, Trend::Damped],
        Trend::None => &[Trend::None],
        Trend::Additive if !choice.logs => &[Trend::Additive],
        Trend::Additive | Trend::Damped => &[Trend::Damped],
    };
    let seasons = match (choice.seasonal, choice.products) {
        (Seasonal::None, _) => &[None][..],
        _ if season == 0 => &[None],
        (Seasonal::Auto, true) if choice.errors != Errors::Additive => &[None, Some(false), Some(true)],
        (Seasonal::Auto, _) => &[None, Some(false)],
        (Seasonal::Multiplicative, true) => &[Some(true)],
        (Seasonal::Additive | Seasonal::Multiplicative, _) => &[Some(false)],
    };
    let mut forms = Vec::new();
    for &kind in seasons {
        let product = kind == Some(true);
        let relative = match choice.errors {
            _ if !choice.products => &[false][..],
            Errors::Auto if product => &[true],
            Errors::Auto => &[false, true],
            Errors::Additive => &[false],
            Errors::Multiplicative => &[true],
        };
        for &trend in trends {
            forms.extend(relative.iter().map(|&relative| Form {
                relative,
                trend,
                season: if kind.is_some() { season } else { 0 },
                product,
            }));
        }
    }
    forms
}

impl Form {
    pub(crate) fn has_slope(self) -> bool {
        matches!(self.trend, Trend::Additive | Trend::Damped)
    }

    /// Returns which shares the form has, ascending.
    pub(crate) fn shares(self) -> impl Iterator<Item = usize> {
        [
            (ALPHA, true),
            (BETA, self.has_slope()),
            (GAMMA, self.season > 0),
            (PHI, self.trend == Trend::Damped),
        ]
        .into_iter()
        .filter_map(|(share, is_there)| is_there.then_some(share))
    }

    /// Returns how many numbers are estimated: shares, the start, of which one place of the season follows from the others,
    /// and the variance.
    pub(crate) fn numbers(self) -> usize {
        self.shares().count() + 1 + usize::from(self.has_slope()) + self.season.saturating_sub(1) + 1
    }

    /// Returns the parameters at some shares from 0 to 1.
    ///
    /// # Source
    /// The usual region, `0 < α < 1`, `0 < β < α`, `0 < γ < 1 - α`, `0.8 ≤ φ ≤ 0.98`: Hyndman et al. 2008, section 2.5.
    pub(crate) fn at(self, shares: [f64; 4]) -> Smooth {
        let alpha = within(shares[ALPHA]);
        Smooth {
            alpha,
            beta: if self.has_slope() {
                alpha * within(shares[BETA])
            } else {
                0.0
            },
            gamma: if self.season > 0 {
                (1.0 - alpha) * within(shares[GAMMA])
            } else {
                0.0
            },
            phi: if self.trend == Trend::Damped {
                FADE.0 + (FADE.1 - FADE.0) * shares[PHI]
            } else {
                1.0
            },
            product: self.product,
        }
    }

    /// Returns how alpha, beta, gamma and phi change with one of the shares.
    pub(crate) fn slope_of(self, share: usize, shares: [f64; 4]) -> [f64; 4] {
        let wide = 1.0 - 2.0 * EDGE;
        let mut slope = [0.0; 4];
        match share {
            ALPHA => {
                slope[ALPHA] = wide;
                if self.has_slope() {
                    slope[BETA] = wide * within(shares[BETA]);
                }
                if self.season > 0 {
                    slope[GAMMA] = -wide * within(shares[GAMMA]);
                }
            }
            BETA => slope[BETA] = wide * within(shares[ALPHA]),
            GAMMA => slope[GAMMA] = wide * (1.0 - within(shares[ALPHA])),
            _ => slope[PHI] = FADE.1 - FADE.0,
        }
        slope
    }
}

fn within(share: f64) -> f64 {
    EDGE + share * (1.0 - 2.0 * EDGE)
}
