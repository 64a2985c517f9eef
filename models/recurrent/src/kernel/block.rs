//! The parameters of 32 columns in the order in which products take them.

use forecast::Precision;

use super::{
    halves,
    lanes::{Kernel, Lanes},
    panel::{Neighbours, PANEL, Quad, Row, whole, zeros},
    path::Path,
};

/// The parameters of 32 columns: first a row for each input, then one for each unit of the layer's last state, then the biases.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) position: Position,
    pub(crate) values: Vec<Row>,
    /// What products of the inputs start from: the bias, plus that of the other product where the two products are only added.
    pub(crate) start: Row,
    /// The transposed weights, a tile of 32 rows for each panel of inputs; empty for the inputs of the first layer, whose gradient
    /// is not needed.
    pub(crate) turned: Both<Row>,
    /// The weights in bf16.
    pub(crate) halves: Both<Quad>,
    /// The transposed weights in bf16.
    pub(crate) turned_halves: Both<Quad>,
}

/// Weights for the inputs and for the units of the last state.
#[derive(Clone, Debug)]
pub(crate) struct Both<R> {
    pub(crate) input: Vec<R>,
    pub(crate) hidden: Vec<R>,
}

/// Which part of the net a block is, and how many rows it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The layer; the head is the one above the last.
    pub(crate) layer: usize,
    pub(crate) gate: usize,
    /// Which panel of the gate's units, or of the outputs.
    pub(crate) panel: usize,
    /// How many rows are for inputs.
    pub(crate) inputs: usize,
    /// How many rows are for units of the last state; 0 for the head.
    pub(crate) hidden: usize,
    /// Whether the bias of the last state's product is added apart: the GRU's new gate.
    pub(crate) apart: bool,
}

impl Position {
    /// Returns whether the block is the head's.
    pub(crate) fn is_head(&self) -> bool {
        self.hidden == 0
    }

    /// Returns how many rows of parameters there are.
    pub(crate) fn rows(&self) -> usize {
        self.inputs + self.hidden + if self.is_head() { 1 } else { 2 }
    }
}

impl Block {
    /// Returns a block without parameters, which takes the place of a block that is moved out.
    pub(crate) fn empty(position: Position) -> Self {
        let (row, quad) = (Both::filled(Row::ZERO, [0; 2]), Both::filled(Quad::ZERO, [0; 2]));
        Self {
            position,
            values: Vec::new(),
            start: Row::ZERO,
            turned: row,
            halves: quad.clone(),
            turned_halves: quad,
        }
    }

    /// Returns a block whose parameters are zero.
    pub(crate) fn zero(position: Position, precision: Precision) -> Self {
        let Position { inputs, hidden, .. } = position;
        let single = precision == Precision::F32;
        let filled_up = |columns: usize| columns.div_ceil(PANEL) * PANEL;
        // The gradients of a net's inputs are not needed.
        let back = [
            if position.layer == 0 { 0 } else { filled_up(inputs) },
            filled_up(hidden),
        ];
        Self {
            position,
            values: zeros(position.rows()),
            start: Row::ZERO,
            turned: Both::filled(Row::ZERO, if single { back } else { [0; 2] }),
            halves: Both::filled(
                Quad::ZERO,
                if single {
                    [0; 2]
                } else {
                    [inputs, hidden].map(|rows| filled_up(rows) / Quad::ROWS)
                },
            ),
            turned_halves: Both::filled(
                Quad::ZERO,
                if single {
                    [0; 2]
                } else {
                    back.map(|rows| rows / Quad::ROWS)
                },
            ),
        }
    }

    /// Returns the rows for the inputs.
    pub(crate) fn input(&self) -> &[Row] {
        &self.values[..self.position.inputs]
    }

    /// Returns the rows for the units of the last state.
    pub(crate) fn hidden(&self) -> &[Row] {
        &self.values[self.position.inputs..][..self.position.hidden]
    }

    /// Returns the bias of the product of the last state.
    pub(crate) fn hidden_bias(&self) -> &Row {
        &self.values[self.position.inputs + self.position.hidden + 1]
    }

    /// Recomputes all copies of the values.
    pub(crate) fn pack(&mut self, path: Path) {
        let Position {
            inputs, hidden, apart, ..
        } = self.position;
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

/// Transposes a block's weights and rounds them, as far as it keeps copies of either.
struct Pack<'a>(&'a mut Block);

impl Kernel for Pack<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Block {
            position,
            values,
            turned,
            halves,
            turned_halves,
            ..
        } = self.0;
        let (input, rest) = values.split_at(position.inputs);
        let hidden = &rest[..position.hidden];
        turn(lanes, input, &mut turned.input);
        turn(lanes, hidden, &mut turned.hidden);
        halves::round(lanes, input, &mut halves.input);
        halves::round(lanes, hidden, &mut halves.hidden);
        turn_rounded(lanes, input, &mut turned_halves.input);
        turn_rounded(lanes, hidden, &mut turned_halves.hidden);
    }
}

/// Transposes tiles of 32 rows; missing rows of the last one are zeros.
#[inline(always)]
fn turn<L: Lanes>(lanes: L, from: &[Row], into: &mut [Row]) {
    let mut rest = [Row::ZERO; PANEL];
    for (from, into) in from.chunks(PANEL).zip(into.as_chunks_mut().0) {
        lanes.turn(whole(from, &mut rest), into);
    }
}

/// Transposes tiles of 32 rows: neighbours in a row then lie one below the other, in the same order.
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
