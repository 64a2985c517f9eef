//! The ridge regression for every lambda, from one factorisation.

use series::Matrix;

use crate::{
    kernel,
    moments::Moments,
    parallel,
    shifted::Shifted,
    strips::{COLUMNS, Row, Strips},
    tridiagonal::Tridiagonal,
};

/// With fewer inputs a single thread does the work.
const ALONE: usize = 64;

/// Solutions `(XᵀX + λ s I)⁻¹ XᵀY` for any lambda, `s` being the mean diagonal of `XᵀX`.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    factors: Tridiagonal,
    /// The mean diagonal: the unit of lambda.
    unit: f64,
    /// `Qᵀ XᵀY`.
    xy: Strips,
    outputs: usize,
    threads: usize,
}

/// The squared error of any lambda on other rows than those of the fit, computed without a forecast.
///
/// With `W = Q Z` it is `Σ y² - 2 Σ Z · QᵀXᵀY + trace(Zᵀ M Z)`, where `M = QᵀXᵀX Q` of those rows. As `Z = R C` with
/// `R = (T + λ)⁻¹`, the trace is that of `(R M) (R C Cᵀ)`, and a lambda costs two tridiagonal solutions.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    path: &'a Path,
    yy: f64,
    xy: Strips,
    xx: Strips,
    /// `C Cᵀ`.
    outer: Strips,
}

impl Path {
    /// Factorises the sums over the training windows.
    pub(crate) fn new(fitted: Moments, threads: usize) -> Self {
        let n = fitted.xx.rows;
        let diagonal: f64 = (0..n).map(|i| fitted.xx.at(i, i)).sum();
        let factors = Tridiagonal::of(fitted.xx);
        // With few inputs the work takes less time than starting a thread.
        let threads = if n < ALONE { 1 } else { threads };
        let xy = factors.transposed_times(&Strips::of(&fitted.xy), threads);
        Self {
            factors,
            unit: diagonal / size(n),
            xy,
            outputs: fitted.xy.cols,
            threads,
        }
    }

    /// Returns the coefficients for a lambda; `None` where the equations have no stable solution.
    ///
    /// # Shapes
    /// `[x, y]`.
    pub(crate) fn weights(&self, lambda: f64) -> Option<Matrix> {
        if self.is_still() {
            return Some(Matrix::zeros(self.xy.rows, self.outputs));
        }
        let shifted = self.shifted(lambda)?;
        let mut inner = self.xy.clone();
        inner.refill(&self.xy, |b, x| shifted.solve(b, x));
        let weights = self.factors.times(&inner, self.threads).matrix();
        weights.data.iter().all(|weight| weight.is_finite()).then_some(weights)
    }

    /// Prepares the errors of lambdas on other windows, whose sums are around the same centres.
    pub(crate) fn judge(&self, select: &Moments) -> Judge<'_> {
        let rotated = |x: &Matrix| self.factors.transposed_times(&Strips::of(x), self.threads);
        Judge {
            path: self,
            yy: select.yy,
            xy: rotated(&select.xy),
            xx: rotated(&rotated(&select.xx).transposed()),
            outer: self.outer(),
        }
    }

    /// Returns `C Cᵀ` for `C = Qᵀ XᵀY`.
    fn outer(&self) -> Strips {
        let all = self.xy.transposed();
        Strips::made(self.threads, all.cols, all.cols, |range| {
            let rows = (0..all.rows).flat_map(|row| &all.row(row)[range.clone()]);
            let some = Matrix {
                rows: all.rows,
                cols: range.len(),
                data: rows.copied().collect(),
            };
            let mut product = Matrix::zeros(all.cols, range.len());
            kernel::add_product(&all, &some, &mut product);
            product
        })
    }

    fn shifted(&self, lambda: f64) -> Option<Shifted> {
        let shift = lambda * self.unit;
        if shift.is_finite() {
            self.factors.shifted(shift)
        } else {
            None
        }
    }

    /// Returns whether no input ever varies, so that none predicts anything.
    fn is_still(&self) -> bool {
        self.xy.rows == 0 || self.unit <= 0.0
    }
}

impl Judge<'_> {
    /// Returns the sum of squared errors for each lambda; the largest finite number where there is no solution.
    pub(crate) fn errors(&self, lambdas: &[f64]) -> Vec<f64> {
        let scratch = || Scratch {
            inner: self.path.xy.clone(),
            outer: self.outer.clone(),
            strip: vec![[0.0; COLUMNS]; self.outer.rows],
        };
        parallel::map_with(self.path.threads, lambdas.len(), scratch, |scratch, index| {
            let error = self.error(lambdas[index], scratch).filter(|error| error.is_finite());
            error.map_or(f64::MAX, |error| error.max(0.0))
        })
    }

    fn error(&self, lambda: f64, scratch: &mut Scratch) -> Option<f64> {
        if self.path.is_still() {
            return Some(self.yy);
        }
        let shifted = self.path.shifted(lambda)?;
        let Scratch { inner, outer, strip } = scratch;
        inner.refill(&self.path.xy, |b, x| shifted.solve(b, x));
        outer.refill(&self.outer, |b, x| shifted.solve(b, x));
        let trace = outer.trace_of_product(&self.xx, strip, |b, x| shifted.solve(b, x));
        Some(self.yy - 2.0 * inner.dot(&self.xy) + trace)
    }
}

/// Memory for solutions.
struct Scratch {
    inner: Strips,
    outer: Strips,
    strip: Vec<Row>,
}

#[expect(clippy::cast_precision_loss, reason = "there are few inputs")]
fn size(n: usize) -> f64 {
    n.max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLOSE: f64 = 1e-8; // Condition numbers up to 1e4.

    type Window<'a> = (&'a [f64], &'a [f64]);

    fn moments(rows: &[f64], n: usize, m: usize) -> (Moments, Vec<Window<'_>>) {
        let windows: Vec<Window<'_>> = rows.chunks_exact(n + m).map(|row| row.split_at(n)).collect();
        let mut sums = Moments {
            count: 0.0,
            x: vec![0.0; n],
            y: vec![0.0; m],
            xx: Matrix::zeros(n, n),
            xy: Matrix::zeros(n, m),
            yy: 0.0,
            noise: 0.0,
        };
        for (x, y) in &windows {
            for i in 0..n {
                for j in 0..n {
                    *sums.xx.at_mut(i, j) += x[i] * x[j];
                }
                for h in 0..m {
                    *sums.xy.at_mut(i, h) += x[i] * y[h];
                }
            }
            sums.yy += y.iter().map(|y| y * y).sum::<f64>();
        }
        (sums, windows)
    }

    proptest! {
        #[test]
        fn the_error_of_a_lambda_is_that_of_its_forecasts(
            n in 1_usize..12, m in 1_usize..6, lambda in 1e-3_f64..10.0, threads in 1_usize..3,
            training in proptest::collection::vec(-1.0_f64..1.0, 400), select in proptest::collection::vec(-1.0_f64..1.0, 100),
        ) {
            let path = Path::new(moments(&training, n, m).0, threads);
            let (sums, windows) = moments(&select, n, m);
            let weights = path.weights(lambda).unwrap();
            let mut want = 0.0;
            for (x, y) in windows {
                for (h, y) in y.iter().enumerate() {
                    let forecast: f64 = x.iter().enumerate().map(|(i, x)| x * weights.at(i, h)).sum();
                    want += (y - forecast) * (y - forecast);
                }
            }
            let have = path.judge(&sums).errors(&[lambda, f64::NAN]);
            prop_assert!((have[0] - want).abs() < CLOSE * want.max(1.0), "{} for {}", have[0], want);
            prop_assert!(have[1] >= f64::MAX, "no lambda, no solution");
        }
    }
}
