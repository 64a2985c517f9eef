//! Symmetric positive definite equations.

use series::Matrix;

/// Solves `(a + shift I) x = b` by Cholesky decomposition, or gives none where `a + shift I` is not positive definite.
///
/// Both inner loops run over neighbouring numbers and each number is summed in one fixed order, so the result is the
/// same on every machine and still vectorised.
///
/// # Shapes
/// `a` is `[n, n]` and symmetric, of which the upper half is read; `b` and the result are `[n, m]`.
pub(crate) fn ridge(a: &Matrix, shift: f64, b: &Matrix) -> Option<Matrix> {
    let upper = cholesky(a, shift)?;
    let mut x = b.clone();
    for k in 0..upper.rows {
        divide(&mut x, k, upper.at(k, k));
        for i in k + 1..upper.rows {
            subtract(&mut x, i, k, upper.at(k, i));
        }
    }
    for k in (0..upper.rows).rev() {
        divide(&mut x, k, upper.at(k, k));
        for i in 0..k {
            subtract(&mut x, i, k, upper.at(i, k));
        }
    }
    x.data.iter().all(|value| value.is_finite()).then_some(x)
}

/// Gives the upper triangle `u` with `uᵀ u = a + shift I`, row by row.
fn cholesky(a: &Matrix, shift: f64) -> Option<Matrix> {
    let mut u = a.clone();
    for k in 0..u.rows {
        *u.at_mut(k, k) += shift;
    }
    for k in 0..u.rows {
        let pivot = u.at(k, k);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        let root = pivot.sqrt();
        for value in &mut u.row_mut(k)[k..] {
            *value /= root;
        }
        for i in k + 1..u.rows {
            let factor = u.at(k, i);
            let (done, rest) = u.data.split_at_mut(i * u.cols);
            let source = &done[k * u.cols + i..(k + 1) * u.cols];
            for (value, source) in rest[i..u.cols].iter_mut().zip(source) {
                *value -= factor * source;
            }
        }
    }
    Some(u)
}

fn divide(x: &mut Matrix, row: usize, by: f64) {
    for value in x.row_mut(row) {
        *value /= by;
    }
}

/// Takes a multiple of one row from another.
fn subtract(x: &mut Matrix, from: usize, row: usize, factor: f64) {
    let cols = x.cols;
    let (source, target) = if row < from {
        let (head, tail) = x.data.split_at_mut(from * cols);
        (&head[row * cols..(row + 1) * cols], &mut tail[..cols])
    } else {
        let (head, tail) = x.data.split_at_mut(row * cols);
        (&tail[..cols], &mut head[from * cols..(from + 1) * cols])
    };
    for (value, source) in target.iter_mut().zip(source) {
        *value -= factor * source;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXACT: f64 = 1e-9; // Well-conditioned by the shift.

    fn symmetric(n: usize, values: &[f64]) -> Matrix {
        let mut a = Matrix::zeros(n, n);
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let dot: f64 = (0..n).map(|k| values[k * n + i] * values[k * n + j]).sum();
            *a.at_mut(i, j) = dot;
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
        assert_eq!(ridge(&a, 0.0, &Matrix::zeros(2, 1)), None);
        assert!(ridge(&a, 2.0, &Matrix::zeros(2, 1)).is_some());
    }

    proptest! {
        #[test]
        fn the_solution_fulfils_the_equations(
            n in 1_usize..8, values in proptest::collection::vec(-1.0_f64..1.0, 64), b in proptest::collection::vec(-1.0_f64..1.0, 24),
        ) {
            let a = symmetric(n, &values);
            let b = Matrix { rows: n, cols: 3, data: b[..n * 3].to_vec() };
            let x = ridge(&a, 0.5, &b).unwrap();
            for (i, h) in (0..n).flat_map(|i| (0..3).map(move |h| (i, h))) {
                let left: f64 = (0..n).map(|j| a.at(i, j) * x.at(j, h)).sum::<f64>() + 0.5 * x.at(i, h);
                prop_assert!((left - b.at(i, h)).abs() < EXACT);
            }
        }
    }
}
