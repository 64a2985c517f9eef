//! The dynamic optimised Theta method: exponential smoothing, drawn towards the straight line through all rows so far.

use crate::{ets::Rows, stop::Stopped};

/// The parameters of the recursion. The state is level, mean, slope of the line, number of rows, and `(1 - alpha)` to the
/// power of that number.
///
/// # Source
/// Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016, "Models for optimising the theta method and their
/// relationship to state space models", the dynamic optimised theta model (DOTM), equations 15 to 20.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Theta {
    pub(crate) alpha: f64,
    /// `1 - 1/θ`: 0 is exponential smoothing alone.
    pub(crate) weight: f64,
}

/// How many numbers a state has.
pub(crate) const STATE: usize = 5;
const LEVEL: usize = 0;
const MEAN: usize = 1;
const SLOPE: usize = 2;
const COUNT: usize = 3;
const LEFT: usize = 4;

/// The range of alpha.
///
/// # Source
/// That of the authors' package forecTheta.
const ALPHA: (f64, f64) = (0.1, 0.99);
/// The largest weight, that of θ = 1000.
const HEAVIEST: f64 = 1.0 - 1e-3;
/// The first rows, of which errors do not count: the line needs two.
const SKIPPED: usize = 2;
/// How many alphas are tried before the best is refined, and how often it is.
const GRID: u32 = 12;
const REFINED: usize = 18;

impl Theta {
    /// Returns the expected value of the next row.
    pub(crate) fn next(&self, state: &[f64]) -> f64 {
        state[LEVEL] + self.weight * self.line(state)
    }

    /// Returns what the line through the rows so far contributes.
    fn line(&self, state: &[f64]) -> f64 {
        let start = state[MEAN] - 0.5 * state[SLOPE] * (state[COUNT] + 1.0);
        let left = state[LEFT];
        left * start + (1.0 - left * (1.0 - self.alpha)) / self.alpha * state[SLOPE]
    }

    /// Advances over one row; NaN is a row that was not observed.
    pub(crate) fn absorb(&self, state: &mut [f64], y: f64) {
        let y = if y.is_nan() { self.next(state) } else { y };
        let t = state[COUNT] + 1.0;
        let mean = state[MEAN];
        state[MEAN] = mean + (y - mean) / t;
        if t > 1.5 {
            state[SLOPE] = ((t - 2.0) * state[SLOPE] + 6.0 * (y - mean) / t) / (t + 1.0);
        }
        state[LEVEL] = self.alpha * y + (1.0 - self.alpha) * state[LEVEL];
        state[COUNT] = t;
        state[LEFT] *= 1.0 - self.alpha;
    }

    /// Writes the expected values of the next rows, each as if the ones before it had come as expected.
    pub(crate) fn ahead(&self, state: &[f64], into: &mut [f64]) {
        let mut state = state.to_vec();
        for value in into {
            *value = self.next(&state);
            self.absorb(&mut state, *value);
        }
    }
}

/// Returns the state before the first row, with a level.
fn fresh(level: f64) -> [f64; STATE] {
    [level, 0.0, 0.0, 0.0, 1.0]
}

/// Fits alpha, the weight where it is not given, and the start of the level.
///
/// For a fixed alpha the errors are linear in the other two, so only alpha is searched.
pub(crate) fn fit(
    theta: Option<f64>,
    rows: &Rows<'_>,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<(Theta, Vec<f64>), Stopped> {
    let weight = theta.map(|theta| 1.0 - 1.0 / theta);
    let mut best = (f64::INFINITY, ALPHA.0, 0.0, 0.0);
    let mut try_at = |alpha: f64, best: &mut (f64, f64, f64, f64)| {
        tick()?;
        let (squares, level, weight) = at(alpha, weight, rows);
        if squares < best.0 {
            *best = (squares, alpha, level, weight);
        }
        Ok(squares)
    };
    let wide = (ALPHA.1 - ALPHA.0) / f64::from(GRID);
    for place in 0..=GRID {
        try_at(ALPHA.0 + wide * f64::from(place), &mut best)?;
    }
    // Golden sections of the two intervals beside the best.
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = ((best.1 - wide).max(ALPHA.0), (best.1 + wide).min(ALPHA.1));
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (try_at(left, &mut best)?, try_at(right, &mut best)?);
    for _ in 0..REFINED {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = try_at(left, &mut best)?;
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = try_at(right, &mut best)?;
        }
    }
    let (_, alpha, level, weight) = best;
    Ok((Theta { alpha, weight }, fresh(level).to_vec()))
}

/// Returns the smallest sum of squared errors with an alpha, and the start of the level and the weight that have it.
///
/// States advance over the filled rows; the errors of those that were not observed do not count.
fn at(alpha: f64, weight: Option<f64>, rows: &Rows<'_>) -> (f64, f64, f64) {
    let theta = Theta { alpha, weight: 0.0 };
    let mut state = fresh(0.0);
    // Products of the errors of a level of 0 and no line, of the effect of the start, and of that of the line.
    let mut sums = [0.0; 6];
    for (row, (&y, &seen)) in rows.filled.iter().zip(rows.observed).enumerate() {
        if row >= SKIPPED && !seen.is_nan() {
            let (e, a, b) = (y - state[LEVEL], state[LEFT], theta.line(&state));
            for (sum, product) in sums.iter_mut().zip([e * e, e * a, e * b, a * a, a * b, b * b]) {
                *sum += product;
            }
        }
        theta.absorb(&mut state, y);
    }
    let [ee, ea, eb, aa, ab, bb] = sums;
    let both = aa * bb - ab * ab;
    let weight = weight.unwrap_or_else(|| {
        let free = if both > 1e-12 * aa * bb {
            (eb * aa - ea * ab) / both
        } else {
            0.5
        };
        free.clamp(0.0, HEAVIEST)
    });
    let level = if aa > 0.0 { (ea - weight * ab) / aa } else { 0.0 };
    let squares =
        ee + level * level * aa + weight * weight * bb - 2.0 * (level * ea + weight * eb - level * weight * ab);
    (squares, level, weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_that_of_least_squares() {
        let theta = Theta {
            alpha: 0.3,
            weight: 0.5,
        };
        let rows = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0];
        let mut state = fresh(0.0);
        for y in rows {
            theta.absorb(&mut state, y);
        }
        let (intercept, slope) = crate::season::line(&rows);
        assert!((state[SLOPE] - slope).abs() < 1e-12);
        assert!((state[MEAN] - 0.5 * state[SLOPE] * 7.0 - intercept).abs() < 1e-12);
    }

    #[test]
    fn the_parameters_that_made_some_rows_are_found() {
        let truth = Theta {
            alpha: 0.35,
            weight: 0.6,
        };
        let mut state = fresh(2.0);
        let mut rows = vec![2.0, 2.6];
        for &y in &rows {
            truth.absorb(&mut state, y);
        }
        for row in 2..60 {
            let y = truth.next(&state) + if row % 7 == 0 { 0.01 } else { 0.0 };
            truth.absorb(&mut state, y);
            rows.push(y);
        }
        let rows = Rows {
            observed: &rows,
            filled: &rows,
        };
        let (found, _) = fit(None, &rows, &mut || Ok(())).unwrap();
        assert!(
            (found.alpha - 0.35).abs() < 0.05 && (found.weight - 0.6).abs() < 0.05,
            "{found:?}"
        );
    }

    #[test]
    fn a_row_that_was_not_observed_comes_as_expected() {
        let theta = Theta {
            alpha: 0.4,
            weight: 0.5,
        };
        let mut state = fresh(2.0);
        for y in [1.0, 3.0, 2.0, 4.0] {
            theta.absorb(&mut state, y);
        }
        let (mut ahead, mut later) = ([0.0; 3], [0.0; 2]);
        theta.ahead(&state, &mut ahead);
        theta.absorb(&mut state, f64::NAN);
        theta.ahead(&state, &mut later);
        assert_eq!(ahead[1..], later);
    }
}
