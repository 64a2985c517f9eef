//! A chunk of windows with its targets: forward, and back to the gradients of every gate.

use crate::{
    cell::{GruBackward, LstmBackward},
    chunk::{Activations, Chunk, WINDOWS},
    matrix::{Start, multiply},
    shape::{Cell, Shape},
    simd::Path,
    weights::Weights,
};

/// Room for the way back of one chunk.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    pub(crate) chunk: Chunk,
    targets: Vec<f32>,
    /// The gradient of the outputs.
    errors: Vec<f32>,
    /// Per layer the gradients of the states' products. An LSTM's are those of the inputs' products and need no room.
    recurrent: Vec<Vec<f32>>,
    above: Vec<f32>,
    carry: Vec<f32>,
    carry_cells: Vec<f32>,
}

/// Both sides of the outer products whose sum is a weight's gradient, each with its columns.
pub(crate) struct Sides<'a> {
    pub(crate) left: (&'a [f32], usize),
    pub(crate) right: (&'a [f32], usize),
}

impl Lesson {
    /// Reserves the room.
    pub(crate) fn new(path: Path, shape: Shape) -> Self {
        let rows = WINDOWS * shape.context;
        let recurrent = match shape.cell {
            Cell::Gru => vec![vec![0.0; rows * shape.gates()]; shape.layers],
            Cell::Lstm => Vec::new(),
        };
        Self {
            chunk: Chunk::new(path, shape, WINDOWS),
            targets: vec![0.0; WINDOWS * shape.outputs],
            errors: vec![0.0; WINDOWS * shape.outputs],
            recurrent,
            above: vec![0.0; rows * shape.hidden],
            carry: vec![0.0; WINDOWS * shape.hidden],
            carry_cells: vec![0.0; WINDOWS * shape.hidden],
        }
    }

    /// Gives the room for the inputs and the targets of some windows.
    pub(crate) fn windows_mut(&mut self, windows: usize) -> (&mut [f32], &mut [f32]) {
        let targets = &mut self.targets[..windows * self.chunk.shape.outputs];
        (self.chunk.inputs_mut(windows), targets)
    }

    /// Takes the windows forward and gives the sum of squared errors over windows and outputs.
    pub(crate) fn grade(&mut self, weights: &Weights) -> f64 {
        let outputs = self.chunk.forward(weights);
        let mut sum = 0.0;
        for ((error, output), target) in self.errors.iter_mut().zip(outputs).zip(&self.targets) {
            *error = output - target;
            sum += f64::from(*error) * f64::from(*error);
        }
        sum
    }

    /// Gives the sum of squared targets: the squared error of forecasting nothing but zero.
    pub(crate) fn squared_targets(&self) -> f64 {
        let targets = &self.targets[..self.chunk.windows * self.chunk.shape.outputs];
        targets
            .iter()
            .map(|&target| f64::from(target) * f64::from(target))
            .sum()
    }

    /// Takes the windows forward and back and gives the sum of squared errors.
    ///
    /// `scale` times the squared error is the loss whose gradients are left behind for [`Sides`].
    pub(crate) fn learn(&mut self, weights: &Weights, scale: f32) -> f64 {
        let sum = self.grade(weights);
        let shape = self.chunk.shape;
        let (windows, block) = (self.chunk.windows, self.chunk.windows * shape.hidden);
        let errors = &mut self.errors[..windows * shape.outputs];
        for error in errors.iter_mut() {
            *error *= 2.0 * scale;
        }
        let (earlier, last) = self.above[..shape.context * block].split_at_mut((shape.context - 1) * block);
        earlier.fill(0.0);
        multiply(errors, &weights.head().0.backward, Start::Zero, last);
        for layer in (0..shape.layers).rev() {
            self.backward_layer(weights, layer);
        }
        sum
    }

    fn backward_layer(&mut self, weights: &Weights, layer: usize) {
        let Chunk {
            path,
            shape,
            windows,
            ref mut layers,
            ..
        } = self.chunk;
        let (block, wide, hidden) = (windows * shape.hidden, windows * shape.gates(), shape.hidden);
        let parameters = weights.layer(layer);
        let Activations { states, gates, kept } = &mut layers[layer];
        let (carry, carry_cells) = (&mut self.carry[..block], &mut self.carry_cells[..block]);
        carry.fill(0.0);
        carry_cells.fill(0.0);
        for step in (0..shape.context).rev() {
            let gates = &mut gates[step * wide..][..wide];
            let above = &self.above[step * block..][..block];
            let (start, gradients) = match shape.cell {
                Cell::Gru => {
                    let recurrent = &mut self.recurrent[layer][step * wide..][..wide];
                    let (kept, before) = (&kept[step * block..][..block], &states[step * block..][..block]);
                    path.run(GruBackward {
                        hidden,
                        gates,
                        recurrent,
                        kept,
                        before,
                        above,
                        carry,
                    });
                    (Start::Output, &*recurrent)
                }
                Cell::Lstm => {
                    let (cells_before, cells) = kept[step * block..(step + 2) * block].split_at(block);
                    path.run(LstmBackward {
                        hidden,
                        gates,
                        cells_before,
                        cells,
                        above,
                        carry,
                        carry_cells,
                    });
                    (Start::Zero, &*gates)
                }
            };
            // Nothing asks for the gradient of the zeros before the first step.
            if step > 0 {
                multiply(gradients, &parameters.hidden.backward, start, carry);
            }
        }
        if layer > 0 {
            let gates = &gates[..shape.context * wide];
            multiply(
                gates,
                &parameters.input.backward,
                Start::Zero,
                &mut self.above[..shape.context * block],
            );
        }
    }

    /// Gives what the gradients of a layer's weight for its inputs are made of.
    pub(crate) fn input_sides(&self, layer: usize) -> Sides<'_> {
        let Chunk {
            shape,
            windows,
            ref layers,
            ..
        } = self.chunk;
        let gates = &layers[layer].gates[..shape.context * windows * shape.gates()];
        Sides {
            left: (gates, shape.gates()),
            right: (self.chunk.inputs_of(layer), shape.width(layer)),
        }
    }

    /// Gives what the gradients of a layer's weight for its own last state are made of.
    pub(crate) fn hidden_sides(&self, layer: usize) -> Sides<'_> {
        let Chunk {
            shape,
            windows,
            ref layers,
            ..
        } = self.chunk;
        let gates = self.recurrent.get(layer).unwrap_or(&layers[layer].gates);
        let gates = &gates[..shape.context * windows * shape.gates()];
        let states = &layers[layer].states[..shape.context * windows * shape.hidden];
        Sides {
            left: (gates, shape.gates()),
            right: (states, shape.hidden),
        }
    }

    /// Gives what the gradients of the head's weight are made of.
    pub(crate) fn head_sides(&self) -> Sides<'_> {
        let Shape { outputs, hidden, .. } = self.chunk.shape;
        Sides {
            left: (&self.errors[..self.chunk.windows * outputs], outputs),
            right: (self.chunk.last_states(), hidden),
        }
    }
}
