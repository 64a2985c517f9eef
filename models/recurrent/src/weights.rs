//! The parameters of a net in the order in which products take them.
//!
//! A [`Block`] holds all parameters of 32 columns: of 32 units of one gate of a layer, or of 32 outputs of the head. Gates, units and
//! outputs are filled up with columns of zeros, which stay zero through any fit.

use forecast::Precision;

use crate::{
    factors::{self, Neighbours, Quad},
    panel::{PANEL, Row, whole, zeros},
    shape::{Cell, Role, Shape},
    simd::{Kernel, Lanes, Path},
};

/// The parameters of 32 columns: first a row for each input, then one for each unit of the layer's last state, then the biases.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) place: Place,
    pub(crate) values: Vec<Row>,
    /// What products of the inputs start from: the bias, with the other product's where both are only added.
    pub(crate) start: Row,
    /// The weights turned around, a tile of 32 rows for each panel of inputs; no inputs where nobody asks for the gradient.
    pub(crate) turned: Both<Row>,
    /// The weights in bf16.
    pub(crate) halves: Both<Quad>,
    /// The weights in bf16, turned around.
    pub(crate) turned_halves: Both<Quad>,
}

/// Weights for the inputs and for the units of the last state.
#[derive(Clone, Debug)]
pub(crate) struct Both<R> {
    pub(crate) input: Vec<R>,
    pub(crate) hidden: Vec<R>,
}

/// Where a block belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The layer; the head is the one above the last.
    pub(crate) layer: usize,
    pub(crate) gate: usize,
    /// Which panel of the gate's units, or of the outputs.
    pub(crate) panel: usize,
    /// Rows for inputs.
    pub(crate) inputs: usize,
    /// Rows for units of the last state; the head has none.
    pub(crate) hidden: usize,
    /// Whether the bias of the last state's product is added apart: the GRU's new gate.
    pub(crate) apart: bool,
}

impl Place {
    /// Gives the places of all blocks: layer by layer and gate by gate, the head last.
    pub(crate) fn all(shape: &Shape) -> Vec<Self> {
        let mut all = Vec::new();
        for layer in 0..shape.layers {
            for gate in 0..shape.cell.gates() {
                all.extend((0..shape.units()).map(|panel| Self {
                    layer,
                    gate,
                    panel,
                    inputs: shape.width(layer),
                    hidden: shape.hidden,
                    apart: shape.cell == Cell::Gru && gate == 2,
                }));
            }
        }
        all.extend((0..shape.outputs.div_ceil(PANEL)).map(|panel| Self {
            layer: shape.layers,
            gate: 0,
            panel,
            inputs: shape.hidden,
            hidden: 0,
            apart: false,
        }));
        all
    }

    /// Says whether it is the head's.
    pub(crate) fn is_head(&self) -> bool {
        self.hidden == 0
    }

    /// Gives how many rows of parameters there are.
    pub(crate) fn rows(&self) -> usize {
        self.inputs + self.hidden + if self.is_head() { 1 } else { 2 }
    }
}

impl Block {
    /// Gives a block without parameters, to stand in for one.
    pub(crate) fn empty(place: Place) -> Self {
        let (row, quad) = (Both::filled(Row::ZERO, [0; 2]), Both::filled(Quad::ZERO, [0; 2]));
        Self {
            place,
            values: Vec::new(),
            start: Row::ZERO,
            turned: row,
            halves: quad.clone(),
            turned_halves: quad,
        }
    }

    /// Gives parameters of zero.
    pub(crate) fn zero(place: Place, precision: Precision) -> Self {
        let Place { inputs, hidden, .. } = place;
        let single = precision == Precision::F32;
        let filled_up = |columns: usize| columns.div_ceil(PANEL) * PANEL;
        // Nothing asks for the gradients of a net's inputs.
        let back = [if place.layer == 0 { 0 } else { filled_up(inputs) }, filled_up(hidden)];
        Self {
            place,
            values: zeros(place.rows()),
            start: Row::ZERO,
            turned: Both::filled(Row::ZERO, if single { back } else { [0; 2] }),
            halves: Both::filled(
                Quad::ZERO,
                if single {
                    [0; 2]
                } else {
                    [inputs, hidden].map(|rows| filled_up(rows) / 4)
                },
            ),
            turned_halves: Both::filled(Quad::ZERO, if single { [0; 2] } else { back.map(|rows| rows / 4) }),
        }
    }

    /// Gives the rows for the inputs.
    pub(crate) fn input(&self) -> &[Row] {
        &self.values[..self.place.inputs]
    }

    /// Gives the rows for the units of the last state.
    pub(crate) fn hidden(&self) -> &[Row] {
        &self.values[self.place.inputs..][..self.place.hidden]
    }

    /// Gives the bias of the product of the last state.
    pub(crate) fn hidden_bias(&self) -> &Row {
        &self.values[self.place.inputs + self.place.hidden + 1]
    }

    /// Brings what follows from the values up to them.
    pub(crate) fn pack(&mut self, path: Path) {
        let Place {
            inputs, hidden, apart, ..
        } = self.place;
        self.start = self.values[inputs + hidden];
        if let Some(other) = self.values.get(inputs + hidden + 1).filter(|_| !apart) {
            for (sum, other) in self.start.0.iter_mut().zip(&other.0) {
                *sum += other;
            }
        }
        path.run(Pack(self));
    }
}

impl<R: Copy> Both<R> {
    fn filled(with: R, [input, hidden]: [usize; 2]) -> Self {
        Self {
            input: vec![with; input],
            hidden: vec![with; hidden],
        }
    }
}

/// Turns a block's weights around and rounds them, as far as it has room for either.
struct Pack<'a>(&'a mut Block);

impl Kernel for Pack<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Block {
            place,
            values,
            turned,
            halves,
            turned_halves,
            ..
        } = self.0;
        let (input, rest) = values.split_at(place.inputs);
        let hidden = &rest[..place.hidden];
        turn(lanes, input, &mut turned.input);
        turn(lanes, hidden, &mut turned.hidden);
        factors::round(lanes, input, &mut halves.input);
        factors::round(lanes, hidden, &mut halves.hidden);
        turn_rounded(lanes, input, &mut turned_halves.input);
        turn_rounded(lanes, hidden, &mut turned_halves.hidden);
    }
}

/// Turns tiles of 32 rows around their diagonals; what is missing of the last one is zeros.
#[inline(always)]
fn turn<L: Lanes>(lanes: L, from: &[Row], into: &mut [Row]) {
    let mut rest = [Row::ZERO; PANEL];
    for (from, into) in from.chunks(PANEL).zip(into.as_chunks_mut().0) {
        lanes.turn(whole(from, &mut rest), into);
    }
}

/// Turns tiles of 32 rows around: what are neighbours in a row are one below the other then, in the same order.
#[inline(always)]
fn turn_rounded<L: Lanes>(lanes: L, from: &[Row], into: &mut [Quad]) {
    for (from, into) in from.chunks(PANEL).zip(into.as_chunks_mut().0) {
        let mut tile = [Neighbours::ZERO; PANEL];
        for (from, row) in from.iter().zip(&mut tile) {
            row.round(lanes, from);
        }
        lanes.turn_neighbours(&tile, into);
    }
}

/// All parameters of a net.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) shape: Shape,
    pub(crate) blocks: Vec<Block>,
}

impl Weights {
    /// Takes values in the order of [`Shape::layouts`], each as long as its layout.
    pub(crate) fn new(path: Path, shape: Shape, values: &[Vec<f32>]) -> Self {
        let places = Place::all(&shape).into_iter();
        let mut blocks: Vec<_> = places.map(|place| Block::zero(place, shape.precision)).collect();
        let parts = to_blocks(&shape, values);
        for (block, values) in blocks.iter_mut().zip(parts) {
            block.values = values;
            block.pack(path);
        }
        Self { shape, blocks }
    }

    /// Gives the values in the order of [`Shape::layouts`].
    pub(crate) fn values(&self) -> Vec<Vec<f32>> {
        to_tensors(&self.shape, self.blocks.iter().map(|block| block.values.as_slice()))
    }

    /// Gives the blocks of one layer; the head is the one above the last.
    pub(crate) fn layer(&self, layer: usize) -> &[Block] {
        let wide = self.shape.panels();
        let first = (layer * wide).min(self.blocks.len());
        let after = if layer == self.shape.layers {
            self.blocks.len()
        } else {
            first + wide
        };
        &self.blocks[first..after]
    }
}

/// Cuts tensors in the order of [`Shape::layouts`] into blocks.
pub(crate) fn to_blocks(shape: &Shape, tensors: &[Vec<f32>]) -> Vec<Vec<Row>> {
    let mut blocks: Vec<_> = Place::all(shape).iter().map(|place| zeros(place.rows())).collect();
    each_parameter(shape, |(tensor, index), (block, row, column)| {
        blocks[block][row].0[column] = tensors[tensor][index];
    });
    blocks
}

/// Puts blocks together to tensors in the order of [`Shape::layouts`].
pub(crate) fn to_tensors<'a>(shape: &Shape, blocks: impl Iterator<Item = &'a [Row]>) -> Vec<Vec<f32>> {
    let blocks: Vec<_> = blocks.collect();
    let mut tensors: Vec<_> = shape.layouts().iter().map(|layout| vec![0.0; layout.len()]).collect();
    each_parameter(shape, |(tensor, index), (block, row, column)| {
        tensors[tensor][index] = blocks[block][row].0[column];
    });
    tensors
}

/// Names each parameter's place among the tensors, and its block, row and column.
fn each_parameter(shape: &Shape, mut with: impl FnMut((usize, usize), (usize, usize, usize))) {
    let layouts = shape.layouts();
    for (tensor, layout) in layouts.iter().enumerate() {
        let (layer, above) = match layout.role {
            Role::Input { layer } => (layer, 0),
            Role::Hidden { layer } => (layer, shape.width(layer)),
            Role::InputBias { layer } => (layer, shape.width(layer) + shape.hidden),
            Role::HiddenBias { layer } => (layer, shape.width(layer) + shape.hidden + 1),
            Role::Head => (shape.layers, 0),
            Role::HeadBias => (shape.layers, shape.hidden),
        };
        let first = layer * shape.panels();
        let units = if layer == shape.layers {
            layout.rows
        } else {
            shape.hidden
        };
        for unit in 0..layout.rows {
            let block = first + unit / units * shape.units() + unit % units / PANEL;
            for input in 0..layout.columns {
                with(
                    (tensor, unit * layout.columns + input),
                    (block, above + input, unit % units % PANEL),
                );
            }
        }
    }
}
