//! Some windows on their way through the net, forward to the outputs.
//!
//! # Shapes
//! Matrices are row-major with one row per step and window, steps first: row `step · windows + window`. A step's rows are
//! then one block, and a layer's input products of all steps are one matrix product. States and cells have one step more,
//! the zeros before the first.

use crate::{
    cell::{GruForward, LstmForward},
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
    pub(crate) path: Path,
    pub(crate) shape: Shape,
    /// How many windows are in it now.
    pub(crate) windows: usize,
    inputs: Vec<f32>,
    pub(crate) layers: Vec<Activations>,
    recurrent: Vec<f32>,
    outputs: Vec<f32>,
}

/// What the forward pass of a layer leaves for the way back.
#[derive(Clone, Debug)]
pub(crate) struct Activations {
    pub(crate) states: Vec<f32>,
    /// The activated gates; after the way back the gradients of the inputs' products.
    pub(crate) gates: Vec<f32>,
    /// GRU: the new gate's recurrent products. LSTM: the cells.
    pub(crate) kept: Vec<f32>,
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
        let Self {
            shape,
            windows,
            ref layers,
            ref mut outputs,
            ..
        } = *self;
        let outputs = &mut outputs[..windows * shape.outputs];
        multiply(
            last_states(layers, &shape, windows),
            &head.forward,
            Start::Row(bias),
            outputs,
        );
        outputs
    }

    /// Gives the last layer's states after the last step.
    pub(crate) fn last_states(&self) -> &[f32] {
        last_states(&self.layers, &self.shape, self.windows)
    }

    /// Gives the inputs of a layer at all steps.
    pub(crate) fn inputs_of(&self, layer: usize) -> &[f32] {
        let block = self.windows * self.shape.hidden;
        match layer.checked_sub(1) {
            Some(below) => &self.layers[below].states[block..block * (self.shape.context + 1)],
            None => &self.inputs[..self.shape.context * self.windows * self.shape.inputs],
        }
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

fn last_states<'a>(layers: &'a [Activations], shape: &Shape, windows: usize) -> &'a [f32] {
    let block = windows * shape.hidden;
    &layers[shape.layers - 1].states[shape.context * block..][..block]
}
