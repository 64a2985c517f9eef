//! The rule: which member of a round wins, and who is champion after it.
//!
//! Pure: outcomes go in, an entry of the champion log comes out, so equal deciders write equal entries. In every metric
//! a lower score is better. Ties go to the member that comes first in the spec.

use contract::{
    CutDocument, DecisionKind, Digest, Entry, EntryOutcome, MemberName, Outcome, Round,
    spec::{Metric, PromoteSection},
};
use series::{Frequency, Scores};

/// The result of a round, before it is compared with the champion.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict {
    /// The metric that decided.
    pub metric: Metric,
    /// The outcome of every member, in the order of the spec.
    pub outcomes: Vec<EntryOutcome>,
    /// The score of the better baseline; `None` when no baseline has one.
    pub baseline_score: Option<f64>,
    /// The winner; `None` when no member was fitted.
    pub winner: Option<Winner>,
    /// The reason, for people.
    pub reason: String,
}

/// The winner of a round.
#[derive(Clone, PartialEq, Debug)]
pub struct Winner {
    /// The member's name.
    pub member: MemberName,
    /// The digest of its artifact.
    pub artifact: Digest,
    /// Its score in the metric that decided; `None` where nothing could be scored and it wins by rule.
    pub score: Option<f64>,
}

/// A member with a score.
struct Scored {
    member: MemberName,
    artifact: Digest,
    score: f64,
}

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

/// Returns the verdict on a round. The better baseline wins, unless a model beats it by the margin; the ensemble wins unless
/// another member beats it by more than chance.
#[must_use]
pub fn judge(round: &Round, outcomes: &[Outcome], promote: &PromoteSection) -> Verdict {
    let metric = deciding(outcomes, promote.metric);
    let of = |baselines: bool| {
        let members = outcomes
            .iter()
            .filter(|o| round.baselines.contains(&o.member) == baselines);
        best(members, metric)
    };
    let (baseline, model) = (of(true), of(false));
    let baseline_score = baseline.as_ref().map(|b| b.score);
    let (winner, reason) = ensemble_stays(round, outcomes, metric)
        .or_else(|| choose(baseline, model, metric, promote.margin))
        .unwrap_or_else(|| by_rule(round, outcomes));
    let reason = if metric == promote.metric || winner.as_ref().is_none_or(|winner| winner.score.is_none()) {
        reason
    } else {
        format!(
            "{} is not defined on this cut, so {} decides: {reason}",
            name(promote.metric),
            name(metric)
        )
    };
    let absent = round.left_out.iter().map(|absent| EntryOutcome {
        member: absent.member.clone(),
        score: None,
        failed: Some(format!("left out: {}", absent.why)),
    });
    let outcomes = outcomes
        .iter()
        .map(|outcome| line(outcome, metric))
        .chain(absent)
        .collect();
    Verdict {
        metric,
        outcomes,
        baseline_score,
        winner,
        reason,
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

/// Returns the name of a metric as the spec writes it.
#[must_use]
pub fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::Rmsse => "rmsse",
        Metric::Rmse => "rmse",
        Metric::Mae => "mae",
        Metric::Smape => "smape",
        Metric::Mase => "mase",
        Metric::Composite => "composite",
        Metric::Wql => "wql",
    }
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

/// Returns the ensemble as the winner where no other member beats it by more than chance; `None` without an ensemble.
///
/// Of many members scored on few horizons, the best one was mostly lucky: chosen by its score, it forecast worse than the
/// ensemble on every table of competition series. So another member must be better by `1 / √(2 horizons)`: by 71 % where one
/// horizon is scored, by 10 % where fifty are.
fn ensemble_stays(round: &Round, outcomes: &[Outcome], metric: Metric) -> Option<(Option<Winner>, String)> {
    let is_ensemble = |outcome: &&Outcome| Some(&outcome.member) == round.ensemble.as_ref();
    let ensemble = outcomes.iter().find(is_ensemble)?;
    let score = score(ensemble, metric)?;
    let chance = chance(ensemble.scores.as_ref()?);
    let rival = best(outcomes.iter().filter(|outcome| !is_ensemble(outcome)), metric);
    let reason = match &rival {
        Some(rival) if rival.score <= score * (1.0 - chance) => return None,
        Some(rival) => format!(
            "no member beats the {} with {} {score:.6} by {:.0} %, which chance explains on this holdout; next is {} at {:.6}",
            ensemble.member,
            name(metric),
            chance * 100.0,
            rival.member,
            rival.score
        ),
        None => format!("only the {} has a score", ensemble.member),
    };
    let winner = Winner {
        member: ensemble.member.clone(),
        artifact: ensemble.artifact?,
        score: Some(score),
    };
    Some((Some(winner), reason))
}

/// Returns by which fraction a score may be better by chance, by how many horizons without a common row were scored.
#[expect(clippy::cast_precision_loss, reason = "origins and steps lie far below 2^52")]
fn chance(scores: &Scores) -> f64 {
    let steps = scores.steps.len().max(1);
    let horizons = (scores.origins + steps - 1) as f64 / steps as f64;
    1.0 / (2.0 * horizons.max(1.0)).sqrt()
}

/// Returns whether an entry's champion is the winner's artifact, or was fitted again with its settings.
fn is_of(reigning: &Entry, winner: &Winner) -> bool {
    reigning.artifact == winner.artifact || reigning.parent == Some(winner.artifact)
}

/// Returns the winner and why; `None` when no member has a score.
fn choose(
    baseline: Option<Scored>,
    model: Option<Scored>,
    metric: Metric,
    margin: f64,
) -> Option<(Option<Winner>, String)> {
    let metric = name(metric);
    // The shortest decimal form; the plain product would print rounding errors, for example for 0.07.
    let percent = (margin * 1e6).round() / 1e4;
    let (winner, reason) = match (baseline, model) {
        (None, None) => return None,
        (Some(b), None) => {
            let reason = format!(
                "no model has a score; {} is the better baseline with {metric} {:.6}",
                b.member, b.score
            );
            (b, reason)
        }
        (None, Some(m)) => {
            let reason = format!(
                "no baseline has a score; {} is the best model with {metric} {:.6}",
                m.member, m.score
            );
            (m, reason)
        }
        (Some(b), Some(m)) if beats(m.score, b.score, margin) => {
            let reason = format!(
                "{} has {metric} {:.6} and beats the better baseline {} at {:.6} by {percent} % or more",
                m.member, m.score, b.member, b.score
            );
            (m, reason)
        }
        (Some(b), Some(m)) => {
            let reason = format!(
                "the best model {} has {metric} {:.6} and does not beat the better baseline {} at {:.6} by {percent} %",
                m.member, m.score, b.member, b.score
            );
            (b, reason)
        }
    };
    let winner = Winner {
        member: winner.member,
        artifact: winner.artifact,
        score: Some(winner.score),
    };
    Some((Some(winner), reason))
}

/// Returns who forecasts a series that is too short for any score: the last baseline that was fitted, which repeats the
/// last season where there is one.
fn by_rule(round: &Round, outcomes: &[Outcome]) -> (Option<Winner>, String) {
    let fitted = outcomes
        .iter()
        .rev()
        .filter(|outcome| round.baselines.contains(&outcome.member));
    let winner = fitted.filter_map(|outcome| {
        Some(Winner {
            member: outcome.member.clone(),
            artifact: outcome.artifact?,
            score: None,
        })
    });
    match winner.into_iter().next() {
        Some(winner) => {
            let reason = format!(
                "unscored: no forecast can be compared with a value, so {} forecasts by rule",
                winner.member
            );
            (Some(winner), reason)
        }
        None => (
            None,
            "no member has a score and no baseline was fitted, so nobody is promoted".to_owned(),
        ),
    }
}

/// Returns whether a model beats a baseline. A tie is no win, even with a margin of 0.
fn beats(model: f64, baseline: f64, margin: f64) -> bool {
    model < baseline && model <= baseline * (1.0 - margin)
}

/// Returns the metric that decides: the asked one, or RMSE when no member has it. (A scale is zero when the training
/// rows do not vary.) MAE when the squares of the errors overflow.
fn deciding(outcomes: &[Outcome], asked: Metric) -> Metric {
    let any = |metric: &Metric| outcomes.iter().any(|outcome| score(outcome, *metric).is_some());
    [asked, Metric::Rmse, Metric::Mae]
        .into_iter()
        .find(any)
        .unwrap_or(asked)
}

fn best<'a>(members: impl Iterator<Item = &'a Outcome>, metric: Metric) -> Option<Scored> {
    let mut best: Option<Scored> = None;
    for outcome in members {
        let (Some(artifact), Some(score)) = (outcome.artifact, score(outcome, metric)) else {
            continue;
        };
        if best.as_ref().is_none_or(|b| score < b.score) {
            best = Some(Scored {
                member: outcome.member.clone(),
                artifact,
                score,
            });
        }
    }
    best
}

fn line(outcome: &Outcome, metric: Metric) -> EntryOutcome {
    let score = score(outcome, metric);
    let undefined = || format!("{} is not defined for it on this cut", name(metric));
    let failed = score
        .is_none()
        .then(|| outcome.failed.clone().unwrap_or_else(undefined));
    EntryOutcome {
        member: outcome.member.clone(),
        score,
        failed,
    }
}

fn score(outcome: &Outcome, metric: Metric) -> Option<f64> {
    outcome
        .scores
        .as_ref()
        .and_then(|scores| value(scores, metric))
        .filter(|value| value.is_finite())
}

fn value(scores: &Scores, metric: Metric) -> Option<f64> {
    match metric {
        Metric::Rmsse => scores.rmsse,
        Metric::Rmse => scores.rmse,
        Metric::Mae => scores.mae,
        Metric::Smape => scores.smape,
        Metric::Mase => scores.mase,
        Metric::Composite => scores.composite,
        Metric::Wql => scores.wql,
    }
}
