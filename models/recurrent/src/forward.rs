//! The forward pass of one layer: the products of its inputs at all steps at once, then those of its last state step by step.

use std::marker::PhantomData;

use crate::{
    cell::{gru_forward, lstm_forward},
    kernel::{Addend, Block, Factors, Kernel, Lanes, PANEL, Panels, Row},
    layer::{Layer, split},
    shape::{Cell, Shape},
};

/// The products of all rows of a matrix with some blocks.
pub(crate) struct Project<'a, F: Factors> {
    pub(crate) depth: usize,
    pub(crate) left: Panels<'a, F::Left>,
    pub(crate) blocks: &'a [Block],
    pub(crate) outputs: &'a mut [Row],
}

impl<F: Factors> Kernel for Project<'_, F> {
    const FLOATS_ONLY: bool = F::FLOATS_ONLY;

    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(self.left.rows())
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self { depth, left, .. } = self;
        for (block, output) in self.blocks.iter().zip(self.outputs.chunks_exact_mut(left.rows())) {
            let weights = F::weights(block).input;
            let right = |panel: usize| &weights[panel * PANEL / F::STEP..];
            let start = Addend::Row(&block.start);
            F::multiply::<L, ROWS, VECTORS>(lanes, depth, |panel| left.panel(panel), right, start, output);
        }
    }
}

/// The products of the last state for the same units of all gates.
pub(crate) struct Own<'a, F: Factors> {
    /// The blocks from that of the first gate on; the next gate's is `units` further.
    pub(crate) blocks: &'a [Block],
    pub(crate) units: usize,
    pub(crate) depth: usize,
    pub(crate) before: Panels<'a, F::Left>,
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
                .filter(|(gate, _)| block(*gate).position.apart)
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
            let start = if block.position.apart {
                Addend::Row(block.hidden_bias())
            } else {
                Addend::Output
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

/// All steps of one layer after the products of its inputs.
pub(crate) struct Forward<'a, F> {
    pub(crate) factors: PhantomData<F>,
    pub(crate) shape: Shape,
    pub(crate) windows: usize,
    pub(crate) blocks: &'a [Block],
    pub(crate) layer: &'a mut Layer,
}

impl<F: Factors> Kernel for Forward<'_, F> {
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
        let tall = rows + windows;
        let (gates, kept) = (&mut gates.rows[..rows * shape.panels()], &mut kept.rows);
        for states in states.rows.chunks_exact_mut(tall).chain(cells.chunks_exact_mut(tall)) {
            states[..windows].fill(Row::ZERO);
        }
        for unit in 0..units {
            F::refresh(lanes, states, windows, unit * tall..unit * tall + windows);
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
                    before: F::left(states, tall, at..at + windows),
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
                F::refresh(lanes, states, windows, after..after + windows);
            }
        }
    }
}
