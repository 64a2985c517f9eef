//! What scores of quantiles mean, on quantiles whose losses are known.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use proptest::prelude::*;
use series::{Column, Frequency, QuantileScores, QuantileScoring, Role, Table, TimeAxis};

const CLOSE: f64 = 1e-12; // A handful of roundings of numbers near 1.
const LEVELS: [f64; 3] = [0.1, 0.5, 0.9];

fn score(targets: &[&[f64]], horizon: usize, forecasts: &[(usize, &[f64])]) -> QuantileScores {
    let names: Vec<String> = (0..targets.len()).map(|index| format!("y{index}")).collect();
    let axis = TimeAxis::new(0, Frequency::Seconds(60), targets[0].len());
    let column = |(name, values): (&String, &&[f64])| Column {
        name: name.clone(),
        role: Role::Target,
        values: values.to_vec(),
    };
    let columns = names.iter().zip(targets).map(column).collect();
    let table = Table::new(String::new(), axis, columns, None).unwrap();
    let mut scoring = QuantileScoring::new(&table, &names, horizon, &LEVELS);
    for &(origin, quantiles) in forecasts {
        scoring.add(origin, quantiles);
    }
    scoring.finish()
}

fn is(have: Option<f64>, want: f64) {
    assert!((have.unwrap() - want).abs() < CLOSE, "{have:?}, not {want}");
}

#[test]
fn the_weighted_quantile_loss_follows_its_formula() {
    // Row 1 is 10: pinball losses 0.1 * 4, 0.5 * 2, 0.1 * 1. Row 2 is -20: 0.9 * 2, 0.5 * 3, 0.1 * 4.
    let scores = score(
        &[&[0.0, 10.0, -20.0]],
        1,
        &[(1, &[6.0, 8.0, 11.0]), (2, &[-18.0, -17.0, -16.0])],
    );
    let twice = [2.0 * (0.4 + 1.8), 2.0 * (1.0 + 1.5), 2.0 * (0.1 + 0.4)];
    is(scores.wql, twice.iter().sum::<f64>() / 3.0 / 30.0);
    assert_eq!(scores.coverage.len(), 1);
    is(Some(scores.coverage[0].interval), 0.8);
    is(scores.coverage[0].covered, 0.5);
}

#[test]
fn missing_actuals_are_masked_and_targets_are_averaged() {
    let scores = score(
        &[&[0.0, 10.0, f64::NAN], &[0.0, 1.0, 2.0]],
        2,
        &[(1, &[10.0, 10.0, 10.0, 2.0, 2.0, 2.0, 0.0, 0.0, 0.0, 2.0, 2.0, 2.0])],
    );
    is(scores.targets["y0"].wql, 0.0);
    is(scores.targets["y1"].wql, 2.0 * (0.9 + 0.5 + 0.1) / 3.0 / 3.0);
    is(scores.wql, scores.targets["y1"].wql.unwrap() / 2.0);
    is(scores.coverage[0].covered, 0.75);
    assert_eq!(scores.masked, 1);
}

#[test]
fn nothing_observed_or_only_zeros_give_no_loss() {
    let none = score(&[&[1.0, f64::NAN]], 1, &[(1, &[0.0, 0.0, 0.0])]);
    assert_eq!((none.wql, none.coverage[0].covered, none.masked), (None, None, 1));
    let zeros = score(&[&[1.0, 0.0]], 1, &[(1, &[-1.0, 0.0, 1.0])]);
    assert_eq!((zeros.wql, zeros.coverage[0].covered), (None, Some(1.0)));
    let text = serde_json::to_value(&zeros).unwrap();
    assert_eq!(serde_json::from_value::<QuantileScores>(text).unwrap(), zeros);
}

proptest! {
    #[test]
    fn the_true_quantile_loses_least(values in proptest::collection::vec(-100.0_f64..100.0, 1..60), off in 0.01_f64..50.0) {
        // Of all constant forecasts the sample's own quantile has the smallest pinball loss.
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let quantile = |tenth: usize| sorted[(tenth * sorted.len()).div_ceil(10) - 1];
        let forecast = |by: f64| [1, 5, 9].map(|tenth| quantile(tenth) + by);
        let loss = |by: f64| {
            let quantiles = forecast(by);
            let forecasts: Vec<(usize, &[f64])> = (0..values.len()).map(|row| (row, &quantiles[..])).collect();
            score(&[&values], 1, &forecasts).wql.unwrap()
        };
        prop_assert!(loss(0.0) <= loss(off) + CLOSE && loss(0.0) <= loss(-off) + CLOSE);
    }
}
