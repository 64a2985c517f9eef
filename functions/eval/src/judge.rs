//! Which member of a round wins.
//!
//! Pure, so equal deciders reach equal verdicts. In every metric a lower score is better. Ties go to the member that comes
//! first in the spec.

use contract::{
    Digest, EntryOutcome, MemberName, Outcome, Round,
    spec::{Metric, PromoteSection},
};
use series::Scores;

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
