//! One step of a cell for some windows, forward and backward: what stands between the matrix products.
//!
//! # Shapes
//! States are `[windows, hidden]`, gates `[windows, gates · hidden]` with each gate's units together.

use crate::{
    math::{sigmoid, tanh},
    simd::{Kernel, Lanes},
};

/// Advances a GRU by one step.
///
/// # Source
/// Cho et al. 2014, arXiv:1406.1078v1: the reset gate acts *after* the recurrent product, as in PyTorch's `nn.GRU`.
pub(crate) struct GruForward<'a> {
    pub(crate) hidden: usize,
    /// Products of the inputs, with their bias; becomes the activated gates `r`, `z`, `n`.
    pub(crate) gates: &'a mut [f32],
    /// Products of the last state, with their bias.
    pub(crate) recurrent: &'a [f32],
    /// The state before this step.
    pub(crate) before: &'a [f32],
    /// The state after it.
    pub(crate) after: &'a mut [f32],
    /// The new gate's part of `recurrent`, kept for the way back.
    pub(crate) kept: &'a mut [f32],
}

impl Kernel for GruForward<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let size = self.hidden;
        let rows = self
            .gates
            .chunks_exact_mut(3 * size)
            .zip(self.recurrent.chunks_exact(3 * size));
        let states = self.before.chunks_exact(size).zip(self.after.chunks_exact_mut(size));
        for (((gates, recurrent), (before, after)), kept) in rows.zip(states).zip(self.kept.chunks_exact_mut(size)) {
            let [r, z, n] = split(gates, size);
            let (recurrent_r, rest) = recurrent.split_at(size);
            let (recurrent_z, recurrent_n) = rest.split_at(size);
            for i in 0..size {
                r[i] = sigmoid(r[i] + recurrent_r[i]);
                z[i] = sigmoid(z[i] + recurrent_z[i]);
                n[i] = tanh(r[i].mul_add(recurrent_n[i], n[i]));
                kept[i] = recurrent_n[i];
                after[i] = z[i].mul_add(before[i] - n[i], n[i]);
            }
        }
    }
}

/// Takes a GRU's gradients back by one step.
pub(crate) struct GruBackward<'a> {
    pub(crate) hidden: usize,
    /// The activated gates; becomes the gradient of the inputs' products.
    pub(crate) gates: &'a mut [f32],
    /// Becomes the gradient of the state's products.
    pub(crate) recurrent: &'a mut [f32],
    /// The new gate's part of the state's products.
    pub(crate) kept: &'a [f32],
    /// The state before the step.
    pub(crate) before: &'a [f32],
    /// The gradient of the state after the step, as the layer above and the head see it.
    pub(crate) above: &'a [f32],
    /// The gradient of the state after the step, as later steps see it; becomes what reaches the state before past the products.
    pub(crate) carry: &'a mut [f32],
}

impl Kernel for GruBackward<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let size = self.hidden;
        let rows = self
            .gates
            .chunks_exact_mut(3 * size)
            .zip(self.recurrent.chunks_exact_mut(3 * size));
        let states = self.kept.chunks_exact(size).zip(self.before.chunks_exact(size));
        let gradients = self.above.chunks_exact(size).zip(self.carry.chunks_exact_mut(size));
        for (((gates, recurrent), (kept, before)), (above, carry)) in rows.zip(states).zip(gradients) {
            let [r, z, n] = split(gates, size);
            let [recurrent_r, recurrent_z, recurrent_n] = split(recurrent, size);
            for i in 0..size {
                let d = carry[i] + above[i];
                let d_n = d * (1.0 - z[i]) * (1.0 - n[i] * n[i]);
                let d_z = d * (before[i] - n[i]) * z[i] * (1.0 - z[i]);
                let d_r = d_n * kept[i] * r[i] * (1.0 - r[i]);
                carry[i] = d * z[i];
                recurrent_r[i] = d_r;
                recurrent_z[i] = d_z;
                recurrent_n[i] = d_n * r[i];
                r[i] = d_r;
                z[i] = d_z;
                n[i] = d_n;
            }
        }
    }
}

/// Advances an LSTM by one step.
///
/// # Source
/// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, no peepholes, as in PyTorch's `nn.LSTM`.
pub(crate) struct LstmForward<'a> {
    pub(crate) hidden: usize,
    /// Products of the inputs, with their bias; becomes the activated gates `i`, `f`, `g`, `o`.
    pub(crate) gates: &'a mut [f32],
    /// Products of the last state, with their bias.
    pub(crate) recurrent: &'a [f32],
    /// The cells before this step.
    pub(crate) cells_before: &'a [f32],
    /// The cells after it.
    pub(crate) cells: &'a mut [f32],
    /// The state after it.
    pub(crate) after: &'a mut [f32],
}

impl Kernel for LstmForward<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let size = self.hidden;
        let rows = self
            .gates
            .chunks_exact_mut(4 * size)
            .zip(self.recurrent.chunks_exact(4 * size));
        let cells = self
            .cells_before
            .chunks_exact(size)
            .zip(self.cells.chunks_exact_mut(size));
        for (((gates, recurrent), (before, cells)), after) in rows.zip(cells).zip(self.after.chunks_exact_mut(size)) {
            let [input, forget, cell, output] = split(gates, size);
            let (recurrent_i, rest) = recurrent.split_at(size);
            let (recurrent_f, rest) = rest.split_at(size);
            let (recurrent_g, recurrent_o) = rest.split_at(size);
            for i in 0..size {
                input[i] = sigmoid(input[i] + recurrent_i[i]);
                forget[i] = sigmoid(forget[i] + recurrent_f[i]);
                cell[i] = tanh(cell[i] + recurrent_g[i]);
                output[i] = sigmoid(output[i] + recurrent_o[i]);
                cells[i] = forget[i].mul_add(before[i], input[i] * cell[i]);
                after[i] = output[i] * tanh(cells[i]);
            }
        }
    }
}

/// Takes an LSTM's gradients back by one step.
pub(crate) struct LstmBackward<'a> {
    pub(crate) hidden: usize,
    /// The activated gates; becomes the gradient of both products, which are only added.
    pub(crate) gates: &'a mut [f32],
    /// The cells before the step.
    pub(crate) cells_before: &'a [f32],
    /// The cells after the step.
    pub(crate) cells: &'a [f32],
    /// The gradient of the state after the step, as the layer above and the head see it.
    pub(crate) above: &'a [f32],
    /// The gradient of the state after the step, as later steps see it.
    pub(crate) carry: &'a [f32],
    /// The gradient of the cells after the step, as later steps see it; becomes that of the cells before.
    pub(crate) carry_cells: &'a mut [f32],
}

impl Kernel for LstmBackward<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let size = self.hidden;
        let cells = self.cells_before.chunks_exact(size).zip(self.cells.chunks_exact(size));
        let gradients = self.above.chunks_exact(size).zip(self.carry.chunks_exact(size));
        let rows = self
            .gates
            .chunks_exact_mut(4 * size)
            .zip(self.carry_cells.chunks_exact_mut(size));
        for (((gates, carry_cells), (before, cells)), (above, carry)) in rows.zip(cells).zip(gradients) {
            let [input, forget, cell, output] = split(gates, size);
            for i in 0..size {
                let d = carry[i] + above[i];
                let bent = tanh(cells[i]);
                let d_cells = (d * output[i]).mul_add(1.0 - bent * bent, carry_cells[i]);
                carry_cells[i] = d_cells * forget[i];
                output[i] = d * bent * output[i] * (1.0 - output[i]);
                forget[i] = d_cells * before[i] * forget[i] * (1.0 - forget[i]);
                let d_input = d_cells * cell[i] * input[i] * (1.0 - input[i]);
                cell[i] = d_cells * input[i] * (1.0 - cell[i] * cell[i]);
                input[i] = d_input;
            }
        }
    }
}

/// Cuts a row into the parts of its gates.
#[inline(always)]
fn split<const GATES: usize>(row: &mut [f32], size: usize) -> [&mut [f32]; GATES] {
    let mut rest = row;
    std::array::from_fn(|_| {
        let (part, tail) = std::mem::take(&mut rest).split_at_mut(size);
        rest = tail;
        part
    })
}
