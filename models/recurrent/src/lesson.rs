//! A chunk of windows with its targets: the forward pass, and the backward pass to the gradients of every parameter.

use std::marker::PhantomData;

use forecast::Precision;

use crate::{
    backward::{Back, Backward},
    chunk::Chunk,
    dropout::Dropout,
    gradient::Gradient,
    kernel::{
        Activation, Bf16, F32, Factors, Kernel, Lanes, Neighbours, PANEL, Panels, Passes, Path, Position, Refresh, Row,
        zeros,
    },
    samples::Samples,
    shape::{Cell, Shape},
    weights::Weights,
};

/// Buffers for the forward and the backward pass of one chunk, kept from batch to batch.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    pub(crate) chunk: Chunk,
    targets: Vec<f32>,
    /// The outputs' errors, then the gradient of the outputs.
    errors: Activation,
    above: Vec<Row>,
    carry: Vec<Row>,
    carry_cells: Vec<Row>,
    /// A buffer for a transposed panel.
    turned: Vec<Neighbours>,
}

impl Lesson {
    /// Allocates the buffers for chunks of up to `windows` windows.
    pub(crate) fn new(path: Path, shape: Shape, windows: usize) -> Self {
        let units = shape.units();
        Self {
            chunk: Chunk::new(path, shape, windows, Passes::Both),
            targets: vec![0.0; windows * shape.outputs],
            errors: Activation::zeros(shape.precision, Passes::Both, shape.outputs.div_ceil(PANEL), 1, windows),
            above: zeros(windows * shape.context * units),
            carry: zeros(windows * units),
            carry_cells: zeros(if shape.cell == Cell::Lstm { windows * units } else { 0 }),
            turned: Vec::new(),
        }
    }

    /// Copies the inputs and targets of some windows into the buffers.
    pub(crate) fn load(&mut self, samples: &Samples<'_>, numbers: &[usize]) {
        let targets = &mut self.targets[..numbers.len() * self.chunk.shape.outputs];
        samples.gather(numbers, self.chunk.inputs_mut(numbers.len()), targets);
    }

    /// Runs the forward pass and returns the sum of squared errors over windows and outputs.
    pub(crate) fn grade(&mut self, weights: &Weights) -> f64 {
        self.forward(weights, None)
    }

    fn forward(&mut self, weights: &Weights, dropout: Option<Dropout>) -> f64 {
        self.chunk.dropout = dropout;
        self.chunk.forward(weights);
        let (outputs, windows) = (self.chunk.shape.outputs, self.chunk.windows);
        let mut sum = 0.0;
        for (index, (output, target)) in self.chunk.outputs().zip(&self.targets).enumerate() {
            let error = output - target;
            let (window, output) = (index / outputs, index % outputs);
            self.errors.rows[output / PANEL * windows + window].0[output % PANEL] = error;
            sum += f64::from(error) * f64::from(error);
        }
        sum
    }

    /// Returns the sum of squared targets: the squared error that forecasts of zero would have.
    pub(crate) fn squared_targets(&self) -> f64 {
        let targets = &self.targets[..self.chunk.windows * self.chunk.shape.outputs];
        targets
            .iter()
            .map(|&target| f64::from(target) * f64::from(target))
            .sum()
    }

    /// Runs both passes and returns the sum of squared errors.
    ///
    /// `scale` times the squared error is the loss. Its gradients replace `gradients`, block by block.
    pub(crate) fn learn(
        &mut self,
        weights: &Weights,
        scale: f32,
        dropout: Option<Dropout>,
        gradients: &mut [Gradient],
    ) -> f64 {
        let sum = self.forward(weights, dropout);
        match self.precision() {
            Precision::F32 => self.back::<F32>(weights, scale, dropout, gradients),
            Precision::Bf16 => self.back::<Bf16>(weights, scale, dropout, gradients),
        }
        sum
    }

    /// Returns the precision of the factors of its products.
    pub(crate) fn precision(&self) -> Precision {
        self.chunk.shape.precision
    }

    fn back<F: Factors>(
        &mut self,
        weights: &Weights,
        scale: f32,
        dropout: Option<Dropout>,
        gradients: &mut [Gradient],
    ) {
        let Chunk {
            path, shape, windows, ..
        } = self.chunk;
        let panels = shape.outputs.div_ceil(PANEL);
        let errors = &mut self.errors.rows[..windows * panels];
        for error in errors.iter_mut().flat_map(|row| &mut row.0) {
            *error *= 2.0 * scale;
        }
        let activation = &mut self.errors;
        path.run(Refresh {
            factors: PhantomData::<F>,
            activation,
            panels,
            windows,
            rows: windows,
        });
        let rows = shape.context * windows;
        for above in self.above[..rows * shape.units()].chunks_exact_mut(rows) {
            above[..rows - windows].fill(Row::ZERO);
        }
        path.run(Back::<F> {
            depth: shape.outputs,
            left: F::left(&self.errors, windows, 0..windows),
            blocks: weights.layer(shape.layers),
            output: &mut self.above,
            tall: rows,
        });
        let (layers, head) = gradients.split_at_mut(shape.layers * shape.panels());
        self.sum::<F>(head);
        for (layer, gradients) in layers.chunks_exact_mut(shape.panels()).enumerate().rev() {
            path.run(Backward {
                factors: PhantomData::<F>,
                shape,
                windows,
                blocks: weights.layer(layer),
                layer: &mut self.chunk.layers[layer],
                above: &self.above,
                carry: &mut self.carry,
                carry_cells: &mut self.carry_cells,
            });
            if layer > 0 {
                path.run(Back::<F> {
                    depth: shape.panels() * PANEL,
                    left: F::left(&self.chunk.layers[layer].gates, rows, 0..rows),
                    blocks: weights.layer(layer),
                    output: &mut self.above[..shape.units() * rows],
                    tall: rows,
                });
            }
            if let Some((dropout, below)) = dropout.zip(layer.checked_sub(1)) {
                dropout.mask(path, below, windows, rows, &mut self.above[..rows * shape.units()]);
            }
            // What the products read is still in the core's cache.
            self.sum::<F>(gradients);
        }
    }

    /// Computes the gradients of one layer's blocks, or of the head's.
    fn sum<F: Factors>(&mut self, gradients: &mut [Gradient]) {
        let mut buffer = std::mem::take(&mut self.turned);
        self.chunk.path.run(Take {
            factors: PhantomData::<F>,
            lesson: self,
            gradients,
            buffer: &mut buffer,
        });
        self.turned = buffer;
    }

    /// Returns the inputs of a layer or of the head: the left matrix of the products that are the gradients of its input weights.
    fn inputs<F: Factors>(&self, layer: usize) -> Panels<'_, F::Right> {
        if layer == self.chunk.shape.layers {
            self.chunk.last_states::<F>()
        } else {
            self.chunk.inputs_of::<F>(layer)
        }
    }

    /// Returns the right matrix of these products for one block.
    fn input_gradients<F: Factors>(&self, position: &Position) -> &[F::Right] {
        let (shape, windows) = (self.chunk.shape, self.chunk.windows);
        if position.is_head() {
            return F::depth(&self.errors, windows, windows, 0..windows).panel(position.panel);
        }
        let rows = shape.context * windows;
        let gates = F::depth(&self.chunk.layers[position.layer].gates, windows, rows, 0..rows);
        gates.panel(position.gate * shape.units() + position.panel)
    }

    /// Returns the states before each step: the left matrix of the products that are the gradients of the weights for the last state.
    /// The first step is left out: the states before it are zeros.
    fn states_before<F: Factors>(&self, layer: usize) -> Panels<'_, F::Right> {
        let (windows, rows) = (self.chunk.windows, self.chunk.shape.context * self.chunk.windows);
        let states = &self.chunk.layers[layer].states;
        F::depth(states, windows, rows + windows, windows..rows)
    }

    /// Returns a block's gradients of the products of the last state, from the first step on.
    fn hidden_gradients<F: Factors>(&self, position: &Position) -> &[F::Right] {
        if !position.apart {
            return self.input_gradients::<F>(position);
        }
        let (windows, rows) = (self.chunk.windows, self.chunk.shape.context * self.chunk.windows);
        let kept = &self.chunk.layers[position.layer].kept;
        F::depth(kept, windows, rows, 0..rows).panel(position.panel)
    }
}

/// Computes the gradients that a chunk of windows has for the blocks of one layer, or for the head's.
struct Take<'a, F> {
    factors: PhantomData<F>,
    lesson: &'a Lesson,
    gradients: &'a mut [Gradient],
    buffer: &'a mut Vec<Neighbours>,
}

impl<F: Factors> Kernel for Take<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(PANEL)
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            lesson,
            gradients,
            buffer,
            ..
        } = self;
        let position = gradients[0].position;
        let left = lesson.inputs::<F>(position.layer);
        for panel in 0..position.inputs.div_ceil(PANEL) {
            let left = F::turn(lanes, left.panel(panel), buffer);
            for Gradient { position, values } in gradients.iter_mut() {
                let output = rows_mut(&mut values[..position.inputs], panel);
                F::multiply_turned::<L, ROWS, VECTORS>(lanes, left, lesson.input_gradients::<F>(position), output);
            }
        }
        if !position.is_head() {
            let left = lesson.states_before::<F>(position.layer);
            for panel in 0..position.hidden.div_ceil(PANEL) {
                let steps = left.panel(panel);
                let left = F::turn(lanes, steps, buffer);
                for Gradient { position, values } in gradients.iter_mut() {
                    let right = lesson.hidden_gradients::<F>(position);
                    let output = rows_mut(&mut values[position.inputs..][..position.hidden], panel);
                    F::multiply_turned::<L, ROWS, VECTORS>(lanes, left, &right[right.len() - steps.len()..], output);
                }
            }
        }
        for Gradient { position, values } in gradients {
            let (_, biases) = values.split_at_mut(position.inputs + position.hidden);
            F::add_rows(lanes, lesson.input_gradients::<F>(position), &mut biases[0]);
            match biases {
                [_, other] if position.apart => F::add_rows(lanes, lesson.hidden_gradients::<F>(position), other),
                [bias, other] => *other = *bias,
                _ => {}
            }
        }
    }
}

/// Returns the rows of a panel, fewer of the last one.
fn rows_mut(all: &mut [Row], panel: usize) -> &mut [Row] {
    let rows = all.len() - panel * PANEL;
    &mut all[panel * PANEL..][..rows.min(PANEL)]
}
