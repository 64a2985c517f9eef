//! The parameters of a net, packed for the products they take part in.

use crate::{
    matrix::Packed,
    shape::{Layout, Role, Shape},
    simd::Path,
};

/// One parameter tensor.
#[derive(Clone, Debug)]
pub(crate) struct Tensor {
    pub(crate) layout: Layout,
    /// Row-major, as in PyTorch.
    pub(crate) values: Vec<f32>,
    /// Transposed, for the way from inputs to outputs. Empty for a bias.
    pub(crate) forward: Packed,
    /// For the way from an output's gradient to an input's. Empty for a bias, and where nothing needs that gradient.
    pub(crate) backward: Packed,
}

impl Tensor {
    fn new(path: Path, layout: Layout, values: Vec<f32>) -> Self {
        let (rows, columns) = if layout.role.is_bias() {
            (0, 0)
        } else {
            (layout.rows, layout.columns)
        };
        let forward = Packed::new(path, columns, rows);
        let backward = match layout.role {
            Role::Input { layer: 0 } => Packed::new(path, 0, 0),
            _ => Packed::new(path, rows, columns),
        };
        let mut tensor = Self {
            layout,
            values,
            forward,
            backward,
        };
        tensor.pack();
        tensor
    }

    /// Packs the values again after they changed.
    pub(crate) fn pack(&mut self) {
        self.forward.pack_transposed(&self.values);
        self.backward.pack(&self.values);
    }
}

/// All parameters of a net, in the order of [`Shape::layouts`].
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) shape: Shape,
    pub(crate) tensors: Vec<Tensor>,
}

/// The parameters of one layer.
pub(crate) struct Layer<'a> {
    pub(crate) input: &'a Tensor,
    pub(crate) hidden: &'a Tensor,
    pub(crate) input_bias: &'a [f32],
    pub(crate) hidden_bias: &'a [f32],
}

impl Weights {
    /// Takes values in the order of [`Shape::layouts`], each as long as its layout.
    pub(crate) fn new(path: Path, shape: Shape, values: Vec<Vec<f32>>) -> Self {
        let tensors = shape
            .layouts()
            .into_iter()
            .zip(values)
            .map(|(layout, values)| Tensor::new(path, layout, values));
        Self {
            shape,
            tensors: tensors.collect(),
        }
    }

    /// Gives the parameters of one layer.
    pub(crate) fn layer(&self, layer: usize) -> Layer<'_> {
        let [input, hidden, input_bias, hidden_bias] = &self.tensors.as_chunks::<4>().0[layer];
        Layer {
            input,
            hidden,
            input_bias: &input_bias.values,
            hidden_bias: &hidden_bias.values,
        }
    }

    /// Gives the head's weight and bias.
    pub(crate) fn head(&self) -> (&Tensor, &[f32]) {
        let first = 4 * self.shape.layers;
        (&self.tensors[first], &self.tensors[first + 1].values)
    }
}
