//! The changes of the rate: their prior keeps most of them at exactly 0.

use crate::moments::dot;

/// A pivot below this part of its diagonal counts as 0: its coefficient does not change.
const SINGULAR: f64 = 1e-13;
/// The replacement of a pivot of 0.
const WALL: f64 = 1e150;

/// Factors a symmetric matrix in place, `L L'` with `L` in the lower triangle; returns whether all pivots were positive.
pub(crate) fn factor(matrix: &mut [f64], size: usize) -> bool {
    let mut positive = true;
    for column in 0..size {
        let diagonal = matrix[column * size + column];
        let (above, below) = matrix.split_at_mut((column + 1) * size);
        let row = &mut above[column * size..];
        let pivot = diagonal - dot(&row[..column], &row[..column]);
        positive &= pivot > SINGULAR * diagonal;
        let root = if pivot > SINGULAR * diagonal {
            pivot.sqrt()
        } else {
            WALL
        };
        row[column] = root;
        for other in below.chunks_exact_mut(size) {
            other[column] = (other[column] - dot(&other[..column], &row[..column])) / root;
        }
    }
    positive
}

/// Solves `L z = b` in place.
pub(crate) fn forward(lower: &[f64], size: usize, b: &mut [f64]) {
    for row in 0..size {
        let line = &lower[row * size..][..size];
        b[row] = (b[row] - dot(&line[..row], &b[..row])) / line[row];
    }
}

/// Solves `L' x = z` in place.
pub(crate) fn backward(lower: &[f64], size: usize, z: &mut [f64]) {
    for row in (0..size).rev() {
        let value = z[row] / lower[row * size + row];
        z[row] = value;
        for (z, factor) in z[..row].iter_mut().zip(&lower[row * size..]) {
            *z -= factor * value;
        }
    }
}

/// Minimises `½ e' Q e - q' e + weight Σ |x|` with `e = x - origin`, beginning at `x`.
///
/// Coefficients that are not 0 are solved for exactly; one that would change its sign on the way stops at 0, and one at
/// 0 whose gradient exceeds the weight joins. Each step lowers the sum, so the search ends.
///
/// # Source
/// Lee, Battle, Raina, Ng 2006, "Efficient sparse coding algorithms": the feature-sign search, stopped at the first
/// change of sign.
pub(crate) fn lasso(matrix: &[f64], linear: &[f64], origin: &[f64], weight: f64, x: &mut [f64]) {
    let size = linear.len();
    let mut active: Vec<usize> = (0..size).filter(|&i| x[i] != 0.0).collect();
    let mut signs: Vec<f64> = active.iter().map(|&i| x[i].signum()).collect();
    let mut refused = vec![false; size];
    for _ in 0..20 * size + 100 {
        settle(matrix, linear, origin, weight, x, &mut active, &mut signs, &mut refused);
        let Some((index, sign)) = pulling(matrix, linear, origin, weight, x, &active, &refused) else {
            return;
        };
        active.push(index);
        signs.push(sign);
    }
}

/// Moves the active coefficients to their optimum; those that reach 0 on the way become inactive.
#[expect(clippy::too_many_arguments, reason = "the state of one search")]
fn settle(
    matrix: &[f64],
    linear: &[f64],
    origin: &[f64],
    weight: f64,
    x: &mut [f64],
    active: &mut Vec<usize>,
    signs: &mut Vec<f64>,
    refused: &mut [bool],
) {
    let size = linear.len();
    while !active.is_empty() {
        let wanted = optimum(matrix, linear, origin, weight, active, signs);
        // The first coefficient that would cross 0, and how far it is.
        let (mut first, mut share) = (None, 1.0);
        for (place, &index) in active.iter().enumerate() {
            if wanted[place] * signs[place] <= 0.0 {
                let reach = x[index] / (x[index] - wanted[place]);
                let reach = if reach.is_finite() { reach.clamp(0.0, 1.0) } else { 0.0 };
                if first.is_none() || reach < share {
                    (first, share) = (Some(place), reach);
                }
            }
        }
        for (place, &index) in active.iter().enumerate() {
            x[index] += share * (wanted[place] - x[index]);
        }
        let Some(place) = first else { return };
        let index = active.remove(place);
        signs.remove(place);
        x[index] = 0.0;
        refused[index] = share == 0.0;
        debug_assert!(index < size, "an index of the active ones");
    }
}

fn optimum(matrix: &[f64], linear: &[f64], origin: &[f64], weight: f64, active: &[usize], signs: &[f64]) -> Vec<f64> {
    let (size, count) = (linear.len(), active.len());
    let mut square = vec![0.0; count * count];
    let mut right = vec![0.0; count];
    let mut held = origin.to_vec();
    for &index in active {
        held[index] = 0.0;
    }
    for (row, (&index, sign)) in active.iter().zip(signs).enumerate() {
        let line = &matrix[index * size..][..size];
        for (column, &other) in active.iter().enumerate() {
            square[row * count + column] = line[other];
        }
        // Coefficients that stay at 0 differ from their origin too.
        right[row] = linear[index] - weight * sign + dot(line, &held);
    }
    factor(&mut square, count);
    forward(&square, count, &mut right);
    backward(&square, count, &mut right);
    right
        .iter()
        .zip(active)
        .map(|(step, &index)| origin[index] + step)
        .collect()
}

/// Returns the coefficient at 0 with the largest gradient, and its new value; `None` where no gradient exceeds the weight.
fn pulling(
    matrix: &[f64],
    linear: &[f64],
    origin: &[f64],
    weight: f64,
    x: &[f64],
    active: &[usize],
    refused: &[bool],
) -> Option<(usize, f64)> {
    let size = linear.len();
    let step: Vec<f64> = x.iter().zip(origin).map(|(x, origin)| x - origin).collect();
    let mut best = None;
    let mut hardest = weight * (1.0 + 1e-10);
    for index in (0..size).filter(|index| !refused[*index] && !active.contains(index)) {
        let pull = linear[index] - dot(&matrix[index * size..][..size], &step);
        if pull.abs() > hardest {
            (best, hardest) = (Some((index, pull.signum())), pull.abs());
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The products of random columns, some of them nearly equal.
    fn problem(numbers: &[f64], size: usize) -> (Vec<f64>, Vec<f64>) {
        let rows = numbers.len() / (size + 1);
        let column = |index: usize, row: usize| {
            let own = numbers[index * rows + row];
            if index % 3 == 1 {
                numbers[(index - 1) * rows + row] + 0.01 * own
            } else {
                own
            }
        };
        let product = |i: usize, j: usize| (0..rows).map(|row| column(i, row) * column(j, row)).sum::<f64>();
        let matrix = (0..size * size).map(|cell| product(cell / size, cell % size)).collect();
        let linear = (0..size).map(|i| (0..rows).map(|row| column(i, row) * numbers[size * rows + row]).sum());
        (matrix, linear.collect())
    }

    proptest! {
        #[test]
        fn the_optimum_pulls_with_the_weight_where_it_moves_and_less_elsewhere(
            numbers in proptest::collection::vec(-1.0_f64..1.0, 63), weight in 0.01_f64..2.0,
            origin in proptest::collection::vec(-1.0_f64..1.0, 6),
        ) {
            let (matrix, linear) = problem(&numbers, 6);
            let mut x = vec![0.0; 6];
            lasso(&matrix, &linear, &origin, weight, &mut x);
            let mut again = origin.clone();
            lasso(&matrix, &linear, &origin, weight, &mut again);
            let step: Vec<f64> = x.iter().zip(&origin).map(|(x, origin)| x - origin).collect();
            for index in 0..6 {
                let pull = linear[index] - dot(&matrix[index * 6..][..6], &step);
                if x[index] == 0.0 {
                    prop_assert!(pull.abs() <= weight + 1e-8, "{} pulls {}", index, pull);
                } else {
                    prop_assert!((pull - weight * x[index].signum()).abs() < 1e-8, "{} pulls {}", index, pull);
                }
                // The optimum does not depend on where the search begins.
                prop_assert!((x[index] - again[index]).abs() < 1e-6, "{:?} {:?}", x, again);
            }
        }
    }

    #[test]
    fn two_equal_columns_share_without_a_number_that_is_none() {
        let mut x = vec![0.0; 2];
        lasso(&[1.0, 1.0, 1.0, 1.0], &[1.0, 1.0], &[0.0; 2], 0.1, &mut x);
        assert!((x[0] + x[1] - 0.9).abs() < 1e-12, "{x:?}");
    }
}
