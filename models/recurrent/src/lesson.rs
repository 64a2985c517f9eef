//! A chunk of windows with its targets: forward, and back to the gradients of every gate.

use crate::{
    cell::{gru_backward, lstm_backward},
    chunk::{Activations, Chunk, Panels, WINDOWS, split},
    dropout::Dropout,
    panel::{PANEL, Row, Start, multiply, zeros},
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
    errors: Vec<Row>,
    above: Vec<Row>,
    carry: Vec<Row>,
    carry_cells: Vec<Row>,
}

/// Both sides of a product whose sum over the rows is a weight's gradient.
pub(crate) struct Sides<'a> {
    /// The inputs, in panels.
    pub(crate) left: Panels<'a>,
    /// The gradients of one block's products.
    pub(crate) right: &'a [Row],
}

impl Lesson {
    /// Reserves the room.
    pub(crate) fn new(path: Path, shape: Shape) -> Self {
        let units = shape.units();
        Self {
            chunk: Chunk::new(path, shape, WINDOWS),
            targets: vec![0.0; WINDOWS * shape.outputs],
            errors: zeros(WINDOWS * shape.outputs.div_ceil(PANEL)),
            above: zeros(WINDOWS * shape.context * units),
            carry: zeros(WINDOWS * units),
            carry_cells: zeros(if shape.cell == Cell::Lstm { WINDOWS * units } else { 0 }),
        }
    }

    /// Gives the room for the inputs and the targets of some windows.
    pub(crate) fn windows_mut(&mut self, windows: usize) -> (&mut [Row], &mut [f32]) {
        let targets = &mut self.targets[..windows * self.chunk.shape.outputs];
        (self.chunk.inputs_mut(windows), targets)
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
            self.errors[output / PANEL * windows + window].0[output % PANEL] = error;
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
    /// `scale` times the squared error is the loss whose gradients are left behind for [`Sides`].
    pub(crate) fn learn(&mut self, weights: &Weights, scale: f32, dropout: Option<Dropout>) -> f64 {
        let sum = self.forward(weights, dropout);
        let Chunk {
            path, shape, windows, ..
        } = self.chunk;
        let errors = &mut self.errors[..windows * shape.outputs.div_ceil(PANEL)];
        for error in errors.iter_mut().flat_map(|row| &mut row.0) {
            *error *= 2.0 * scale;
        }
        let rows = shape.context * windows;
        for above in self.above[..rows * shape.units()].chunks_exact_mut(rows) {
            above[..rows - windows].fill(Row::ZERO);
        }
        path.run(Back {
            depth: shape.outputs,
            left: Panels::new(errors, windows, 0, windows),
            blocks: weights.layer(shape.layers),
            output: &mut self.above,
            tall: rows,
        });
        for layer in (0..shape.layers).rev() {
            path.run(Backward {
                shape,
                windows,
                blocks: weights.layer(layer),
                activations: &mut self.chunk.layers[layer],
                above: &mut self.above,
                carry: &mut self.carry,
                carry_cells: &mut self.carry_cells,
                below: layer > 0,
            });
            if let Some((dropout, below)) = dropout.zip(layer.checked_sub(1)) {
                dropout.mask(path, below, windows, rows, &mut self.above[..rows * shape.units()]);
            }
        }
        sum
    }

    /// Gives what the gradients of a block's weights for its inputs are made of.
    pub(crate) fn input_sides(&self, place: &Place) -> Sides<'_> {
        let Chunk {
            shape,
            windows,
            ref layers,
            ..
        } = self.chunk;
        if place.is_head() {
            return Sides {
                left: self.chunk.last_states(),
                right: &self.errors[place.panel * windows..][..windows],
            };
        }
        let rows = shape.context * windows;
        Sides {
            left: self.chunk.inputs_of(place.layer),
            right: &layers[place.layer].gates[(place.gate * shape.units() + place.panel) * rows..][..rows],
        }
    }

    /// Gives what the gradients of a block's weights for the last state are made of. The first step is left out: the states
    /// before it are zeros.
    pub(crate) fn hidden_sides(&self, place: &Place) -> Sides<'_> {
        let (shape, windows) = (self.chunk.shape, self.chunk.windows);
        let rows = shape.context * windows;
        let layer = &self.chunk.layers[place.layer];
        Sides {
            left: Panels::new(&layer.states, rows + windows, windows, rows - windows),
            right: &self.hidden_gradients(place)[windows..],
        }
    }

    /// Gives the gradients of a block's products of the last state.
    pub(crate) fn hidden_gradients(&self, place: &Place) -> &[Row] {
        let rows = self.chunk.shape.context * self.chunk.windows;
        if place.apart {
            &self.chunk.layers[place.layer].kept[place.panel * rows..][..rows]
        } else {
            self.input_sides(place).right
        }
    }
}

/// Takes the outputs' gradients back to the states after the last step.
struct Back<'a> {
    depth: usize,
    left: Panels<'a>,
    blocks: &'a [Block],
    /// Panels of `tall` rows, the last of which become the gradients.
    output: &'a mut [Row],
    tall: usize,
}

impl Kernel for Back<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            depth, left, blocks, ..
        } = self;
        let tiles = blocks[0].input_back.len() / PANEL;
        for (tile, output) in self.output.chunks_exact_mut(self.tall).take(tiles).enumerate() {
            let first = output.len() - left.panel(0).len();
            let right = |panel: usize| &blocks[panel].input_back[tile * PANEL..][..PANEL];
            let start = Start::Row(&Row::ZERO);
            multiply::<L, ROWS, VECTORS>(
                lanes,
                depth,
                |panel| left.panel(panel),
                right,
                start,
                &mut output[first..],
            );
        }
    }
}

/// All steps of one layer, backwards.
struct Backward<'a> {
    shape: Shape,
    windows: usize,
    blocks: &'a [Block],
    activations: &'a mut Activations,
    /// The gradients of the layer's states as seen from above; becomes the same for the layer below.
    above: &'a mut [Row],
    carry: &'a mut [Row],
    carry_cells: &'a mut [Row],
    /// Whether there is a layer below.
    below: bool,
}

impl Kernel for Backward<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            shape, windows, blocks, ..
        } = self;
        let Activations {
            states,
            gates,
            kept,
            cells,
            ..
        } = self.activations;
        let (rows, units) = (shape.context * windows, shape.units());
        let (tall, depth) = (rows + windows, shape.panels() * PANEL);
        let (carry, carry_cells) = (&mut self.carry[..windows * units], self.carry_cells);
        carry.fill(Row::ZERO);
        carry_cells.fill(Row::ZERO);
        for step in (0..shape.context).rev() {
            let at = step * windows;
            for (unit, carry) in carry.chunks_exact_mut(windows).enumerate() {
                let first = unit * rows + at;
                let (above, kept) = (&self.above[first..][..windows], &mut kept[first..][..windows]);
                match shape.cell {
                    Cell::Gru => {
                        let before = &states[unit * tall + at..][..windows];
                        gru_backward(
                            lanes,
                            split(gates, units * rows, first, windows),
                            kept,
                            before,
                            above,
                            carry,
                        );
                    }
                    Cell::Lstm => {
                        let before = &cells[unit * tall + at..][..windows];
                        let carry_cells = &mut carry_cells[unit * windows..][..windows];
                        let gates = split(gates, units * rows, first, windows);
                        lstm_backward(lanes, gates, before, kept, above, carry, carry_cells);
                    }
                }
            }
            // Nothing asks for the gradient of the zeros before the first step.
            if step == 0 {
                break;
            }
            let left = |panel: usize| {
                if blocks[panel].place.apart {
                    &kept[(panel - 2 * units) * rows + at..][..windows]
                } else {
                    &gates[panel * rows + at..][..windows]
                }
            };
            let start = match shape.cell {
                Cell::Gru => Start::Output,
                Cell::Lstm => Start::Row(&Row::ZERO),
            };
            for (tile, carry) in carry.chunks_exact_mut(windows).enumerate() {
                let right = |panel: usize| &blocks[panel].hidden_back[tile * PANEL..][..PANEL];
                multiply::<L, ROWS, VECTORS>(lanes, depth, left, right, start, carry);
            }
        }
        if self.below {
            Back {
                depth,
                left: Panels::new(gates, rows, 0, rows),
                blocks,
                output: &mut self.above[..units * rows],
                tall: rows,
            }
            .run::<L, ROWS, VECTORS>(lanes);
        }
    }
}
