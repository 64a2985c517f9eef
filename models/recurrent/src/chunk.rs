//! Some windows on their way through the net, forward to the outputs.
//!
//! # Shapes
//! Matrices are cut into panels, [`crate::panel`]; a panel has one row per step and window, steps first: row
//! `step · windows + window`. A step's rows are then one block, and a layer's input products of all steps are one product.
//! States and cells have one step more, the zeros before the first.

use crate::{
    cell::{gru_forward, lstm_forward},
    dropout::Dropout,
    panel::{PANEL, Row, Start, multiply, multiply_row, zeros},
    shape::{Cell, Shape},
    simd::{Kernel, Lanes, Path},
    weights::{Block, Weights},
};

/// The windows of a chunk in training. A batch is cut into chunks of this size for the threads, whatever their number: the order in which
/// gradients are summed follows from it. Its activations of the usual net fit a core's own cache.
pub(crate) const WINDOWS: usize = 16;

/// Room for the forward pass of one chunk, kept from batch to batch.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) path: Path,
    pub(crate) shape: Shape,
    /// How many windows are in it now.
    pub(crate) windows: usize,
    inputs: Vec<Row>,
    pub(crate) layers: Vec<Activations>,
    /// What is dropped on the way forward: nothing outside of training.
    pub(crate) dropout: Option<Dropout>,
    pub(crate) outputs: Vec<Row>,
}

/// What the forward pass of a layer leaves for the way back.
#[derive(Clone, Debug)]
pub(crate) struct Activations {
    pub(crate) states: Vec<Row>,
    /// The activated gates; after the way back the gradients of the inputs' products.
    pub(crate) gates: Vec<Row>,
    /// GRU: the new gate's products of the last state, after the way back their gradients. LSTM: the cells' hyperbolic tangent.
    pub(crate) kept: Vec<Row>,
    /// LSTM: the cells.
    pub(crate) cells: Vec<Row>,
    /// The states after each step as the layer above sees them, where some are dropped.
    dropped: Vec<Row>,
}

impl Chunk {
    /// Reserves room for as many windows.
    pub(crate) fn new(path: Path, shape: Shape, windows: usize) -> Self {
        let rows = windows * shape.context;
        let cells = if shape.cell == Cell::Lstm { rows + windows } else { 0 };
        let layer = Activations {
            states: zeros((rows + windows) * shape.units()),
            gates: zeros(rows * shape.panels()),
            kept: zeros(rows * shape.units()),
            cells: zeros(cells * shape.units()),
            dropped: Vec::new(),
        };
        Self {
            path,
            shape,
            windows: 0,
            inputs: zeros(rows * shape.inputs.div_ceil(PANEL)),
            layers: vec![layer; shape.layers],
            dropout: None,
            outputs: zeros(windows * shape.outputs.div_ceil(PANEL)),
        }
    }

    /// Makes room for some windows and gives their inputs, `[panels, context · windows]`.
    pub(crate) fn inputs_mut(&mut self, windows: usize) -> &mut [Row] {
        self.windows = windows;
        &mut self.inputs[..self.shape.context * windows * self.shape.inputs.div_ceil(PANEL)]
    }

    /// Takes the inputs through the net and gives the outputs, `[panels, windows]`.
    pub(crate) fn forward(&mut self, weights: &Weights) -> &[Row] {
        let Self {
            path, shape, windows, ..
        } = *self;
        for layer in 0..shape.layers {
            if let Some((dropout, below)) = self.dropout.zip(layer.checked_sub(1)) {
                self.layers[below].drop(dropout, path, &shape, (below, windows));
            }
            let dropped = self.dropout.is_some();
            let (below, rest) = self.layers.split_at_mut(layer);
            path.run(Forward {
                shape,
                windows,
                blocks: weights.layer(layer),
                inputs: inputs_of(&self.inputs, below, dropped, &shape, windows),
                activations: &mut rest[0],
            });
        }
        let outputs = &mut self.outputs[..windows * shape.outputs.div_ceil(PANEL)];
        path.run(Project {
            depth: shape.hidden,
            left: last_states(&self.layers, &shape, windows),
            blocks: weights.layer(shape.layers),
            outputs,
        });
        outputs
    }

    /// Gives the last layer's states after the last step.
    pub(crate) fn last_states(&self) -> Panels<'_> {
        last_states(&self.layers, &self.shape, self.windows)
    }

    /// Gives the inputs of a layer at all steps.
    pub(crate) fn inputs_of(&self, layer: usize) -> Panels<'_> {
        let dropped = self.dropout.is_some();
        inputs_of(&self.inputs, &self.layers[..layer], dropped, &self.shape, self.windows)
    }

    /// Gives the outputs of the windows in it, one after the other.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = f32> + '_ {
        let Self { shape, windows, .. } = *self;
        (0..windows).flat_map(move |window| {
            (0..shape.outputs).map(move |output| self.outputs[output / PANEL * windows + window].0[output % PANEL])
        })
    }
}

impl Activations {
    fn drop(&mut self, dropout: Dropout, path: Path, shape: &Shape, (layer, windows): (usize, usize)) {
        let rows = shape.context * windows;
        self.dropped.resize(shape.units() * rows, Row::ZERO);
        let states = Panels::new(&self.states, rows + windows, windows, rows);
        dropout.drop(path, layer, windows, states, &mut self.dropped);
    }
}

/// Some rows of all panels of a matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels<'a> {
    all: &'a [Row],
    /// Rows of a whole panel.
    tall: usize,
    first: usize,
    rows: usize,
}

impl<'a> Panels<'a> {
    /// Takes `rows` rows from `first` on of panels with `tall` rows each.
    pub(crate) fn new(all: &'a [Row], tall: usize, first: usize, rows: usize) -> Self {
        Self { all, tall, first, rows }
    }

    /// Gives a panel's rows.
    #[inline(always)]
    pub(crate) fn panel(self, panel: usize) -> &'a [Row] {
        &self.all[panel * self.tall + self.first..][..self.rows]
    }
}

fn inputs_of<'a>(
    inputs: &'a [Row],
    below: &'a [Activations],
    dropped: bool,
    shape: &Shape,
    windows: usize,
) -> Panels<'a> {
    let rows = shape.context * windows;
    match below.last() {
        Some(below) if dropped => Panels::new(&below.dropped, rows, 0, rows),
        Some(below) => Panels::new(&below.states, rows + windows, windows, rows),
        None => Panels::new(inputs, rows, 0, rows),
    }
}

fn last_states<'a>(layers: &'a [Activations], shape: &Shape, windows: usize) -> Panels<'a> {
    let rows = shape.context * windows;
    Panels::new(&layers[shape.layers - 1].states, rows + windows, rows, windows)
}

/// Gives the same units' rows of all gates.
#[inline(always)]
pub(crate) fn split<const GATES: usize>(
    gates: &mut [Row],
    wide: usize,
    first: usize,
    rows: usize,
) -> [&mut [Row]; GATES] {
    let mut each = gates.chunks_exact_mut(wide);
    std::array::from_fn(|_| &mut each.next().expect("a chunk has all gates")[first..first + rows])
}

/// One product of all rows with some blocks.
struct Project<'a> {
    depth: usize,
    left: Panels<'a>,
    blocks: &'a [Block],
    outputs: &'a mut [Row],
}

impl Kernel for Project<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self { depth, left, .. } = self;
        for (block, output) in self.blocks.iter().zip(self.outputs.chunks_exact_mut(left.rows)) {
            let right = |panel: usize| &block.input()[panel * PANEL..];
            multiply::<L, ROWS, VECTORS>(
                lanes,
                depth,
                |panel| left.panel(panel),
                right,
                Start::Row(&block.start),
                output,
            );
        }
    }
}

/// The products of the last state for the same units of all gates.
struct Own<'a> {
    /// From the first gate's block on; the next gate's is `units` further.
    blocks: &'a [Block],
    units: usize,
    depth: usize,
    before: Panels<'a>,
}

impl Own<'_> {
    #[inline(always)]
    fn add<L: Lanes, const ROWS: usize, const VECTORS: usize, const GATES: usize>(
        &self,
        lanes: L,
        mut outputs: [&mut [Row]; GATES],
    ) {
        let block = |gate: usize| &self.blocks[gate * self.units];
        if self.before.rows == 1 {
            for (gate, output) in outputs
                .iter_mut()
                .enumerate()
                .filter(|(gate, _)| block(*gate).place.apart)
            {
                output[0] = *block(gate).hidden_bias();
            }
            let left = |panel: usize| &self.before.panel(panel)[0];
            let right = |gate: usize, panel: usize| &block(gate).hidden()[panel * PANEL..];
            let outputs = outputs.map(|output| &mut output[0]);
            multiply_row::<L, VECTORS, GATES>(lanes, self.depth, left, right, outputs);
            return;
        }
        for (gate, output) in outputs.into_iter().enumerate() {
            let block = block(gate);
            let start = if block.place.apart {
                Start::Row(block.hidden_bias())
            } else {
                Start::Output
            };
            let left = |panel: usize| self.before.panel(panel);
            let right = |panel: usize| &block.hidden()[panel * PANEL..];
            multiply::<L, ROWS, VECTORS>(lanes, self.depth, left, right, start, output);
        }
    }
}

/// All steps of one layer.
struct Forward<'a> {
    shape: Shape,
    windows: usize,
    blocks: &'a [Block],
    inputs: Panels<'a>,
    activations: &'a mut Activations,
}

impl Kernel for Forward<'_> {
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
        let tall = rows + windows;
        let gates = &mut gates[..rows * shape.panels()];
        Project {
            depth: self.blocks[0].place.inputs,
            left: self.inputs,
            blocks,
            outputs: gates,
        }
        .run::<L, ROWS, VECTORS>(lanes);
        for states in states.chunks_exact_mut(tall).chain(cells.chunks_exact_mut(tall)) {
            states[..windows].fill(Row::ZERO);
        }
        for step in 0..shape.context {
            for unit in 0..units {
                let at = step * windows;
                let before = Panels::new(states, tall, at, windows);
                // The states before the first step are zeros.
                let depth = if step == 0 { 0 } else { shape.hidden };
                let own = Own {
                    blocks: &blocks[unit..],
                    units,
                    depth,
                    before,
                };
                let (place, kept_row) = (unit * rows + at, &mut kept[unit * rows + at..][..windows]);
                match shape.cell {
                    Cell::Gru => {
                        let [r, z, _] = split(gates, units * rows, place, windows);
                        own.add::<L, ROWS, VECTORS, 3>(lanes, [r, z, kept_row]);
                    }
                    Cell::Lstm => {
                        own.add::<L, ROWS, VECTORS, 4>(lanes, split(gates, units * rows, place, windows));
                    }
                }
                let (before, after) = states[unit * tall + at..][..2 * windows].split_at_mut(windows);
                let kept = &mut kept[unit * rows + at..][..windows];
                match shape.cell {
                    Cell::Gru => {
                        gru_forward(
                            lanes,
                            split(gates, units * rows, unit * rows + at, windows),
                            kept,
                            before,
                            after,
                        );
                    }
                    Cell::Lstm => {
                        let (before, cells) = cells[unit * tall + at..][..2 * windows].split_at_mut(windows);
                        let gates = split(gates, units * rows, unit * rows + at, windows);
                        lstm_forward(lanes, gates, before, cells, kept, after);
                    }
                }
            }
        }
    }
}
