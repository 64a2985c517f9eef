//! The documents of a round: its members, the outcome of each, and the decision.

use serde::{Deserialize, Serialize};
use series::{Frequency, Scores};

use crate::{Dataset, Digest, MemberName, PartId, RoundId};

/// `rounds/…/round.json`: the members that take part and what they share.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Round {
    /// The id of the round.
    pub round: RoundId,
    /// The dataset that is forecast.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The members, in the order of the spec, without an ensemble.
    pub members: Vec<MemberName>,
    /// Those of the members that are baselines.
    pub baselines: Vec<MemberName>,
    /// The members of the spec that do not take part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<Absent>,
    /// The ensemble, which is made of the other members when the round is decided; `None` if the spec asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ensemble: Option<MemberName>,
    /// The digest of the cut that all members share.
    pub cut: Digest,
    /// The digest of the clean part that all members share.
    pub clean: Digest,
    /// The digest of the resolved spec.
    pub spec: Digest,
}

/// A member of the spec that does not take part in a round.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Absent {
    /// The member's name.
    pub member: MemberName,
    /// Why it does not take part, for people, with value and bound.
    pub why: String,
}

/// `rounds/…/{member}.json`: a member's scores, or why it has none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The member's name.
    pub member: MemberName,
    /// The digest of its artifact; `None` if the fit failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// Its scores on the round's holdout; `None` if it could not be scored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
    /// The digest of its forecasts of the holdout, a [`ForecastDocument`](crate::ForecastDocument).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Digest>,
    /// The digest of its forecasts of the rows that select, a [`SelectDocument`](crate::SelectDocument).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Digest>,
    /// Why it has no scores, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What an entry of the champion log records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionKind {
    /// The round's winner became the champion.
    Replaced,
    /// The champion stayed the same.
    Kept,
    /// A person fixed the champion: rounds do not replace it.
    Pinned,
    /// The winner, fitted again on all rows, became the champion.
    Refit,
}

/// `champion/…/log/{generation}.json`: one entry of the champion log. The newest entry names the champion.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The entry's number in the log, from 1.
    pub generation: u64,
    /// The round that appended the entry.
    pub round: RoundId,
    /// What the entry records.
    pub kind: DecisionKind,
    /// The champion, as its spec names it.
    pub member: MemberName,
    /// The digest of the champion's artifact.
    pub artifact: Digest,
    /// The digest of the scored artifact whose settings the champion was fitted with again on all rows; `None` where the
    /// champion was scored itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// The digest of the champion's cut, which holds its transform.
    pub sample: Digest,
    /// The digest of the clean part that the champion was scored on.
    pub clean: Digest,
    /// The digest of the champion's resolved spec.
    pub spec: Digest,
    /// The metric that decided, as the spec names it.
    pub metric: String,
    /// The champion's score when it won, in that metric; `None` if it has none.
    pub score: Option<f64>,
    /// The score of the better baseline in this round; `None` if no baseline was scored.
    pub baseline_score: Option<f64>,
    /// The score of every member, or why it has none.
    pub outcomes: Vec<EntryOutcome>,
    /// The names of the champion's target columns.
    pub targets: Vec<String>,
    /// The champion's horizon, in steps.
    pub horizon: usize,
    /// The distance of two steps of the champion's series.
    pub frequency: Frequency,
    /// The time of the champion's last training row, UTC seconds.
    pub train_end: i64,
    /// The time of the last observed row of the champion's clean part, UTC seconds.
    pub observed_end: i64,
    /// The number of the entry before; `None` for the first.
    pub previous: Option<u64>,
    /// Why the round was decided so, for people.
    pub reason: String,
}

/// The outcome of one member, as an entry of the champion log lists it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EntryOutcome {
    /// The member's name.
    pub member: MemberName,
    /// Its score in the metric that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// Why it has no score, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// `rounds/…/decision.json`: a copy of the champion log's entry, or why the round appended none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The entry that this round appended.
    Entry(Box<Entry>),
    /// No member has scores, so nobody was promoted.
    Nobody {
        /// Why each member has no score.
        outcomes: Vec<EntryOutcome>,
        /// Why nobody was promoted, for people.
        reason: String,
    },
}
