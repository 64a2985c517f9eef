//! One step of a cell for some windows and 32 units, forward and backward: the arithmetic between the matrix products.
//!
//! # Shapes
//! Each row is one window; all slices have the same number of rows. Gates come as one slice for each gate.

use crate::kernel::{Arithmetic, Elements, Lanes, Row, each, sigmoids, tanh};

/// Advances a GRU by one step: from the gates' products `r` and `z` of inputs and last state, `n` of the inputs and `kept`
/// of the last state, all with their biases, to the activated gates and the state after the step.
#[inline(always)]
pub(crate) fn gru_forward<L: Lanes>(lanes: L, gates: [&mut [Row]; 3], kept: &[Row], before: &[Row], after: &mut [Row]) {
    let [r, z, n] = gates;
    each(lanes, GruUnit, [kept, before], [r, z, n, after]);
}

/// # Source
/// Cho et al. 2014, arXiv:1406.1078v1: the reset gate acts *after* the recurrent product, as in PyTorch's `nn.GRU`.
#[derive(Clone, Copy)]
struct GruUnit;

impl Elements<2, 4> for GruUnit {
    #[inline(always)]
    fn apply<A: Arithmetic>(
        self,
        lanes: A,
        [kept, before]: [A::Vector; 2],
        [r, z, n, _]: [A::Vector; 4],
    ) -> [A::Vector; 4] {
        let [r, z] = sigmoids(lanes, [r, z]);
        let n = tanh(lanes, lanes.mul_add(r, kept, n));
        [r, z, n, lanes.mul_add(z, lanes.sub(before, n), n)]
    }
}

/// Computes a GRU's gradients before one step from those after it.
///
/// The activated gates become the gradients of the inputs' products, `kept` that of the last state's product for the new
/// gate; those for the other two are the same. `above` is the gradient of the state after the step as the layer above sees
/// it, `carry` as later steps see it; `carry` becomes what reaches the state before past the products.
#[inline(always)]
pub(crate) fn gru_backward<L: Lanes>(
    lanes: L,
    gates: [&mut [Row]; 3],
    kept: &mut [Row],
    before: &[Row],
    above: &[Row],
    carry: &mut [Row],
) {
    let [r, z, n] = gates;
    each(lanes, GruBack, [before, above], [r, z, n, kept, carry]);
}

/// The backward pass of [`GruUnit`].
#[derive(Clone, Copy)]
struct GruBack;

impl Elements<2, 5> for GruBack {
    #[inline(always)]
    fn apply<A: Arithmetic>(
        self,
        lanes: A,
        [before, above]: [A::Vector; 2],
        [r, z, n, kept, carry]: [A::Vector; 5],
    ) -> [A::Vector; 5] {
        let one = lanes.splat(1.0);
        let d = lanes.add(carry, above);
        let keep = lanes.sub(one, z);
        let d_n = lanes.mul(lanes.mul(d, keep), lanes.sub(one, lanes.mul(n, n)));
        let d_z = lanes.mul(lanes.mul(lanes.mul(d, lanes.sub(before, n)), z), keep);
        let d_r = lanes.mul(lanes.mul(lanes.mul(d_n, kept), r), lanes.sub(one, r));
        [d_r, d_z, d_n, lanes.mul(d_n, r), lanes.mul(d, z)]
    }
}

/// Advances an LSTM by one step: from the gates' products of inputs and last state to the activated gates, the cells, their
/// hyperbolic tangent and the state after the step.
#[inline(always)]
pub(crate) fn lstm_forward<L: Lanes>(
    lanes: L,
    gates: [&mut [Row]; 4],
    cells_before: &[Row],
    cells: &mut [Row],
    bent: &mut [Row],
    after: &mut [Row],
) {
    let [i, f, g, o] = gates;
    each(lanes, LstmUnit, [cells_before], [i, f, g, o, cells, bent, after]);
}

/// # Source
/// Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000, no peepholes, as in PyTorch's `nn.LSTM`.
#[derive(Clone, Copy)]
struct LstmUnit;

impl Elements<1, 7> for LstmUnit {
    #[inline(always)]
    fn apply<A: Arithmetic>(
        self,
        lanes: A,
        [before]: [A::Vector; 1],
        [i, f, g, o, ..]: [A::Vector; 7],
    ) -> [A::Vector; 7] {
        let [i, f, o] = sigmoids(lanes, [i, f, o]);
        let g = tanh(lanes, g);
        let cells = lanes.mul_add(f, before, lanes.mul(i, g));
        let bent = tanh(lanes, cells);
        [i, f, g, o, cells, bent, lanes.mul(o, bent)]
    }
}

/// Computes an LSTM's gradients before one step from those after it.
///
/// The activated gates become the gradients of both products, which are only added. `above` is the gradient of the state
/// after the step as the layer above sees it, `carry` as later steps see it, `carry_cells` that of the cells, which becomes
/// that of the cells before.
#[inline(always)]
pub(crate) fn lstm_backward<L: Lanes>(
    lanes: L,
    gates: [&mut [Row]; 4],
    cells_before: &[Row],
    bent: &[Row],
    above: &[Row],
    carry: &[Row],
    carry_cells: &mut [Row],
) {
    let [i, f, g, o] = gates;
    each(
        lanes,
        LstmBack,
        [cells_before, bent, above, carry],
        [i, f, g, o, carry_cells],
    );
}

/// The backward pass of [`LstmUnit`].
#[derive(Clone, Copy)]
struct LstmBack;

impl Elements<4, 5> for LstmBack {
    #[inline(always)]
    #[expect(
        clippy::many_single_char_names,
        reason = "the names that the equations have everywhere"
    )]
    fn apply<A: Arithmetic>(
        self,
        lanes: A,
        [before, bent, above, carry]: [A::Vector; 4],
        [i, f, g, o, carry_cells]: [A::Vector; 5],
    ) -> [A::Vector; 5] {
        let one = lanes.splat(1.0);
        let d = lanes.add(carry, above);
        let curve = lanes.sub(one, lanes.mul(bent, bent));
        let d_cells = lanes.mul_add(lanes.mul(d, o), curve, carry_cells);
        let slope_i = lanes.mul(i, lanes.sub(one, i));
        let slope_f = lanes.mul(f, lanes.sub(one, f));
        let slope_o = lanes.mul(o, lanes.sub(one, o));
        [
            lanes.mul(lanes.mul(d_cells, g), slope_i),
            lanes.mul(lanes.mul(d_cells, before), slope_f),
            lanes.mul(lanes.mul(d_cells, i), lanes.sub(one, lanes.mul(g, g))),
            lanes.mul(lanes.mul(d, bent), slope_o),
            lanes.mul(d_cells, f),
        ]
    }
}
