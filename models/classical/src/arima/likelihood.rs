//! The fit of one model by conditional sums of squares.

use super::Arima;
use crate::{ets::Rows, solve::solve, stop::Stopped};

/// How many lags and differences a model has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Orders {
    pub(super) p: usize,
    pub(super) d: usize,
    pub(super) q: usize,
    /// Of the season.
    pub(super) sp: usize,
    pub(super) sd: usize,
    pub(super) sq: usize,
    /// The length of the season in steps; 0 without one.
    pub(super) season: usize,
    pub(super) constant: bool,
}

/// Partial autocorrelations stay below this size, so that every model is stationary and invertible.
const EDGE: f64 = 0.97;
/// The most steps of a search, and the share of the squares by which one must improve them.
const STEPS: usize = 8;
const ALIKE: f64 = 1e-3;
/// The change of a number by which slopes are measured.
const STEP: f64 = 1e-5;
/// The smallest mean squared error that counts as different from 0, for values of size 1.
const EXACT: f64 = 1e-20;

impl Orders {
    /// Returns how many first rows the differences cost.
    pub(super) fn lost(&self) -> usize {
        self.d + self.season * self.sd
    }

    fn numbers(&self) -> usize {
        self.p + self.q + self.sp + self.sq + usize::from(self.constant)
    }

    /// Returns the recursion at a point: partial autocorrelations of the four polynomials, then the mean of the differenced rows.
    pub(super) fn at(&self, point: &[f64]) -> Arima {
        let (p, rest) = point.split_at(self.p);
        let (sp, rest) = rest.split_at(self.sp);
        let (q, rest) = rest.split_at(self.q);
        let (sq, constant) = rest.split_at(self.sq);
        let own = times(&polynomial(p, 1), &polynomial(sp, self.season));
        let mut ar = own.clone();
        for (times_differenced, lag) in [(self.d, 1), (self.sd, self.season)] {
            for _ in 0..times_differenced {
                ar = times(&ar, &[(0, 1.0), (lag, -1.0)]);
            }
        }
        let level: f64 = own.iter().map(|(_, by)| by).sum();
        let ma = times(&polynomial(q, 1), &polynomial(sq, self.season));
        Arima {
            constant: constant.first().map_or(0.0, |mean| mean * level),
            ar: ar[1..].iter().map(|(lag, by)| (*lag, -by)).collect(),
            ma: ma[1..].to_vec(),
        }
    }
}

/// Returns the polynomial of a stationary process with some partial autocorrelations: lags from 0 on and their coefficients.
///
/// # Source
/// Durbin 1960 and Levinson 1947; Monahan 1984, "A note on enforcing stationarity in autoregressive-moving average models".
fn polynomial(partial: &[f64], lag: usize) -> Vec<(usize, f64)> {
    let mut by: Vec<f64> = Vec::new();
    for &r in partial {
        let before = by.clone();
        for (value, mirrored) in by.iter_mut().zip(before.iter().rev()) {
            *value -= r * mirrored;
        }
        by.push(r);
    }
    let terms = by.iter().zip(1..).map(|(value, place)| (place * lag, -value));
    std::iter::once((0, 1.0)).chain(terms).collect()
}

/// Returns the product of two polynomials, lags ascending.
fn times(a: &[(usize, f64)], b: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let mut product: Vec<(usize, f64)> = Vec::new();
    for (lag, x) in a {
        for (more, y) in b {
            match product.iter_mut().find(|(found, _)| *found == lag + more) {
                Some((_, sum)) => *sum += x * y,
                None => product.push((lag + more, x * y)),
            }
        }
    }
    product.sort_by_key(|(lag, _)| *lag);
    product
}

/// The rows that models are judged on.
pub(super) struct Likelihood<'a> {
    rows: &'a Rows<'a>,
    /// After how many rows those before the first repeat.
    repeats: usize,
    lost: usize,
    /// How many rows count, without those that differences cost and those that were not observed.
    count: f64,
}

impl<'a> Likelihood<'a> {
    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    pub(super) fn new(rows: &'a Rows<'a>, orders: &Orders) -> Self {
        let lost = orders.lost().min(rows.observed.len());
        Self {
            rows,
            repeats: if orders.sd > 0 { orders.season } else { 1 },
            lost,
            count: rows.observed[lost..].iter().filter(|y| !y.is_nan()).count() as f64,
        }
    }

    /// Returns the state before the first row: the first row or season, as if it had been there before, and no errors.
    pub(super) fn start(&self, arima: &Arima) -> Vec<f64> {
        let (rows, errors) = arima.state();
        let before = |back: usize| self.rows.filled[self.repeats - 1 - (back % self.repeats)];
        (0..rows).map(before).chain(std::iter::repeat_n(0.0, errors)).collect()
    }

    /// Fits one model and returns its criterion and point; `None` where there are too few rows for its numbers.
    #[expect(clippy::cast_precision_loss, reason = "orders are small")]
    pub(super) fn fit(
        &self,
        orders: &Orders,
        tick: &mut dyn FnMut() -> Result<(), Stopped>,
    ) -> Result<Option<(f64, Vec<f64>)>, Stopped> {
        let k = orders.numbers() as f64 + 1.0;
        if self.count < k + 3.0 {
            return Ok(None);
        }
        let mut point = vec![0.1; orders.numbers()];
        if orders.constant {
            *point.last_mut().expect("a constant is a number") = self.mean(orders);
        }
        let (mut errors, mut trial, mut damping) = (Vec::new(), Vec::new(), 1e-2);
        let mut squares = self.errors(&orders.at(&point), &mut errors);
        let mut slopes = vec![Vec::new(); point.len()];
        for _ in 0..STEPS {
            for (place, slope) in slopes.iter_mut().enumerate() {
                tick()?;
                let mut moved = point.clone();
                moved[place] += if moved[place] > 0.0 { -STEP } else { STEP };
                let by = moved[place] - point[place];
                self.errors(&orders.at(&moved), slope);
                for (slope, error) in slope.iter_mut().zip(&errors) {
                    *slope = (*slope - error) / by;
                }
            }
            let before = squares;
            for _ in 0..5 {
                tick()?;
                let next = step(orders, &point, &slopes, &errors, damping);
                let found = next
                    .as_ref()
                    .map_or(f64::INFINITY, |next| self.errors(&orders.at(next), &mut trial));
                if let Some(next) = next
                    && found < squares
                {
                    (point, squares, damping) = (next, found, damping * 0.2);
                    std::mem::swap(&mut errors, &mut trial);
                    break;
                }
                damping *= 8.0;
            }
            if before - squares <= ALIKE * before {
                break;
            }
        }
        let n = self.count;
        let criterion = n * libm::log((squares / n).max(EXACT)) + 2.0 * k * n / (n - k - 1.0);
        Ok(criterion.is_finite().then_some((criterion, point)))
    }

    /// Returns the mean of the differenced rows.
    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    fn mean(&self, orders: &Orders) -> f64 {
        let (filled, lag) = (self.rows.filled, self.lost);
        match (orders.d, orders.sd) {
            (0, 0) => crate::season::mean(filled),
            (1, 0) => (filled[filled.len() - 1] - filled[0]) / (filled.len() - 1) as f64,
            _ => {
                let apart: Vec<f64> = filled.iter().zip(&filled[lag..]).map(|(a, b)| b - a).collect();
                crate::season::mean(&apart)
            }
        }
    }

    /// Writes the error of every row, 0 where it does not count, and returns the sum of their squares.
    fn errors(&self, arima: &Arima, errors: &mut Vec<f64>) -> f64 {
        let (before, _) = arima.state();
        let start = self.start(arima);
        let mut rows: Vec<f64> = start[..before].iter().rev().copied().collect();
        rows.reserve(self.rows.observed.len());
        errors.clear();
        let mut squares = 0.0;
        for (row, &y) in self.rows.observed.iter().enumerate() {
            let mut expected = arima.constant;
            for (lag, by) in &arima.ar {
                expected += by * rows[before + row - lag];
            }
            for (lag, by) in &arima.ma {
                expected += by * row.checked_sub(*lag).map_or(0.0, |row| errors[row]);
            }
            let error = if y.is_nan() || row < self.lost {
                0.0
            } else {
                y - expected
            };
            rows.push(if y.is_nan() { expected } else { y });
            errors.push(error);
            squares += error * error;
        }
        squares
    }
}

/// Returns the next point of a search; `None` where there is none.
fn step(orders: &Orders, point: &[f64], slopes: &[Vec<f64>], errors: &[f64], damping: f64) -> Option<Vec<f64>> {
    let count = point.len();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut gram = vec![0.0; count * count];
    for i in 0..count {
        for j in 0..=i {
            gram[i * count + j] = product(&slopes[i], &slopes[j]);
        }
        gram[i * count + i] *= 1.0 + damping;
        gram[i * count + i] += f64::MIN_POSITIVE;
    }
    let mut step: Vec<f64> = slopes.iter().map(|slope| -product(slope, errors)).collect();
    if count == 0 || !solve(&mut gram, &mut step) {
        return None;
    }
    let bounded = count - usize::from(orders.constant);
    let next = point.iter().zip(&step).enumerate();
    Some(
        next.map(|(place, (at, step))| {
            if place < bounded {
                (at + step).clamp(-EDGE, EDGE)
            } else {
                at + step
            }
        })
        .collect(),
    )
}
