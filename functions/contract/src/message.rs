//! What stages send each other: keys and digests, never data and never the spec's text.

use serde::{Deserialize, Serialize};

use crate::{Dataset, Digest, JobId, MemberName, PartId, RoundId, digest};

/// The version this code writes and reads.
pub const VERSION: u32 = 1;

/// The size above which a message is refused, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// One of the five stages of the walk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Raw bytes to clean parts.
    Preprocess,
    /// A clean part to its cut.
    Sample,
    /// A cut to a model.
    Train,
    /// A model to scores and, for the last of a round, the decision.
    Eval,
    /// The champion to a forecast.
    Infer,
}

/// One job on its way to the stage that does it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Always [`VERSION`].
    pub version: u32,
    /// The job; the receiver recomputes and checks it.
    pub job: JobId,
    /// Which continuation this is, from 0.
    pub hop: u32,
    /// One id for the whole walk of an upload.
    pub trace: String,
    /// What to do.
    pub stage: Task,
}

/// What to do, by stage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Clean an upload.
    Preprocess(PreprocessTask),
    /// Cut a clean part.
    Sample(SampleTask),
    /// Fit one member.
    Train(TrainTask),
    /// Score one member, perhaps decide.
    Eval(EvalTask),
    /// Forecast with the champion.
    Infer(InferTask),
}

/// Clean an upload.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessTask {
    /// The dataset.
    pub dataset: Dataset,
    /// Always the whole: parts come out of this stage.
    pub part: PartId,
    /// The resolved spec.
    pub spec: Digest,
    /// The spec's salt.
    pub salt: String,
    /// Receipts of the raw objects: the data, then its test file if there is one.
    pub inputs: Vec<Input>,
}

/// One raw object as a stage's input.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The digest of its bytes.
    pub digest: Digest,
    /// The receipt that says where those bytes lie (`uploads/{receipt}.json`).
    pub receipt: Digest,
}

/// Cut a clean part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleTask {
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// The resolved spec.
    pub spec: Digest,
    /// The spec's salt.
    pub salt: String,
    /// The clean part.
    pub clean: Digest,
}

/// Fit one member.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainTask {
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// The resolved spec.
    pub spec: Digest,
    /// The spec's salt.
    pub salt: String,
    /// The cut to train on.
    pub cut: Digest,
    /// The round that asked; not part of the work, so that another round adopts it.
    pub round: RoundId,
    /// The member to fit.
    pub member: MemberName,
    /// The artifact whose settings are trained again on all rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refit_of: Option<Digest>,
}

/// Score one member, perhaps decide.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EvalTask {
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// The resolved spec.
    pub spec: Digest,
    /// The spec's salt.
    pub salt: String,
    /// The cut to score on.
    pub cut: Digest,
    /// The round to join.
    pub round: RoundId,
    /// The member.
    pub member: MemberName,
    /// What there is to score.
    #[serde(flatten)]
    pub scored: Scored,
    /// Scoring itself failed before: only join the round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skip_scoring: bool,
}

/// What a fit left.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scored {
    /// An artifact to score.
    Artifact(Digest),
    /// Nothing, and why.
    Failed(String),
}

/// Forecast with the champion.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InferTask {
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// The resolved spec.
    pub spec: Digest,
    /// The spec's salt.
    pub salt: String,
    /// The clean part to forecast from.
    pub clean: Digest,
    /// The champion's generation.
    pub generation: u64,
    /// The champion's artifact.
    pub artifact: Digest,
    /// The request that asked, for forecasts on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
}

/// A body that is no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Too large.
    #[error("message has {have} bytes, at most {MAX_BYTES} are read")]
    Size {
        /// Its size in bytes.
        have: usize,
    },
    /// Not JSON, or not our fields.
    #[error("message is not one of ours")]
    Shape(#[source] serde_json::Error),
    /// Another version.
    #[error("message has version {have}, this code reads {VERSION}")]
    Version {
        /// Its version.
        have: u32,
    },
}

impl Stage {
    /// All stages in the order of the walk.
    pub const ALL: [Self; 5] = [Self::Preprocess, Self::Sample, Self::Train, Self::Eval, Self::Infer];

    /// Gives the name used in queues, logs and events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Preprocess => "preprocess",
            Self::Sample => "sample",
            Self::Train => "train",
            Self::Eval => "eval",
            Self::Infer => "infer",
        }
    }

    /// Gives the number that is raised by hand when this stage's results change.
    #[must_use]
    pub fn recipe(self) -> u32 {
        match self {
            Self::Sample | Self::Eval | Self::Infer => 2,
            Self::Preprocess | Self::Train => 3,
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads the same field of every variant.
macro_rules! field {
    ($task:expr, $name:ident) => {
        match $task {
            Task::Preprocess(t) => &t.$name,
            Task::Sample(t) => &t.$name,
            Task::Train(t) => &t.$name,
            Task::Eval(t) => &t.$name,
            Task::Infer(t) => &t.$name,
        }
    };
}

impl Task {
    /// Gives the stage that does this.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Self::Preprocess(_) => Stage::Preprocess,
            Self::Sample(_) => Stage::Sample,
            Self::Train(_) => Stage::Train,
            Self::Eval(_) => Stage::Eval,
            Self::Infer(_) => Stage::Infer,
        }
    }

    /// Gives the dataset.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        field!(self, dataset)
    }

    /// Gives the part.
    #[must_use]
    pub fn part(&self) -> PartId {
        *field!(self, part)
    }

    /// Gives the digest of the resolved spec.
    #[must_use]
    pub fn spec(&self) -> Digest {
        *field!(self, spec)
    }

    /// Gives the salt.
    #[must_use]
    pub fn salt(&self) -> &str {
        field!(self, salt)
    }

    /// Gives the member, for the stages that have one.
    #[must_use]
    pub fn member(&self) -> Option<&MemberName> {
        match self {
            Self::Train(t) => Some(&t.member),
            Self::Eval(t) => Some(&t.member),
            Self::Preprocess(_) | Self::Sample(_) | Self::Infer(_) => None,
        }
    }
}

impl Message {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is too large, not ours, or of another version.
    pub fn parse(body: &[u8]) -> Result<Self, MessageError> {
        /// Read first, so that a newer message is named as such and not as misshapen.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        if body.len() > MAX_BYTES {
            return Err(MessageError::Size { have: body.len() });
        }
        let head: Head = digest::parse(body).map_err(MessageError::Shape)?;
        if head.version != VERSION {
            return Err(MessageError::Version { have: head.version });
        }
        digest::parse(body).map_err(MessageError::Shape)
    }

    /// Writes the message.
    ///
    /// # Panics
    /// Never: a message holds no fraction, and canonical JSON is UTF-8.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = digest::canonical(self).expect("a message is made of texts, digests and whole numbers");
        String::from_utf8(json).expect("JSON is UTF-8")
    }
}
