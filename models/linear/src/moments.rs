//! Sums over all windows of some series, without the windows.
//!
//! A window of `context + horizon` rows is `a(0), a(1), …`. Neighbouring windows share all rows but one, so the sum of
//! `a(i+1) a(j+1)` follows from that of `a(i) a(j)`: only the first and the last window of every run differ. That makes
//! `rows x window` products instead of `rows x window²`.

use std::ops::Range;

use series::{Matrix, WindowShape};

/// Windows of one series: all its values, and runs of neighbouring origins.
#[derive(Clone, Debug)]
pub(crate) struct Runs {
    /// The target's values around their level; any constant leaves the result as it is, the mean keeps digits.
    pub(crate) values: Vec<f64>,
    /// Ranges of origins, each not empty, contexts and horizons inside the values.
    pub(crate) origins: Vec<Range<usize>>,
}

/// Sums over windows whose values are taken relative to the last row of their context.
///
/// `x` are the context rows before the last, `y` the forecast rows, both minus that last row.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    /// How many windows.
    pub(crate) count: usize,
    /// The sum of each `x`, then of each `y`.
    sums: Vec<f64>,
    /// The sums of `x x`: `[x, x]`, symmetric.
    xx: Matrix,
    /// The sums of `x y`: `[x, y]`.
    xy: Matrix,
    /// The sums of `y²`.
    yy: Vec<f64>,
}

/// Moments around given centres.
#[derive(Clone, Debug)]
pub(crate) struct Centred {
    /// `[x, x]`, symmetric.
    pub(crate) xx: Matrix,
    /// `[x, y]`.
    pub(crate) xy: Matrix,
    /// One per `y`.
    pub(crate) yy: Vec<f64>,
}

impl Moments {
    pub(crate) fn of(series: &[Runs], shape: WindowShape) -> Self {
        let (last, rows) = (shape.context - 1, shape.rows());
        let products = products(series, shape);
        let (sums, squares) = (sums(series, shape, |v| v), sums(series, shape, |v| v * v));
        let with_last = |row: usize| {
            if row <= last {
                products.at(row, last)
            } else {
                products.at(last, row)
            }
        };
        let lasts = products.at(last, last);
        let relative = |product: f64, i: usize, j: usize| product - with_last(i) - with_last(j) + lasts;
        let mut xx = Matrix::zeros(last, last);
        let mut xy = Matrix::zeros(last, shape.horizon);
        for i in 0..last {
            for j in 0..last {
                *xx.at_mut(i, j) = relative(products.at(i.min(j), i.max(j)), i, j);
            }
            for (h, value) in xy.row_mut(i).iter_mut().enumerate() {
                let j = shape.context + h;
                *value = relative(products.at(i, j), i, j);
            }
        }
        let yy = (shape.context..rows).map(|j| relative(squares[j], j, j)).collect();
        let others = (0..last).chain(shape.context..rows);
        let sums = others.map(|row| sums[row] - sums[last]).collect();
        let count = series
            .iter()
            .flat_map(|series| &series.origins)
            .map(ExactSizeIterator::len)
            .sum();
        Self {
            count,
            sums,
            xx,
            xy,
            yy,
        }
    }

    /// Gives the means of `x`, then of `y`.
    pub(crate) fn means(&self) -> Vec<f64> {
        self.sums.iter().map(|sum| sum / self.windows()).collect()
    }

    /// Moves the sums to other centres: of `x`, then of `y`.
    pub(crate) fn around(&self, centres: &[f64]) -> Centred {
        let n = self.windows();
        let inputs = self.xx.rows;
        let shift =
            |i: usize, j: usize| n * centres[i] * centres[j] - self.sums[i] * centres[j] - self.sums[j] * centres[i];
        let (mut xx, mut xy, mut yy) = (self.xx.clone(), self.xy.clone(), self.yy.clone());
        for i in 0..inputs {
            for (j, value) in xx.row_mut(i).iter_mut().enumerate() {
                *value += shift(i, j);
            }
            for (h, value) in xy.row_mut(i).iter_mut().enumerate() {
                *value += shift(i, inputs + h);
            }
        }
        for (h, value) in yy.iter_mut().enumerate() {
            *value += shift(inputs + h, inputs + h);
        }
        Centred { xx, xy, yy }
    }

    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    fn windows(&self) -> f64 {
        self.count.max(1) as f64
    }
}

/// Gives the sums of `a(i) a(j)` for `i` in the context and `j` from `i` on.
///
/// # Shapes
/// `[context, context + horizon]`, the upper half.
fn products(series: &[Runs], shape: WindowShape) -> Matrix {
    let rows = shape.rows();
    let mut products = Matrix::zeros(shape.context, rows);
    for (values, run) in runs(series) {
        for origin in run {
            let window = &values[origin - shape.context..][..rows];
            add(products.row_mut(0), window[0], window);
        }
    }
    for i in 0..shape.context - 1 {
        let (done, next) = products.data.split_at_mut((i + 1) * rows);
        let (above, next) = (&done[i * rows..], &mut next[..rows]);
        next[i + 1..].copy_from_slice(&above[i..rows - 1]);
        for (values, run) in runs(series) {
            let first = &values[run.start - shape.context..][..rows];
            let after = &values[run.end - shape.context..][..rows - 1];
            add(&mut next[i + 1..], after[i], &after[i..]);
            add(&mut next[i + 1..], -first[i], &first[i..rows - 1]);
        }
    }
    products
}

/// Gives the sum of `of(a(j))` for each row of the window.
fn sums(series: &[Runs], shape: WindowShape, of: fn(f64) -> f64) -> Vec<f64> {
    let mut sums = Vec::with_capacity(shape.rows());
    let mut sum = 0.0;
    for (values, run) in runs(series) {
        for origin in run {
            sum += of(values[origin - shape.context]);
        }
    }
    sums.push(sum);
    for j in 0..shape.rows() - 1 {
        for (values, run) in runs(series) {
            sum += of(values[run.end - shape.context + j]) - of(values[run.start - shape.context + j]);
        }
        sums.push(sum);
    }
    sums
}

fn runs(series: &[Runs]) -> impl Iterator<Item = (&[f64], Range<usize>)> {
    series
        .iter()
        .flat_map(|series| series.origins.iter().map(|run| (series.values.as_slice(), run.clone())))
}

/// Adds a multiple of numbers to others.
fn add(to: &mut [f64], factor: f64, numbers: &[f64]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to += factor * number;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use series::Windows;

    use super::*;

    const CLOSE: f64 = 1e-9; // Sums of at most a few hundred products of numbers below 1.

    /// The same sums the long way: window by window.
    fn slowly(series: &[Runs], shape: WindowShape) -> (Vec<f64>, Matrix) {
        let values = shape.rows() - 1;
        let (mut sums, mut products) = (vec![0.0; values], Matrix::zeros(values, values));
        for (numbers, run) in runs(series) {
            for origin in run {
                let last = numbers[origin - 1];
                let rows = (origin - shape.context..origin - 1).chain(origin..origin + shape.horizon);
                let window: Vec<f64> = rows.map(|row| numbers[row] - last).collect();
                add(&mut sums, 1.0, &window);
                for (i, value) in window.iter().enumerate() {
                    add(products.row_mut(i), *value, &window);
                }
            }
        }
        (sums, products)
    }

    proptest! {
        #[test]
        fn the_sums_are_those_over_all_windows(
            numbers in proptest::collection::vec(-1.0_f64..1.0, 60), context in 1_usize..8, horizon in 1_usize..5,
            split in 20_usize..40, gap in 0_usize..5,
        ) {
            let shape = WindowShape { context, horizon, stride: 1 };
            let end = numbers.len() - horizon + 1;
            let runs = [
                Runs { values: numbers.clone(), origins: vec![context..split, split + gap..end] },
                Runs { values: numbers[10..].to_vec(), origins: Windows::inside(0..shape.rows(), shape, None).runs() },
            ];
            let moments = Moments::of(&runs, shape);
            let (sums, products) = slowly(&runs, shape);
            prop_assert_eq!(moments.count, split - context + end - split - gap + 1);
            for (have, want) in moments.sums.iter().zip(&sums) {
                prop_assert!((have - want).abs() < CLOSE);
            }
            let inputs = context - 1;
            for i in 0..inputs {
                for j in 0..inputs {
                    prop_assert!((moments.xx.at(i, j) - products.at(i, j)).abs() < CLOSE);
                }
                for h in 0..horizon {
                    prop_assert!((moments.xy.at(i, h) - products.at(i, inputs + h)).abs() < CLOSE);
                }
            }
            for h in 0..horizon {
                prop_assert!((moments.yy[h] - products.at(inputs + h, inputs + h)).abs() < CLOSE);
            }
        }
    }
}
