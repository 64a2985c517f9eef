//! The values of one layer, from the forward pass to the backward pass.

use crate::{
    dropout::Dropout,
    kernel::{Activation, Panels, Passes, Path, Row},
    shape::Shape,
};

/// What the forward pass of a layer computes and the backward pass reads.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) states: Activation,
    /// The activated gates; after the backward pass the gradients of the inputs' products.
    pub(crate) gates: Activation,
    /// GRU: the new gate's products of the last state; after the backward pass their gradients. LSTM: the cells' hyperbolic tangent.
    pub(crate) kept: Activation,
    /// LSTM: the cells; empty for a GRU.
    pub(crate) cells: Vec<Row>,
    /// The states after each step as the layer above sees them; `None` where nothing is dropped.
    pub(crate) dropped: Option<Activation>,
}

impl Layer {
    /// Returns the states after each step as the layer above sees them.
    pub(crate) fn drop(
        &mut self,
        dropout: Dropout,
        path: Path,
        shape: &Shape,
        (layer, windows): (usize, usize),
        most: usize,
    ) -> &mut Activation {
        let rows = shape.context * windows;
        let empty = || Activation::zeros(shape.precision, Passes::Both, shape.units(), shape.context, most);
        let dropped = self.dropped.get_or_insert_with(empty);
        let states = Panels::new(&self.states.rows, rows + windows, windows..rows + windows);
        dropout.drop(path, layer, windows, states, &mut dropped.rows[..shape.units() * rows]);
        dropped
    }
}

/// Returns the same units' rows of all gates.
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
