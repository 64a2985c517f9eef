//! Symmetric equations.

/// Solves symmetric equations in place by Cholesky decomposition; returns whether they are positive definite.
///
/// # Shapes
/// `gram` is `[n, n]` row-major, of which the lower half is read; `right` is `[n]` and becomes the solution.
pub(crate) fn solve(gram: &mut [f64], right: &mut [f64]) -> bool {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let mut value = gram[i * n + j];
            for k in 0..j {
                value -= gram[i * n + k] * gram[j * n + k];
            }
            if i != j {
                gram[i * n + j] = value / gram[j * n + j];
            } else if value > 0.0 && value.is_finite() {
                gram[i * n + i] = value.sqrt();
            } else {
                return false;
            }
        }
    }
    for i in 0..n {
        for k in 0..i {
            right[i] -= gram[i * n + k] * right[k];
        }
        right[i] /= gram[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            right[i] -= gram[k * n + i] * right[k];
        }
        right[i] /= gram[i * n + i];
    }
    right.iter().all(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_solved_or_refused() {
        let (mut gram, mut right) = ([4.0, 0.0, 2.0, 3.0], [8.0, 7.0]);
        assert!(solve(&mut gram, &mut right));
        // 4 x + 2 y = 8 and 2 x + 3 y = 7.
        assert!((right[0] - 1.25).abs() < 1e-12 && (right[1] - 1.5).abs() < 1e-12);
        assert!(!solve(&mut [1.0, 0.0, 2.0, 4.0], &mut [1.0, 1.0]));
    }
}
