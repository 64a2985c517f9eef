//! Systems of equations with a shifted tridiagonal matrix, many right sides at a time.
#![expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the widest vectors"
)]

use crate::{
    strips::{COLUMNS, Row},
    wide::wide,
};

/// `T + λ I = L D Lᵀ`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Shifted {
    inverses: Vec<f64>,
    factors: Vec<f64>,
}

impl Shifted {
    /// Returns the decomposition with the diagonal `D` and the numbers below the diagonal of `L`.
    pub(crate) fn new(pivots: &[f64], factors: Vec<f64>) -> Self {
        let inverses = pivots.iter().map(|pivot| 1.0 / pivot).collect();
        Self { inverses, factors }
    }

    /// Solves `(T + λ I) x = b` for each column of a strip of `b`.
    pub(crate) fn solve(&self, b: &[Row], x: &mut [Row]) {
        wide(
            #[inline(always)]
            || self.solve_strip(b, x),
        );
    }

    #[inline(always)]
    fn solve_strip(&self, b: &[Row], x: &mut [Row]) {
        let mut carried = [0.0; COLUMNS];
        for ((x, b), factor) in x.iter_mut().zip(b).zip([0.0].iter().chain(&self.factors)) {
            for (carried, b) in carried.iter_mut().zip(b) {
                *carried = b - factor * *carried;
            }
            *x = carried;
        }
        carried = [0.0; COLUMNS];
        let factors = [0.0].iter().chain(self.factors.iter().rev());
        for ((x, inverse), factor) in x.iter_mut().zip(&self.inverses).rev().zip(factors) {
            for (carried, x) in carried.iter_mut().zip(&*x) {
                *carried = x * inverse - factor * *carried;
            }
            *x = carried;
        }
    }
}
