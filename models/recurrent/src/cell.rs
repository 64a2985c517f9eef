//! One step of a cell for some windows, forward and backward: what stands between the matrix products.
//!
//! # Shapes
//! States are `[windows, hidden]`, gates `[windows, gates · hidden]` with each gate's units together.

use crate::{
    lanes::each,
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
            each(
                [recurrent_r, recurrent_z, recurrent_n, before],
                [r, z, n, kept, after],
                |[hr, hz, hn, h], [r, z, n, ..]| {
                    let (r, z) = (sigmoid(r + hr), sigmoid(z + hz));
                    let n = tanh(r.mul_add(hn, n));
                    [r, z, n, hn, z.mul_add(h - n, n)]
                },
            );
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
            let both = [r, z, n, carry, recurrent_r, recurrent_z, recurrent_n];
            each(
                [above, kept, before],
                both,
                |[above, kept, before], [r, z, n, carry, ..]| {
                    let d = carry + above;
                    let d_n = d * (1.0 - z) * (1.0 - n * n);
                    let d_z = d * (before - n) * z * (1.0 - z);
                    let d_r = d_n * kept * r * (1.0 - r);
                    [d_r, d_z, d_n, d * z, d_r, d_z, d_n * r]
                },
            );
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
    #[expect(
        clippy::many_single_char_names,
        reason = "the names that the equations have everywhere"
    )]
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
            let inputs = [recurrent_i, recurrent_f, recurrent_g, recurrent_o, before];
            each(
                inputs,
                [input, forget, cell, output, cells, after],
                |[hi, hf, hg, ho, c], [i, f, g, o, ..]| {
                    let (i, f, g, o) = (sigmoid(i + hi), sigmoid(f + hf), tanh(g + hg), sigmoid(o + ho));
                    let c = f.mul_add(c, i * g);
                    [i, f, g, o, c, o * tanh(c)]
                },
            );
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
            let both = [input, forget, cell, output, carry_cells];
            each(
                [above, carry, before, cells],
                both,
                |[above, carry, before, cells], [i, f, g, o, carry_cells]| {
                    let d = carry + above;
                    let bent = tanh(cells);
                    let d_cells = (d * o).mul_add(1.0 - bent * bent, carry_cells);
                    [
                        d_cells * g * i * (1.0 - i),
                        d_cells * before * f * (1.0 - f),
                        d_cells * i * (1.0 - g * g),
                        d * bent * o * (1.0 - o),
                        d_cells * f,
                    ]
                },
            );
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
