//! The recursions: how a state follows from row to row, and the forecasts from it.

/// A recursion with its parameters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Rule {
    /// Additive errors, trend and season. The parameter of a missing part is 0; a slope that does not fade has `phi` 1.
    ///
    /// # Source
    /// Hyndman, Koehler, Ord and Snyder 2008, "Forecasting with Exponential Smoothing: The State Space Approach", section
    /// 2.5, ETS(A,Ad,A): `y = l + φb + s + e`, `l' = l + φb + αe`, `b' = φb + βe`, `s' = s + γe`.
    Ets {
        alpha: f64,
        beta: f64,
        gamma: f64,
        phi: f64,
    },
    /// Two Theta lines: the straight line through the training rows, and the smoothed deviation from it.
    ///
    /// `weight` is `1 - 1/θ`; the line is `intercept + slope t`, t from 1.
    ///
    /// # Source
    /// Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016, "Models for optimising the theta method and their
    /// relationship to state space models", equations of the optimised theta model; with θ = 2 the method of
    /// Assimakopoulos and Nikolopoulos 2000.
    Theta {
        alpha: f64,
        weight: f64,
        intercept: f64,
        slope: f64,
    },
}

/// The state of a rule after some rows.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct State {
    /// The level.
    pub(crate) level: f64,
    /// The slope per row; with Theta lines the weight of the line's start, which falls by `1 - alpha` with every row.
    pub(crate) slope: f64,
    /// One number per place in the season; empty without a season.
    pub(crate) season: Vec<f64>,
}

impl Rule {
    /// Returns the rule for the effect of a start alone, without the line through the training rows.
    pub(crate) fn homogeneous(self) -> Self {
        match self {
            Self::Ets { .. } => self,
            Self::Theta { alpha, weight, .. } => Self::Theta {
                alpha,
                weight,
                intercept: 0.0,
                slope: 0.0,
            },
        }
    }

    /// Returns the expected value of the next row.
    #[inline]
    fn next(self, state: &State, place: usize) -> f64 {
        match self {
            Self::Ets { phi, .. } => {
                let season = if state.season.is_empty() {
                    0.0
                } else {
                    state.season[place]
                };
                state.level + phi * state.slope + season
            }
            Self::Theta {
                alpha,
                weight,
                intercept,
                slope,
            } => {
                let left = state.slope;
                state.level + weight * (left * intercept + (1.0 - left * (1.0 - alpha)) / alpha * slope)
            }
        }
    }

    /// Advances over one row and returns its error; 0 for NaN, a row that was not observed.
    ///
    /// `place` is the row's place in the season.
    #[inline]
    pub(crate) fn absorb(self, state: &mut State, place: usize, y: f64) -> f64 {
        let expected = self.next(state, place);
        let error = if y.is_nan() { 0.0 } else { y - expected };
        match self {
            Self::Ets {
                alpha,
                beta,
                gamma,
                phi,
            } => {
                let slope = phi * state.slope;
                state.level += slope + alpha * error;
                state.slope = slope + beta * error;
                if !state.season.is_empty() {
                    state.season[place] += gamma * error;
                }
            }
            Self::Theta { alpha, .. } => {
                state.level = alpha * (expected + error) + (1.0 - alpha) * state.level;
                state.slope *= 1.0 - alpha;
            }
        }
        error
    }

    /// Advances over rows from the first place of a season and returns the sum of squared errors.
    pub(crate) fn run(self, state: &mut State, rows: &[f64]) -> f64 {
        let season = state.season.len().max(1);
        let (mut place, mut squares) = (0, 0.0);
        for &y in rows {
            let error = self.absorb(state, place, y);
            squares += error * error;
            place += 1;
            if place == season {
                place = 0;
            }
        }
        squares
    }

    /// Adds the expected values of the next rows to some numbers.
    ///
    /// `place` is the next row's place in the season.
    pub(crate) fn ahead<'a>(self, state: &State, place: usize, into: impl Iterator<Item = &'a mut f64>) {
        match self {
            Self::Ets { phi, .. } => {
                let season = state.season.len().max(1);
                let (mut risen, mut fade, mut place) = (0.0, 1.0, place);
                for value in into {
                    fade *= phi;
                    risen += fade;
                    let seasonal = if state.season.is_empty() {
                        0.0
                    } else {
                        state.season[place]
                    };
                    *value += state.level + risen * state.slope + seasonal;
                    place = if place + 1 == season { 0 } else { place + 1 };
                }
            }
            Self::Theta { weight, slope, .. } => {
                let mut value = self.next(state, place);
                for into in into {
                    *into += value;
                    value += weight * slope;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSE: f64 = 1e-12; // A dozen roundings of numbers near 10.

    #[test]
    fn a_row_moves_level_slope_and_season_by_their_share_of_the_error() {
        let rule = Rule::Ets {
            alpha: 0.5,
            beta: 0.25,
            gamma: 0.1,
            phi: 0.9,
        };
        let mut state = State {
            level: 10.0,
            slope: 2.0,
            season: vec![1.0, -1.0],
        };
        // Expected: 10 + 1.8 - 1 = 10.8.
        let error = rule.absorb(&mut state, 1, 12.8);
        assert!((error - 2.0).abs() < CLOSE);
        assert!((state.level - 12.8).abs() < CLOSE && (state.slope - 2.3).abs() < CLOSE);
        assert!((state.season[1] + 0.8).abs() < CLOSE && (state.season[0] - 1.0).abs() < CLOSE);
        let mut ahead = [0.0; 3];
        rule.ahead(&state, 0, ahead.iter_mut());
        let expected = [
            12.8 + 0.9 * 2.3 + 1.0,
            12.8 + 1.71 * 2.3 - 0.8,
            12.8 + 2.439 * 2.3 + 1.0,
        ];
        for (have, want) in ahead.into_iter().zip(expected) {
            assert!((have - want).abs() < CLOSE, "{have}, not {want}");
        }
    }

    #[test]
    fn a_row_that_was_not_observed_comes_as_expected() {
        for rule in [
            Rule::Ets {
                alpha: 0.5,
                beta: 0.25,
                gamma: 0.1,
                phi: 0.9,
            },
            Rule::Theta {
                alpha: 0.4,
                weight: 0.5,
                intercept: 3.0,
                slope: 0.2,
            },
        ] {
            let state = State {
                level: 4.0,
                slope: 1.0,
                season: Vec::new(),
            };
            let mut ahead = [0.0; 3];
            rule.ahead(&state, 0, ahead.iter_mut());
            let mut moved = state;
            assert!(rule.absorb(&mut moved, 0, f64::NAN).abs() < CLOSE);
            let mut later = [0.0; 2];
            rule.ahead(&moved, 0, later.iter_mut());
            assert!(
                (ahead[1] - later[0]).abs() < CLOSE && (ahead[2] - later[1]).abs() < CLOSE,
                "{rule:?}"
            );
        }
    }

    #[test]
    fn theta_lines_agree_with_exponential_smoothing_and_half_the_slope() {
        // Hyndman and Billah 2003: with θ = 2, once the start is forgotten, each step adds half the line's slope.
        let rule = Rule::Theta {
            alpha: 0.3,
            weight: 0.5,
            intercept: 5.0,
            slope: 2.0,
        };
        let mut state = State {
            level: 0.0,
            slope: 1.0,
            season: Vec::new(),
        };
        let rows: Vec<f64> = (1..400).map(|t| 5.0 + 2.0 * f64::from(t)).collect();
        let squares = rule.run(&mut state, &rows[..300]);
        assert!(squares.is_finite());
        let mut ahead = [0.0; 2];
        rule.ahead(&state, 0, ahead.iter_mut());
        assert!((ahead[1] - ahead[0] - 1.0).abs() < CLOSE);
    }
}
