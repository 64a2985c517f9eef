//! Sums over rows, segment by segment: a fit needs nothing else of its rows.
//!
//! Within a segment the trend is a line, so its columns there are two, slope `a` and level `b`, and every changepoint's
//! column is a combination of these. The cost of a row grows with the square of the terms beside the trend, not of the
//! changepoints.

/// Sums of products of columns.
#[derive(Clone, Debug)]
pub(crate) struct Sums {
    pub(crate) columns: usize,
    /// `Σ a a`, `Σ a b`, `Σ b b` of each segment, `a` counted from the segment's start.
    pub(crate) line: Vec<[f64; 3]>,
    /// `Σ a x` and `Σ b x`: `[segments, 2, columns]`.
    pub(crate) cross: Vec<f64>,
    /// `Σ x x`, the upper triangle: `[columns, columns]`.
    pub(crate) square: Vec<f64>,
}

/// Sums of products of columns with the residuals.
#[derive(Clone, Debug)]
pub(crate) struct Residues {
    /// `Σ a r` and `Σ b r` of each segment.
    pub(crate) line: Vec<[f64; 2]>,
    /// `Σ x r`.
    pub(crate) columns: Vec<f64>,
    /// `Σ r r`.
    pub(crate) square: f64,
}

impl Sums {
    pub(crate) fn zeros(segments: usize, columns: usize) -> Self {
        Self {
            columns,
            line: vec![[0.0; 3]; segments],
            cross: vec![0.0; segments * 2 * columns],
            square: vec![0.0; columns * columns],
        }
    }
}

impl Residues {
    pub(crate) fn zeros(segments: usize, columns: usize) -> Self {
        Self {
            line: vec![[0.0; 2]; segments],
            columns: vec![0.0; columns],
            square: 0.0,
        }
    }
}

/// How many partial sums a sum has, always added in the same order.
const LANES: usize = 8;

/// Returns the sum of products, in one order on every machine.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (xs, x_rest) = x.as_chunks::<LANES>();
    let (ys, y_rest) = y.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    let half = |lane: usize| (sums[lane] + sums[lane + 4]) + (sums[lane + 2] + sums[lane + 6]);
    half(0) + half(1) + rest
}

/// Adds a multiple of `x`.
pub(crate) fn add(to: &mut [f64], factor: f64, x: &[f64]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += factor * x;
    }
}
