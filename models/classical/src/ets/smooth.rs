//! The recursion of exponential smoothing.

/// The parameters of the recursion. That of a missing part is 0; a slope that does not fade has `phi` 1.
///
/// The state is level, slope, and one number per place in the season. Whether errors are additive or multiplicative does
/// not change the recursion of its means, only the likelihood.
///
/// # Source
/// Hyndman, Koehler, Ord and Snyder 2008, "Forecasting with Exponential Smoothing: The State Space Approach", tables 2.2 and
/// 2.3. With an additive season and the error `e`: `y = l + φb + s + e`, `l' = l + φb + αe`, `b' = φb + βe`, `s' = s + γe`.
/// With a multiplicative one: `y = (l + φb)s + e`, `l' = l + φb + αe/s`, `b' = φb + βe/s`, `s' = s + γe/(l + φb)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Smooth {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) gamma: f64,
    pub(crate) phi: f64,
    /// Whether the season multiplies the level.
    pub(crate) product: bool,
}

/// The smallest level and season of multiplicative forms, in units of the mean. Fits refuse to come below; later rows are held
/// above it, so that no division explodes.
pub(crate) const FLOOR: f64 = 1e-6;

impl Smooth {
    /// Advances over one row; NaN is a row that was not observed.
    pub(crate) fn absorb(&self, state: &mut [f64], turn: i64, y: f64) {
        let base = self.base(state[0] + self.phi * state[1]);
        let expected = self.with_season(base, state, turn);
        let error = if y.is_nan() { 0.0 } else { y - expected };
        let place = place(turn, state.len() - 2);
        let by_season = match place {
            Some(place) if self.product => error / state[place],
            _ => error,
        };
        state[1] = self.phi * state[1] + self.beta * by_season;
        state[0] = base + self.alpha * by_season;
        if let Some(place) = place {
            state[place] = if self.product {
                (state[place] + self.gamma * error / base).max(FLOOR)
            } else {
                state[place] + self.gamma * error
            };
        }
    }

    /// Writes the expected values of the next rows.
    pub(crate) fn ahead(&self, state: &[f64], turn: i64, into: &mut [f64]) {
        let (mut risen, mut fade) = (0.0, 1.0);
        for (value, turn) in into.iter_mut().zip(turn..) {
            fade *= self.phi;
            risen += fade;
            *value = self.with_season(self.base(state[0] + risen * state[1]), state, turn);
        }
    }

    fn base(&self, base: f64) -> f64 {
        if self.product { base.max(FLOOR) } else { base }
    }

    fn with_season(&self, base: f64, state: &[f64], turn: i64) -> f64 {
        match place(turn, state.len() - 2) {
            None => base,
            Some(place) if self.product => base * state[place],
            Some(place) => base + state[place],
        }
    }
}

/// Returns where the state keeps the season's number for a turn; `None` without a season.
fn place(turn: i64, season: usize) -> Option<usize> {
    let season = i64::try_from(season).ok().filter(|&season| season > 0)?;
    usize::try_from(turn.rem_euclid(season)).ok().map(|place| place + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSE: f64 = 1e-12; // A dozen roundings of numbers near 10.

    fn check(product: bool, season: [f64; 2], y: f64, moved: [f64; 4], later: [f64; 3]) {
        let smooth = Smooth {
            alpha: 0.5,
            beta: 0.25,
            gamma: 0.1,
            phi: 0.9,
            product,
        };
        let mut state = [10.0, 2.0, season[0], season[1]];
        smooth.absorb(&mut state, 1, y);
        let mut ahead = [0.0; 3];
        smooth.ahead(&state, 0, &mut ahead);
        for (have, want) in state.iter().chain(&ahead).zip(moved.iter().chain(&later)) {
            assert!((have - want).abs() < CLOSE, "{have}, not {want}");
        }
        // A row that was not observed comes as expected.
        smooth.absorb(&mut state, 0, f64::NAN);
        let mut after = [0.0; 2];
        smooth.ahead(&state, 1, &mut after);
        for (have, want) in after.iter().zip(&ahead[1..]) {
            assert!((have - want).abs() < CLOSE, "{have}, not {want}");
        }
    }

    #[test]
    fn a_row_moves_level_slope_and_season_by_their_share_of_the_error() {
        // Expected: 10 + 1.8 - 1 = 10.8.
        let slope = 2.3;
        check(
            false,
            [1.0, -1.0],
            12.8,
            [12.8, slope, 1.0, -0.8],
            [
                12.8 + 0.9 * slope + 1.0,
                12.8 + 1.71 * slope - 0.8,
                12.8 + 2.439 * slope + 1.0,
            ],
        );
        // Expected: 11.8 * 0.5 = 5.9; the error 1 is 2 of the level and 1/11.8 of the season.
        check(
            true,
            [1.5, 0.5],
            6.9,
            [12.8, slope, 1.5, 0.5 + 0.1 / 11.8],
            [
                (12.8 + 0.9 * slope) * 1.5,
                (12.8 + 1.71 * slope) * (0.5 + 0.1 / 11.8),
                (12.8 + 2.439 * slope) * 1.5,
            ],
        );
    }
}
