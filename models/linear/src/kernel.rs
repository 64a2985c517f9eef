//! The two products that take nearly all of a fit's time.

#![expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the widest vectors"
)]

use series::Matrix;

use crate::wide::wide;

/// How many outputs are summed side by side in registers.
const LAG_TILE: usize = 64;
const ROWS: usize = 4;
const COLS: usize = 16;

/// Adds, for every lag `j` of `sums`, the sum of `a(i) b(i + j)` over all `i`.
///
/// # Shapes
/// `b` has at least `sums.len() - 1` numbers more than `a`.
pub(crate) fn add_lagged(a: &[f64], b: &[f64], sums: &mut [f64]) {
    wide(
        #[inline(always)]
        || lagged(a, b, sums),
    );
}

#[inline(always)]
fn lagged(a: &[f64], b: &[f64], sums: &mut [f64]) {
    let mut lag = 0;
    while lag + LAG_TILE <= sums.len() {
        lagged_tile::<LAG_TILE>(a, &b[lag..], &mut sums[lag..lag + LAG_TILE]);
        lag += LAG_TILE;
    }
    while lag + COLS <= sums.len() {
        lagged_tile::<COLS>(a, &b[lag..], &mut sums[lag..lag + COLS]);
        lag += COLS;
    }
    while lag < sums.len() {
        lagged_tile::<1>(a, &b[lag..], &mut sums[lag..=lag]);
        lag += 1;
    }
}

#[inline(always)]
fn lagged_tile<const N: usize>(a: &[f64], b: &[f64], sums: &mut [f64]) {
    let mut tile = [0.0; N];
    tile.copy_from_slice(sums);
    for (&a, b) in a.iter().zip(b.windows(N)) {
        for (sum, b) in tile.iter_mut().zip(b) {
            *sum += a * b;
        }
    }
    sums.copy_from_slice(&tile);
}

/// Adds `aᵀ b` to `sums`: each number is a sum over the rows of `a` and `b` in their order.
///
/// # Shapes
/// `a` is `[k, n]`, `b` is `[k, m]`, `sums` is `[n, m]`.
pub(crate) fn add_product(a: &Matrix, b: &Matrix, sums: &mut Matrix) {
    debug_assert_eq!((a.rows, a.cols, b.cols), (b.rows, sums.rows, sums.cols));
    wide(
        #[inline(always)]
        || product(a, b, sums),
    );
}

#[inline(always)]
fn product(a: &Matrix, b: &Matrix, sums: &mut Matrix) {
    let mut row = 0;
    while row < a.cols {
        let rows = if row + ROWS <= a.cols { ROWS } else { 1 };
        let mut col = 0;
        while col < b.cols {
            let cols = if col + COLS <= b.cols { COLS } else { 1 };
            match (rows, cols) {
                (ROWS, COLS) => product_tile::<ROWS, COLS>(a, b, sums, row, col),
                (ROWS, _) => product_tile::<ROWS, 1>(a, b, sums, row, col),
                (_, COLS) => product_tile::<1, COLS>(a, b, sums, row, col),
                _ => product_tile::<1, 1>(a, b, sums, row, col),
            }
            col += cols;
        }
        row += rows;
    }
}

#[inline(always)]
fn product_tile<const N: usize, const M: usize>(a: &Matrix, b: &Matrix, sums: &mut Matrix, row: usize, col: usize) {
    let mut tile = [[0.0; M]; N];
    for (i, tile) in tile.iter_mut().enumerate() {
        tile.copy_from_slice(&sums.row(row + i)[col..col + M]);
    }
    for (a, b) in a.data.chunks_exact(a.cols).zip(b.data.chunks_exact(b.cols)) {
        let (a, b) = (&a[row..row + N], &b[col..col + M]);
        for (tile, &a) in tile.iter_mut().zip(a) {
            for (sum, &b) in tile.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
    for (i, tile) in tile.iter().enumerate() {
        sums.row_mut(row + i)[col..col + M].copy_from_slice(tile);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wide::{Width, with};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_set_of_instructions_gives_the_bits_of_the_plain_sums(
            k in 1_usize..40, n in 1_usize..12, m in 1_usize..100, values in proptest::collection::vec(-1.0_f64..1.0, 40 * 112),
        ) {
            let a = Matrix { rows: k, cols: n, data: values[..k * n].to_vec() };
            let b = Matrix { rows: k, cols: m, data: values[k * n..k * (n + m)].to_vec() };
            let mut plain = Matrix::filled(n, m, 0.5);
            for (i, j) in (0..n).flat_map(|i| (0..m).map(move |j| (i, j))) {
                for row in 0..k {
                    *plain.at_mut(i, j) += a.at(row, i) * b.at(row, j);
                }
            }
            let series = &values[..k + m - 1];
            let mut plain_lags = vec![0.25; m];
            for (lag, sum) in plain_lags.iter_mut().enumerate() {
                for row in 0..k {
                    *sum += values[1000 + row] * series[row + lag];
                }
            }
            for width in Width::all() {
                let mut sums = Matrix::filled(n, m, 0.5);
                with(width, #[inline(always)] || product(&a, &b, &mut sums));
                prop_assert_eq!(&sums, &plain, "{:?}", width);
                let mut lags = vec![0.25; m];
                with(width, #[inline(always)] || lagged(&values[1000..1000 + k], series, &mut lags));
                prop_assert_eq!(&lags, &plain_lags, "{:?}", width);
            }
        }
    }
}
