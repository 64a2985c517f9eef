//! Sums of products over all windows of some series, without the windows.
//!
//! A window of `context + horizon` rows is `a(0), a(1), …`. Neighbouring windows share all rows but one, so over a run of
//! neighbouring windows the sum of `a(i+1) b(j+1)` follows from that of `a(i) b(j)`: only the first and the last window
//! differ. That makes `rows x window + window²` products instead of `rows x window²`. Windows without neighbours, as a
//! stride leaves them, are multiplied out.

use std::ops::Range;

use series::{Matrix, WindowShape};

use crate::{kernel, parallel};

/// Windows of one series.
#[derive(Clone, Debug)]
pub(crate) struct Runs<'a> {
    /// `[rows, inputs]`.
    pub(crate) values: &'a Matrix,
    /// Ranges of neighbouring origins, none empty, contexts and horizons inside the values.
    pub(crate) origins: Vec<Range<usize>>,
}

/// One input as a fit sees it: around a level and in a unit, so that sums keep their digits and inputs can be compared.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Channel {
    pub(crate) input: usize,
    pub(crate) level: f64,
    /// 1 by the unit; 0 for an input that does not vary.
    pub(crate) factor: f64,
}

/// The sums. Rows of a window count from 0, its context first.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Products {
    /// How many windows.
    pub(crate) count: usize,
    /// How many channels.
    pub(crate) channels: usize,
    /// For each channel the sum of every row.
    pub(crate) sums: Matrix,
    /// For each channel the sum of every row's square.
    pub(crate) squares: Matrix,
    /// For each pair of channels the sums of `a(i) b(j)` for `i` in the context: `[context, context + horizon]`.
    blocks: Vec<Matrix>,
}

/// Origins whose rows are taken from the table at a time, so that memory does not grow with the table.
const BLOCK: usize = 4_096;
/// Windows that are multiplied out at a time.
const GATHERED: usize = 256;
/// Up to so many neighbours, multiplying out is cheaper than first and last window.
const SHORT: usize = 2;

impl Products {
    /// Sums over all windows of all series.
    pub(crate) fn of(series: &[Runs<'_>], channels: &[Channel], shape: WindowShape, threads: usize) -> Self {
        let count = channels.len();
        let sums = parallel::map(threads, count, |c| moments(series, channels[c], shape));
        let pairs = parallel::map(threads, count * count, |pair| {
            let (a, b) = (channels[pair / count], channels[pair % count]);
            first_row(series, a, b, shape)
        });
        let blocks = parallel::map(threads, count * count, |pair| {
            let (a, b) = (pair / count, pair % count);
            let firsts = (&pairs[pair][..], &pairs[b * count + a][..]);
            block(series, channels[a], channels[b], shape, firsts)
        });
        Self {
            count: runs(series).map(|(_, run)| run.len()).sum(),
            channels: count,
            sums: stacked(sums.iter().map(|(sums, _)| sums)),
            squares: stacked(sums.iter().map(|(_, squares)| squares)),
            blocks,
        }
    }

    /// Gives the sums of the products of two channels.
    pub(crate) fn block(&self, a: usize, b: usize) -> &Matrix {
        &self.blocks[a * self.channels + b]
    }
}

/// Gives, for every row of the window, the sums of a channel's values and of their squares.
fn moments(series: &[Runs<'_>], channel: Channel, shape: WindowShape) -> (Vec<f64>, Vec<f64>) {
    let (mut sum, mut square) = (0.0, 0.0);
    for (values, run) in runs(series) {
        for row in run.start - shape.context..run.end - shape.context {
            let value = channel.of(values, row);
            sum += value;
            square += value * value;
        }
    }
    let (mut sums, mut squares) = (vec![sum], vec![square]);
    for j in 0..shape.rows() - 1 {
        for (values, run) in runs(series) {
            let after = channel.of(values, run.end - shape.context + j);
            let first = channel.of(values, run.start - shape.context + j);
            sum += after - first;
            square += after * after - first * first;
        }
        sums.push(sum);
        squares.push(square);
    }
    (sums, squares)
}

/// Gives the sums of `a(0) b(j)` over the windows that have neighbours.
fn first_row(series: &[Runs<'_>], a: Channel, b: Channel, shape: WindowShape) -> Vec<f64> {
    let mut sums = vec![0.0; shape.rows()];
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for (values, run) in runs(series).filter(|(_, run)| run.len() > SHORT) {
        for start in run.clone().step_by(BLOCK) {
            let end = run.end.min(start + BLOCK);
            let first = start - shape.context;
            a.copy(values, first..end - shape.context, &mut left);
            b.copy(values, first..end + shape.horizon - 1, &mut right);
            kernel::add_lagged(&left, &right, &mut sums);
        }
    }
    sums
}

/// Gives the sums of `a(i) b(j)` from those of `a(0) b(j)` and `b(0) a(i)`.
fn block(series: &[Runs<'_>], a: Channel, b: Channel, shape: WindowShape, firsts: (&[f64], &[f64])) -> Matrix {
    let last = shape.rows() - 1;
    let mut steps = Gathered::new(shape);
    for (values, run) in runs(series).filter(|(_, run)| run.len() > SHORT) {
        for (origin, sign) in [(run.end, 1.0), (run.start, -1.0)] {
            let first = origin - shape.context;
            let left = a.values(values, first..origin).map(|value| sign * value);
            // The window's last row has no successor in it.
            let right = b.values(values, first..first + last).chain([0.0]);
            steps.push(left, right);
        }
    }
    let mut single = Gathered::new(shape);
    for (values, run) in runs(series).filter(|(_, run)| run.len() <= SHORT) {
        for origin in run {
            let first = origin - shape.context;
            let left = a.values(values, first..origin);
            single.push(left, b.values(values, first..first + shape.rows()));
        }
    }
    unroll(firsts, &steps.summed(), single.summed())
}

/// Adds to the sums over single windows those over runs: `a(i+1) b(j+1)` is `a(i) b(j)` and its step.
fn unroll((row, column): (&[f64], &[f64]), steps: &Matrix, mut block: Matrix) -> Matrix {
    let mut above = row.to_vec();
    add(block.row_mut(0), &above);
    for (i, &first) in column.iter().enumerate().take(block.rows).skip(1) {
        for j in (1..block.cols).rev() {
            above[j] = above[j - 1] + steps.at(i - 1, j - 1);
        }
        above[0] = first;
        add(block.row_mut(i), &above);
    }
    block
}

/// Rows whose products are summed.
struct Gathered {
    left: Matrix,
    right: Matrix,
    sums: Matrix,
}

impl Gathered {
    fn new(shape: WindowShape) -> Self {
        Self {
            left: Matrix::zeros(0, shape.context),
            right: Matrix::zeros(0, shape.rows()),
            sums: Matrix::zeros(shape.context, shape.rows()),
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
        kernel::add_product(&self.left, &self.right, &mut self.sums);
        for rows in [&mut self.left, &mut self.right] {
            rows.data.clear();
            rows.rows = 0;
        }
    }

    fn summed(mut self) -> Matrix {
        self.sum();
        self.sums
    }
}

fn runs<'a>(series: &'a [Runs<'_>]) -> impl Iterator<Item = (&'a Matrix, Range<usize>)> {
    series
        .iter()
        .flat_map(|series| series.origins.iter().map(|run| (series.values, run.clone())))
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

fn add(to: &mut [f64], numbers: &[f64]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to += number;
    }
}

impl Channel {
    fn of(self, values: &Matrix, row: usize) -> f64 {
        (values.data[row * values.cols + self.input] - self.level) * self.factor
    }

    fn values(self, values: &Matrix, rows: Range<usize>) -> impl Iterator<Item = f64> {
        rows.map(move |row| self.of(values, row))
    }

    fn copy(self, values: &Matrix, rows: Range<usize>, into: &mut Vec<f64>) {
        into.clear();
        into.extend(self.values(values, rows));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use series::Windows;

    use super::*;

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

    /// The same sums the long way: window by window.
    fn slowly(series: &[Runs<'_>], a: Channel, b: Channel, shape: WindowShape) -> Matrix {
        let mut sums = Matrix::zeros(shape.context, shape.rows());
        for (values, run) in runs(series) {
            for first in run.map(|origin| origin - shape.context) {
                for (i, j) in (0..shape.context).flat_map(|i| (0..shape.rows()).map(move |j| (i, j))) {
                    *sums.at_mut(i, j) += a.of(values, first + i) * b.of(values, first + j);
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
                Runs { values: &values, origins: vec![context..split, split + gap..60 - horizon + 1] },
                Runs { values: &later, origins: Windows::inside(0..50, shape, None).runs() },
            ];
            let products = Products::of(&runs, &CHANNELS, shape, threads);
            let count: usize = runs.iter().flat_map(|runs| &runs.origins).map(ExactSizeIterator::len).sum();
            prop_assert_eq!(products.count, count);
            for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let want = slowly(&runs, CHANNELS[a], CHANNELS[b], shape);
                prop_assert!(close(products.block(a, b), &want), "channels {} and {}", a, b);
            }
            for (c, channel) in CHANNELS.into_iter().enumerate() {
                for j in 0..shape.rows() {
                    let each = || runs.iter().flat_map(|series| {
                        let rows = series.origins.iter().flat_map(|run| run.clone().map(|origin| origin - context + j));
                        rows.map(|row| channel.of(series.values, row))
                    });
                    prop_assert!((products.sums.at(c, j) - each().sum::<f64>()).abs() < CLOSE);
                    prop_assert!((products.squares.at(c, j) - each().map(|v| v * v).sum::<f64>()).abs() < CLOSE);
                }
            }
            prop_assert_eq!(&products, &Products::of(&runs, &CHANNELS, shape, 1), "threads never show");
        }
    }
}
