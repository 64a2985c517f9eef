//! Some windows on their way through the net, forward to the outputs.
//!
//! # Shapes
//! Matrices are cut into panels, [`crate::panel`]; a panel has one row per step and window, steps first: row
//! `step · windows + window`. A step's rows are then one block, and a layer's input products of all steps are one product.
//! States and cells have one step more, the zeros before the first.

use std::{marker::PhantomData, ops::Range};

use forecast::Precision;

use crate::{
    activation::{Activation, Panels, Round, Ways},
    cell::{gru_forward, lstm_forward},
    dropout::Dropout,
    factors::{Bf16, F32, Factors},
    panel::{PANEL, Row, Start, zeros},
    shape::{Cell, Shape},
    simd::{Kernel, Lanes, Path},
    weights::{Block, Weights},
};

/// Room for the forward pass of one chunk, kept from batch to batch.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) path: Path,
    pub(crate) shape: Shape,
    /// How many windows are in it now.
    pub(crate) windows: usize,
    /// How many there is room for.
    most: usize,
    ways: Ways,
    inputs: Activation,
    pub(crate) layers: Vec<Layer>,
    /// What is dropped on the way forward: nothing outside of training.
    pub(crate) dropout: Option<Dropout>,
    pub(crate) outputs: Vec<Row>,
}

/// What the forward pass of a layer leaves for the way back.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) states: Activation,
    /// The activated gates; after the way back the gradients of the inputs' products.
    pub(crate) gates: Activation,
    /// GRU: the new gate's products of the last state, after the way back their gradients. LSTM: the cells' hyperbolic tangent.
    pub(crate) kept: Activation,
    /// LSTM: the cells.
    pub(crate) cells: Vec<Row>,
    /// The states after each step as the layer above sees them, where some are dropped.
    dropped: Option<Activation>,
}

impl Chunk {
    /// Reserves room for as many windows.
    pub(crate) fn new(path: Path, shape: Shape, windows: usize, ways: Ways) -> Self {
        let Shape { context, precision, .. } = shape;
        let room = |panels, steps| Activation::zeros(precision, ways, panels, steps, windows);
        let cells = if shape.cell == Cell::Lstm {
            (context + 1) * windows
        } else {
            0
        };
        let layer = |layer| {
            // On the way forward alone each layer hands them on to the next, so they stay in the core's cache.
            let has_own = ways == Ways::Both || layer + 1 == shape.layers;
            let panels = |panels: usize| if has_own { panels } else { 0 };
            Layer {
                states: room(shape.units(), context + 1),
                gates: room(panels(shape.panels()), context),
                kept: room(panels(shape.units()), context),
                cells: zeros(cells * panels(shape.units())),
                dropped: None,
            }
        };
        Self {
            path,
            shape,
            windows: 0,
            most: windows,
            ways,
            inputs: room(shape.inputs.div_ceil(PANEL), context),
            layers: (0..shape.layers).map(layer).collect(),
            dropout: None,
            outputs: zeros(windows * shape.outputs.div_ceil(PANEL)),
        }
    }

    /// Makes room for some windows and gives their inputs, `[panels, context · windows]`.
    pub(crate) fn inputs_mut(&mut self, windows: usize) -> &mut [Row] {
        self.windows = windows;
        &mut self.inputs.rows[..self.shape.context * windows * self.shape.inputs.div_ceil(PANEL)]
    }

    /// Takes the inputs through the net and gives the outputs, `[panels, windows]`.
    pub(crate) fn forward(&mut self, weights: &Weights) -> &[Row] {
        match self.shape.precision {
            Precision::F32 => self.forward_with::<F32>(weights),
            Precision::Bf16 => self.forward_with::<Bf16>(weights),
        }
    }

    fn forward_with<F: Factors>(&mut self, weights: &Weights) -> &[Row] {
        let Self {
            path, shape, windows, ..
        } = *self;
        let rows = shape.context * windows;
        let (panels, activation) = (shape.inputs.div_ceil(PANEL), &mut self.inputs);
        path.run(Round {
            factors: PhantomData::<F>,
            activation,
            panels,
            windows,
            rows,
        });
        for layer in 0..shape.layers {
            if let Some((dropout, below)) = self.dropout.zip(layer.checked_sub(1)) {
                let activation = self.layers[below].drop(dropout, path, &shape, (below, windows), self.most);
                path.run(Round {
                    factors: PhantomData::<F>,
                    activation,
                    panels: shape.units(),
                    windows,
                    rows,
                });
            }
            if self.ways == Ways::Forward {
                self.hand_on(layer);
            }
            let (below, rest) = self.layers.split_at_mut(layer);
            let (inputs, tall, steps) = inputs_of(&self.inputs, below, self.dropout.is_some(), rows, windows);
            let (blocks, layer) = (weights.layer(layer), &mut rest[0]);
            path.run(Project::<F> {
                depth: blocks[0].place.inputs,
                left: inputs.left::<F>(tall, steps),
                blocks,
                outputs: &mut layer.gates.rows[..rows * shape.panels()],
            });
            path.run(Forward {
                factors: PhantomData::<F>,
                shape,
                windows,
                blocks,
                layer,
            });
        }
        let last = &self.layers[shape.layers - 1].states;
        let outputs = &mut self.outputs[..windows * shape.outputs.div_ceil(PANEL)];
        path.run(Project::<F> {
            depth: shape.hidden,
            left: last.left::<F>(rows + windows, rows..rows + windows),
            blocks: weights.layer(shape.layers),
            outputs,
        });
        outputs
    }

    /// Gives a layer what the one before it needs no more; the first layer gets it from the last.
    fn hand_on(&mut self, layer: usize) {
        let layers = self.layers.len();
        let Ok([from, to]) = self.layers.get_disjoint_mut([(layer + layers - 1) % layers, layer]) else {
            return;
        };
        std::mem::swap(&mut from.gates, &mut to.gates);
        std::mem::swap(&mut from.kept, &mut to.kept);
        std::mem::swap(&mut from.cells, &mut to.cells);
    }

    /// Gives the last layer's states after the last step as the depth of products.
    pub(crate) fn last_states<F: Factors>(&self) -> Panels<'_, F::Right> {
        let (rows, windows) = (self.shape.context * self.windows, self.windows);
        let last = &self.layers[self.shape.layers - 1].states;
        last.depth::<F>(windows, rows + windows, rows..rows + windows)
    }

    /// Gives the inputs of a layer at all steps as the depth of products.
    pub(crate) fn inputs_of<F: Factors>(&self, layer: usize) -> Panels<'_, F::Right> {
        let (rows, dropped) = (self.shape.context * self.windows, self.dropout.is_some());
        let (inputs, tall, steps) = inputs_of(&self.inputs, &self.layers[..layer], dropped, rows, self.windows);
        inputs.depth::<F>(self.windows, tall, steps)
    }

    /// Gives the outputs of the windows in it, one after the other.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = f32> + '_ {
        let Self { shape, windows, .. } = *self;
        (0..windows).flat_map(move |window| {
            (0..shape.outputs).map(move |output| self.outputs[output / PANEL * windows + window].0[output % PANEL])
        })
    }
}

impl Layer {
    fn drop(
        &mut self,
        dropout: Dropout,
        path: Path,
        shape: &Shape,
        (layer, windows): (usize, usize),
        most: usize,
    ) -> &mut Activation {
        let rows = shape.context * windows;
        let room = || Activation::zeros(shape.precision, Ways::Both, shape.units(), shape.context, most);
        let dropped = self.dropped.get_or_insert_with(room);
        let states = Panels::new(&self.states.rows, rows + windows, windows..rows + windows);
        dropout.drop(path, layer, windows, states, &mut dropped.rows[..shape.units() * rows]);
        dropped
    }
}

/// Gives the inputs of a layer, how tall their panels are, and their rows at all steps.
fn inputs_of<'a>(
    inputs: &'a Activation,
    below: &'a [Layer],
    dropped: bool,
    rows: usize,
    windows: usize,
) -> (&'a Activation, usize, Range<usize>) {
    match below.last() {
        Some(Layer {
            dropped: Some(below), ..
        }) if dropped => (below, rows, 0..rows),
        Some(below) => (&below.states, rows + windows, windows..rows + windows),
        None => (inputs, rows, 0..rows),
    }
}

/// Gives the same units' rows of all gates.
#[inline(always)]
pub(crate) fn split<const GATES: usize>(
    gates: &mut [Row],
    wide: usize,
    first: usize,
    rows: usize,
) -> [&mut [Row]; GATES] {
    // `array::from_fn` is not always inlined.
    let mut places = [const { 0..0 }; GATES];
    for (gate, place) in places.iter_mut().enumerate() {
        *place = gate * wide + first..gate * wide + first + rows;
    }
    gates.get_disjoint_mut(places).expect("a chunk has all gates")
}

/// One product of all rows with some blocks.
struct Project<'a, F: Factors> {
    depth: usize,
    left: Panels<'a, F::Left>,
    blocks: &'a [Block],
    outputs: &'a mut [Row],
}

impl<F: Factors> Kernel for Project<'_, F> {
    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(self.left.rows())
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self { depth, left, .. } = self;
        for (block, output) in self.blocks.iter().zip(self.outputs.chunks_exact_mut(left.rows())) {
            let weights = F::weights(block).input;
            let right = |panel: usize| &weights[panel * PANEL / F::STEP..];
            let start = Start::Row(&block.start);
            F::multiply::<L, ROWS, VECTORS>(lanes, depth, |panel| left.panel(panel), right, start, output);
        }
    }
}

/// The products of the last state for the same units of all gates.
struct Own<'a, F: Factors> {
    /// From the first gate's block on; the next gate's is `units` further.
    blocks: &'a [Block],
    units: usize,
    depth: usize,
    before: Panels<'a, F::Left>,
}

impl<F: Factors> Own<'_, F> {
    #[inline(always)]
    fn add<L: Lanes, const ROWS: usize, const VECTORS: usize, const GATES: usize>(
        &self,
        lanes: L,
        outputs: &mut [&mut [Row]; GATES],
    ) {
        let block = |gate: usize| &self.blocks[gate * self.units];
        if self.before.rows() == 1 {
            for (gate, output) in outputs
                .iter_mut()
                .enumerate()
                .filter(|(gate, _)| block(*gate).place.apart)
            {
                output[0] = *block(gate).hidden_bias();
            }
            let left = |panel: usize| &self.before.panel(panel)[0];
            let right = |gate: usize, panel: usize| &F::weights(block(gate)).hidden[panel * PANEL / F::STEP..];
            F::multiply_row::<L, VECTORS, GATES>(lanes, self.depth, left, right, outputs);
            return;
        }
        for (gate, output) in outputs.iter_mut().enumerate() {
            let block = block(gate);
            let start = if block.place.apart {
                Start::Row(block.hidden_bias())
            } else {
                Start::Output
            };
            let weights = F::weights(block).hidden;
            let right = |panel: usize| &weights[panel * PANEL / F::STEP..];
            F::multiply::<L, ROWS, VECTORS>(
                lanes,
                self.depth,
                |panel| self.before.panel(panel),
                right,
                start,
                output,
            );
        }
    }
}

/// All steps of one layer, from the products of its inputs on.
struct Forward<'a, F> {
    factors: PhantomData<F>,
    shape: Shape,
    windows: usize,
    blocks: &'a [Block],
    layer: &'a mut Layer,
}

impl<F: Factors> Kernel for Forward<'_, F> {
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
        let tall = rows + windows;
        let (gates, kept) = (&mut gates.rows[..rows * shape.panels()], &mut kept.rows);
        for states in states.rows.chunks_exact_mut(tall).chain(cells.chunks_exact_mut(tall)) {
            states[..windows].fill(Row::ZERO);
        }
        for unit in 0..units {
            F::round(lanes, states, windows, unit * tall..unit * tall + windows);
        }
        for step in 0..shape.context {
            let at = step * windows;
            for unit in 0..units {
                // The states before the first step are zeros.
                let depth = if step == 0 { 0 } else { shape.hidden };
                let own = Own::<F> {
                    blocks: &blocks[unit..],
                    units,
                    depth,
                    before: states.left::<F>(tall, at..at + windows),
                };
                let (place, kept) = (unit * rows + at, &mut kept[unit * rows + at..][..windows]);
                match shape.cell {
                    Cell::Gru => {
                        let [r, z, n] = split(gates, units * rows, place, windows);
                        own.add::<L, ROWS, VECTORS, 3>(lanes, &mut [r, z, kept]);
                        let (before, after) = states.rows[unit * tall + at..][..2 * windows].split_at_mut(windows);
                        gru_forward(lanes, [r, z, n], kept, before, after);
                    }
                    Cell::Lstm => {
                        let mut gates = split(gates, units * rows, place, windows);
                        own.add::<L, ROWS, VECTORS, 4>(lanes, &mut gates);
                        let after = &mut states.rows[unit * tall + at + windows..][..windows];
                        let (before, cells) = cells[unit * tall + at..][..2 * windows].split_at_mut(windows);
                        lstm_forward(lanes, gates, before, cells, kept, after);
                    }
                }
                let after = unit * tall + at + windows;
                F::round(lanes, states, windows, after..after + windows);
            }
        }
    }
}
