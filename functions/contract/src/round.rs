//! A round: who takes part, what became of each, and what was decided.

use serde::{Deserialize, Serialize};
use series::{Frequency, Scores};

use crate::{Dataset, Digest, MemberName, PartId, RoundId};

/// `round.json`: the expected members, in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Round {
    /// The round.
    pub round: RoundId,
    /// The dataset.
    pub dataset: Dataset,
    /// The part.
    pub part: PartId,
    /// Who takes part, in the order of the spec.
    pub members: Vec<MemberName>,
    /// Which of them are baselines.
    pub baselines: Vec<MemberName>,
    /// The member that whoever decides makes of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<MemberName>,
    /// The cut they share.
    pub cut: Digest,
    /// The clean part they share.
    pub clean: Digest,
    /// The resolved spec.
    pub spec: Digest,
}

/// `{member}.json`: scores, or the failure and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The member.
    pub member: MemberName,
    /// Its artifact, when the fit left one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// Its scores on the round's holdout origins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// Its forecasts of the holdout, under `forecasts/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Digest>,
    /// Its forecasts of the rows that select, under `forecasts/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Digest>,
    /// Why it has no scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What an entry of the champion log says happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionKind {
    /// The round's winner reigns now.
    Replaced,
    /// Who reigned before reigns on.
    Kept,
    /// A person fixed the champion; rounds do not replace it.
    Pinned,
    /// The winner trained again on all rows.
    Refit,
}

/// One entry of the champion log: the truth about who reigns.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the log, from 1.
    pub generation: u64,
    /// The round that wrote it.
    pub round: RoundId,
    /// What happened.
    pub kind: DecisionKind,
    /// Who reigns.
    pub member: MemberName,
    /// With which artifact.
    pub artifact: Digest,
    /// The champion's cut, with its transform.
    pub sample: Digest,
    /// The clean part the champion was scored on.
    pub clean: Digest,
    /// The champion's resolved spec.
    pub spec: Digest,
    /// The metric that decided.
    pub metric: String,
    /// The champion's score when it won.
    pub score: Option<f64>,
    /// The better baseline's score in this round.
    pub baseline_score: Option<f64>,
    /// What became of every member: its score, or why it has none.
    pub outcomes: Vec<EntryOutcome>,
    /// The champion's target columns.
    pub targets: Vec<String>,
    /// The champion's horizon in steps.
    pub horizon: usize,
    /// The champion's frequency.
    pub frequency: Frequency,
    /// The champion's last training row, UTC seconds.
    pub train_end: i64,
    /// The last observed row of the champion's clean part, UTC seconds.
    pub observed_end: i64,
    /// The generation before.
    pub previous: Option<u64>,
    /// Why, for a person.
    pub reason: String,
}

/// One member in an entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EntryOutcome {
    /// The member.
    pub member: MemberName,
    /// Its score in the deciding metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// `decision.json`: a copy of the entry, or why there is none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The entry that this round appended.
    Entry(Box<Entry>),
    /// No member has scores, so nobody was promoted.
    Nobody {
        /// What became of every member.
        outcomes: Vec<EntryOutcome>,
        /// Why, for a person.
        reason: String,
    },
}
