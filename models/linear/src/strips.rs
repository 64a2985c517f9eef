//! Matrices in strips of columns, each of which stays in a fast cache while many rows are worked on.

use std::ops::Range;

use series::Matrix;

use crate::parallel;

/// How many columns a strip has.
pub(crate) const COLUMNS: usize = 32;
/// A row of a strip.
pub(crate) type Row = [f64; COLUMNS];

/// A matrix in strips; those beyond its last column hold zeros.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Strips {
    pub(crate) rows: usize,
    cols: usize,
    parts: Vec<Vec<Row>>,
}

impl Strips {
    /// Takes a matrix apart.
    pub(crate) fn of(x: &Matrix) -> Self {
        let strip = |start: usize| part(x, start..x.cols.min(start + COLUMNS));
        Self {
            rows: x.rows,
            cols: x.cols,
            parts: (0..x.cols).step_by(COLUMNS).map(strip).collect(),
        }
    }

    /// Makes a matrix from groups of its columns.
    pub(crate) fn made(threads: usize, rows: usize, cols: usize, of: impl Fn(Range<usize>) -> Matrix + Sync) -> Self {
        let parts = parallel::map(threads, cols.div_ceil(COLUMNS), |index| {
            let some = of(index * COLUMNS..cols.min((index + 1) * COLUMNS));
            part(&some, 0..some.cols)
        });
        Self { rows, cols, parts }
    }

    /// Puts the matrix together.
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

    /// Puts the transposed matrix together.
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

    /// Works on a copy of each strip.
    pub(crate) fn map(&self, threads: usize, work: impl Fn(&mut [Row]) + Sync) -> Self {
        let parts = parallel::map(threads, self.parts.len(), |index| {
            let mut strip = self.parts[index].clone();
            work(&mut strip);
            strip
        });
        Self { parts, ..*self }
    }

    /// Gives the sum of the products of numbers at the same place.
    pub(crate) fn dot(&self, other: &Self) -> f64 {
        let mut sums = [0.0; COLUMNS];
        for (row, other) in self.parts.iter().flatten().zip(other.parts.iter().flatten()) {
            for ((sum, number), other) in sums.iter_mut().zip(row).zip(other) {
                *sum += number * other;
            }
        }
        sums.iter().sum()
    }

    /// Makes each strip one of another matrix of the same shape, and works on it.
    pub(crate) fn refill(&mut self, from: &Self, work: impl Fn(&mut [Row])) {
        for (strip, from) in self.parts.iter_mut().zip(&from.parts) {
            strip.copy_from_slice(from);
            work(strip);
        }
    }

    /// Gives the trace of the product with another matrix, each of whose strips is worked on before. Both are square.
    pub(crate) fn trace_of_product(&self, other: &Self, scratch: &mut Vec<Row>, work: impl Fn(&mut [Row])) -> f64 {
        let mut sums = [0.0; COLUMNS];
        for (j, strip) in other.parts.iter().enumerate() {
            scratch.clear();
            scratch.extend_from_slice(strip);
            work(scratch);
            // The same numbers of this matrix stand across: 32 rows of each strip.
            for (columns, own) in scratch.chunks(COLUMNS).zip(&self.parts) {
                let across = &own[j * COLUMNS..self.rows.min((j + 1) * COLUMNS)];
                add_across(columns, across, &mut sums);
            }
        }
        sums.iter().sum()
    }
}

/// Gives some columns of a matrix as a strip.
fn part(x: &Matrix, columns: Range<usize>) -> Vec<Row> {
    let row = |row: usize| {
        let mut strip = [0.0; COLUMNS];
        strip[..columns.len()].copy_from_slice(&x.row(row)[columns.clone()]);
        strip
    };
    (0..x.rows).map(row).collect()
}

/// Adds `a(i, j) b(j, i)` to the sum of each `j`.
fn add_across(a: &[Row], b: &[Row], sums: &mut Row) {
    for (i, a) in a.iter().enumerate() {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLOSE: f64 = 1e-9; // Sums of a few thousand products of numbers below 1.

    proptest! {
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
            prop_assert!((strips.trace_of_product(&others, &mut Vec::new(), |_| ()) - trace).abs() < CLOSE);
        }
    }
}
