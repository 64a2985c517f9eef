//! Who is champion after a round.
//!
//! Pure: a verdict goes in, an entry of the champion log comes out, so equal deciders write equal entries.

use contract::{CutDocument, DecisionKind, Entry, Round};
use series::Frequency;

use crate::judge::{Verdict, Winner, name};

/// Facts that all members of a round have in common.
#[derive(Clone, PartialEq, Debug)]
pub struct Ground {
    /// The names of the target columns.
    pub targets: Vec<String>,
    /// The horizon in steps.
    pub horizon: usize,
    /// The frequency of the time axis.
    pub frequency: Frequency,
    /// The time of the last training row, UTC seconds.
    pub train_end: i64,
    /// The time of the last observed row, UTC seconds.
    pub observed_end: i64,
}

impl From<&CutDocument> for Ground {
    fn from(cut: &CutDocument) -> Self {
        Self {
            targets: cut.transform.target_names(),
            horizon: cut.cut.window.horizon,
            frequency: cut.axis.frequency,
            train_end: cut.train_end,
            observed_end: cut.observed_end,
        }
    }
}

/// Returns the entry after the round. Its winner becomes champion, unless the present champion is pinned, was fitted on
/// later observations, or is that winner.
#[must_use]
pub fn settle(round: &Round, ground: &Ground, verdict: &Verdict, winner: &Winner, reigning: Option<&Entry>) -> Entry {
    let Some(reigning) = reigning else {
        return replaced(round, ground, verdict, winner, None, &verdict.reason);
    };
    let who = format!("{} (generation {})", reigning.member, reigning.generation);
    let (kind, why) = if reigning.kind == DecisionKind::Pinned {
        (
            DecisionKind::Pinned,
            format!("{who} is pinned and reigns on; it was not scored on this cut"),
        )
    } else if ground.observed_end < reigning.observed_end {
        let (round_end, own_end) = (
            ground.frequency.label(ground.observed_end),
            reigning.frequency.label(reigning.observed_end),
        );
        let why = format!("the observations of this round end at {round_end}, before those of {who} at {own_end}");
        (
            DecisionKind::Kept,
            format!("{why}, which reigns on; it was not scored on this cut"),
        )
    } else if is_of(reigning, winner) {
        (
            DecisionKind::Kept,
            format!("it is the artifact of {who}, which reigns on"),
        )
    } else {
        let reason = format!(
            "{}; it replaces {who}, which was not scored on this cut",
            verdict.reason
        );
        return replaced(round, ground, verdict, winner, Some(reigning), &reason);
    };
    kept(
        round,
        verdict,
        winner,
        reigning,
        kind,
        format!("{}; {why}", verdict.reason),
    )
}

fn replaced(
    round: &Round,
    ground: &Ground,
    verdict: &Verdict,
    winner: &Winner,
    before: Option<&Entry>,
    reason: &str,
) -> Entry {
    Entry {
        generation: before.map_or(1, |entry| entry.generation + 1),
        round: round.round,
        kind: DecisionKind::Replaced,
        member: winner.member.clone(),
        artifact: winner.artifact,
        parent: None,
        sample: round.cut,
        clean: round.clean,
        spec: round.spec,
        metric: name(verdict.metric).to_owned(),
        score: winner.score,
        baseline_score: verdict.baseline_score,
        outcomes: verdict.outcomes.clone(),
        targets: ground.targets.clone(),
        horizon: ground.horizon,
        frequency: ground.frequency,
        train_end: ground.train_end,
        observed_end: ground.observed_end,
        previous: before.map(|entry| entry.generation),
        reason: reason.to_owned(),
    }
}

fn kept(
    round: &Round,
    verdict: &Verdict,
    winner: &Winner,
    reigning: &Entry,
    kind: DecisionKind,
    reason: String,
) -> Entry {
    let metric = name(verdict.metric);
    // A score in another metric cannot be compared with this round's scores, so it is left out.
    let score = if is_of(reigning, winner) {
        winner.score
    } else {
        reigning.score.filter(|_| reigning.metric == metric)
    };
    Entry {
        generation: reigning.generation + 1,
        round: round.round,
        kind,
        metric: metric.to_owned(),
        score,
        baseline_score: verdict.baseline_score,
        outcomes: verdict.outcomes.clone(),
        previous: Some(reigning.generation),
        reason,
        ..reigning.clone()
    }
}

/// Returns whether an entry's champion is the winner's artifact, or was fitted again with its settings.
fn is_of(reigning: &Entry, winner: &Winner) -> bool {
    reigning.artifact == winner.artifact || reigning.parent == Some(winner.artifact)
}
