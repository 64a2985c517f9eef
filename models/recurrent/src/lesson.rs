//! A chunk of windows with its targets: forward, and back to the gradients of every gate.

use std::marker::PhantomData;

use forecast::Precision;

use crate::{
    activation::{Activation, Panels, Round, Ways},
    cell::{gru_backward, lstm_backward},
    chunk::{Chunk, Layer, split},
    dropout::Dropout,
    factors::{Bf16, F32, Factors, Neighbours},
    gradient::{Gradient, Take},
    panel::{PANEL, Row, Start, zeros},
    samples::Samples,
    shape::{Cell, Shape},
    simd::{Kernel, Lanes, Path},
    weights::{Block, Place, Weights},
};

/// Room for the way back of one chunk.
#[derive(Clone, Debug)]
pub(crate) struct Lesson {
    pub(crate) chunk: Chunk,
    targets: Vec<f32>,
    /// The gradient of the outputs.
    errors: Activation,
    above: Vec<Row>,
    carry: Vec<Row>,
    carry_cells: Vec<Row>,
    /// Room for a panel that is turned around.
    turned: Vec<Neighbours>,
}

impl Lesson {
    /// Reserves room for as many windows.
    pub(crate) fn new(path: Path, shape: Shape, windows: usize) -> Self {
        let units = shape.units();
        Self {
            chunk: Chunk::new(path, shape, windows, Ways::Both),
            targets: vec![0.0; windows * shape.outputs],
            errors: Activation::zeros(shape.precision, Ways::Both, shape.outputs.div_ceil(PANEL), 1, windows),
            above: zeros(windows * shape.context * units),
            carry: zeros(windows * units),
            carry_cells: zeros(if shape.cell == Cell::Lstm { windows * units } else { 0 }),
            turned: Vec::new(),
        }
    }

    /// Copies the inputs and targets of some windows into it.
    pub(crate) fn load(&mut self, samples: &Samples<'_>, numbers: &[usize]) {
        let targets = &mut self.targets[..numbers.len() * self.chunk.shape.outputs];
        samples.gather(numbers, self.chunk.inputs_mut(numbers.len()), targets);
    }

    /// Takes the windows forward and gives the sum of squared errors over windows and outputs.
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
    /// `scale` times the squared error is the loss whose gradients it leaves in `gradients`, block by block.
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

    /// Gives what its products are made of.
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
        path.run(Round {
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
            left: self.errors.left::<F>(windows, 0..windows),
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
                    left: self.chunk.layers[layer].gates.left::<F>(rows, 0..rows),
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

    /// Takes the gradients of one layer's blocks, or of the head's.
    fn sum<F: Factors>(&mut self, gradients: &mut [Gradient]) {
        let mut room = std::mem::take(&mut self.turned);
        self.chunk.path.run(Take {
            factors: PhantomData::<F>,
            lesson: self,
            gradients,
            room: &mut room,
        });
        self.turned = room;
    }

    /// Gives what a layer's blocks, or the head's, have on the left of the products that are the gradients of the weights for their inputs.
    pub(crate) fn inputs<F: Factors>(&self, layer: usize) -> Panels<'_, F::Right> {
        if layer == self.chunk.shape.layers {
            self.chunk.last_states::<F>()
        } else {
            self.chunk.inputs_of::<F>(layer)
        }
    }

    /// Gives what a block has on their right.
    pub(crate) fn input_gradients<F: Factors>(&self, place: &Place) -> &[F::Right] {
        let (shape, windows) = (self.chunk.shape, self.chunk.windows);
        if place.is_head() {
            return self.errors.depth::<F>(windows, windows, 0..windows).panel(place.panel);
        }
        let rows = shape.context * windows;
        let gates = self.chunk.layers[place.layer].gates.depth::<F>(windows, rows, 0..rows);
        gates.panel(place.gate * shape.units() + place.panel)
    }

    /// Gives what a layer's blocks have on the left of the products that are the gradients of the weights for the last state. The first
    /// step is left out: the states before it are zeros.
    pub(crate) fn states_before<F: Factors>(&self, layer: usize) -> Panels<'_, F::Right> {
        let (windows, rows) = (self.chunk.windows, self.chunk.shape.context * self.chunk.windows);
        let states = &self.chunk.layers[layer].states;
        states.depth::<F>(windows, rows + windows, windows..rows)
    }

    /// Gives a block's gradients of the products of the last state, from the first step on.
    pub(crate) fn hidden_gradients<F: Factors>(&self, place: &Place) -> &[F::Right] {
        if !place.apart {
            return self.input_gradients::<F>(place);
        }
        let (windows, rows) = (self.chunk.windows, self.chunk.shape.context * self.chunk.windows);
        let kept = &self.chunk.layers[place.layer].kept;
        kept.depth::<F>(windows, rows, 0..rows).panel(place.panel)
    }
}

/// Takes the outputs' gradients back to the states after the last step.
struct Back<'a, F: Factors> {
    depth: usize,
    left: Panels<'a, F::Left>,
    blocks: &'a [Block],
    /// Panels of `tall` rows, the last of which become the gradients.
    output: &'a mut [Row],
    tall: usize,
}

impl<F: Factors> Kernel for Back<'_, F> {
    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(self.left.rows())
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            depth, left, blocks, ..
        } = self;
        let wide = PANEL / F::STEP;
        let tiles = F::weights(&blocks[0]).input_back.len() / wide;
        for (tile, output) in self.output.chunks_exact_mut(self.tall).take(tiles).enumerate() {
            let first = output.len() - left.rows();
            let right = |panel: usize| &F::weights(&blocks[panel]).input_back[tile * wide..][..wide];
            let (start, output) = (Start::Row(&Row::ZERO), &mut output[first..]);
            F::multiply::<L, ROWS, VECTORS>(lanes, depth, |panel| left.panel(panel), right, start, output);
        }
    }
}

/// All steps of one layer, backwards.
struct Backward<'a, F> {
    factors: PhantomData<F>,
    shape: Shape,
    windows: usize,
    blocks: &'a [Block],
    layer: &'a mut Layer,
    /// The gradients of the layer's states as seen from above.
    above: &'a [Row],
    carry: &'a mut [Row],
    carry_cells: &'a mut [Row],
}

impl<F: Factors> Kernel for Backward<'_, F> {
    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(self.windows)
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            shape, windows, blocks, ..
        } = self;
        let Layer {
            states,
            gates,
            kept,
            cells,
            ..
        } = self.layer;
        let (rows, units) = (shape.context * windows, shape.units());
        let (tall, depth, wide) = (rows + windows, shape.panels() * PANEL, PANEL / F::STEP);
        let (carry, carry_cells) = (&mut self.carry[..windows * units], self.carry_cells);
        carry.fill(Row::ZERO);
        carry_cells.fill(Row::ZERO);
        for step in (0..shape.context).rev() {
            let at = step * windows;
            for (unit, carry) in carry.chunks_exact_mut(windows).enumerate() {
                let first = unit * rows + at;
                let (above, kept_rows) = (&self.above[first..][..windows], &mut kept.rows[first..][..windows]);
                match shape.cell {
                    Cell::Gru => {
                        let before = &states.rows[unit * tall + at..][..windows];
                        let gates = split(&mut gates.rows, units * rows, first, windows);
                        gru_backward(lanes, gates, kept_rows, before, above, carry);
                        F::round(lanes, kept, windows, first..first + windows);
                    }
                    Cell::Lstm => {
                        let before = &cells[unit * tall + at..][..windows];
                        let carry_cells = &mut carry_cells[unit * windows..][..windows];
                        let gates = split(&mut gates.rows, units * rows, first, windows);
                        lstm_backward(lanes, gates, before, kept_rows, above, carry, carry_cells);
                    }
                }
                for gate in 0..shape.cell.gates() {
                    let first = gate * units * rows + first;
                    F::round(lanes, gates, windows, first..first + windows);
                }
            }
            // Nothing asks for the gradient of the zeros before the first step.
            if step == 0 {
                break;
            }
            let (apart, all) = (
                kept.left::<F>(rows, at..at + windows),
                gates.left::<F>(rows, at..at + windows),
            );
            let left = |panel: usize| {
                if blocks[panel].place.apart {
                    apart.panel(panel - 2 * units)
                } else {
                    all.panel(panel)
                }
            };
            let start = match shape.cell {
                Cell::Gru => Start::Output,
                Cell::Lstm => Start::Row(&Row::ZERO),
            };
            for (tile, carry) in carry.chunks_exact_mut(windows).enumerate() {
                let right = |panel: usize| &F::weights(&blocks[panel]).hidden_back[tile * wide..][..wide];
                F::multiply::<L, ROWS, VECTORS>(lanes, depth, left, right, start, carry);
            }
        }
    }
}
