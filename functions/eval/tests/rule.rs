//! The rule, case by case.

use contract::DecisionKind::{self, Kept, Pinned, Replaced};
use contract::{
    Absent, Digest, Entry, MemberName, Outcome, PartId, Round, spec::Layer, spec::PromoteSection, spec::resolve,
};
use eval::{
    judge::{Verdict, Winner, judge},
    settle::{Ground, settle},
};
use series::{Frequency, Scores};

fn name(member: &str) -> MemberName {
    member.to_owned().try_into().expect("a plain name")
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// Returns a round with two baselines, then two models, in the order of the spec.
fn round() -> Round {
    Round {
        round: digest("round"),
        dataset: "cell".parse().expect("a plain name"),
        part: PartId::WHOLE,
        members: ["naive", "seasonal", "linear", "gru"].map(name).to_vec(),
        baselines: ["naive", "seasonal"].map(name).to_vec(),
        left_out: vec![Absent {
            member: name("lstm"),
            why: "too few rows".to_owned(),
        }],
        ensemble: None,
        cut: digest("cut"),
        clean: digest("clean"),
        spec: digest("spec"),
    }
}

fn promote(toml: &str) -> PromoteSection {
    resolve(&[Layer::toml("test", toml)]).expect("a good spec").promote
}

/// Returns outcomes: `None` is a failed fit, `NaN` an outcome without this score.
fn outcomes(scores: [Option<f64>; 4]) -> Vec<Outcome> {
    let members = round().members;
    let outcome = |(member, score): (MemberName, Option<f64>)| Outcome {
        artifact: score.map(|_| digest(member.as_str())),
        scores: score.map(|rmsse| Scores {
            rmsse: Some(rmsse),
            ..Scores::default()
        }),
        holdout: None,
        select: None,
        failed: score.is_none().then(|| "diverged".to_owned()),
        member,
    };
    members.into_iter().zip(scores).map(outcome).collect()
}

const NAN: Option<f64> = Some(f64::NAN);

#[test]
fn the_better_baseline_wins_unless_a_model_beats_it_by_the_margin() {
    for (what, scores, margin, winner) in [
        (
            "a clear win",
            [Some(1.0), Some(0.9), Some(0.8), Some(0.7)],
            "0.01",
            Some("gru"),
        ),
        (
            "not by the margin",
            [Some(1.0), Some(0.9), Some(0.895), Some(1.0)],
            "0.01",
            Some("seasonal"),
        ),
        (
            "exactly the margin",
            [Some(1.0), Some(1.0), Some(0.5), None],
            "0.5",
            Some("linear"),
        ),
        (
            "a tie without a margin",
            [Some(1.0), Some(0.9), Some(0.9), None],
            "0.0",
            Some("seasonal"),
        ),
        (
            "models tie",
            [Some(1.0), Some(0.9), Some(0.5), Some(0.5)],
            "0.01",
            Some("linear"),
        ),
        (
            "baselines tie",
            [Some(0.9), Some(0.9), None, None],
            "0.01",
            Some("naive"),
        ),
        (
            "no model has scores",
            [Some(1.0), Some(0.9), None, None],
            "0.01",
            Some("seasonal"),
        ),
        (
            "no baseline has scores",
            [None, None, Some(5.0), Some(4.0)],
            "0.01",
            Some("gru"),
        ),
        (
            "a score that is no number never wins",
            [Some(1.0), NAN, NAN, Some(0.5)],
            "0.01",
            Some("gru"),
        ),
        (
            "a perfect baseline is not beaten",
            [Some(0.0), Some(1.0), Some(0.0), None],
            "0.01",
            Some("naive"),
        ),
        ("nobody", [None, None, None, None], "0.01", None),
        (
            "nobody has a number, so a baseline forecasts by rule",
            [NAN, NAN, NAN, NAN],
            "0.01",
            Some("seasonal"),
        ),
    ] {
        let promote = promote(&format!("[promote]\nmargin = {margin}"));
        let verdict = judge(&round(), &outcomes(scores), &promote);
        let won = verdict.winner.as_ref().map(|winner| winner.member.as_str());
        assert_eq!(won, winner, "{what}: {}", verdict.reason);
        let by_rule = verdict.winner.as_ref().is_some_and(|winner| winner.score.is_none());
        assert_eq!(
            by_rule,
            verdict.reason.starts_with("unscored"),
            "{what}: {}",
            verdict.reason
        );
        assert_eq!(verdict.outcomes.len(), 5, "{what}: the member that is left out too");
        for line in &verdict.outcomes {
            assert_ne!(line.score.is_some(), line.failed.is_some(), "{what}: {line:?}");
        }
    }
}

#[test]
fn a_metric_that_nobody_has_gives_way_to_rmse_or_mae_and_the_reason_says_so() {
    for (rmse, instead) in [(1.0, "rmse"), (f64::INFINITY, "mae")] {
        let mut outcomes = outcomes([Some(0.0); 4]);
        for (outcome, error) in outcomes.iter_mut().zip([4.0, 3.0, 2.0, 5.0]) {
            outcome.scores = Some(Scores {
                rmse: Some(error * rmse),
                mae: Some(error),
                ..Scores::default()
            });
        }
        let verdict = judge(&round(), &outcomes, &promote(""));
        assert_eq!(verdict.winner.map(|winner| winner.score), Some(Some(2.0)));
        let expected = format!("rmsse is not defined on this cut, so {instead} decides");
        assert!(verdict.reason.starts_with(&expected), "{}", verdict.reason);
    }
}

#[test]
fn why_a_member_is_out_stands_in_the_verdict() {
    let verdict = judge(
        &round(),
        &outcomes([Some(1.0), Some(0.9), None, Some(0.8)]),
        &promote(""),
    );
    assert_eq!(verdict.outcomes[2].failed.as_deref(), Some("diverged"));
    assert_eq!(verdict.outcomes[4].failed.as_deref(), Some("left out: too few rows"));
    assert_eq!(verdict.baseline_score, Some(0.9));
}

fn ground(observed_end: i64) -> Ground {
    Ground {
        targets: vec!["down".to_owned()],
        horizon: 1,
        frequency: Frequency::Seconds(120),
        train_end: 500,
        observed_end,
    }
}

fn won() -> (Verdict, Winner) {
    let verdict = judge(
        &round(),
        &outcomes([Some(1.0), Some(0.9), Some(0.5), None]),
        &promote(""),
    );
    let winner = verdict.winner.clone().expect("linear has the best score");
    (verdict, winner)
}

fn first() -> Entry {
    let (verdict, winner) = won();
    settle(&round(), &ground(1_000), &verdict, &winner, None)
}

#[test]
fn the_first_winner_reigns_with_generation_1() {
    let entry = first();
    assert_eq!((entry.generation, entry.previous, entry.kind), (1, None, Replaced));
    assert_eq!(
        (entry.member, entry.artifact, entry.score),
        (name("linear"), digest("linear"), Some(0.5))
    );
    assert_eq!(
        (entry.sample, entry.clean, entry.spec),
        (digest("cut"), digest("clean"), digest("spec"))
    );
    assert_eq!(
        (entry.metric.as_str(), entry.baseline_score, entry.outcomes.len()),
        ("rmsse", Some(0.9), 5)
    );
}

#[test]
fn who_reigns_is_replaced_unless_pinned_newer_or_the_same() {
    let other = |kind: DecisionKind| Entry {
        generation: 7,
        kind,
        round: digest("earlier round"),
        member: name("lstm"),
        artifact: digest("lstm"),
        sample: digest("earlier cut"),
        score: Some(0.25),
        ..first()
    };
    let same = Entry {
        artifact: digest("linear"),
        member: name("linear"),
        ..other(Replaced)
    };
    let metric = Entry {
        metric: "mae".to_owned(),
        ..other(Replaced)
    };
    let (gru, old, kept) = ("lstm", digest("lstm"), "reigns on");
    for (what, reigning, observed_end, kind, member, artifact, score, says) in [
        (
            "newer data",
            other(Replaced),
            2_000,
            Replaced,
            "linear",
            digest("linear"),
            Some(0.5),
            "replaces lstm",
        ),
        (
            "equal data",
            other(Kept),
            1_000,
            Replaced,
            "linear",
            digest("linear"),
            Some(0.5),
            "not scored on this cut",
        ),
        (
            "older data",
            other(Replaced),
            999,
            Kept,
            gru,
            old,
            Some(0.25),
            "1970-01-01T00:16:39Z",
        ),
        (
            "pinned",
            other(Pinned),
            2_000,
            Pinned,
            gru,
            old,
            Some(0.25),
            "is pinned",
        ),
        (
            "the same artifact",
            same,
            1_000,
            Kept,
            "linear",
            digest("linear"),
            Some(0.5),
            kept,
        ),
        ("a score in another metric", metric, 999, Kept, gru, old, None, kept),
    ] {
        let (verdict, winner) = won();
        let entry = settle(&round(), &ground(observed_end), &verdict, &winner, Some(&reigning));
        assert_eq!(
            (entry.generation, entry.previous, entry.round),
            (8, Some(7), digest("round")),
            "{what}"
        );
        assert_eq!(
            (entry.kind, &entry.member, entry.artifact),
            (kind, &name(member), artifact),
            "{what}"
        );
        assert_eq!(entry.score, score, "{what}");
        assert!(entry.reason.contains(says), "{what}: {}", entry.reason);
        assert_eq!(entry.baseline_score, Some(0.9), "{what}: this round's baseline");
        let (sample, observed) = match kind {
            Replaced => (digest("cut"), observed_end),
            Kept | Pinned | DecisionKind::Refit => (reigning.sample, reigning.observed_end),
        };
        assert_eq!(
            (entry.sample, entry.observed_end),
            (sample, observed),
            "{what}: the champion's own"
        );
    }
}

#[test]
fn a_refit_reigns_on_when_its_parent_wins_again() {
    let refit = Entry {
        generation: 7,
        kind: DecisionKind::Refit,
        artifact: digest("linear on all rows"),
        parent: Some(digest("linear")),
        ..first()
    };
    let (verdict, winner) = won();
    let entry = settle(&round(), &ground(1_000), &verdict, &winner, Some(&refit));
    assert_eq!((entry.kind, entry.generation), (Kept, 8));
    assert_eq!(
        (entry.artifact, entry.parent, entry.score),
        (refit.artifact, refit.parent, Some(0.5))
    );
}

#[test]
fn the_ensemble_wins_unless_another_member_beats_it_by_more_than_chance() {
    let round = Round {
        ensemble: Some(name("gru")),
        ..round()
    };
    for (what, scores, horizons, winner) in [
        ("one horizon tells little", [1.0, 0.5, 0.4, 1.0], 1, "gru"),
        ("unless it tells much", [1.0, 0.5, 0.2, 1.0], 1, "linear"),
        ("fifty horizons tell 10 %", [1.0, 1.0, 0.85, 1.0], 50, "linear"),
        ("fifty horizons do not tell 5 %", [1.0, 1.0, 0.95, 1.0], 50, "gru"),
        ("a baseline that is better by chance", [0.5, 1.0, 1.0, 1.0], 1, "gru"),
        ("a baseline that is far better", [0.1, 1.0, 1.0, 1.0], 1, "naive"),
    ] {
        let mut outcomes = outcomes(scores.map(Some));
        for scores in outcomes.iter_mut().filter_map(|outcome| outcome.scores.as_mut()) {
            scores.steps = (1..=12)
                .map(|step| series::StepScores {
                    step,
                    scores: series::TargetScores::default(),
                })
                .collect();
            scores.origins = 12 * horizons - 11;
        }
        let verdict = judge(&round, &outcomes, &promote(""));
        let won = verdict.winner.as_ref().map(|winner| winner.member.as_str());
        assert_eq!(won, Some(winner), "{what}: {}", verdict.reason);
    }
}
