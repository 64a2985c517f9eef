//! The interface between a fit and its arithmetic. The order of windows, losses, learning rates, early stopping and
//! checkpoints are the same for all engines.

use std::ops::Range;

use crate::{
    samples::{Samples, single},
    shape::{Cell, Shape},
};

/// The result of the forward and backward pass of one batch.
#[derive(Clone, Copy, Debug)]
pub struct Learned {
    /// The sum of squared errors before the update, on the scaled axis.
    pub sum: f64,
    /// The sum of squared errors that forecasts of zero would have.
    pub sum_of_zeros: f64,
    /// The norm of all gradients, before clipping.
    pub norm: f64,
}

/// One update of the parameters.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// The number of this update in the fit, from 1.
    pub number: u64,
    /// The learning rate of this batch.
    pub rate: f64,
    /// The norm to which gradients are clipped.
    pub clip: f64,
    /// The norm that the gradients have.
    pub norm: f64,
    /// The part of a parameter that is added to its gradient: Adam's weight decay.
    pub added: f64,
    /// The factor of a parameter before it is moved: `AdamW`'s weight decay.
    pub left: f64,
}

pub use crate::dropout::Dropout;

/// Numbers by tensor, in the order of [`Task::tensors`].
pub type Values = Vec<Vec<f32>>;

/// Does the arithmetic of a fit.
pub trait Engine {
    /// Computes the gradients of a batch's mean squared error from the numbers of its windows and the masks between layers.
    fn learn(&mut self, windows: &[usize], dropout: Option<Dropout>) -> Learned;

    /// Moves the parameters by the gradients of the last call of [`Engine::learn`].
    fn update(&mut self, update: &Update);

    /// Returns the sum of squared errors over all selecting windows.
    fn grade(&mut self) -> f64;

    /// Returns the parameters by tensor.
    fn values(&self) -> Values;

    /// Returns the running means of the gradients and of their squares.
    fn moments(&self) -> [Values; 2];

    /// Replaces parameters and moments by earlier ones.
    fn go_back(&mut self, start: Start);
}

/// What an engine starts from.
#[derive(Clone, Debug)]
pub struct Start {
    /// The parameters by tensor.
    pub values: Values,
    /// The running means of the gradients and of their squares.
    pub moments: [Values; 2],
}

/// The net and the windows that an engine works on.
pub struct Task<'a> {
    pub(crate) shape: Shape,
    pub(crate) training: &'a Samples<'a>,
    pub(crate) select: &'a Samples<'a>,
}

impl Task<'_> {
    /// Returns the kind of cell.
    #[must_use]
    pub fn cell(&self) -> Cell {
        self.shape.cell
    }

    /// Returns the rows of a context, the columns of a row, and how many numbers one forecast has.
    #[must_use]
    pub fn sizes(&self) -> [usize; 3] {
        [self.shape.context, self.shape.inputs, self.shape.outputs]
    }

    /// Returns every tensor's name in PyTorch's state dictionary and its dimensions.
    #[must_use]
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let layouts = self.shape.layouts().into_iter();
        layouts
            .map(|layout| (layout.name.clone(), layout.dimensions()))
            .collect()
    }

    /// Copies some training windows: rows `[windows, context, inputs]` and targets `[windows, outputs]`.
    ///
    /// # Panics
    /// With a number beyond the last window.
    #[must_use]
    pub fn training(&self, windows: &[usize]) -> (Vec<f32>, Vec<f32>) {
        self.training.copy(windows.iter().copied())
    }

    /// Returns how many windows there are whose loss selects the best epoch.
    #[must_use]
    pub fn selecting(&self) -> usize {
        self.select.len()
    }

    /// Copies some selecting windows, as [`Task::training`] does.
    ///
    /// # Panics
    /// With a number beyond the last window.
    #[must_use]
    pub fn select(&self, windows: Range<usize>) -> (Vec<f32>, Vec<f32>) {
        self.select.copy(windows)
    }
}

impl Samples<'_> {
    /// Copies windows, one after another.
    fn copy(&self, numbers: impl Iterator<Item = usize>) -> (Vec<f32>, Vec<f32>) {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for number in numbers {
            let (scaled, origin) = self.window(number);
            let rows = origin - self.shape().context..origin + self.shape().horizon;
            for row in rows {
                let values = scaled.values.row(row);
                if row < origin {
                    inputs.extend(values.iter().map(|&value| single(value)));
                } else {
                    targets.extend(scaled.targets.iter().map(|&target| single(values[target])));
                }
            }
        }
        (inputs, targets)
    }
}
