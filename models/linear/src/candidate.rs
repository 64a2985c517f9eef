//! What is regressed on what, and what comes of it.

use forecast::{FitError, Training};
use series::Matrix;

use crate::{
    maps::{Joint, Own},
    moments::{Inputs, Moments},
    parallel,
    path::Path,
    products::{Channel, Products},
    scale::{self, Channels},
};

/// The most memory that one fit may take.
const MAX_BYTES: u128 = 1 << 30;

/// A regression that is solved as one: its sums over training and selecting windows.
pub(crate) struct Candidate<'a> {
    data: &'a Training<'a>,
    channels: &'a Channels,
    path: Path,
    /// What the sums are around.
    centres: (Vec<f64>, Vec<f64>),
    /// Sums over the windows that select, around the same.
    select: Moments,
}

impl<'a> Candidate<'a> {
    /// Prepares one target on its own lags.
    pub(crate) fn own(data: &'a Training<'a>, channels: &'a Channels, target: usize) -> Result<Self, FitError> {
        let one = [channels.channels[target]];
        Self::new(data, channels, Inputs::Relative, &one, &[0])
    }

    /// Prepares all targets' windows as if of one target. They share no drift: it would be in no common unit.
    pub(crate) fn pooled(data: &'a Training<'a>, channels: &'a Channels) -> Result<Self, FitError> {
        let targets = &channels.channels[..data.target_names.len()];
        check_memory(data, Inputs::Relative, data.threads.max(1))?;
        let sums = |series: &[_]| {
            let mut total: Option<Moments> = None;
            for some in targets.chunks(data.threads.max(1)) {
                let sums = parallel::map(data.threads, some.len(), |index| {
                    let products = Products::of(series, &some[index..=index], data.window, 1);
                    Moments::of(&products, data.window, Inputs::Relative, &[0])
                });
                for sums in sums {
                    match &mut total {
                        Some(total) => total.add(&sums),
                        None => total = Some(sums),
                    }
                }
            }
            total.ok_or(FitError::TooFewWindows { have: 0, need: 1 })
        };
        let fitted = check_windows(sums(&scale::training(data))?)?;
        Ok(Self {
            centres: (vec![0.0; fitted.x.len()], vec![0.0; fitted.y.len()]),
            select: sums(&scale::selecting(data))?,
            path: Path::new(fitted, data.threads),
            data,
            channels,
        })
    }

    /// Prepares all targets on the lags of all channels together.
    pub(crate) fn all(data: &'a Training<'a>, channels: &'a Channels) -> Result<Self, FitError> {
        let targets: Vec<usize> = (0..data.target_names.len()).collect();
        Self::new(data, channels, Inputs::RelativeAndLast, &channels.channels, &targets)
    }

    fn new(
        data: &'a Training<'a>,
        channels: &'a Channels,
        inputs: Inputs,
        on: &[Channel],
        targets: &[usize],
    ) -> Result<Self, FitError> {
        check_memory(data, inputs, on.len())?;
        let sums = |series: &[_]| {
            let products = Products::of(series, on, data.window, data.threads);
            Moments::of(&products, data.window, inputs, targets)
        };
        let fitted = check_windows(sums(&scale::training(data)))?;
        let centres = fitted.means();
        let around = (&centres.0[..], &centres.1[..]);
        let select = sums(&scale::selecting(data)).around(around);
        let path = Path::new(fitted.around(around), data.threads);
        Ok(Self {
            data,
            channels,
            path,
            centres,
            select,
        })
    }

    /// Gives the squared error of each lambda over the rows that select, in units of the targets' variances.
    pub(crate) fn errors(&self, lambdas: &[f64]) -> Vec<f64> {
        self.path.judge(&self.select).errors(lambdas)
    }

    /// Gives the map of one target.
    pub(crate) fn solve_own(&self, target: usize, lambda: f64) -> Result<Own, FitError> {
        let weight = self.weights(lambda, &self.data.target_names[target..=target])?;
        let unit = self.channels.unit(target);
        let bias = self.bias(&weight).into_iter().map(|bias| unit * bias).collect();
        Ok(Own { weight, bias })
    }

    /// Gives the map that all targets share: it knows no unit.
    pub(crate) fn solve_pooled(&self, lambda: f64) -> Result<Matrix, FitError> {
        self.weights(lambda, self.data.target_names)
    }

    /// Gives the map from all channels to all targets, in scaled values.
    pub(crate) fn solve_all(&self, lambda: f64) -> Result<Joint, FitError> {
        let mut weight = self.weights(lambda, self.data.target_names)?;
        let mut bias = self.bias(&weight);
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
        Ok(Joint { weight, bias })
    }

    /// Gives what is forecast where all inputs are 0.
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

/// Says how many inputs the regression on all channels' lags has.
pub(crate) fn inputs_of_all(data: &Training<'_>) -> usize {
    scale::inputs(data).len() * data.window.context
}

fn check_windows(fitted: Moments) -> Result<Moments, FitError> {
    if fitted.count < 1.0 {
        return Err(FitError::TooFewWindows { have: 0, need: 1 });
    }
    Ok(fitted)
}

/// Refuses sums and factors that need more memory than a fit may take.
fn check_memory(data: &Training<'_>, inputs: Inputs, channels: usize) -> Result<(), FitError> {
    let wide = |number: usize| number as u128;
    let n = wide(channels) * wide(inputs.per_channel(data.window.context));
    let block = wide(data.window.context) * wide(data.window.rows());
    let blocks = match inputs {
        Inputs::Relative => wide(channels) * block,
        Inputs::RelativeAndLast => wide(channels) * wide(channels) * block,
    };
    // Blocks are gathered, stepped and kept; a matrix of all inputs stands for sums, reflections, judge and solutions.
    let have = 8 * (3 * blocks + n * n * (6 + 2 * wide(data.threads.max(1))));
    if have > MAX_BYTES {
        return Err(FitError::TooLarge { have, bound: MAX_BYTES });
    }
    Ok(())
}
