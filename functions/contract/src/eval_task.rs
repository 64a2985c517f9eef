//! The task of `eval`, whose two ways of what there is to score are two fields where it is written.

use serde::{Deserialize, Serialize};

use crate::{Dataset, Digest, MemberName, PartId, RoundId};

/// Score one member, perhaps decide.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawEvalTask", into = "RawEvalTask")]
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
    pub scored: Scored,
    /// Scoring itself failed before: only join the round.
    pub skip_scoring: bool,
}

/// What a fit left.
#[derive(Clone, PartialEq, Debug)]
pub enum Scored {
    /// An artifact to score.
    Artifact(Digest),
    /// Nothing, and why.
    Failed(String),
}

/// An [`EvalTask`] as it is written: either `artifact` or `failed` stands for [`Scored`].
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
        }
    }
}
