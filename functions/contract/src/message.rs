//! The messages that stages send to each other: keys and digests, never data and never the spec's text.

use serde::{Deserialize, Serialize};

use crate::{Dataset, Digest, EvalTask, JobId, MemberName, PartId, RoundId, canonical::canonical};

/// The message version that this code writes. It reads this version and every earlier one.
pub const VERSION: u32 = 2;

/// The largest message that is read, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// One of the five stages that an upload passes through.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Turns the raw bytes of an upload into clean parts.
    Preprocess,
    /// Cuts a clean part into training, validation and holdout rows.
    Sample,
    /// Fits one member of the round.
    Train,
    /// Scores one member; for the last member of a round, also decides the round.
    Eval,
    /// Forecasts with the champion.
    Infer,
}

/// One job, as it is sent to the queue of its stage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The message version of the code that wrote it; above [`VERSION`] the message is [`Newer`].
    pub version: u32,
    /// The recipe number of the stage under which the sender computed `job`. 0 in version 1, which had no such field.
    #[serde(default)]
    pub recipe: u32,
    /// The job's id. The receiver computes it again and checks it.
    pub job: JobId,
    /// How often the job was continued before: 0 for a first message.
    pub hop: u32,
    /// The trace id that all messages of one upload share.
    pub trace: String,
    /// Whether known bytes were uploaded again. A stage that finds its job committed then checks that its outputs exist and
    /// sends the next messages once more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// The task, tagged with its stage.
    pub stage: Task,
}

/// The task of a message, one variant per stage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// See [`Stage::Preprocess`].
    Preprocess(PreprocessTask),
    /// See [`Stage::Sample`].
    Sample(SampleTask),
    /// See [`Stage::Train`].
    Train(TrainTask),
    /// See [`Stage::Eval`].
    Eval(EvalTask),
    /// See [`Stage::Infer`].
    Infer(InferTask),
}

/// The task of `preprocess`: read an upload and write its clean part.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PreprocessTask {
    /// The dataset that the upload belongs to.
    pub dataset: Dataset,
    /// Always [`PartId::WHOLE`]: a dataset is cut into parts by this stage.
    pub part: PartId,
    /// The digest of the resolved spec.
    pub spec: Digest,
    /// The spec's `salt`, a copy; empty unless set.
    pub salt: String,
    /// The raw objects: the data file, then its test file if the spec asks for one.
    pub inputs: Vec<Input>,
}

/// One raw object that `preprocess` reads.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Input {
    /// The digest of the object's bytes.
    pub digest: Digest,
    /// The digest that names the object's receipt, `uploads/{receipt}.json`, which says where the bytes lie.
    pub receipt: Digest,
}

/// The task of `sample`: cut a clean part and fit the transform.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SampleTask {
    /// The dataset that the upload belongs to.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The digest of the resolved spec.
    pub spec: Digest,
    /// The spec's `salt`, a copy; empty unless set.
    pub salt: String,
    /// The digest of the clean part.
    pub clean: Digest,
}

/// The task of `train`: fit one member on a cut.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TrainTask {
    /// The dataset that the upload belongs to.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The digest of the resolved spec.
    pub spec: Digest,
    /// The spec's `salt`, a copy; empty unless set.
    pub salt: String,
    /// The digest of the cut to train on.
    pub cut: Digest,
    /// The round that sent the task, so that a failed fit can report to it without reading anything. It is not part of the
    /// work's identity: another round can adopt the artifact.
    pub round: RoundId,
    /// The member to fit, as the spec names it.
    pub member: MemberName,
    /// The artifact whose settings are to be fitted again on all rows; `None` for a member of a round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refit_of: Option<Digest>,
}

/// The task of `infer`: forecast with the champion.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InferTask {
    /// The dataset that the upload belongs to.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The digest of the resolved spec.
    pub spec: Digest,
    /// The spec's `salt`, a copy; empty unless set.
    pub salt: String,
    /// The digest of the clean part whose last rows the forecast starts from.
    pub clean: Digest,
    /// The champion's generation, from 1.
    pub generation: u64,
    /// The digest of the champion's artifact.
    pub artifact: Digest,
    /// The digest of the request for a forecast on demand; `None` after a decided round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Digest>,
}

/// Why the body of a queue message was not read as a [`Message`].
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The body is larger than [`MAX_BYTES`].
    #[error("message has {have} bytes, at most {MAX_BYTES} are read")]
    Size {
        /// The body's size in bytes.
        have: usize,
    },
    /// The body is not JSON, or a field is missing or has a wrong value.
    #[error("message is not one of ours")]
    Shape(#[source] serde_json::Error),
    /// Newer code wrote the message; a function of that version can read it.
    #[error("message is newer than this code: {0}")]
    Newer(Newer),
}

/// What shows that newer code wrote a message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Newer {
    /// The message version is higher than [`VERSION`].
    #[error("it has version {have}, at most {VERSION} is read")]
    Version {
        /// The message's version.
        have: u32,
    },
    /// The recipe number is higher than [`Stage::recipe`].
    #[error("its job was computed under recipe {have} of `{stage}`, at most {known} is known")]
    Recipe {
        /// The stage of the task.
        stage: Stage,
        /// The message's recipe number.
        have: u32,
        /// The recipe number of this code.
        known: u32,
    },
    /// A field is unknown. It is not ignored, because the job without it could be another one than was asked for.
    #[error("its field `{path}` is not known")]
    Field {
        /// The path of the field, for example `stage.budget`.
        path: String,
    },
}

impl Stage {
    /// All stages, in the order in which an upload passes through them.
    pub const ALL: [Self; 5] = [Self::Preprocess, Self::Sample, Self::Train, Self::Eval, Self::Infer];

    /// Returns the stage's name in queues, logs and messages.
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

    /// Returns the stage's recipe number. It is raised by hand when the stage's results change, so that work of earlier code
    /// is done again.
    #[must_use]
    pub fn recipe(self) -> u32 {
        match self {
            Self::Sample | Self::Eval | Self::Infer => 3,
            Self::Train => 4,
            Self::Preprocess => 5,
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads a field that all variants of a task have.
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
    /// Returns the stage that does the task.
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

    /// Returns the dataset of the task.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        field!(self, dataset)
    }

    /// Returns the part of the dataset.
    #[must_use]
    pub fn part(&self) -> PartId {
        *field!(self, part)
    }

    /// Returns the digest of the resolved spec.
    #[must_use]
    pub fn spec(&self) -> Digest {
        *field!(self, spec)
    }

    /// Returns the spec's salt; empty unless set.
    #[must_use]
    pub fn salt(&self) -> &str {
        field!(self, salt)
    }

    /// Returns the member, or `None` for stages that do not work on one member.
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
    /// Reads the body of a queue message.
    ///
    /// # Errors
    /// [`MessageError::Newer`] if newer code wrote the message; otherwise an error if the body is too large or is not a message.
    pub fn parse(body: &[u8]) -> Result<Self, MessageError> {
        /// Read first, so that a newer message is reported as newer and not as malformed.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        if body.len() > MAX_BYTES {
            return Err(MessageError::Size { have: body.len() });
        }
        let head: Head = serde_json::from_slice(body).map_err(MessageError::Shape)?;
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

    /// Writes the message as canonical JSON.
    ///
    /// # Panics
    /// Never: a message holds no fractions, and canonical JSON is UTF-8.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = canonical(self).expect("a message is made of texts, digests and whole numbers");
        String::from_utf8(json).expect("JSON is UTF-8")
    }
}
