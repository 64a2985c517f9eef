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
    shifted::Shifted,
    strips::{COLUMNS, Row, Strips},
    wide::wide,
};

/// How many reflections are applied at once.
const GROUP: usize = 4;
/// How many columns of a strip have their products in registers.
const SIDE: usize = 16;
/// How many rows are reduced at once; shared numbers are read once.
const ROWS: usize = 4;
/// How many partial sums are added side by side, on every machine.
const LANES: usize = 8;

/// `A = Q T Qᵀ`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Tridiagonal {
    diagonal: Vec<f64>,
    /// The numbers beside the diagonal.
    beside: Vec<f64>,
    /// One reflection `I - scale v vᵀ` per row; `v` starts to the right of the diagonal.
    reflections: Matrix,
    scales: Vec<f64>,
}

impl Tridiagonal {
    /// Factorises a symmetric matrix; only its upper half is read.
    pub(crate) fn of(a: Matrix) -> Self {
        wide(
            #[inline(always)]
            || factorise(a),
        )
    }

    /// Returns `Qᵀ x` for each column of `x`.
    pub(crate) fn transposed_times(&self, x: &Strips, threads: usize) -> Strips {
        let count = self.scales.len();
        let groups: Vec<Group> = (0..count)
            .step_by(GROUP)
            .map(|first| self.group(&(first..count.min(first + GROUP)).collect::<Vec<_>>()))
            .collect();
        x.map(threads, |strip| reflect_all(&groups, strip))
    }

    /// Returns `Q x` for each column of `x`.
    pub(crate) fn times(&self, x: &Strips, threads: usize) -> Strips {
        let count = self.scales.len();
        let groups: Vec<Group> = (0..count)
            .step_by(GROUP)
            .map(|first| self.group(&(first..count.min(first + GROUP)).rev().collect::<Vec<_>>()))
            .collect();
        x.map(threads, |strip| reflect_all(groups.iter().rev(), strip))
    }

    /// Groups reflections that are applied in a given order.
    fn group(&self, order: &[usize]) -> Group {
        let n = self.diagonal.len();
        let start = order.iter().min().map_or(n, |least| least + 1);
        let mut group = Group {
            start,
            vectors: vec![[0.0; GROUP]; n - start],
            scales: [0.0; GROUP],
            overlaps: [[0.0; GROUP]; GROUP],
        };
        for (place, &k) in order.iter().enumerate() {
            group.scales[place] = self.scales[k];
            let vector = &self.reflections.row(k)[start..];
            for (all, value) in group.vectors.iter_mut().zip(vector) {
                all[place] = *value;
            }
            for (overlap, &earlier) in group.overlaps[place].iter_mut().zip(&order[..place]) {
                *overlap = dot(vector, &self.reflections.row(earlier)[start..]);
            }
        }
        group
    }

    /// Returns the decomposition of `T + shift I`; `None` where that is not positive definite.
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
        Some(Shifted::new(&pivots, factors))
    }
}

/// Reflections that are applied at once: each number of a strip is read once for all of them.
struct Group {
    /// The first row that any of them changes.
    start: usize,
    /// Their numbers in each row from that one on; zeros for missing ones.
    vectors: Vec<[f64; GROUP]>,
    scales: [f64; GROUP],
    /// The products of each reflection with those before it.
    overlaps: [[f64; GROUP]; GROUP],
}

/// Applies groups of reflections one after the other.
fn reflect_all<'a>(groups: impl IntoIterator<Item = &'a Group>, strip: &mut [Row]) {
    wide(
        #[inline(always)]
        || {
            for group in groups {
                for side in 0..COLUMNS / SIDE {
                    group.reflect(&mut strip[group.start..], side * SIDE);
                }
            }
        },
    );
}

impl Group {
    /// Subtracts `Σ v z` from some columns, where `z = scale (vᵀ x - Σ overlap z)` over the reflections before.
    #[inline(always)]
    fn reflect(&self, x: &mut [Row], column: usize) {
        let mut z = self.products(x, column);
        for place in 0..GROUP {
            let (done, rest) = z.split_at_mut(place);
            for (earlier, overlap) in done.iter().zip(self.overlaps[place]) {
                for (z, earlier) in rest[0].iter_mut().zip(earlier) {
                    *z -= overlap * earlier;
                }
            }
            for z in &mut rest[0] {
                *z *= self.scales[place];
            }
        }
        self.subtract(z, x, column);
    }

    /// Returns `vᵀ x`.
    #[inline(always)]
    fn products(&self, x: &[Row], column: usize) -> [[f64; SIDE]; GROUP] {
        let mut products = [[0.0; SIDE]; GROUP];
        for (row, vectors) in x.iter().zip(&self.vectors) {
            let row = &row[column..column + SIDE];
            for (products, v) in products.iter_mut().zip(vectors) {
                for (product, value) in products.iter_mut().zip(row) {
                    *product += v * value;
                }
            }
        }
        products
    }

    /// Subtracts `Σ v z`.
    #[inline(always)]
    fn subtract(&self, [za, zb, zc, zd]: [[f64; SIDE]; GROUP], x: &mut [Row], column: usize) {
        for (row, [a, b, c, d]) in x.iter_mut().zip(&self.vectors) {
            let zs = za.iter().zip(&zb).zip(zc.iter().zip(&zd));
            for (value, ((za, zb), (zc, zd))) in row[column..column + SIDE].iter_mut().zip(zs) {
                *value -= (a * za + b * zb) + (c * zc + d * zd);
            }
        }
    }
}

/// Reduces column by column. The change by a reflection is added to the rows below while the next one reads them.
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
    let (mut v, mut w, mut product) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    for k in 0..n {
        let row = &mut matrix.row_mut(k)[k..];
        update(row, v[k], w[k], &v[k..], &w[k..]);
        result.diagonal.push(row[0]);
        if k + 2 == n {
            result.beside.push(row[1]);
        }
        if k + 2 >= n {
            continue;
        }
        let next = result.reflections.row_mut(k);
        next[k + 1..].copy_from_slice(&row[1..]);
        let (beside, scale) = householder(&mut next[k + 1..]);
        result.beside.push(beside);
        result.scales.push(scale);
        product[k + 1..].fill(0.0);
        for first in (k + 1..n).step_by(ROWS) {
            let rows = &mut matrix.data[first * n..(first + ROWS).min(n) * n];
            let known = [&v[first..], &w[first..], &next[first..]];
            let into = &mut product[first..];
            match n - first {
                1 => update_and_multiply::<1>(rows, (n, first), known, into),
                2 => update_and_multiply::<2>(rows, (n, first), known, into),
                3 => update_and_multiply::<3>(rows, (n, first), known, into),
                _ => update_and_multiply::<ROWS>(rows, (n, first), known, into),
            }
        }
        // w = scale Av - scale² (v·Av) / 2 v
        let half = 0.5 * scale * scale * dot(&product[k + 1..], &next[k + 1..]);
        for j in k + 1..n {
            w[j] = scale * product[j] - half * next[j];
        }
        v.copy_from_slice(next);
    }
    result
}

/// Turns a row into the reflection that keeps only its first number; returns that number and the reflection's scale.
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

/// Subtracts `v wᵀ + w vᵀ` from a row.
#[inline(always)]
fn update(row: &mut [f64], v_row: f64, w_row: f64, v: &[f64], w: &[f64]) {
    for ((value, v), w) in row.iter_mut().zip(v).zip(w) {
        *value -= v_row * w + w_row * v;
    }
}

/// Updates the upper half of some rows and adds their product with `next` to `product`.
///
/// `rows` are whole rows of a matrix of `n` columns, the first of which is row `first`; the vectors start there.
#[inline(always)]
fn update_and_multiply<const R: usize>(
    rows: &mut [f64],
    (n, first): (usize, usize),
    [v, w, next]: [&[f64]; 3],
    product: &mut [f64],
) {
    for i in 0..R {
        for j in i..R {
            let value = &mut rows[i * n + first + j];
            *value -= v[i] * w[j] + w[i] * v[j];
            product[i] += *value * next[j];
            if j > i {
                product[j] += *value * next[i];
            }
        }
    }
    let mut sums = [[0.0; LANES]; R];
    let columns = n - first;
    let whole = R + (columns - R) / LANES * LANES;
    for start in (R..whole).step_by(LANES) {
        let lanes = |all: &[f64]| -> [f64; LANES] { std::array::from_fn(|lane| all[start + lane]) };
        let (vs, ws, nexts, mut below) = (lanes(v), lanes(w), lanes(next), lanes(product));
        for i in 0..R {
            let row = &mut rows[i * n + first + start..][..LANES];
            for lane in 0..LANES {
                let value = row[lane] - (v[i] * ws[lane] + w[i] * vs[lane]);
                row[lane] = value;
                below[lane] += next[i] * value;
                sums[i][lane] += nexts[lane] * value;
            }
        }
        product[start..start + LANES].copy_from_slice(&below);
    }
    for j in whole..columns {
        for i in 0..R {
            let value = rows[i * n + first + j] - (v[i] * w[j] + w[i] * v[j]);
            rows[i * n + first + j] = value;
            product[j] += next[i] * value;
            sums[i][j - whole] += next[j] * value;
        }
    }
    for (product, sums) in product.iter_mut().zip(sums) {
        *product += sum(sums);
    }
}

/// Returns the sum of products, in the same partial sums on every machine.
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
        #![proptest_config(ProptestConfig::with_cases(48))]
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
            let shifted = factors.shifted(shift).unwrap();
            let mut inner = rotated.clone();
            inner.refill(&rotated, |b, x| shifted.solve(b, x));
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
