//! Seasonal ARIMA: the recursion, and the choice of its orders.

mod likelihood;
mod order;

use self::{
    likelihood::{Likelihood, Orders},
    order::{differences, next_to},
};
use crate::{ets::Rows, stop::Stopped};

/// The parameters of the recursion `y = constant + Σ ar y + e + Σ ma e`, over earlier rows and errors. Differences are part of
/// `ar`. The state is the last rows, the latest first, then the last errors.
///
/// # Source
/// Box, Jenkins and Reinsel 1994, "Time Series Analysis: Forecasting and Control", chapter 9, with all polynomials multiplied out.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Arima {
    pub(crate) constant: f64,
    /// How many rows back, at least 1 and ascending, and the coefficient.
    pub(crate) ar: Vec<(usize, f64)>,
    /// How many errors back, at least 1 and ascending, and the coefficient.
    pub(crate) ma: Vec<(usize, f64)>,
}

/// A fitted model.
pub(crate) struct Fitted {
    pub(crate) arima: Arima,
    pub(crate) start: Vec<f64>,
    /// The corrected information criterion, up to a constant that all models of one series share.
    pub(crate) criterion: f64,
    /// How many first rows the criterion leaves out.
    pub(crate) skipped: usize,
}

/// The most models that a search looks at.
const MODELS: usize = 24;

impl Arima {
    /// Returns how many rows and errors a state has.
    pub(crate) fn state(&self) -> (usize, usize) {
        let longest = |terms: &[(usize, f64)]| terms.last().map_or(0, |(lag, _)| *lag);
        (longest(&self.ar), longest(&self.ma))
    }

    /// Returns the expected value of the next row.
    pub(crate) fn next(&self, state: &[f64]) -> f64 {
        let (rows, errors) = state.split_at(self.state().0);
        let sum = |terms: &[(usize, f64)], of: &[f64]| terms.iter().map(|(lag, by)| by * of[lag - 1]).sum::<f64>();
        self.constant + sum(&self.ar, rows) + sum(&self.ma, errors)
    }

    /// Advances over one row; NaN is a row that was not observed, which comes as expected.
    pub(crate) fn absorb(&self, state: &mut [f64], y: f64) {
        let expected = self.next(state);
        let y = if y.is_nan() { expected } else { y };
        let (rows, errors) = state.split_at_mut(self.state().0);
        for (list, latest) in [(rows, y), (errors, y - expected)] {
            if let Some(last) = list.len().checked_sub(1) {
                list.copy_within(..last, 1);
                list[0] = latest;
            }
        }
    }

    /// Writes the expected values of the next rows.
    pub(crate) fn ahead(&self, state: &[f64], into: &mut [f64]) {
        let mut state = state.to_vec();
        for value in into {
            *value = self.next(&state);
            self.absorb(&mut state, f64::NAN);
        }
    }
}

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Search {
    /// It looks at the models alone from which it would begin.
    First,
    /// It goes on from the best of them while one near it is better.
    Whole,
}

/// Fits the model with the smallest corrected information criterion near some first ones; `None` where there are too few rows for
/// any.
///
/// # Source
/// The steps of Hyndman and Khandakar 2008, "Automatic Time Series Forecasting: The forecast Package for R", section 3.2, with
/// conditional sums of squares. There is a constant only without differences: with them it would be a trend that goes on for ever, and
/// without it the scaled error on rows before the test of the M3 monthly series is 0.959, not 0.999.
pub(crate) fn fit(
    rows: &Rows<'_>,
    season: usize,
    search: Search,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<Option<Fitted>, Stopped> {
    let none = differences(rows.filled, season);
    let likelihood = Likelihood::new(rows, &none);
    let with = |p, q, sp, sq| Orders {
        p,
        q,
        sp: if season > 0 { sp } else { 0 },
        sq: if season > 0 { sq } else { 0 },
        constant: none.d + none.sd == 0,
        ..none
    };
    let mut seen: Vec<Orders> = Vec::new();
    let mut best: Option<(f64, Orders, Vec<f64>)> = None;
    let mut look = |orders: Orders, best: &mut Option<(f64, Orders, Vec<f64>)>| {
        if seen.contains(&orders) || seen.len() >= MODELS {
            return Ok(false);
        }
        seen.push(orders);
        let Some((criterion, point)) = likelihood.fit(&orders, tick)? else {
            return Ok(false);
        };
        let is_better = best.as_ref().is_none_or(|best| criterion < best.0);
        if is_better {
            *best = Some((criterion, orders, point));
        }
        Ok(is_better)
    };
    for first in [with(2, 2, 1, 1), with(0, 0, 0, 0), with(1, 0, 1, 0), with(0, 1, 0, 1)] {
        look(first, &mut best)?;
    }
    loop {
        let Some((_, orders, _)) = &best else { return Ok(None) };
        let near = if search == Search::First {
            Vec::new()
        } else {
            next_to(*orders)
        };
        let mut moved = false;
        for near in near {
            if look(near, &mut best)? {
                moved = true;
                break;
            }
        }
        if !moved {
            break;
        }
    }
    Ok(best.map(|(criterion, orders, point)| {
        let arima = orders.at(&point);
        Fitted {
            start: likelihood.start(&arima),
            arima,
            criterion,
            skipped: orders.lost(),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_was_not_observed_comes_as_expected() {
        let arima = Arima {
            constant: 0.5,
            ar: vec![(1, 0.6), (3, 0.2)],
            ma: vec![(2, 0.4)],
        };
        let mut state = vec![1.0, 2.0, 3.0, 0.1, -0.2];
        assert!((arima.next(&state) - (0.5 + 0.6 + 0.6 - 0.08)).abs() < 1e-12);
        let (mut ahead, mut later) = ([0.0; 3], [0.0; 2]);
        arima.ahead(&state, &mut ahead);
        arima.absorb(&mut state, f64::NAN);
        arima.ahead(&state, &mut later);
        assert_eq!(ahead[1..], later);
    }

    #[test]
    fn the_parameters_that_made_some_rows_are_found() {
        let noise = |t: u32| {
            let mut x = t.wrapping_add(7).wrapping_mul(0x9e37_79b9);
            x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
            f64::from((x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35) >> 16) / 65_536.0 - 0.5
        };
        let truth = Arima {
            constant: 0.0,
            ar: vec![(1, 0.7)],
            ma: Vec::new(),
        };
        let mut state = vec![0.0];
        let mut rows = Vec::new();
        for t in 0..600 {
            let y = truth.next(&state) + noise(t);
            truth.absorb(&mut state, y);
            rows.push(y);
        }
        let rows = Rows {
            observed: &rows,
            filled: &rows,
        };
        let orders = Orders {
            p: 1,
            constant: true,
            ..Orders::default()
        };
        let likelihood = Likelihood::new(&rows, &orders);
        let (_, point) = likelihood.fit(&orders, &mut || Ok(())).unwrap().unwrap();
        let found = orders.at(&point);
        assert!((found.ar[0].1 - 0.7).abs() < 0.08, "{found:?}");
        assert!(fit(&rows, 0, Search::Whole, &mut || Ok(())).unwrap().is_some());
    }
}
