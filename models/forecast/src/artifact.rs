//! A fitted model as data.

use serde::{Deserialize, Serialize};

use crate::{
    ArtifactError, EpochLoss, ModelSpec, Tensors,
    tensors::{self},
};

/// The format that this code writes and reads.
pub const FORMAT: u32 = 1;

/// A fitted model: what it is, and its numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct Artifact {
    /// What it is.
    pub about: About,
    /// Its numbers.
    pub tensors: Tensors,
}

/// What a fitted model is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The format.
    pub format: u32,
    /// The kind of model.
    pub kind: String,
    /// Its settings.
    pub settings: ModelSpec,
    /// The digest of the cut it was fitted on, in hex.
    pub cut: String,
    /// The targets, in the order of forecasts.
    pub targets: Vec<String>,
    /// The inputs, in the order of columns.
    pub inputs: Vec<String>,
    /// Rows of history in a window.
    pub context: usize,
    /// Steps it was trained for.
    pub horizon: usize,
    /// The season in steps.
    pub season: usize,
    /// Rows before an origin that it looks at.
    pub history_rows: usize,
    /// Losses by epoch; empty for closed forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochLoss>,
}

impl Artifact {
    /// Writes the artifact. Equal artifacts give equal bytes.
    ///
    /// # Errors
    /// Where a number is not finite, a shape does not fit its numbers, or the artifact is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        tensors::to_bytes(&self.about, &self.tensors)
    }

    /// Reads an artifact.
    ///
    /// # Errors
    /// Where the bytes are no artifact of a known format, too large, or hold numbers that are not finite.
    pub fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let (about, tensors): (About, Tensors) = tensors::parse(bytes)?;
        if about.format != FORMAT {
            return Err(ArtifactError::Format {
                have: about.format,
                need: FORMAT,
            });
        }
        if about.kind != about.settings.kind() {
            return Err(ArtifactError::Kind {
                have: about.kind,
                need: about.settings.kind().to_owned(),
            });
        }
        Ok(Self { about, tensors })
    }
}
