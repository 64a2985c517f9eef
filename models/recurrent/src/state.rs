//! A fit between two batches: what a checkpoint holds.

use forecast::{
    ArtifactError, Checkpoint, EpochLoss, ModelSpec, Progress, Tensor, Tensors,
    tensors::{self, f32s},
};
use serde::{Deserialize, Serialize};

use crate::{random, shape::Shape};

/// The format that this code writes and reads.
const FORMAT: u32 = 1;

/// Everything that the next batch depends on. The order of windows follows from seed and epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) progress: Progress,
    /// Updates made.
    pub(crate) step: u64,
    /// Squared errors of this epoch's batches so far.
    pub(crate) sum: f64,
    /// Losses of the epochs so far.
    pub(crate) epochs: Vec<EpochLoss>,
    /// Epochs since the best one.
    pub(crate) waited: u32,
    /// Parameters by tensor.
    pub(crate) values: Vec<Vec<f32>>,
    /// The means of the gradients by tensor.
    pub(crate) first: Vec<Vec<f32>>,
    /// The means of their squares by tensor.
    pub(crate) second: Vec<Vec<f32>>,
    pub(crate) best: Option<Best>,
}

/// The epoch with the lowest validation loss.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Best {
    pub(crate) loss: f64,
    pub(crate) values: Vec<Vec<f32>>,
}

/// What a checkpoint must agree on with the fit that goes on from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) settings: ModelSpec,
    pub(crate) cut: String,
    pub(crate) inputs: usize,
    pub(crate) context: usize,
    pub(crate) outputs: usize,
    pub(crate) windows: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    format: u32,
    fit: Identity,
    progress: Progress,
    step: u64,
    sum: f64,
    epochs: Vec<EpochLoss>,
    waited: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<f64>,
}

impl State {
    /// Gives the state before the first batch.
    pub(crate) fn first(shape: &Shape, seed: u64) -> Self {
        let zeros: Vec<_> = shape.layouts().iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        Self {
            progress: Progress::default(),
            step: 0,
            sum: 0.0,
            epochs: Vec::new(),
            waited: 0,
            values: random::first_values(shape, seed),
            first: zeros.clone(),
            second: zeros,
            best: None,
        }
    }

    /// Writes the state.
    pub(crate) fn to_checkpoint(&self, shape: &Shape, fit: Identity) -> Result<Checkpoint, ArtifactError> {
        let about = About {
            format: FORMAT,
            fit,
            progress: self.progress,
            step: self.step,
            sum: self.sum,
            epochs: self.epochs.clone(),
            waited: self.waited,
            best: self.best.as_ref().map(|best| best.loss),
        };
        let mut all = Tensors::new();
        let mut add = |part: &str, values: &mut dyn Iterator<Item = &Vec<f32>>| {
            for (layout, values) in shape.layouts().iter().zip(values) {
                let tensor = Tensor::f32(layout.dimensions(), values.clone());
                all.insert(format!("{part}.{}", layout.name), tensor);
            }
        };
        add("value", &mut self.values.iter());
        add("first", &mut self.first.iter());
        add("second", &mut self.second.iter());
        if let Some(best) = &self.best {
            add("best", &mut best.values.iter());
        }
        Ok(Checkpoint {
            progress: self.progress,
            bytes: tensors::to_bytes(&about, &all)?,
        })
    }

    /// Reads the state of a fit that is the given one.
    pub(crate) fn read(bytes: &[u8], shape: &Shape, fit: &Identity) -> Result<Self, ArtifactError> {
        let (about, all): (About, Tensors) = tensors::parse(bytes)?;
        if about.format != FORMAT {
            return Err(ArtifactError::Format {
                have: about.format,
                need: FORMAT,
            });
        }
        if about.fit != *fit {
            return Err(ArtifactError::Kind {
                have: format!("{:?}", about.fit),
                need: format!("{fit:?}"),
            });
        }
        let part = |part: &str| -> Result<Vec<Vec<f32>>, ArtifactError> {
            let layouts = shape.layouts();
            let read = |layout: &crate::shape::Layout| {
                f32s(&all, &format!("{part}.{}", layout.name), &layout.dimensions()).map(<[f32]>::to_vec)
            };
            layouts.iter().map(read).collect()
        };
        let best = match about.best {
            Some(loss) => Some(Best {
                loss,
                values: part("best")?,
            }),
            None => None,
        };
        Ok(Self {
            progress: about.progress,
            step: about.step,
            sum: about.sum,
            epochs: about.epochs,
            waited: about.waited,
            values: part("value")?,
            first: part("first")?,
            second: part("second")?,
            best,
        })
    }
}
