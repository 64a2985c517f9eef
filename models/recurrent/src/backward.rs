//! The backward pass of one layer: from the gradients of its outputs to those of every gate.

use std::marker::PhantomData;

use crate::{
    cell::{gru_backward, lstm_backward},
    kernel::{Addend, Block, Factors, Kernel, Lanes, PANEL, Panels, Row},
    layer::{Layer, split},
    shape::{Cell, Shape},
};

/// The gradients of a layer's inputs from those of its products.
pub(crate) struct Back<'a, F: Factors> {
    pub(crate) depth: usize,
    pub(crate) left: Panels<'a, F::Left>,
    pub(crate) blocks: &'a [Block],
    /// Panels of `tall` rows; the last rows of each become the gradients.
    pub(crate) output: &'a mut [Row],
    pub(crate) tall: usize,
}

impl<F: Factors> Kernel for Back<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

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
            let (start, output) = (Addend::Row(&Row::ZERO), &mut output[first..]);
            F::multiply::<L, ROWS, VECTORS>(lanes, depth, |panel| left.panel(panel), right, start, output);
        }
    }
}

/// All steps of one layer, backwards.
pub(crate) struct Backward<'a, F> {
    pub(crate) factors: PhantomData<F>,
    pub(crate) shape: Shape,
    pub(crate) windows: usize,
    pub(crate) blocks: &'a [Block],
    pub(crate) layer: &'a mut Layer,
    /// The gradients of the layer's states that come from the layer above.
    pub(crate) above: &'a [Row],
    pub(crate) carry: &'a mut [Row],
    pub(crate) carry_cells: &'a mut [Row],
}

impl<F: Factors> Kernel for Backward<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

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
                        F::refresh(lanes, kept, windows, first..first + windows);
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
                    F::refresh(lanes, gates, windows, first..first + windows);
                }
            }
            // The gradient of the zeros before the first step is not needed.
            if step == 0 {
                break;
            }
            let (apart, all) = (
                F::left(kept, rows, at..at + windows),
                F::left(gates, rows, at..at + windows),
            );
            let left = |panel: usize| {
                if blocks[panel].position.apart {
                    apart.panel(panel - 2 * units)
                } else {
                    all.panel(panel)
                }
            };
            let start = match shape.cell {
                Cell::Gru => Addend::Output,
                Cell::Lstm => Addend::Row(&Row::ZERO),
            };
            for (tile, carry) in carry.chunks_exact_mut(windows).enumerate() {
                let right = |panel: usize| &F::weights(&blocks[panel]).hidden_back[tile * wide..][..wide];
                F::multiply::<L, ROWS, VECTORS>(lanes, depth, left, right, start, carry);
            }
        }
    }
}
