//! Sums of squares and products of last-value-normalised windows, which a ridge regression is solved from.
//!
//! Normalising a window, subtracting its last row from all others, is a linear map `P`. So the sums over normalised windows
//! are `P G Pᵀ`, where `G` are the sums over plain ones, and no window is ever built.

use series::{Matrix, WindowShape};

use crate::products::Products;

/// Which inputs of the regression a channel's context becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Inputs {
    /// All rows but the last, relative to the last.
    Relative,
    /// All rows but the last, relative to the last, and the last row itself.
    RelativeAndLast,
}

impl Inputs {
    /// Returns how many inputs a channel has.
    pub(crate) fn per_channel(self, context: usize) -> usize {
        match self {
            Self::Relative => context - 1,
            Self::RelativeAndLast => context,
        }
    }
}

/// Sums over windows: `x` are the inputs, channel after channel and then the calendar's, `y` the forecast rows relative
/// to the last row of their context, target after target.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Moments {
    /// How many windows there are.
    pub(crate) count: f64,
    /// The sum of each `x`.
    pub(crate) x: Vec<f64>,
    /// The sum of each `y`.
    pub(crate) y: Vec<f64>,
    /// The sums of `x x`: `[x, x]`, symmetric.
    pub(crate) xx: Matrix,
    /// The sums of `x y`: `[x, y]`.
    pub(crate) xy: Matrix,
    /// The sum of all `y²`.
    pub(crate) yy: f64,
    /// The bound of the rounding error of a sum of `x x`, which is a difference of sums over plain windows.
    pub(crate) noise: f64,
}

impl Moments {
    /// Returns the sums over normalised windows from those over plain ones.
    ///
    /// `targets` are channels. All inputs take part in the forecast of all targets.
    pub(crate) fn of(products: &Products, shape: WindowShape, inputs: Inputs, targets: &[usize]) -> Self {
        let per_channel = inputs.per_channel(shape.context);
        let last = shape.context - 1;
        let calendar = &products.calendar;
        let lags = products.channels * per_channel;
        let (n, m) = (lags + calendar.sums.len(), targets.len() * shape.horizon);
        let (mut xx, mut xy) = (Matrix::zeros(n, n), Matrix::zeros(n, m));
        for row in 0..n {
            // The sums of an input's products with a channel's window, and with the last row that it is relative to.
            let with = |channel: usize| {
                if row >= lags {
                    return (calendar.channels[row - lags].row(channel), None);
                }
                let (block, i) = (products.block(row / per_channel, channel), row % per_channel);
                (block.row(i), (i != last).then(|| block.row(last)))
            };
            for b in 0..products.channels {
                let into = &mut xx.row_mut(row)[b * per_channel..(b + 1) * per_channel];
                normalised(with(b), 0, last, into);
            }
            for (t, &target) in targets.iter().enumerate() {
                let into = &mut xy.row_mut(row)[t * shape.horizon..(t + 1) * shape.horizon];
                normalised(with(target), shape.context, last, into);
            }
        }
        for (input, row) in (lags..n).enumerate() {
            for lag in 0..lags {
                *xx.at_mut(lag, row) = xx.at(row, lag);
            }
            xx.row_mut(row)[lags..].copy_from_slice(calendar.products.row(input));
        }
        let sums = |channel: usize, row: usize| {
            let sums = products.sums.row(channel);
            if row == last { sums[row] } else { sums[row] - sums[last] }
        };
        let x = (0..lags).map(|input| sums(input / per_channel, input % per_channel));
        let steps = targets
            .iter()
            .flat_map(|&target| (shape.context..shape.rows()).map(move |row| (target, row)));
        let square = |(target, row): (usize, usize)| {
            let products_with_last = products.block(target, target).row(last);
            products.squares.at(target, row) - 2.0 * products_with_last[row] + products_with_last[last]
        };
        Self {
            count: count(products),
            x: x.chain(calendar.sums.iter().copied()).collect(),
            y: steps.clone().map(|(target, row)| sums(target, row)).collect(),
            xx,
            xy,
            yy: steps.map(square).sum(),
            noise: products.squares.data.iter().fold(0.0, |most, square| square.max(most)) * rounding(count(products)),
        }
    }

    /// Returns the means of `x` and `y`.
    pub(crate) fn means(&self) -> (Vec<f64>, Vec<f64>) {
        let mean = |sums: &[f64]| sums.iter().map(|sum| sum / self.count.max(1.0)).collect();
        (mean(&self.x), mean(&self.y))
    }

    /// Returns the sums with `x` and `y` taken around given centres. An input that stays at its centre up to rounding becomes
    /// exactly 0, because the rest of it is noise that must not enter the equations.
    pub(crate) fn around(mut self, (x, y): (&[f64], &[f64])) -> Self {
        if x.iter().chain(y).all(|&centre| centre == 0.0) {
            return self;
        }
        let n = self.count;
        for (i, (&sum, &centre)) in self.x.iter().zip(x).enumerate() {
            let shift = |other_sum: f64, other: f64| n * centre * other - sum * other - other_sum * centre;
            for (value, (&sum, &centre)) in self.xx.row_mut(i).iter_mut().zip(self.x.iter().zip(x)) {
                *value += shift(sum, centre);
            }
            for (value, (&sum, &centre)) in self.xy.row_mut(i).iter_mut().zip(self.y.iter().zip(y)) {
                *value += shift(sum, centre);
            }
        }
        for (&sum, &centre) in self.y.iter().zip(y) {
            self.yy += (n * centre - 2.0 * sum) * centre;
        }
        for (sums, centres) in [(&mut self.x, x), (&mut self.y, y)] {
            for (sum, centre) in sums.iter_mut().zip(centres) {
                *sum -= n * centre;
            }
        }
        for i in 0..self.xx.rows {
            if self.xx.at(i, i) <= self.noise {
                self.xx.row_mut(i).fill(0.0);
                (0..self.xx.rows).for_each(|row| *self.xx.at_mut(row, i) = 0.0);
                self.xy.row_mut(i).fill(0.0);
            }
        }
        self
    }
}

/// Returns the relative error of a difference of four sums of this many products.
fn rounding(count: f64) -> f64 {
    4.0 * count * f64::EPSILON
}

/// Returns one row of `P G Pᵀ`: an input with rows `from..` of a channel's window, all but `last` relative to it.
///
/// `row` has the sums of its products, `last_row` those of the row that it is relative to.
fn normalised((row, last_row): (&[f64], Option<&[f64]>), from: usize, last: usize, into: &mut [f64]) {
    let (mine, ours) = last_row.map_or((0.0, 0.0), |last_row| (1.0, last_row[last]));
    let last_row = last_row.unwrap_or(row);
    for (j, value) in (from..).zip(into) {
        *value = if j == last {
            row[j] - mine * last_row[j]
        } else {
            row[j] - mine * last_row[j] - row[last] + ours
        };
    }
}

#[expect(clippy::cast_precision_loss, reason = "window counts lie far below 2^52")]
fn count(products: &Products) -> f64 {
    products.count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::runs::{Channel, Runs};

    const CLOSE: f64 = 1e-9; // Sums of a few dozen products of numbers below 4.

    fn add(to: &mut Moments, other: &Moments) {
        to.count += other.count;
        to.yy += other.yy;
        for (to, from) in [
            (&mut to.x, &other.x),
            (&mut to.y, &other.y),
            (&mut to.xx.data, &other.xx.data),
            (&mut to.xy.data, &other.xy.data),
        ] {
            for (to, from) in to.iter_mut().zip(from) {
                *to += from;
            }
        }
    }

    /// The inputs and forecast rows of one window: the lags of two channels and the last row of a calendar input.
    fn window(values: &Matrix, origin: usize, shape: WindowShape, inputs: Inputs) -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for channel in 0..2 {
            let last = values.at(origin - 1, channel);
            let rows = origin - shape.context..origin - 1;
            x.extend(rows.map(|row| values.at(row, channel) - last));
            x.extend((inputs == Inputs::RelativeAndLast).then_some(last));
        }
        x.push(values.at(origin - 1, 2));
        let last = values.at(origin - 1, 1);
        y.extend((origin..origin + shape.horizon).map(|row| values.at(row, 1) - last));
        (x, y)
    }

    proptest! {
        #[test]
        fn sums_around_centres_are_those_of_normalised_windows(
            data in proptest::collection::vec(-1.0_f64..1.0, 120), context in 1_usize..5, horizon in 1_usize..4,
            centre in -1.0_f64..1.0,
        ) {
            let values = Matrix { rows: 40, cols: 3, data };
            let shape = WindowShape { context, horizon, stride: 1 };
            let channel = |input| Channel { input, level: 0.0, factor: 1.0 };
            let run = context..40 - horizon + 1;
            let runs = [Runs { values: &values, channels: vec![channel(0), channel(1)], calendar: vec![channel(2)], origins: vec![run.clone()] }];
            let products = Products::of(&runs, shape, 1);
            for inputs in [Inputs::Relative, Inputs::RelativeAndLast] {
                let moments = Moments::of(&products, shape, inputs, &[1]);
                let (n, m) = (moments.x.len(), horizon);
                let moments = moments.around((&vec![centre; n], &vec![-centre; m]));
                let mut want = Moments {
                    count: 0.0, x: vec![0.0; n], y: vec![0.0; m], xx: Matrix::zeros(n, n), xy: Matrix::zeros(n, m), yy: 0.0, noise: 0.0,
                };
                for origin in run.clone() {
                    let (x, y) = window(&values, origin, shape, inputs);
                    let (x, y): (Vec<_>, Vec<_>) =
                        (x.iter().map(|x| x - centre).collect(), y.iter().map(|y| y + centre).collect());
                    let outer = |left: &[f64], right: &[f64]| Matrix {
                        rows: left.len(),
                        cols: right.len(),
                        data: left.iter().flat_map(|l| right.iter().map(move |r| l * r)).collect(),
                    };
                    add(&mut want, &Moments {
                        count: 1.0, yy: y.iter().map(|y| y * y).sum(), noise: 0.0, xx: outer(&x, &x), xy: outer(&x, &y), x, y,
                    });
                }
                let all = |m: &Moments| [vec![m.count, m.yy], m.x.clone(), m.y.clone(), m.xx.data.clone(), m.xy.data.clone()].concat();
                for (have, want) in all(&moments).iter().zip(all(&want)) {
                    prop_assert!((have - want).abs() < CLOSE, "{} for {} with {:?}", have, want, inputs);
                }
            }
        }
    }
}
