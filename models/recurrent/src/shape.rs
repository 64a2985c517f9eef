//! The sizes of a net, and its tensors in PyTorch's order and names.

use std::fmt;

use forecast::Precision;

use crate::kernel::PANEL;

/// The most portions of a batch: each keeps gradients of its own.
const PORTIONS: usize = 16;

/// The kinds of recurrent cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Gated recurrent unit, gates in the order reset, update, new.
    Gru,
    /// Long short-term memory, gates in the order input, forget, cell, output.
    Lstm,
}

impl Cell {
    /// Returns how many gates a unit has.
    #[must_use]
    pub fn gates(self) -> usize {
        match self {
            Self::Gru => 3,
            Self::Lstm => 4,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gru => "gru",
            Self::Lstm => "lstm",
        })
    }
}

/// The sizes of a net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) cell: Cell,
    /// Columns of a window's row.
    pub(crate) inputs: usize,
    /// Units of a layer.
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    /// Rows of a window.
    pub(crate) context: usize,
    /// Horizon times targets.
    pub(crate) outputs: usize,
    /// The precision of the factors of products.
    pub(crate) precision: Precision,
}

/// One tensor: its name in PyTorch's state dictionary, its rows and, for a weight, its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) name: String,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) role: Role,
}

/// What a tensor does in the net.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The weights from a layer's inputs to its gates.
    Input { layer: usize },
    /// The weights from a layer's last state to its gates.
    Hidden { layer: usize },
    /// The bias of the products of [`Role::Input`].
    InputBias { layer: usize },
    /// The bias of the products of [`Role::Hidden`].
    HiddenBias { layer: usize },
    /// The weights from the last layer's last state to the outputs.
    Head,
    /// The bias of the outputs.
    HeadBias,
}

impl Role {
    pub(crate) fn is_bias(self) -> bool {
        matches!(self, Self::InputBias { .. } | Self::HiddenBias { .. } | Self::HeadBias)
    }
}

impl Layout {
    /// Returns the dimensions as PyTorch has them: one for a bias, two for a weight.
    pub(crate) fn dimensions(&self) -> Vec<usize> {
        if self.role.is_bias() {
            vec![self.rows]
        } else {
            vec![self.rows, self.columns]
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows * self.columns
    }
}

impl Shape {
    /// Returns how many panels one gate's units fill.
    pub(crate) fn units(&self) -> usize {
        self.hidden.div_ceil(PANEL)
    }

    /// Returns how many panels a layer's gates fill.
    pub(crate) fn panels(&self) -> usize {
        self.cell.gates() * self.units()
    }

    /// Returns the width of a layer's inputs.
    pub(crate) fn width(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.hidden }
    }

    /// Returns all tensors: per layer the two weights and the two biases, then the head's.
    pub(crate) fn layouts(&self) -> Vec<Layout> {
        let gates = self.cell.gates() * self.hidden;
        let mut all = Vec::with_capacity(4 * self.layers + 2);
        for layer in 0..self.layers {
            let mut add = |part: &str, columns, role| {
                all.push(Layout {
                    name: format!("rnn.{part}_l{layer}"),
                    rows: gates,
                    columns,
                    role,
                });
            };
            add("weight_ih", self.width(layer), Role::Input { layer });
            add("weight_hh", self.hidden, Role::Hidden { layer });
            add("bias_ih", 1, Role::InputBias { layer });
            add("bias_hh", 1, Role::HiddenBias { layer });
        }
        let (rows, columns) = (self.outputs, self.hidden);
        all.push(Layout {
            name: "head.weight".into(),
            rows,
            columns,
            role: Role::Head,
        });
        all.push(Layout {
            name: "head.bias".into(),
            rows,
            columns: 1,
            role: Role::HeadBias,
        });
        all
    }

    /// Returns how many windows of a batch go through the net together: a chunk.
    ///
    /// The sums of gradients follow from it, so it depends on nothing but the settings. Activations of the usual net fit a core's own
    /// cache; bf16 is quicker where two tiles of 16 rows share one read of the weights, if two threads still have a chunk each.
    pub(crate) fn chunk(&self, batch: usize) -> usize {
        match self.precision {
            Precision::Bf16 if batch > 32 => 32,
            Precision::Bf16 | Precision::F32 => 16,
        }
    }

    /// Returns how many windows a portion has: the chunks of a batch whose gradients are summed one after the other.
    ///
    /// Each portion is one task for a thread. There are at most [`PORTIONS`], so that memory does not grow with the batch.
    pub(crate) fn portion(&self, batch: usize) -> usize {
        let chunk = self.chunk(batch);
        chunk.saturating_mul(batch.div_ceil(chunk).div_ceil(PORTIONS).max(1))
    }

    /// Returns the bytes that training takes beside the data: parameters (twice, each also transposed), gradients of the batch and of
    /// each portion, moments, best and last good weights, and the activations of a chunk for each portion.
    pub(crate) fn training_bytes(&self, batch: usize) -> u128 {
        let (gates, hidden) = (wide(self.cell.gates()) * padded(self.hidden), padded(self.hidden));
        let stacked = wide(self.layers).saturating_sub(1) * gates * hidden;
        let parameters = gates * (padded(self.inputs) + hidden * wide(self.layers) + 2 * wide(self.layers))
            + stacked
            + padded(self.outputs) * (hidden + 1);
        let back = 4 * (wide(self.context) + 2) * hidden;
        let (chunk, portion) = (wide(self.chunk(batch)), wide(self.portion(batch)));
        let portions = wide(batch).div_ceil(portion);
        let sets = if portion > chunk { 2 * portions } else { portions };
        4 * (12 + sets) * parameters + portions * chunk * (self.activation_bytes() + back)
    }

    /// Returns the bytes that the forward pass of one window takes.
    pub(crate) fn activation_bytes(&self) -> u128 {
        let (gates, hidden) = (wide(self.cell.gates()) * padded(self.hidden), padded(self.hidden));
        let row = padded(self.inputs) + wide(self.layers) * (gates + 4 * hidden);
        let bytes = match self.precision {
            Precision::F32 => 4,
            // Two copies that are half as large.
            Precision::Bf16 => 8,
        };
        bytes * ((wide(self.context) + 1) * row + 3 * padded(self.outputs))
    }
}

/// Caps a size at 2^32: a larger one exceeds every bound anyway, and products of capped sizes cannot overflow.
fn wide(size: usize) -> u128 {
    (size as u128).min(1 << 32)
}

fn padded(size: usize) -> u128 {
    wide(size).next_multiple_of(PANEL as u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_have_the_names_and_dimensions_of_pytorch() {
        let shape = Shape {
            cell: Cell::Lstm,
            inputs: 5,
            hidden: 3,
            layers: 2,
            context: 4,
            outputs: 2,
            precision: Precision::F32,
        };
        let names: Vec<_> = shape
            .layouts()
            .iter()
            .map(|t| (t.name.clone(), t.dimensions()))
            .collect();
        let expected = [
            ("rnn.weight_ih_l0", vec![12, 5]),
            ("rnn.weight_hh_l0", vec![12, 3]),
            ("rnn.bias_ih_l0", vec![12]),
            ("rnn.bias_hh_l0", vec![12]),
            ("rnn.weight_ih_l1", vec![12, 3]),
            ("rnn.weight_hh_l1", vec![12, 3]),
            ("rnn.bias_ih_l1", vec![12]),
            ("rnn.bias_hh_l1", vec![12]),
            ("head.weight", vec![2, 3]),
            ("head.bias", vec![2]),
        ];
        assert_eq!(names, expected.map(|(name, dimensions)| (name.to_owned(), dimensions)));
    }

    #[test]
    fn the_bytes_of_a_net_that_no_machine_holds_do_not_overflow() {
        let n = usize::MAX;
        let shape = Shape {
            cell: Cell::Gru,
            inputs: 17,
            hidden: n / 8,
            layers: 8,
            context: 10,
            outputs: 1,
            precision: Precision::F32,
        };
        assert!(shape.training_bytes(64) > u128::from(u64::MAX));
    }
}
