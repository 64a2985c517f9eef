//! Some windows of a batch on their way through the net: forward to the outputs, and back to the gradients of every gate.
//!
//! # Shapes
//! Matrices are row-major with one row per step and window, steps first: row `step · windows + window`. A step's rows are
//! then one block, and a layer's input products of all steps are one matrix product. States and cells have one step more,
//! the zeros before the first.

use crate::{
    cell::{GruBackward, GruForward, LstmBackward, LstmForward},
    matrix::{Start, multiply},
    shape::{Cell, Shape},
    simd::Path,
    weights::Weights,
};

/// The windows of a chunk in training. A batch is cut into chunks of this size for the threads, whatever their number: the order in which
/// gradients are summed follows from it.
pub(crate) const WINDOWS: usize = 16;

/// Room for the forward pass of one chunk, kept from batch to batch.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    path: Path,
    shape: Shape,
    /// How many windows are in it now.
    windows: usize,
    inputs: Vec<f32>,
    layers: Vec<Activations>,
    recurrent: Vec<f32>,
    outputs: Vec<f32>,
}

/// What the forward pass of a layer leaves for the way back.
#[derive(Clone, Debug)]
struct Activations {
    states: Vec<f32>,
    /// The activated gates; after the way back the gradients of the inputs' products.
    gates: Vec<f32>,
    /// GRU: the new gate's recurrent products. LSTM: the cells.
    kept: Vec<f32>,
}

impl Chunk {
    /// Reserves room for as many windows.
    pub(crate) fn new(path: Path, shape: Shape, windows: usize) -> Self {
        let rows = windows * shape.context;
        let layer = Activations {
            states: vec![0.0; (rows + windows) * shape.hidden],
            gates: vec![0.0; rows * shape.gates()],
            kept: vec![0.0; (rows + windows) * shape.hidden],
        };
        Self {
            path,
            shape,
            windows: 0,
            inputs: vec![0.0; rows * shape.inputs],
            layers: vec![layer; shape.layers],
            recurrent: vec![0.0; windows * shape.gates()],
            outputs: vec![0.0; windows * shape.outputs],
        }
    }

    /// Gives the room for the inputs of some windows, `[context, windows, inputs]`.
    pub(crate) fn inputs_mut(&mut self, windows: usize) -> &mut [f32] {
        self.windows = windows;
        &mut self.inputs[..self.shape.context * windows * self.shape.inputs]
    }

    /// Takes the inputs through the net and gives the outputs, `[windows, outputs]`.
    pub(crate) fn forward(&mut self, weights: &Weights) -> &[f32] {
        for layer in 0..self.shape.layers {
            self.forward_layer(weights, layer);
        }
        let (head, bias) = weights.head();
        let outputs = &mut self.outputs[..self.windows * self.shape.outputs];
        let last = last_states(&self.layers[self.shape.layers - 1], &self.shape, self.windows);
        multiply(last, &head.forward, Start::Row(bias), outputs);
        outputs
    }

    fn forward_layer(&mut self, weights: &Weights, layer: usize) {
        let Self {
            path,
            shape,
            windows,
            ref inputs,
            ref mut layers,
            ref mut recurrent,
            ..
        } = *self;
        let (block, wide) = (windows * shape.hidden, windows * shape.gates());
        let parameters = weights.layer(layer);
        let (below, rest) = layers.split_at_mut(layer);
        let Activations { states, gates, kept } = &mut rest[0];
        let inputs = match below.last() {
            Some(below) => &below.states[block..block * (shape.context + 1)],
            None => &inputs[..windows * shape.context * shape.inputs],
        };
        let gates = &mut gates[..shape.context * wide];
        multiply(
            inputs,
            &parameters.input.forward,
            Start::Row(parameters.input_bias),
            gates,
        );
        states[..block].fill(0.0);
        kept[..block].fill(0.0);
        let recurrent = &mut recurrent[..wide];
        for (step, gates) in gates.chunks_exact_mut(wide).enumerate() {
            let (before, after) = states[step * block..(step + 2) * block].split_at_mut(block);
            multiply(
                before,
                &parameters.hidden.forward,
                Start::Row(parameters.hidden_bias),
                recurrent,
            );
            let hidden = shape.hidden;
            match shape.cell {
                Cell::Gru => {
                    let kept = &mut kept[step * block..][..block];
                    path.run(GruForward {
                        hidden,
                        gates,
                        recurrent,
                        before,
                        after,
                        kept,
                    });
                }
                Cell::Lstm => {
                    let (cells_before, cells) = kept[step * block..(step + 2) * block].split_at_mut(block);
                    path.run(LstmForward {
                        hidden,
                        gates,
                        recurrent,
                        cells_before,
                        cells,
                        after,
                    });
                }
            }
        }
    }
}

fn last_states<'a>(layer: &'a Activations, shape: &Shape, windows: usize) -> &'a [f32] {
    let block = windows * shape.hidden;
    &layer.states[shape.context * block..][..block]
}

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

    /// Takes the windows forward and back and gives the sum of squared errors.
    ///
    /// `scale` times the squared error is the loss whose gradients are left behind for [`Self::sides`].
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
            ref inputs,
            ..
        } = self.chunk;
        let block = windows * shape.hidden;
        let right = match layer.checked_sub(1) {
            Some(below) => &layers[below].states[block..block * (shape.context + 1)],
            None => &inputs[..shape.context * windows * shape.inputs],
        };
        let gates = &layers[layer].gates[..shape.context * windows * shape.gates()];
        Sides {
            left: (gates, shape.gates()),
            right: (right, shape.width(layer)),
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
        let Chunk {
            shape,
            windows,
            ref layers,
            ..
        } = self.chunk;
        let last = last_states(&layers[shape.layers - 1], &shape, windows);
        Sides {
            left: (&self.errors[..windows * shape.outputs], shape.outputs),
            right: (last, shape.hidden),
        }
    }
}
