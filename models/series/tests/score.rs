//! What scores mean, on forecasts whose errors are known.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use series::{Clean, Column, Frequency, Outliers, Role, ScoreScale, Scores, Table, TimeAxis, Transform, score};

const GAP: f64 = f64::NAN;
const CLOSE: f64 = 1e-12; // A handful of roundings of numbers near 1.

fn table(targets: &[(&str, &[f64])]) -> Table {
    let axis = TimeAxis {
        start: 0,
        frequency: Frequency::Seconds(60),
        len: targets[0].1.len(),
    };
    let column = |&(name, values): &(&str, &[f64])| Column {
        name: name.into(),
        role: Role::Target,
        values: values.into(),
    };
    Table::new(String::new(), axis, targets.iter().map(column).collect(), None).unwrap()
}

fn scores(table: &Table, training: usize, season: usize, horizon: usize, forecasts: &[(usize, &[f64])]) -> Scores {
    let clean = Clean {
        outliers: Outliers::Iqr { factor: 0.1 },
        ..Clean::default()
    };
    let transform = Transform::fit(table, 0..training, &clean).unwrap();
    let scale = ScoreScale::of(table, 0..training, season, &transform);
    score(table, &scale, horizon, forecasts.iter().copied())
}

fn is(have: Option<f64>, want: f64) {
    assert!((have.unwrap() - want).abs() < CLOSE, "{have:?}, not {want}");
}

#[test]
fn every_measure_follows_its_formula() {
    // Training rows 0 to 3: lag-1 differences 1, 1, 2; lag-2 differences 2, 3; width 4. Errors at rows 4 and 5: 1, 3.
    let table = table(&[("down", &[1.0, 2.0, 3.0, 5.0, 6.0, 9.0])]);
    let scores = scores(&table, 4, 2, 1, &[(4, &[5.0]), (5, &[12.0])]);
    let rmse = 5.0_f64.sqrt();
    is(scores.rmse, rmse);
    is(scores.mae, 2.0);
    is(scores.mase, 2.0 / 2.5);
    is(scores.rmsse, (5.0_f64 / 2.0).sqrt());
    is(scores.smape, 100.0 / 11.0 + 300.0 / 21.0);
    is(scores.rmse_scaled, rmse / 4.0);
    is(scores.composite, 0.5 * rmse / 4.0 + 0.3 * 2.0 / 4.0 + 0.2 * 5.0 / 16.0);
    assert_eq!((scores.origins, scores.masked), (2, 0));
}

#[test]
fn a_score_that_is_no_number_is_none_also_as_a_mean() {
    let huge = 1.7e308;
    let columns: Vec<(String, [f64; 4])> = (0..3).map(|n| (format!("c{n}"), [0.0, 1.0, 0.0, 1.0])).collect();
    let columns: Vec<(&str, &[f64])> = columns
        .iter()
        .map(|(name, values)| (name.as_str(), &values[..]))
        .collect();
    let table = table(&columns);
    for forecast in [[huge; 3], [f64::MAX; 3], [f64::MAX, -huge, 1.0]] {
        let scores = scores(&table, 3, 1, 1, &[(3, &forecast)]);
        let written = serde_json::to_value(&scores).unwrap();
        let again: Scores = serde_json::from_value(written).unwrap();
        assert_eq!(again, scores);
        let all = [
            scores.rmse,
            scores.mae,
            scores.mase,
            scores.rmsse,
            scores.smape,
            scores.composite,
        ];
        assert!(all.iter().flatten().all(|score| score.is_finite()), "{scores:?}");
    }
}

#[test]
fn missing_actuals_are_masked_and_counted() {
    let table = table(&[("down", &[1.0, 2.0, 3.0, 5.0, GAP, 9.0])]);
    let scores = scores(&table, 4, 1, 2, &[(4, &[0.0, 8.0]), (5, &[9.0, 0.0])]);
    is(scores.mae, 0.5);
    assert_eq!(
        (scores.origins, scores.masked),
        (2, 2),
        "one gap, one step after the end"
    );
}

#[test]
fn scores_are_means_over_targets_and_known_by_target_and_step() {
    let down = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
    let up = [0.0, 10.0, 0.0, 10.0, 0.0, 0.0];
    let table = table(&[("down", &down), ("up", &up)]);
    let scores = scores(&table, 4, 1, 2, &[(4, &[1.0, 10.0, 2.0, 20.0])]);
    is(scores.targets["down"].mae, 1.5);
    is(scores.targets["up"].mae, 15.0);
    is(scores.mae, 8.25);
    is(scores.targets["up"].rmsse, scores.targets["down"].rmsse.unwrap());
    is(scores.steps[0].scores.mae, 5.5);
    is(scores.steps[1].scores.mae, 11.0);
    assert_eq!(scores.steps.iter().map(|step| step.step).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_target_that_never_moved_has_no_scaled_scores() {
    let table = table(&[("down", &[2.0, 2.0, 2.0, 3.0]), ("up", &[0.0, 1.0, 0.0, 1.0])]);
    let scores = scores(&table, 3, 1, 1, &[(3, &[2.0, 0.0])]);
    let down = &scores.targets["down"];
    assert_eq!(
        (down.rmsse, down.mase, down.rmse_scaled, down.composite),
        (None, None, None, None)
    );
    is(down.mae, 1.0);
    is(scores.rmsse, 1.0);
    let text = serde_json::to_value(&scores).unwrap();
    assert!(text["targets"]["down"]["rmsse"].is_null());
    assert_eq!(serde_json::from_value::<Scores>(text).unwrap(), scores);
}

#[test]
fn nothing_observed_gives_no_scores() {
    let table = table(&[("down", &[1.0, 2.0, 3.0, GAP])]);
    let scores = scores(&table, 3, 1, 1, &[(3, &[2.0])]);
    assert_eq!((scores.rmse, scores.smape, scores.masked), (None, None, 1));
}
