//! The parameters of a net: its tensors cut into blocks, and put together again.
//!
//! A [`Block`] holds all parameters of 32 columns: of 32 units of one gate of a layer, or of 32 outputs of the head. Gates, units and
//! outputs are filled up with columns of zeros, which stay zero through any fit.

use crate::{
    kernel::{Block, PANEL, Path, Position, Row, zeros},
    shape::{Cell, Role, Shape},
};

/// All parameters of a net.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) shape: Shape,
    pub(crate) blocks: Vec<Block>,
}

impl Weights {
    /// Cuts values in the order of [`Shape::layouts`], each as long as its layout, into blocks.
    pub(crate) fn new(path: Path, shape: Shape, values: &[Vec<f32>]) -> Self {
        let positions = positions(&shape).into_iter();
        let mut blocks: Vec<_> = positions
            .map(|position| Block::zero(position, shape.precision))
            .collect();
        let parts = to_blocks(&shape, values);
        for (block, values) in blocks.iter_mut().zip(parts) {
            block.values = values;
            block.pack(path);
        }
        Self { shape, blocks }
    }

    /// Returns the values in the order of [`Shape::layouts`].
    pub(crate) fn values(&self) -> Vec<Vec<f32>> {
        to_tensors(&self.shape, self.blocks.iter().map(|block| block.values.as_slice()))
    }

    /// Returns the blocks of one layer; the head is the one above the last.
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

/// Returns the positions of all blocks: layer by layer and gate by gate, the head last.
fn positions(shape: &Shape) -> Vec<Position> {
    let mut all = Vec::new();
    for layer in 0..shape.layers {
        for gate in 0..shape.cell.gates() {
            all.extend((0..shape.units()).map(|panel| Position {
                layer,
                gate,
                panel,
                inputs: shape.width(layer),
                hidden: shape.hidden,
                apart: shape.cell == Cell::Gru && gate == 2,
            }));
        }
    }
    all.extend((0..shape.outputs.div_ceil(PANEL)).map(|panel| Position {
        layer: shape.layers,
        gate: 0,
        panel,
        inputs: shape.hidden,
        hidden: 0,
        apart: false,
    }));
    all
}

/// Cuts tensors in the order of [`Shape::layouts`] into blocks.
pub(crate) fn to_blocks(shape: &Shape, tensors: &[Vec<f32>]) -> Vec<Vec<Row>> {
    let mut blocks: Vec<_> = positions(shape).iter().map(|position| zeros(position.rows())).collect();
    each_parameter(shape, |(tensor, index), (block, row, column)| {
        blocks[block][row].0[column] = tensors[tensor][index];
    });
    blocks
}

/// Joins blocks to tensors in the order of [`Shape::layouts`].
pub(crate) fn to_tensors<'a>(shape: &Shape, blocks: impl Iterator<Item = &'a [Row]>) -> Vec<Vec<f32>> {
    let blocks: Vec<_> = blocks.collect();
    let mut tensors: Vec<_> = shape.layouts().iter().map(|layout| vec![0.0; layout.len()]).collect();
    each_parameter(shape, |(tensor, index), (block, row, column)| {
        tensors[tensor][index] = blocks[block][row].0[column];
    });
    tensors
}

/// Calls `with` for each parameter: its tensor and index there, and its block, row and column.
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
