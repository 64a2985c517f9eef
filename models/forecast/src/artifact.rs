//! A fitted model as data.

use serde::{Deserialize, Serialize};

use crate::{ArtifactError, EpochLoss, Intervals, ModelSpec, Tensors, Training, tensors};

/// The artifact format that this code writes and reads.
pub const FORMAT: u32 = 1;

/// A fitted model as data: its description and its tensors. It depends on no code of the model: what reads it is chosen by
/// its kind.
#[derive(Clone, PartialEq, Debug)]
pub struct Artifact {
    /// The description, written as JSON beside the tensors.
    pub about: About,
    /// The fitted numbers; which tensors there are depends on the kind of model.
    pub tensors: Tensors,
}

/// The description of a fitted model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The version of the artifact format.
    pub format: u32,
    /// The kind of model, for example `linear`.
    pub kind: String,
    /// The settings it was fitted with.
    pub settings: ModelSpec,
    /// The digest of the cut it was fitted on, in hex.
    pub cut: String,
    /// The names of the targets, in the order of forecasts.
    pub targets: Vec<String>,
    /// The names of the inputs, in the order of columns.
    pub inputs: Vec<String>,
    /// How many rows of history a window has.
    pub context: usize,
    /// How many steps it was trained to forecast.
    pub horizon: usize,
    /// The season in steps.
    pub season: usize,
    /// How many rows before an origin a forecast reads.
    pub history_rows: usize,
    /// Losses by epoch; empty for closed forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochLoss>,
    /// The levels of its intervals; `None` where none were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intervals: Option<Intervals>,
    /// What a search tried, in its order; empty without a search.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
    /// Notices for a person: what the fit did differently from its settings, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// The fits of the same model on more rows, in order of time; empty where it was fitted once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Later>,
    /// The digest of the artifact, in hex, whose settings were fitted again on all rows; `None` where this is the first fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// A fit of the same model on more rows. Its tensors stand beside those of the first fit, under a prefix.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// The time of the first row that it did not learn from, UTC seconds: forecasts from there on are made with it.
    pub from: i64,
    /// The description of the fit.
    pub about: About,
}

/// One trial of a search.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The settings that were tried.
    pub settings: ModelSpec,
    /// The mean squared error on the rows that select, scaled values; `None` where the trial failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_mse: Option<f64>,
    /// Why the trial failed; `None` where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl About {
    /// Returns the description of a model that was fitted without epochs.
    #[must_use]
    pub fn new(settings: ModelSpec, data: &Training<'_>, history_rows: usize) -> Self {
        Self {
            format: FORMAT,
            kind: settings.kind().to_owned(),
            settings,
            cut: data.cut.to_owned(),
            targets: data.target_names.to_vec(),
            inputs: data.input_names.to_vec(),
            context: data.window.context,
            horizon: data.window.horizon,
            season: data.season,
            history_rows,
            epochs: Vec::new(),
            intervals: None,
            trials: Vec::new(),
            notices: Vec::new(),
            later: Vec::new(),
            parent: None,
        }
    }
}

impl Artifact {
    /// Returns the artifact as bytes. Equal artifacts have equal bytes.
    ///
    /// # Errors
    /// Where a number is not finite, a shape does not fit its numbers, or the artifact is too large.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        tensors::to_bytes(&self.about, &self.tensors)
    }

    /// Reads an artifact from bytes. The sizes of all parts are checked before memory is allocated for them.
    ///
    /// # Errors
    /// Where the bytes are not an artifact of a known format, are too many, or hold numbers that are not finite.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{NaiveSpec, Tensor};

    fn artifact() -> Artifact {
        let about = About {
            format: FORMAT,
            kind: "naive".into(),
            settings: ModelSpec::Naive(NaiveSpec {}),
            cut: "00ff".into(),
            targets: vec!["down".into(), "up".into()],
            inputs: vec!["down".into(), "up".into(), "day_of_week_sin".into()],
            context: 10,
            horizon: 1,
            season: 720,
            history_rows: 1,
            epochs: vec![EpochLoss {
                train_loss: 0.1,
                validation_loss: None,
            }],
            intervals: None,
            trials: Vec::new(),
            notices: Vec::new(),
            later: Vec::new(),
            parent: None,
        };
        let tensors = [
            (
                "weight".to_owned(),
                Tensor::f64(vec![2, 2], vec![1.0, -2.5, 0.1, 1e-300]),
            ),
            ("bias".to_owned(), Tensor::f32(vec![3], vec![0.5, 0.25, -1.0])),
        ];
        Artifact {
            about,
            tensors: tensors.into(),
        }
    }

    #[test]
    fn an_artifact_survives_a_round_trip_and_has_one_form() {
        let bytes = artifact().to_bytes().unwrap();
        assert_eq!(Artifact::parse(&bytes).unwrap(), artifact());
        assert_eq!(artifact().to_bytes().unwrap(), bytes);
        let empty = Artifact {
            tensors: Tensors::new(),
            ..artifact()
        };
        assert_eq!(
            Artifact::parse(&empty.to_bytes().unwrap()).unwrap(),
            empty,
            "no tensors"
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_neither_written_nor_read() {
        let mut bad = artifact();
        bad.tensors
            .insert("weight".into(), Tensor::f64(vec![2], vec![1.0, f64::NAN]));
        assert_eq!(
            bad.to_bytes().unwrap_err().to_string(),
            "tensor `weight`: number 1 is not finite"
        );
        let mut bytes = artifact().to_bytes().unwrap();
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert!(matches!(
            Artifact::parse(&bytes),
            Err(ArtifactError::NotFinite { index: 2, .. })
        ));
    }

    #[test]
    fn a_huge_header_is_refused_before_it_is_read() {
        let mut bytes = artifact().to_bytes().unwrap();
        bytes[..8].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let error = Artifact::parse(&bytes).unwrap_err().to_string();
        assert_eq!(
            error,
            "artifact header of 1099511627776 bytes, at most 8388608 are allowed"
        );
    }

    #[test]
    fn other_formats_and_entries_are_refused() {
        let mut newer = artifact();
        newer.about.format = 2;
        assert!(matches!(
            Artifact::parse(&newer.to_bytes().unwrap()),
            Err(ArtifactError::Format { have: 2, need: 1 })
        ));
        let mut other = artifact();
        other.about.kind = "gru".into();
        assert!(matches!(
            Artifact::parse(&other.to_bytes().unwrap()),
            Err(ArtifactError::Kind { .. })
        ));
        let header = br#"{"__metadata__":{"format":"pt"}}"#;
        let foreign = [&(header.len() as u64).to_le_bytes()[..], header].concat();
        assert!(matches!(
            Artifact::parse(&foreign),
            Err(ArtifactError::Entries { have: 1 })
        ));
        assert!(matches!(Artifact::parse(b"PK"), Err(ArtifactError::Malformed(_))));
    }

    #[test]
    fn a_tensor_is_found_by_name_shape_and_precision() {
        let tensors = artifact().tensors;
        assert_eq!(tensors::f32s(&tensors, "bias", &[3]).unwrap(), [0.5, 0.25, -1.0]);
        for (name, shape, message) in [
            ("gate", &[3][..], "tensor `gate` is missing"),
            ("bias", &[2][..], "tensor `bias` has shape [3], must have [2]"),
            ("bias", &[3][..], "tensor `bias` holds F32, must hold F64"),
        ] {
            assert_eq!(tensors::f64s(&tensors, name, shape).unwrap_err().to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn broken_bytes_are_an_error(at in 0_usize..400, value in any::<u8>(), cut in 0_usize..400) {
            let mut bytes = artifact().to_bytes().unwrap();
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = Artifact::parse(&bytes);
            bytes.truncate(cut);
            let _ = Artifact::parse(&bytes);
        }
    }
}
