//! What does the arithmetic of a fit. Order of windows, losses, updates' rates, early stopping and checkpoints are the same
//! for all that do.

use std::ops::Range;

use crate::{
    samples::{Samples, single},
    shape::{Cell, Shape},
};

/// What a batch gave.
#[derive(Clone, Copy, Debug)]
pub struct Learned {
    /// The sum of squared errors before the update.
    pub sum: f64,
    /// The same of forecasts that are all zero.
    pub sum_of_zeros: f64,
    /// The gradients' norm.
    pub norm: f64,
}

/// One update of the parameters.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Its number, from 1.
    pub number: u64,
    /// The learning rate.
    pub rate: f64,
    /// The norm to which gradients are clipped.
    pub clip: f64,
    /// The norm that they have.
    pub norm: f64,
    /// How much of a parameter is added to its gradient: Adam's weight decay.
    pub added: f64,
    /// What is left of a parameter before the step: `AdamW`'s weight decay.
    pub left: f64,
}

pub use crate::dropout::Dropout;

/// Numbers by tensor, in the order of [`Task::tensors`].
pub type Values = Vec<Vec<f32>>;

/// Does the arithmetic of a fit.
pub trait Engine {
    /// Finds the gradients of a batch's mean squared error, given the numbers of its windows and what is dropped between layers.
    fn learn(&mut self, windows: &[usize], dropout: Option<Dropout>) -> Learned;

    /// Moves the parameters by the gradients that were found last.
    fn update(&mut self, update: &Update);

    /// Gives the sum of squared errors over all selecting windows.
    fn grade(&mut self) -> f64;

    /// Gives the parameters.
    fn values(&self) -> Values;

    /// Gives the means of gradients and of their squares.
    fn moments(&self) -> [Values; 2];

    /// Takes up other parameters and moments.
    fn go_back(&mut self, start: Start);
}

/// What an engine goes on from.
#[derive(Clone, Debug)]
pub struct Start {
    /// The parameters.
    pub values: Values,
    /// The means of gradients and of their squares.
    pub moments: [Values; 2],
}

/// What an engine works on.
pub struct Task<'a> {
    pub(crate) shape: Shape,
    pub(crate) training: &'a Samples<'a>,
    pub(crate) select: &'a Samples<'a>,
}

impl Task<'_> {
    /// Gives the kind of cell.
    #[must_use]
    pub fn cell(&self) -> Cell {
        self.shape.cell
    }

    /// Gives the rows of a window, the columns of a row, and the numbers of a forecast.
    #[must_use]
    pub fn sizes(&self) -> [usize; 3] {
        [self.shape.context, self.shape.inputs, self.shape.outputs]
    }

    /// Gives every tensor's name in PyTorch's state dictionary and its dimensions.
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
    /// Beyond the last window, as a slice does.
    #[must_use]
    pub fn training(&self, windows: &[usize]) -> (Vec<f32>, Vec<f32>) {
        self.training.copy(windows.iter().copied())
    }

    /// Gives how many windows select.
    #[must_use]
    pub fn selecting(&self) -> usize {
        self.select.len()
    }

    /// Copies some selecting windows, as [`Task::training`] does.
    ///
    /// # Panics
    /// Beyond the last window, as a slice does.
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
