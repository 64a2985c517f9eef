//! The state of a fit between two batches: what a checkpoint holds.

use forecast::{
    ArtifactError, Checkpoint, EpochLoss, ModelSpec, Progress, Tensor, Tensors,
    tensors::{self, f32s},
};
use serde::{Deserialize, Serialize};

use crate::{random, shape::Shape};

/// The checkpoint format that this code writes and reads.
const FORMAT: u32 = 2;

/// Everything that the next batch depends on. The order of windows follows from seed and epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) progress: Progress,
    /// Updates made so far.
    pub(crate) step: u64,
    /// The sum of squared errors of this epoch's batches so far.
    pub(crate) sum: f64,
    /// How many windows these batches have.
    pub(crate) learned: usize,
    /// What the learning rate is multiplied by: halved by every setback, and on every plateau.
    pub(crate) rate: f64,
    /// How often the fit went back to its last good state.
    pub(crate) setbacks: u32,
    /// What the plateau schedule has seen.
    pub(crate) plateau: Plateau,
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
    /// The state that a setback returns to; `None` before the first batch.
    pub(crate) good: Option<Good>,
}

/// The lowest validation loss that the plateau schedule has seen, and the epochs since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plateau {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) lowest: Option<f64>,
    pub(crate) waited: u32,
}

/// The state at the first batch of an epoch, whose loss was seen to be finite: updates made, and by tensor the parameters
/// and both means.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Good {
    pub(crate) step: u64,
    pub(crate) tensors: [Vec<Vec<f32>>; 3],
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
    #[serde(with = "forecast::json")]
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
    learned: usize,
    rate: f64,
    setbacks: u32,
    plateau: Plateau,
    epochs: Vec<EpochLoss>,
    waited: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    good: Option<u64>,
}

/// The names of a good state's parts.
const GOOD: [&str; 3] = ["good.value", "good.first", "good.second"];

impl State {
    /// Returns the state before the first batch.
    pub(crate) fn first(shape: &Shape, seed: u64) -> Self {
        let zeros: Vec<_> = shape.layouts().iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        Self {
            progress: Progress::default(),
            step: 0,
            sum: 0.0,
            learned: 0,
            rate: 1.0,
            setbacks: 0,
            plateau: Plateau::default(),
            epochs: Vec::new(),
            waited: 0,
            values: random::first_values(shape, seed),
            first: zeros.clone(),
            second: zeros,
            best: None,
            good: None,
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
            learned: self.learned,
            rate: self.rate,
            setbacks: self.setbacks,
            plateau: self.plateau,
            epochs: self.epochs.clone(),
            waited: self.waited,
            best: self.best.as_ref().map(|best| best.loss),
            good: self.good.as_ref().map(|good| good.step),
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
        if let Some(good) = &self.good {
            for (part, tensors) in GOOD.into_iter().zip(&good.tensors) {
                add(part, &mut tensors.iter());
            }
        }
        Ok(Checkpoint {
            progress: self.progress,
            bytes: tensors::to_bytes(&about, &all)?,
        })
    }

    /// Reads the state from a checkpoint's bytes, which must be of the given fit.
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
        let good = match about.good {
            Some(step) => Some(Good {
                step,
                tensors: [part(GOOD[0])?, part(GOOD[1])?, part(GOOD[2])?],
            }),
            None => None,
        };
        Ok(Self {
            progress: about.progress,
            step: about.step,
            sum: about.sum,
            learned: about.learned,
            rate: about.rate,
            setbacks: about.setbacks,
            plateau: about.plateau,
            epochs: about.epochs,
            waited: about.waited,
            values: part("value")?,
            first: part("first")?,
            second: part("second")?,
            best,
            good,
        })
    }
}
