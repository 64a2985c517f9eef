//! Demand that is mostly 0: its size and how often there is any, each smoothed on its own.

use forecast::Demand;

use crate::stop::Stopped;

/// The parameters of the recursion. The state is the size of a demand, the interval between demands or the probability of
/// one, and the rows since the last demand.
///
/// # Source
/// SBA: Syntetos and Boylan 2005, "The accuracy of intermittent demand estimates", with an interval that Croston's method
/// updates at a demand only. TSB: Teunter, Syntetos and Babai 2011, "Intermittent demand: Linking forecasting to inventory
/// obsolescence", with a probability that every row updates.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Croston {
    pub(crate) method: Demand,
    /// The smoothing of sizes.
    pub(crate) alpha: f64,
    /// The smoothing of intervals or probabilities.
    pub(crate) beta: f64,
}

/// How many numbers a state has.
pub(crate) const STATE: usize = 3;
/// A demand of at most this size counts as none, in units of the mean: scaling makes a 0 a number near 0.
const NOTHING: f64 = 1e-9;
/// Where searches take their parameters from: slow smoothing, as few demands carry little information.
const GRID: [f64; 8] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];

impl Croston {
    /// Returns the expected demand of each of the next rows.
    pub(crate) fn next(&self, state: &[f64]) -> f64 {
        match self.method {
            // Where every row has a demand the interval does not vary, and nothing is biased.
            Demand::Sba if state[1] <= 1.0 => state[0],
            Demand::Sba => (1.0 - 0.5 * self.beta) * state[0] / state[1],
            Demand::Tsb => state[0] * state[1],
        }
    }

    /// Advances over one row; a row that was not observed changes nothing.
    pub(crate) fn absorb(&self, state: &mut [f64], y: f64) {
        if y.is_nan() {
            return;
        }
        let is_demand = y.abs() > NOTHING;
        if is_demand {
            state[0] += self.alpha * (y - state[0]);
        }
        match self.method {
            Demand::Sba => {
                state[2] += 1.0;
                if is_demand {
                    state[1] += self.beta * (state[2] - state[1]);
                    state[2] = 0.0;
                }
            }
            Demand::Tsb => state[1] += self.beta * (f64::from(u8::from(is_demand)) - state[1]),
        }
    }
}

/// Fits the two parameters by the squared errors of the next row; the start is the mean size and frequency of all rows.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
pub(crate) fn fit(
    method: Demand,
    rows: &[f64],
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<(Croston, Vec<f64>), Stopped> {
    let seen = rows.iter().filter(|y| !y.is_nan()).count().max(1) as f64;
    let demands: Vec<f64> = rows
        .iter()
        .copied()
        .filter(|y| !y.is_nan() && y.abs() > NOTHING)
        .collect();
    let often = (demands.len() as f64 / seen).max(0.5 / seen);
    let second = match method {
        Demand::Sba => 1.0 / often,
        Demand::Tsb => often,
    };
    let start = vec![crate::season::mean(&demands), second, 0.0];
    let mut best = (
        f64::INFINITY,
        Croston {
            method,
            alpha: 0.1,
            beta: 0.1,
        },
    );
    for alpha in GRID {
        for beta in GRID {
            tick()?;
            let croston = Croston { method, alpha, beta };
            let (mut state, mut squares) = (start.clone(), 0.0);
            for &y in rows {
                if !y.is_nan() {
                    let error = y - croston.next(&state);
                    squares += error * error;
                }
                croston.absorb(&mut state, y);
            }
            if squares < best.0 {
                best = (squares, croston);
            }
        }
    }
    Ok((best.1, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_moves_size_and_interval() {
        let sba = Croston {
            method: Demand::Sba,
            alpha: 0.1,
            beta: 0.2,
        };
        let mut state = [4.0, 2.0, 0.0];
        assert!((sba.next(&state) - 0.9 * 2.0).abs() < 1e-12);
        for y in [0.0, f64::NAN, 0.0, 0.0, 6.0] {
            sba.absorb(&mut state, y);
        }
        // Four rows were seen since the last demand.
        assert!((state[0] - 4.2).abs() < 1e-12 && (state[1] - 2.4).abs() < 1e-12);
    }

    #[test]
    fn a_probability_falls_while_there_is_no_demand() {
        let tsb = Croston {
            method: Demand::Tsb,
            alpha: 0.1,
            beta: 0.5,
        };
        let mut state = [4.0, 0.5, 0.0];
        tsb.absorb(&mut state, 0.0);
        assert!((tsb.next(&state) - 1.0).abs() < 1e-12);
        tsb.absorb(&mut state, 5.0);
        assert!((tsb.next(&state) - 4.1 * 0.625).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_expected_after_zeros_alone() {
        for method in [Demand::Sba, Demand::Tsb] {
            let (croston, start) = fit(method, &[0.0; 12], &mut || Ok(())).unwrap();
            assert!(croston.next(&start).abs() < 1e-12);
        }
    }
}
