//! Matrices in strips of columns: each strip stays in a fast cache while its rows are processed.

use std::ops::Range;

use series::Matrix;

use crate::{parallel, wide::wide};

/// How many columns a strip has.
pub(crate) const COLUMNS: usize = 32;
/// A row of a strip.
pub(crate) type Row = [f64; COLUMNS];

/// A matrix in strips; columns beyond its last one are zeros.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Strips {
    pub(crate) rows: usize,
    cols: usize,
    parts: Vec<Vec<Row>>,
}

impl Strips {
    /// Splits a matrix into strips.
    pub(crate) fn of(x: &Matrix) -> Self {
        let strip = |start: usize| part(x, start..x.cols.min(start + COLUMNS));
        Self {
            rows: x.rows,
            cols: x.cols,
            parts: (0..x.cols).step_by(COLUMNS).map(strip).collect(),
        }
    }

    /// Builds a matrix from groups of its columns.
    pub(crate) fn made(threads: usize, rows: usize, cols: usize, of: impl Fn(Range<usize>) -> Matrix + Sync) -> Self {
        let parts = parallel::map(threads, cols.div_ceil(COLUMNS), |index| {
            let some = of(index * COLUMNS..cols.min((index + 1) * COLUMNS));
            part(&some, 0..some.cols)
        });
        Self { rows, cols, parts }
    }

    /// Returns the whole matrix.
    pub(crate) fn matrix(&self) -> Matrix {
        let mut matrix = Matrix::zeros(self.rows, self.cols);
        for (start, strip) in (0..self.cols).step_by(COLUMNS).zip(&self.parts) {
            let end = self.cols.min(start + COLUMNS);
            for (row, strip) in strip.iter().enumerate() {
                matrix.row_mut(row)[start..end].copy_from_slice(&strip[..end - start]);
            }
        }
        matrix
    }

    /// Returns the whole transposed matrix.
    pub(crate) fn transposed(&self) -> Matrix {
        let mut matrix = Matrix::zeros(self.cols, self.rows);
        for (start, strip) in (0..self.cols).step_by(COLUMNS).zip(&self.parts) {
            for (row, strip) in strip.iter().enumerate() {
                for (col, value) in (start..self.cols).zip(strip) {
                    matrix.data[col * self.rows + row] = *value;
                }
            }
        }
        matrix
    }

    /// Returns the matrix after `work` on each strip.
    pub(crate) fn map(&self, threads: usize, work: impl Fn(&mut [Row]) + Sync) -> Self {
        let parts = parallel::map(threads, self.parts.len(), |index| {
            let mut strip = self.parts[index].clone();
            work(&mut strip);
            strip
        });
        Self { parts, ..*self }
    }

    /// Returns the sum of the products of numbers at the same place.
    pub(crate) fn dot(&self, other: &Self) -> f64 {
        let mut sums = [0.0; COLUMNS];
        for (row, other) in self.parts.iter().flatten().zip(other.parts.iter().flatten()) {
            for ((sum, number), other) in sums.iter_mut().zip(row).zip(other) {
                *sum += number * other;
            }
        }
        sums.iter().sum()
    }

    /// Fills each strip from that of another matrix of the same shape.
    pub(crate) fn refill(&mut self, from: &Self, work: impl Fn(&[Row], &mut [Row])) {
        for (strip, from) in self.parts.iter_mut().zip(&from.parts) {
            work(from, strip);
        }
    }

    /// Returns the trace of the product with a matrix that is computed from the strips of another. All are square.
    pub(crate) fn trace_of_product(&self, other: &Self, strip: &mut [Row], work: impl Fn(&[Row], &mut [Row])) -> f64 {
        let mut sums = [0.0; COLUMNS];
        for (j, from) in other.parts.iter().enumerate() {
            work(from, strip);
            let across = j * COLUMNS..self.rows.min((j + 1) * COLUMNS);
            wide(
                #[inline(always)]
                || {
                    for (columns, own) in strip.chunks(COLUMNS).zip(&self.parts) {
                        add_across(columns, &own[across.clone()], &mut sums);
                    }
                },
            );
        }
        sums.iter().sum()
    }
}

/// Returns some columns of a matrix as a strip.
fn part(x: &Matrix, columns: Range<usize>) -> Vec<Row> {
    let row = |row: usize| {
        let mut strip = [0.0; COLUMNS];
        strip[..columns.len()].copy_from_slice(&x.row(row)[columns.clone()]);
        strip
    };
    (0..x.rows).map(row).collect()
}

/// Adds `a(i, j) b(j, i)` to the sum of each `j`.
#[inline(always)]
fn add_across(a: &[Row], b: &[Row], sums: &mut Row) {
    const TILE: usize = 8;
    let (rows, cols) = (a.len(), b.len());
    // Left-over numbers of earlier tiles are multiplied by the zeros beyond the last column.
    let mut tile = [[0.0; TILE]; TILE];
    for i in (0..rows).step_by(TILE) {
        for j in (0..cols).step_by(TILE) {
            for (row, b) in b[j..cols.min(j + TILE)].iter().enumerate() {
                for (tile, value) in tile.iter_mut().zip(&b[i..i + TILE]) {
                    tile[row] = *value;
                }
            }
            for (a, tile) in a[i..rows.min(i + TILE)].iter().zip(&tile) {
                for ((sum, a), b) in sums[j..j + TILE].iter_mut().zip(&a[j..j + TILE]).zip(tile) {
                    *sum += a * b;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLOSE: f64 = 1e-9; // Sums of a few thousand products of numbers below 1.

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn strips_are_the_matrix(n in 1_usize..70, data in proptest::collection::vec(-1.0_f64..1.0, 9_800)) {
            let a = Matrix { rows: n, cols: n, data: data[..n * n].to_vec() };
            let b = Matrix { rows: n, cols: n, data: data[n * n..2 * n * n].to_vec() };
            let (strips, others) = (Strips::of(&a), Strips::of(&b));
            prop_assert_eq!(&strips.matrix(), &a);
            prop_assert_eq!(&Strips::of(&strips.transposed()).transposed(), &a);
            let dot: f64 = a.data.iter().zip(&b.data).map(|(a, b)| a * b).sum();
            prop_assert!((strips.dot(&others) - dot).abs() < CLOSE);
            let trace: f64 = (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| a.at(i, j) * b.at(j, i)).sum();
            prop_assert!((strips.trace_of_product(&others, &mut vec![[0.0; COLUMNS]; n], |from, to| to.copy_from_slice(from)) - trace).abs() < CLOSE);
        }
    }
}
