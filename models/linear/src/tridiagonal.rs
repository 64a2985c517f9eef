//! One orthogonal factorisation of a symmetric matrix, after which equations with any shift of it are cheap.
//!
//! `A = Q T Qᵀ` with `T` tridiagonal, by Householder reflections; then `A + λ I = Q (T + λ I) Qᵀ`, and every lambda costs
//! a number of operations that grows with the number of unknowns, not with its cube.
//!
//! # Source
//! Golub and Van Loan, "Matrix Computations", 4th edition, section 8.3.1.

#![expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the widest vectors"
)]

use series::Matrix;

use crate::{
    strips::{COLUMNS, Row, Strips},
    wide::wide,
};

/// Numbers of a sum that are added side by side, on every machine.
const LANES: usize = 8;

/// `A = Q T Qᵀ`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Tridiagonal {
    diagonal: Vec<f64>,
    /// The numbers beside the diagonal.
    beside: Vec<f64>,
    /// One reflection `I - scale v vᵀ` a row; `v` starts right of the diagonal.
    reflections: Matrix,
    scales: Vec<f64>,
}

impl Tridiagonal {
    /// Factorises a symmetric matrix, of which the upper half is read.
    pub(crate) fn of(a: Matrix) -> Self {
        wide(
            #[inline(always)]
            || factorise(a),
        )
    }

    /// Gives `Qᵀ x` for each column of `x`.
    pub(crate) fn transposed_times(&self, x: &Strips, threads: usize) -> Strips {
        x.map(threads, |strip| {
            wide(
                #[inline(always)]
                || {
                    for k in 0..self.scales.len() {
                        reflect(strip, k + 1, &self.reflections.row(k)[k + 1..], self.scales[k]);
                    }
                },
            );
        })
    }

    /// Gives `Q x` for each column of `x`.
    pub(crate) fn times(&self, x: &Strips, threads: usize) -> Strips {
        x.map(threads, |strip| {
            wide(
                #[inline(always)]
                || {
                    for k in (0..self.scales.len()).rev() {
                        reflect(strip, k + 1, &self.reflections.row(k)[k + 1..], self.scales[k]);
                    }
                },
            );
        })
    }

    /// Gives the decomposition of `T + shift I`, if that is positive definite.
    pub(crate) fn shifted(&self, shift: f64) -> Option<Shifted> {
        let mut pivots = Vec::with_capacity(self.diagonal.len());
        let mut factors = Vec::with_capacity(self.beside.len());
        for (k, diagonal) in self.diagonal.iter().enumerate() {
            let mut pivot = diagonal + shift;
            if k > 0 {
                let factor = self.beside[k - 1] / pivots[k - 1];
                pivot -= factor * self.beside[k - 1];
                factors.push(factor);
            }
            if !(pivot > 0.0 && pivot.is_finite()) {
                return None;
            }
            pivots.push(pivot);
        }
        let inverses = pivots.iter().map(|pivot| 1.0 / pivot).collect();
        Some(Shifted { inverses, factors })
    }
}

/// `T + λ I = L D Lᵀ`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Shifted {
    inverses: Vec<f64>,
    factors: Vec<f64>,
}

impl Shifted {
    /// Solves `(T + λ I) x = b` for each column of `b`.
    pub(crate) fn solve(&self, b: &Strips) -> Strips {
        b.map(1, |strip| {
            wide(
                #[inline(always)]
                || self.solve_strip(strip),
            );
        })
    }

    #[inline(always)]
    fn solve_strip(&self, strip: &mut [Row]) {
        for (k, factor) in self.factors.iter().enumerate() {
            let (above, below) = strip.split_at_mut(k + 1);
            for (value, above) in below[0].iter_mut().zip(&above[k]) {
                *value -= factor * above;
            }
        }
        for k in (0..strip.len()).rev() {
            let (above, below) = strip.split_at_mut(k + 1);
            let row = &mut above[k];
            for value in row.iter_mut() {
                *value *= self.inverses[k];
            }
            if let Some(below) = below.first() {
                for (value, below) in row.iter_mut().zip(below) {
                    *value -= self.factors[k] * below;
                }
            }
        }
    }
}

/// Takes `scale v (vᵀ x)` from the rows of `x` at which `v` starts.
#[inline(always)]
fn reflect(x: &mut [Row], start: usize, v: &[f64], scale: f64) {
    let mut products = [0.0; COLUMNS];
    for (&v, row) in v.iter().zip(&x[start..]) {
        for (product, value) in products.iter_mut().zip(row) {
            *product += v * value;
        }
    }
    for product in &mut products {
        *product *= scale;
    }
    for (&v, row) in v.iter().zip(&mut x[start..]) {
        for (value, product) in row.iter_mut().zip(&products) {
            *value -= v * product;
        }
    }
}

/// Reduces column after column. What a reflection changes in the rows below is added while the next one reads them.
#[inline(always)]
fn factorise(mut matrix: Matrix) -> Tridiagonal {
    let n = matrix.rows;
    let mut result = Tridiagonal {
        diagonal: Vec::with_capacity(n),
        beside: Vec::with_capacity(n.saturating_sub(1)),
        reflections: Matrix::zeros(n.saturating_sub(2), n),
        scales: Vec::with_capacity(n.saturating_sub(2)),
    };
    // The last reflection `v` and the `w` with `A - v wᵀ - w vᵀ` still to be done, both zero before the first.
    let (mut v, mut w, mut p) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for k in 0..n {
        let row = &mut matrix.row_mut(k)[k..];
        update(row, v[k], w[k], &v[k..], &w[k..]);
        result.diagonal.push(row[0]);
        if k + 2 > n {
            break;
        }
        if k + 2 == n {
            result.beside.push(row[1]);
            continue;
        }
        let next = result.reflections.row_mut(k);
        next[k + 1..].copy_from_slice(&row[1..]);
        let (beside, scale) = householder(&mut next[k + 1..]);
        result.beside.push(beside);
        result.scales.push(scale);
        p[k + 1..].fill(0.0);
        for i in k + 1..n {
            let row = &mut matrix.row_mut(i)[i..];
            let (done, rest) = p[i..].split_at_mut(1);
            let off = update_and_multiply(row, (v[i], w[i]), (&v[i..], &w[i..]), &next[i..], rest);
            done[0] += off;
        }
        // w = scale p - scale² (p·v) / 2 v
        let half = 0.5 * scale * scale * dot(&p[k + 1..], &next[k + 1..]);
        for j in k + 1..n {
            w[j] = scale * p[j] - half * next[j];
        }
        v.copy_from_slice(next);
    }
    result
}

/// Makes the reflection that leaves only the first number of a row, and gives that number and the reflection's scale.
#[inline(always)]
fn householder(v: &mut [f64]) -> (f64, f64) {
    let tail = dot(&v[1..], &v[1..]);
    let first = v[0];
    if tail <= 0.0 {
        v.fill(0.0);
        return (first, 0.0);
    }
    let norm = (first * first + tail).sqrt();
    let beside = if first > 0.0 { -norm } else { norm };
    v[0] = first - beside;
    (beside, 2.0 / (v[0] * v[0] + tail))
}

/// Takes `v wᵀ + w vᵀ` from a row.
#[inline(always)]
fn update(row: &mut [f64], v_row: f64, w_row: f64, v: &[f64], w: &[f64]) {
    for ((value, v), w) in row.iter_mut().zip(v).zip(w) {
        *value -= v_row * w + w_row * v;
    }
}

/// Updates the upper half of a row and multiplies it by `next`: adds the part below the diagonal to `p`, gives the rest.
#[inline(always)]
fn update_and_multiply(
    row: &mut [f64],
    (v_row, w_row): (f64, f64),
    (v, w): (&[f64], &[f64]),
    next: &[f64],
    p: &mut [f64],
) -> f64 {
    let next_row = next[0];
    update(&mut row[..1], v_row, w_row, v, w);
    let own = row[0] * next_row;
    let len = row.len() - 1;
    let (row, v, w, next, p) = (&mut row[1..], &v[1..=len], &w[1..=len], &next[1..=len], &mut p[..len]);
    let mut sums = [0.0; LANES];
    let whole = len - len % LANES;
    let mut start = 0;
    while start < whole {
        let range = start..start + LANES;
        let (row, v, w) = (&mut row[range.clone()], &v[range.clone()], &w[range.clone()]);
        let (next, p) = (&next[range.clone()], &mut p[range]);
        for lane in 0..LANES {
            let value = row[lane] - (v_row * w[lane] + w_row * v[lane]);
            row[lane] = value;
            p[lane] += next_row * value;
            sums[lane] += next[lane] * value;
        }
        start += LANES;
    }
    for j in whole..len {
        row[j] -= v_row * w[j] + w_row * v[j];
        p[j] += next_row * row[j];
        sums[j - whole] += next[j] * row[j];
    }
    own + sum(sums)
}

/// Gives the sum of products, in lanes that every machine has.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sum(sums)
}

#[inline(always)]
fn sum(s: [f64; LANES]) -> f64 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wide::{Width, with};

    const EXACT: f64 = 1e-9; // Well-conditioned by the shift.

    /// `vᵀ v` for the rows of `values`.
    fn symmetric(n: usize, values: &[f64]) -> Matrix {
        let mut a = Matrix::zeros(n, n);
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            *a.at_mut(i, j) = (0..n).map(|k| values[k * n + i] * values[k * n + j]).sum();
        }
        a
    }

    #[test]
    fn an_indefinite_matrix_has_no_solution() {
        let a = Matrix {
            rows: 2,
            cols: 2,
            data: vec![1.0, 2.0, 2.0, 1.0],
        };
        let factors = Tridiagonal::of(a);
        assert_eq!(factors.shifted(0.0), None);
        assert!(factors.shifted(2.0).is_some());
    }

    proptest! {
        #[test]
        fn the_solution_fulfils_the_equations(
            n in 1_usize..24, m in 1_usize..40, shift in 0.5_f64..3.0, threads in 1_usize..4,
            values in proptest::collection::vec(-1.0_f64..1.0, 24 * 64), zeros in 0_usize..24,
        ) {
            let mut a = symmetric(n, &values);
            // Columns that are already reduced need no reflection.
            for (i, j) in (0..n).flat_map(|i| (0..zeros.min(n)).map(move |j| (i, j))).filter(|(i, j)| i != j) {
                *a.at_mut(i, j) = 0.0;
                *a.at_mut(j, i) = 0.0;
            }
            let b = Matrix { rows: n, cols: m, data: values[n * n..n * (n + m)].to_vec() };
            let factors = Tridiagonal::of(a.clone());
            let rotated = factors.transposed_times(&Strips::of(&b), threads);
            let inner = factors.shifted(shift).unwrap().solve(&rotated);
            let x = factors.times(&inner, threads).matrix();
            for (i, h) in (0..n).flat_map(|i| (0..m).map(move |h| (i, h))) {
                let left: f64 = (0..n).map(|j| a.at(i, j) * x.at(j, h)).sum::<f64>() + shift * x.at(i, h);
                prop_assert!((left - b.at(i, h)).abs() < EXACT);
            }
            prop_assert_eq!(factors.times(&inner, 1).matrix(), x, "threads never show");
            for width in Width::all() {
                prop_assert_eq!(&with(width, #[inline(always)] || factorise(a.clone())), &factors, "{:?}", width);
            }
        }
    }
}
