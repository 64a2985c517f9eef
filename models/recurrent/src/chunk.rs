//! The forward pass of some windows through the whole net.
//!
//! # Shapes
//! Matrices are cut into panels, [`crate::kernel`]; a panel has one row per step and window, steps first: row
//! `step · windows + window`. A step's rows are then one block, and a layer's input products of all steps are one product.
//! States and cells have one step more: the zeros before the first step.

use std::{marker::PhantomData, ops::Range};

use forecast::Precision;

use crate::{
    dropout::Dropout,
    forward::{Forward, Project},
    kernel::{Activation, Bf16, F32, Factors, PANEL, Panels, Passes, Path, Refresh, Row, zeros},
    layer::Layer,
    shape::{Cell, Shape},
    weights::Weights,
};

/// Buffers for the forward pass of one chunk, kept from batch to batch.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) path: Path,
    pub(crate) shape: Shape,
    /// How many windows it holds now.
    pub(crate) windows: usize,
    /// How many windows it can hold.
    most: usize,
    passes: Passes,
    inputs: Activation,
    pub(crate) layers: Vec<Layer>,
    /// The masks between layers; `None` outside of training.
    pub(crate) dropout: Option<Dropout>,
    pub(crate) outputs: Vec<Row>,
}

impl Chunk {
    /// Allocates the buffers for up to `windows` windows.
    pub(crate) fn new(path: Path, shape: Shape, windows: usize, passes: Passes) -> Self {
        let Shape { context, precision, .. } = shape;
        let empty = |panels, steps| Activation::zeros(precision, passes, panels, steps, windows);
        let cells = if shape.cell == Cell::Lstm {
            (context + 1) * windows
        } else {
            0
        };
        let layer = |layer| {
            // With the forward pass alone each layer hands its buffers on to the next, so they stay in the core's cache.
            let has_own = passes == Passes::Both || layer + 1 == shape.layers;
            let panels = |panels: usize| if has_own { panels } else { 0 };
            Layer {
                states: empty(shape.units(), context + 1),
                gates: empty(panels(shape.panels()), context),
                kept: empty(panels(shape.units()), context),
                cells: zeros(cells * panels(shape.units())),
                dropped: None,
            }
        };
        Self {
            path,
            shape,
            windows: 0,
            most: windows,
            passes,
            inputs: empty(shape.inputs.div_ceil(PANEL), context),
            layers: (0..shape.layers).map(layer).collect(),
            dropout: None,
            outputs: zeros(windows * shape.outputs.div_ceil(PANEL)),
        }
    }

    /// Sets how many windows follow and returns the buffer for their inputs, `[panels, context · windows]`.
    pub(crate) fn inputs_mut(&mut self, windows: usize) -> &mut [Row] {
        self.windows = windows;
        &mut self.inputs.rows[..self.shape.context * windows * self.shape.inputs.div_ceil(PANEL)]
    }

    /// Runs the inputs through the net and returns the outputs, `[panels, windows]`.
    pub(crate) fn forward(&mut self, weights: &Weights) -> &[Row] {
        match self.shape.precision {
            Precision::F32 => self.forward_with::<F32>(weights),
            Precision::Bf16 => self.forward_with::<Bf16>(weights),
        }
    }

    fn forward_with<F: Factors>(&mut self, weights: &Weights) -> &[Row] {
        let Self {
            path, shape, windows, ..
        } = *self;
        let rows = shape.context * windows;
        let (panels, activation) = (shape.inputs.div_ceil(PANEL), &mut self.inputs);
        path.run(Refresh {
            factors: PhantomData::<F>,
            activation,
            panels,
            windows,
            rows,
        });
        for layer in 0..shape.layers {
            if let Some((dropout, below)) = self.dropout.zip(layer.checked_sub(1)) {
                let activation = self.layers[below].drop(dropout, path, &shape, (below, windows), self.most);
                path.run(Refresh {
                    factors: PhantomData::<F>,
                    activation,
                    panels: shape.units(),
                    windows,
                    rows,
                });
            }
            if self.passes == Passes::Forward {
                self.hand_on(layer);
            }
            let (below, rest) = self.layers.split_at_mut(layer);
            let (inputs, tall, steps) = inputs_of(&self.inputs, below, self.dropout.is_some(), rows, windows);
            let (blocks, layer) = (weights.layer(layer), &mut rest[0]);
            path.run(Project::<F> {
                depth: blocks[0].position.inputs,
                left: F::left(inputs, tall, steps),
                blocks,
                outputs: &mut layer.gates.rows[..rows * shape.panels()],
            });
            path.run(Forward {
                factors: PhantomData::<F>,
                shape,
                windows,
                blocks,
                layer,
            });
        }
        let last = &self.layers[shape.layers - 1].states;
        let outputs = &mut self.outputs[..windows * shape.outputs.div_ceil(PANEL)];
        path.run(Project::<F> {
            depth: shape.hidden,
            left: F::left(last, rows + windows, rows..rows + windows),
            blocks: weights.layer(shape.layers),
            outputs,
        });
        outputs
    }

    /// Hands a layer the buffers that the layer before it no longer needs; the first layer gets those of the last.
    fn hand_on(&mut self, layer: usize) {
        let layers = self.layers.len();
        let Ok([from, to]) = self.layers.get_disjoint_mut([(layer + layers - 1) % layers, layer]) else {
            return;
        };
        std::mem::swap(&mut from.gates, &mut to.gates);
        std::mem::swap(&mut from.kept, &mut to.kept);
        std::mem::swap(&mut from.cells, &mut to.cells);
    }

    /// Returns the last layer's states after the last step as the depth of products.
    pub(crate) fn last_states<F: Factors>(&self) -> Panels<'_, F::Right> {
        let (rows, windows) = (self.shape.context * self.windows, self.windows);
        let last = &self.layers[self.shape.layers - 1].states;
        F::depth(last, windows, rows + windows, rows..rows + windows)
    }

    /// Returns the inputs of a layer at all steps as the depth of products.
    pub(crate) fn inputs_of<F: Factors>(&self, layer: usize) -> Panels<'_, F::Right> {
        let (rows, dropped) = (self.shape.context * self.windows, self.dropout.is_some());
        let (inputs, tall, steps) = inputs_of(&self.inputs, &self.layers[..layer], dropped, rows, self.windows);
        F::depth(inputs, self.windows, tall, steps)
    }

    /// Returns the outputs, window by window.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = f32> + '_ {
        let Self { shape, windows, .. } = *self;
        (0..windows).flat_map(move |window| {
            (0..shape.outputs).map(move |output| self.outputs[output / PANEL * windows + window].0[output % PANEL])
        })
    }
}

/// Returns the inputs of a layer, how tall their panels are, and their rows at all steps.
fn inputs_of<'a>(
    inputs: &'a Activation,
    below: &'a [Layer],
    dropped: bool,
    rows: usize,
    windows: usize,
) -> (&'a Activation, usize, Range<usize>) {
    match below.last() {
        Some(Layer {
            dropped: Some(below), ..
        }) if dropped => (below, rows, 0..rows),
        Some(below) => (&below.states, rows + windows, windows..rows + windows),
        None => (inputs, rows, 0..rows),
    }
}
