//! The task of `eval`. What there is to score is an enum here and one of two fields in JSON.

use serde::{Deserialize, Serialize};

use crate::{Dataset, Digest, MemberName, PartId, RoundId};

/// The task of `eval`: score one member and, if it is the last of its round, decide the round. After a refit: make it the
/// champion.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawEvalTask", into = "RawEvalTask")]
pub struct EvalTask {
    /// The dataset that the upload belongs to.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The digest of the resolved spec.
    pub spec: Digest,
    /// The spec's `salt`, a copy; empty unless set.
    pub salt: String,
    /// The digest of the cut whose holdout is scored.
    pub cut: Digest,
    /// The round that gets the outcome.
    pub round: RoundId,
    /// The member to score, as the spec names it.
    pub member: MemberName,
    /// What the member's fit left.
    pub scored: Scored,
    /// Whether scoring failed before. Then only the member's outcome is written, so that the round can be decided.
    pub skip_scoring: bool,
    /// The scored artifact whose settings were fitted again on all rows; `None` for a member of a round.
    pub refit_of: Option<Digest>,
}

/// What a fit left to be scored.
#[derive(Clone, PartialEq, Debug)]
pub enum Scored {
    /// The digest of an artifact.
    Artifact(Digest),
    /// Nothing; says why the fit failed.
    Failed(String),
}

/// An [`EvalTask`] as JSON: one of `artifact` and `failed` stands for [`Scored`].
#[derive(Serialize, Deserialize)]
struct RawEvalTask {
    dataset: Dataset,
    part: PartId,
    spec: Digest,
    salt: String,
    cut: Digest,
    round: RoundId,
    member: MemberName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    skip_scoring: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refit_of: Option<Digest>,
}

impl TryFrom<RawEvalTask> for EvalTask {
    type Error = &'static str;

    fn try_from(raw: RawEvalTask) -> Result<Self, Self::Error> {
        let scored = match (raw.artifact, raw.failed) {
            (Some(artifact), None) => Scored::Artifact(artifact),
            (None, Some(why)) => Scored::Failed(why),
            (Some(_), Some(_)) | (None, None) => return Err("one of `artifact` and `failed` is needed"),
        };
        Ok(Self {
            dataset: raw.dataset,
            part: raw.part,
            spec: raw.spec,
            salt: raw.salt,
            cut: raw.cut,
            round: raw.round,
            member: raw.member,
            scored,
            skip_scoring: raw.skip_scoring,
            refit_of: raw.refit_of,
        })
    }
}

impl From<EvalTask> for RawEvalTask {
    fn from(task: EvalTask) -> Self {
        let (artifact, failed) = match task.scored {
            Scored::Artifact(artifact) => (Some(artifact), None),
            Scored::Failed(why) => (None, Some(why)),
        };
        Self {
            dataset: task.dataset,
            part: task.part,
            spec: task.spec,
            salt: task.salt,
            cut: task.cut,
            round: task.round,
            member: task.member,
            artifact,
            failed,
            skip_scoring: task.skip_scoring,
            refit_of: task.refit_of,
        }
    }
}
