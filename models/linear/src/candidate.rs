//! The regressions that a fit tries: their sums, their errors and their solutions.

use std::ops::Range;

use forecast::{FitError, Training};
use series::Matrix;

use crate::{
    maps::{Joint, Own, Pooled},
    moments::{Inputs, Moments},
    path::Path,
    products::Products,
    runs::Channel,
    scale::{self, Channels},
};

/// The most memory that one fit may take.
const MAX_BYTES: u128 = 1 << 30;

/// One system of equations: its sums over training and selecting windows.
pub(crate) struct Candidate<'a> {
    data: Training<'a>,
    channels: &'a Channels,
    path: Path,
    /// The centres that the sums are taken around.
    centres: (Vec<f64>, Vec<f64>),
    /// The sums over the windows that select, around the same centres.
    select: Moments,
}

impl<'a> Candidate<'a> {
    /// Prepares one target on its own lags.
    pub(crate) fn own(data: Training<'a>, channels: &'a Channels, target: usize) -> Result<Self, FitError> {
        let one = vec![channels.channels[target]];
        let (fitted, select) = sums(&data, channels, Inputs::Relative, &[one], &[0])?;
        let centres = fitted.means();
        Ok(Self::around(data, channels, centres, fitted, select))
    }

    /// Prepares the windows of all targets as if they were of one. There is no common drift, since targets have different units.
    pub(crate) fn pooled(data: Training<'a>, channels: &'a Channels) -> Result<Self, FitError> {
        let targets = &channels.channels[..data.target_names.len()];
        let each: Vec<Vec<Channel>> = targets.iter().map(|&channel| vec![channel]).collect();
        let (fitted, select) = sums(&data, channels, Inputs::Relative, &each, &[0])?;
        let centres = (vec![0.0; fitted.x.len()], vec![0.0; fitted.y.len()]);
        Ok(Self::around(data, channels, centres, fitted, select))
    }

    /// Prepares all targets on the lags of all channels together.
    pub(crate) fn all(data: Training<'a>, channels: &'a Channels) -> Result<Self, FitError> {
        let targets: Vec<usize> = (0..data.target_names.len()).collect();
        let all = channels.channels.clone();
        let (fitted, select) = sums(&data, channels, Inputs::RelativeAndLast, &[all], &targets)?;
        let centres = fitted.means();
        Ok(Self::around(data, channels, centres, fitted, select))
    }

    fn around(
        data: Training<'a>,
        channels: &'a Channels,
        centres: (Vec<f64>, Vec<f64>),
        fitted: Moments,
        select: Moments,
    ) -> Self {
        let around = (&centres.0[..], &centres.1[..]);
        Self {
            data,
            channels,
            select: select.around(around),
            path: Path::new(fitted.around(around), data.threads),
            centres,
        }
    }

    /// Returns the squared error of each lambda over the rows that select, in units of the targets' variances.
    pub(crate) fn errors(&self, lambdas: &[f64]) -> Vec<f64> {
        self.path.judge(&self.select).errors(lambdas)
    }

    /// Returns the map of one target.
    pub(crate) fn solve_own(&self, target: usize, lambda: f64) -> Result<Own, FitError> {
        let mut weight = self.weights(lambda, &self.data.target_names[target..=target])?;
        let unit = self.channels.unit(target);
        let bias = self.bias(&weight).into_iter().map(|bias| unit * bias).collect();
        let calendar = self.split(&mut weight, target..target + 1);
        Ok(Own { weight, bias, calendar })
    }

    /// Returns the map that all targets share; only its calendar weights depend on the units of the targets.
    pub(crate) fn solve_pooled(&self, lambda: f64) -> Result<Pooled, FitError> {
        let mut weight = self.weights(lambda, self.data.target_names)?;
        let calendar = self.split(&mut weight, 0..self.data.target_names.len());
        Ok(Pooled { weight, calendar })
    }

    /// Returns the map from all channels to all targets, in scaled values.
    pub(crate) fn solve_all(&self, lambda: f64) -> Result<Joint, FitError> {
        let mut weight = self.weights(lambda, self.data.target_names)?;
        let mut bias = self.bias(&weight);
        let calendar = self.split(&mut weight, 0..self.data.target_names.len());
        let (context, horizon) = (self.data.window.context, self.data.window.horizon);
        for row in 0..weight.rows {
            let channel = self.channels.channels[row / context];
            let last = row % context == context - 1;
            for (col, weight) in weight.row_mut(row).iter_mut().enumerate() {
                *weight *= channel.factor;
                if last {
                    bias[col] -= *weight * channel.level;
                }
                *weight *= self.channels.unit(col / horizon);
            }
        }
        for (col, bias) in bias.iter_mut().enumerate() {
            *bias *= self.channels.unit(col / horizon);
        }
        Ok(Joint { weight, bias, calendar })
    }

    /// Splits the rows of calendar inputs off some weights and returns them in the scaled values of some targets.
    ///
    /// # Shapes
    /// `[calendar, targets * horizon]`; weights of one horizon are those of each target.
    fn split(&self, weight: &mut Matrix, targets: Range<usize>) -> Matrix {
        let inputs = &self.channels.calendar;
        weight.rows -= inputs.len();
        let rows = weight.data.split_off(weight.rows * weight.cols);
        let horizon = self.data.window.horizon;
        let mut calendar = Matrix::zeros(inputs.len(), targets.len() * horizon);
        for (c, (input, row)) in inputs.iter().zip(rows.chunks_exact(weight.cols)).enumerate() {
            let each = calendar.row_mut(c).iter_mut().zip(row.iter().cycle()).enumerate();
            for (col, (to, weight)) in each {
                *to = weight * input.factor * self.channels.unit(targets.start + col / horizon);
            }
        }
        calendar
    }

    /// Returns the forecast where all inputs are 0.
    fn bias(&self, weight: &Matrix) -> Vec<f64> {
        let (x, y) = &self.centres;
        let mut bias = y.clone();
        for (i, centre) in x.iter().enumerate() {
            for (bias, weight) in bias.iter_mut().zip(weight.row(i)) {
                *bias -= weight * centre;
            }
        }
        bias
    }

    fn weights(&self, lambda: f64, targets: &[String]) -> Result<Matrix, FitError> {
        self.path.weights(lambda).ok_or_else(|| FitError::Singular {
            target: targets.join(", "),
            lambda,
        })
    }
}

/// Returns whether coefficients that all targets share, or coefficients for each, need no more memory than a fit may take.
pub(crate) fn fits_memory(data: &Training<'_>) -> bool {
    check_memory(data, Inputs::Relative, 1, 0).is_ok()
}

/// Sums over the windows that train and over those that select.
///
/// The channels of a group are regressed together; the windows of several groups are treated as those of one.
fn sums(
    data: &Training<'_>,
    Channels { calendar, .. }: &Channels,
    inputs: Inputs,
    groups: &[Vec<Channel>],
    targets: &[usize],
) -> Result<(Moments, Moments), FitError> {
    check_memory(data, inputs, groups[0].len(), calendar.len())?;
    let sums = |runs: &[_]| {
        let products = Products::of(runs, data.window, data.threads);
        Moments::of(&products, data.window, inputs, targets)
    };
    let fitted = sums(&scale::training(data, groups, calendar));
    if fitted.count < 1.0 {
        return Err(FitError::TooFewWindows { have: 0, need: 1 });
    }
    Ok((fitted, sums(&scale::selecting(data, groups, calendar))))
}

/// Checks that sums and factors need no more memory than a fit may take.
fn check_memory(data: &Training<'_>, inputs: Inputs, channels: usize, calendar: usize) -> Result<(), FitError> {
    let wide = |number: usize| number as u128;
    let n = wide(channels) * wide(inputs.per_channel(data.window.context)) + wide(calendar);
    let block = wide(data.window.context) * wide(data.window.rows());
    let blocks = match inputs {
        Inputs::Relative => wide(channels) * block,
        Inputs::RelativeAndLast => wide(channels) * wide(channels) * block,
    };
    // Blocks exist three times; a square of all inputs exists for sums, reflections, errors and solutions.
    let have = 8 * (3 * blocks + n * n * (6 + 2 * wide(data.threads.max(1))));
    if have > MAX_BYTES {
        return Err(FitError::TooLarge { have, bound: MAX_BYTES });
    }
    Ok(())
}
