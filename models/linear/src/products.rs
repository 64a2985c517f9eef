//! Sums of products over all windows of some series, computed without building the windows.
//!
//! A window of `context + horizon` rows is `a(0), a(1), …`. Neighbouring windows share all rows but one, so over a run of
//! neighbouring windows the sum of `a(i+1) b(j+1)` follows from that of `a(i) b(j)`: only the first and the last window
//! differ. That takes `rows x window + window²` products instead of `rows x window²`. Windows without neighbours, which a
//! stride leaves, are multiplied one by one.

use series::{Matrix, WindowShape};

use crate::{
    calendar::Calendar,
    kernel, parallel,
    runs::{Runs, add, runs, total},
};

/// The sums. Rows of a window count from 0, its context first.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Products {
    /// How many windows there are.
    pub(crate) count: usize,
    /// How many channels there are.
    pub(crate) channels: usize,
    /// For each channel the sum of every row.
    pub(crate) sums: Matrix,
    /// For each channel the sum of every row's square.
    pub(crate) squares: Matrix,
    /// For each pair of channels the sums of `a(i) b(j)` for `i` in the context: `[context, context + horizon]`.
    blocks: Vec<Matrix>,
    /// The sums with calendar inputs.
    pub(crate) calendar: Calendar,
}

/// How many windows are multiplied at a time.
const GATHERED: usize = 256;
/// Runs of up to this many windows are cheaper to multiply one by one than by their first and last window.
const SHORT: usize = 2;

impl Products {
    /// Sums over all windows of all series, which all have the same number of channels.
    pub(crate) fn of(series: &[Runs<'_>], shape: WindowShape, threads: usize) -> Self {
        let count = series.first().map_or(0, |series| series.channels.len());
        let moments: Vec<_> = (0..count).map(|channel| moments(series, channel, shape)).collect();
        let firsts = first_rows(series, count, shape, threads);
        let blocks = parallel::map(threads, count * count, |pair| {
            let (a, b) = (pair / count, pair % count);
            block(series, (a, b), shape, (&firsts[pair], &firsts[b * count + a]))
        });
        Self {
            count: series
                .iter()
                .flat_map(|series| &series.origins)
                .map(ExactSizeIterator::len)
                .sum(),
            channels: count,
            sums: stacked(moments.iter().map(|(sums, _)| sums)),
            squares: stacked(moments.iter().map(|(_, squares)| squares)),
            blocks,
            calendar: Calendar::of(series, shape, threads),
        }
    }

    /// Returns the sums of the products of two channels.
    pub(crate) fn block(&self, a: usize, b: usize) -> &Matrix {
        &self.blocks[a * self.channels + b]
    }
}

/// Returns, for every row of the window, the sums of a channel's values and of their squares.
fn moments(series: &[Runs<'_>], channel: usize, shape: WindowShape) -> (Vec<f64>, Vec<f64>) {
    let (mut sum, mut square) = (0.0, 0.0);
    for (runs, run) in runs(series) {
        for value in runs.values(channel, run.start - shape.context..run.end - shape.context) {
            sum += value;
            square += value * value;
        }
    }
    let (mut sums, mut squares) = (vec![sum], vec![square]);
    for j in 0..shape.rows() - 1 {
        for (runs, run) in runs(series) {
            let after = runs.value(channel, run.end - shape.context + j);
            let first = runs.value(channel, run.start - shape.context + j);
            sum += after - first;
            square += after * after - first * first;
        }
        sums.push(sum);
        squares.push(square);
    }
    (sums, squares)
}

/// Returns, for every pair of channels, the sums of `a(0) b(j)` over the windows that have neighbours.
fn first_rows(series: &[Runs<'_>], channels: usize, shape: WindowShape, threads: usize) -> Vec<Vec<f64>> {
    let pairs = channels * channels;
    let each = parallel::map(threads, pairs * series.len(), |index| {
        let (pair, series) = (index / series.len(), &series[index % series.len()]);
        let (a, b) = (series.channels[pair / channels], series.channels[pair % channels]);
        series.row((a, 0), (b, 0..shape.rows()), shape, SHORT)
    });
    each.chunks(series.len().max(1)).map(total).collect()
}

/// Returns the sums of `a(i) b(j)` from those of `a(0) b(j)` and `b(0) a(i)`.
fn block(series: &[Runs<'_>], (a, b): (usize, usize), shape: WindowShape, firsts: (&[f64], &[f64])) -> Matrix {
    let last = shape.rows() - 1;
    let mut steps = Gathered::new(shape);
    for (runs, run) in runs(series).filter(|(_, run)| run.len() > SHORT) {
        for (origin, sign) in [(run.end, 1.0), (run.start, -1.0)] {
            let first = origin - shape.context;
            let left = runs.values(a, first..origin).map(|value| sign * value);
            // The window's last row has no successor in it.
            let right = runs.values(b, first..first + last).chain([0.0]);
            steps.push(left, right);
        }
    }
    let steps = steps.summed().map(|steps| unroll(firsts, steps));
    let mut single = Gathered::new(shape);
    for (runs, run) in runs(series).filter(|(_, run)| run.len() <= SHORT) {
        for origin in run {
            let first = origin - shape.context;
            let left = runs.values(a, first..origin);
            single.push(left, runs.values(b, first..first + shape.rows()));
        }
    }
    match (steps, single.summed()) {
        (Some(mut sums), Some(single)) => {
            add(&mut sums.data, &single.data);
            sums
        }
        (Some(sums), None) | (None, Some(sums)) => sums,
        (None, None) => Matrix::zeros(shape.context, shape.rows()),
    }
}

/// Turns the differences between sums into the sums: `a(i+1) b(j+1)` is `a(i) b(j)` plus the difference at `(i, j)`.
fn unroll((row, column): (&[f64], &[f64]), mut steps: Matrix) -> Matrix {
    let cols = steps.cols;
    let mut above = row.to_vec();
    for (i, sums) in steps.data.chunks_exact_mut(cols).enumerate() {
        let next_first = column.get(i + 1).copied().unwrap_or(0.0);
        for (above, step) in above.iter_mut().zip(sums) {
            (*above, *step) = (*above + *step, *above);
        }
        above.rotate_right(1);
        above[0] = next_first;
    }
    steps
}

/// Rows that are collected and then multiplied.
struct Gathered {
    left: Matrix,
    right: Matrix,
    sums: Option<Matrix>,
}

impl Gathered {
    fn new(shape: WindowShape) -> Self {
        Self {
            left: Matrix::zeros(0, shape.context),
            right: Matrix::zeros(0, shape.rows()),
            sums: None,
        }
    }

    fn push(&mut self, left: impl Iterator<Item = f64>, right: impl Iterator<Item = f64>) {
        self.left.data.extend(left);
        self.right.data.extend(right);
        self.left.rows += 1;
        self.right.rows += 1;
        if self.left.rows == GATHERED {
            self.sum();
        }
    }

    fn sum(&mut self) {
        let sums = self
            .sums
            .get_or_insert_with(|| Matrix::zeros(self.left.cols, self.right.cols));
        kernel::add_product(&self.left, &self.right, sums);
        for rows in [&mut self.left, &mut self.right] {
            rows.data.clear();
            rows.rows = 0;
        }
    }

    /// Returns the sums; `None` where there was no row.
    fn summed(mut self) -> Option<Matrix> {
        if self.left.rows > 0 {
            self.sum();
        }
        self.sums
    }
}

fn stacked<'a>(rows: impl ExactSizeIterator<Item = &'a Vec<f64>>) -> Matrix {
    let count = rows.len();
    let data: Vec<f64> = rows.flatten().copied().collect();
    Matrix {
        rows: count,
        cols: data.len() / count.max(1),
        data,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use series::Windows;

    use super::*;
    use crate::runs::Channel;

    const CLOSE: f64 = 1e-9; // Sums of at most a few hundred products of numbers below 2.

    const CHANNELS: [Channel; 2] = [
        Channel {
            input: 0,
            level: 0.25,
            factor: 2.0,
        },
        Channel {
            input: 2,
            level: -0.5,
            factor: 1.0,
        },
    ];

    /// The same sums, window by window.
    fn slowly(series: &[Runs<'_>], a: usize, b: usize, shape: WindowShape) -> Matrix {
        let mut sums = Matrix::zeros(shape.context, shape.rows());
        for (runs, run) in runs(series) {
            for first in run.map(|origin| origin - shape.context) {
                for (i, j) in (0..shape.context).flat_map(|i| (0..shape.rows()).map(move |j| (i, j))) {
                    *sums.at_mut(i, j) += runs.value(a, first + i) * runs.value(b, first + j);
                }
            }
        }
        sums
    }

    fn close(have: &Matrix, want: &Matrix) -> bool {
        have.data
            .iter()
            .zip(&want.data)
            .all(|(have, want)| (have - want).abs() < CLOSE)
    }

    proptest! {
        #[test]
        fn the_sums_are_those_over_all_windows(
            numbers in proptest::collection::vec(-1.0_f64..1.0, 180), context in 1_usize..8, horizon in 1_usize..5,
            split in 20_usize..40, gap in 0_usize..5, stride in 1_usize..4, threads in 1_usize..4,
        ) {
            let shape = WindowShape { context, horizon, stride };
            let values = Matrix { rows: 60, cols: 3, data: numbers.clone() };
            let later = Matrix { rows: 50, cols: 3, data: numbers[30..].to_vec() };
            let runs = [
                Runs { values: &values, channels: CHANNELS.to_vec(), calendar: vec![], origins: vec![context..split, split + gap..60 - horizon + 1] },
                Runs { values: &later, channels: CHANNELS.to_vec(), calendar: vec![], origins: Windows::inside(0..50, shape, None).runs() },
            ];
            let products = Products::of(&runs, shape, threads);
            let count: usize = runs.iter().flat_map(|runs| &runs.origins).map(ExactSizeIterator::len).sum();
            prop_assert_eq!(products.count, count);
            for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let want = slowly(&runs, a, b, shape);
                prop_assert!(close(products.block(a, b), &want), "channels {} and {}", a, b);
            }
            for c in 0..CHANNELS.len() {
                for j in 0..shape.rows() {
                    let each = || runs.iter().flat_map(|series| {
                        let rows = series.origins.iter().flat_map(|run| run.clone().map(|origin| origin - context + j));
                        rows.map(|row| series.value(c, row))
                    });
                    prop_assert!((products.sums.at(c, j) - each().sum::<f64>()).abs() < CLOSE);
                    prop_assert!((products.squares.at(c, j) - each().map(|v| v * v).sum::<f64>()).abs() < CLOSE);
                }
            }
            prop_assert_eq!(&products, &Products::of(&runs, shape, 1), "threads never show");
        }
    }
}
