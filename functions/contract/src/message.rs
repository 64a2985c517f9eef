//! What stages send each other: keys and digests, never data and never the spec's text.

use serde::{Deserialize, Serialize};

use crate::{Dataset, Digest, EvalTask, JobId, MemberName, PartId, RoundId, Spec, digest, identity};

/// The version this code writes. It reads this one and all before it.
pub const VERSION: u32 = 2;

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
pub struct Message {
    /// The version of the code that wrote it, at most [`VERSION`].
    pub version: u32,
    /// The stage's recipe under which its sender computed `job`. 0 in version 1, which did not say it.
    #[serde(default)]
    pub recipe: u32,
    /// The job; the receiver recomputes and checks it.
    pub job: JobId,
    /// Which continuation this is, from 0.
    pub hop: u32,
    /// One id for the whole walk of an upload.
    pub trace: String,
    /// Whether known bytes were uploaded again: a stage that finds its commit checks what it left and sends on once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
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
pub struct Input {
    /// The digest of its bytes.
    pub digest: Digest,
    /// The receipt that says where those bytes lie (`uploads/{receipt}.json`).
    pub receipt: Digest,
}

/// Cut a clean part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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

/// Forecast with the champion.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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

/// A body that is no message of ours, or not one for this code.
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
    /// Written by newer code. It is a good message, for whoever runs that code.
    #[error("message is newer than this code: {0}")]
    Newer(Newer),
}

/// How a message shows that newer code wrote it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Newer {
    /// A later version.
    #[error("it has version {have}, at most {VERSION} is read")]
    Version {
        /// Its version.
        have: u32,
    },
    /// A later recipe.
    #[error("its job was computed under recipe {have} of `{stage}`, at most {known} is known")]
    Recipe {
        /// The stage.
        stage: Stage,
        /// Its recipe.
        have: u32,
        /// The recipe of this code.
        known: u32,
    },
    /// A field that is not known: leaving it out could do other work than was asked for.
    #[error("its field `{path}` is not known")]
    Field {
        /// The field, for example `stage.budget`.
        path: String,
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
            Self::Train => 3,
            Self::Preprocess => 4,
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
    /// Makes the first message of a task under its resolved spec.
    #[must_use]
    pub fn new(stage: Task, spec: &Spec, trace: &str) -> Self {
        Self {
            version: VERSION,
            recipe: stage.stage().recipe(),
            job: identity::identify(&stage, spec).job,
            hop: 0,
            trace: trace.to_owned(),
            again: false,
            stage,
        }
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`MessageError::Newer`] where newer code wrote it, else where it is too large or not one of ours.
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
        if head.version > VERSION {
            return Err(MessageError::Newer(Newer::Version { have: head.version }));
        }
        let mut unknown = None;
        let mut json = serde_json::Deserializer::from_slice(body);
        let message: Self = serde_ignored::deserialize(&mut json, |path| {
            // The variant of an enum has no name there, only a `?`.
            unknown.get_or_insert_with(|| path.to_string().replace(".?", ""));
        })
        .map_err(MessageError::Shape)?;
        json.end().map_err(MessageError::Shape)?;
        match unknown {
            Some(path) => Err(MessageError::Newer(Newer::Field { path })),
            None => message.of_known_recipe(),
        }
    }

    fn of_known_recipe(self) -> Result<Self, MessageError> {
        let (stage, have) = (self.stage.stage(), self.recipe);
        let known = stage.recipe();
        if have > known {
            return Err(MessageError::Newer(Newer::Recipe { stage, have, known }));
        }
        Ok(self)
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
