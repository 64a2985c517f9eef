//! The coefficients of a ridge, and how they forecast.
#![expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the widest vectors"
)]

use forecast::{ArtifactError, Tensor, Tensors, tensors};
use series::Matrix;

use crate::wide::wide;

/// Coefficients, by which lags a target is forecast from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Map {
    /// Each target has its own map of its own lags.
    Own(Vec<Own>),
    /// All targets share one map of their own lags, which knows no unit: `[context - 1, horizon]`.
    Pooled(Matrix),
    /// One map leads from all channels to all targets.
    All(Joint),
}

/// The map of one target.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Own {
    /// `[context - 1, horizon]`.
    pub(crate) weight: Matrix,
    /// One per step.
    pub(crate) bias: Vec<f64>,
}

/// The map from all channels to all targets.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Joint {
    /// `[channels * context, targets * horizon]`; a channel's last row stands for itself, the others relative to it.
    pub(crate) weight: Matrix,
    /// One per target and step.
    pub(crate) bias: Vec<f64>,
}

/// The tensor of a shared map.
pub(crate) const POOLED: &str = "pooled.weight";

impl Map {
    /// Reads whichever map is there.
    pub(crate) fn read(
        tensors: &Tensors,
        targets: usize,
        context: usize,
        horizon: usize,
    ) -> Result<Self, ArtifactError> {
        if tensors.contains_key(POOLED) {
            return Ok(Self::Pooled(read_pooled(tensors, context, horizon)?));
        }
        if Joint::NAMES.iter().any(|name| tensors.contains_key(*name)) {
            return Ok(Self::All(Joint::read(tensors, context, targets * horizon)?));
        }
        let own = (0..targets).map(|target| Own::read(tensors, target, context, horizon));
        Ok(Self::Own(own.collect::<Result<_, _>>()?))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::Pooled(_) => "pooled",
            Self::All(_) => "all",
        }
    }

    /// Gives how many channels it needs, where it needs others than the targets.
    pub(crate) fn channels(&self, context: usize) -> Option<usize> {
        match self {
            Self::Own(_) | Self::Pooled(_) => None,
            Self::All(joint) => Some(joint.weight.rows / context),
        }
    }

    /// Forecasts the trained horizon from one context.
    ///
    /// # Shapes
    /// `window` is `[context, inputs]`, `channels` are inputs, targets first; the result is `[horizon, targets]`.
    pub(crate) fn forecast(&self, window: &Matrix, channels: &[usize], targets: usize, horizon: usize) -> Matrix {
        wide(
            #[inline(always)]
            || self.block(window, channels, targets, horizon),
        )
    }

    #[inline(always)]
    fn block(&self, window: &Matrix, channels: &[usize], targets: usize, horizon: usize) -> Matrix {
        let mut result = Matrix::zeros(horizon, targets);
        let columns: Vec<Vec<f64>> = channels.iter().map(|&input| window.column(input)).collect();
        let together = match self {
            Self::All(joint) => joint.differences(&columns),
            Self::Own(_) | Self::Pooled(_) => Vec::new(),
        };
        for target in 0..targets {
            let context = &columns[target];
            let own = match self {
                Self::Own(own) => differences(&own[target].weight, own[target].bias.clone(), context),
                Self::Pooled(weight) => differences(weight, vec![0.0; horizon], context),
                Self::All(_) => together[target * horizon..(target + 1) * horizon].to_vec(),
            };
            for (step, difference) in own.into_iter().enumerate() {
                *result.at_mut(step, target) = context[context.len() - 1] + difference;
            }
        }
        result
    }
}

/// Gives the forecast relative to the last row.
#[inline(always)]
fn differences(weight: &Matrix, mut forecast: Vec<f64>, context: &[f64]) -> Vec<f64> {
    let last = context[context.len() - 1];
    for (i, value) in context[..context.len() - 1].iter().enumerate() {
        add(&mut forecast, value - last, weight.row(i));
    }
    forecast
}

#[inline(always)]
fn add(to: &mut [f64], factor: f64, numbers: &[f64]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to += factor * number;
    }
}

impl Own {
    pub(crate) fn read(
        tensors: &Tensors,
        target: usize,
        context: usize,
        horizon: usize,
    ) -> Result<Self, ArtifactError> {
        let [weight, bias] = Self::names(target);
        Ok(Self {
            weight: matrix(tensors, &weight, context - 1, horizon)?,
            bias: tensors::f64s(tensors, &bias, &[horizon])?.to_vec(),
        })
    }

    pub(crate) fn write(self, target: usize, tensors: &mut Tensors) {
        let [weight, bias] = Self::names(target);
        tensors.insert(weight, tensor(self.weight));
        tensors.insert(bias, Tensor::f64(vec![self.bias.len()], self.bias));
    }

    fn names(target: usize) -> [String; 2] {
        [format!("{target}.weight"), format!("{target}.bias")]
    }
}

impl Joint {
    pub(crate) const NAMES: [&str; 2] = ["all.weight", "all.bias"];

    /// `outputs` are targets times steps; how many channels there are follows from the tensor.
    pub(crate) fn read(tensors: &Tensors, context: usize, outputs: usize) -> Result<Self, ArtifactError> {
        let [weight, bias] = Self::NAMES;
        let rows = tensors.get(weight).and_then(|tensor| tensor.shape.first().copied());
        let whole = rows.unwrap_or(0) / context * context;
        Ok(Self {
            weight: matrix(tensors, weight, whole, outputs)?,
            bias: tensors::f64s(tensors, bias, &[outputs])?.to_vec(),
        })
    }

    pub(crate) fn write(self, tensors: &mut Tensors) {
        let [weight, bias] = Self::NAMES;
        tensors.insert(weight.to_owned(), tensor(self.weight));
        tensors.insert(bias.to_owned(), Tensor::f64(vec![self.bias.len()], self.bias));
    }

    #[inline(always)]
    fn differences(&self, columns: &[Vec<f64>]) -> Vec<f64> {
        let mut forecast = self.bias.clone();
        for (channel, context) in columns.iter().enumerate() {
            let last = context.len() - 1;
            for (i, value) in context.iter().enumerate() {
                let value = if i == last {
                    context[last]
                } else {
                    value - context[last]
                };
                add(&mut forecast, value, self.weight.row(channel * context.len() + i));
            }
        }
        forecast
    }
}

pub(crate) fn read_pooled(tensors: &Tensors, context: usize, horizon: usize) -> Result<Matrix, ArtifactError> {
    matrix(tensors, POOLED, context - 1, horizon)
}

pub(crate) fn write_pooled(weight: Matrix, tensors: &mut Tensors) {
    tensors.insert(POOLED.to_owned(), tensor(weight));
}

fn matrix(tensors: &Tensors, name: &str, rows: usize, cols: usize) -> Result<Matrix, ArtifactError> {
    let data = tensors::f64s(tensors, name, &[rows, cols])?.to_vec();
    Ok(Matrix { rows, cols, data })
}

fn tensor(matrix: Matrix) -> Tensor {
    Tensor::f64(vec![matrix.rows, matrix.cols], matrix.data)
}
