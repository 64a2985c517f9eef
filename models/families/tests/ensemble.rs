//! Weights and artifacts of ensembles.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use families::ensemble::{Candidate, Mix, combine, weigh};
use forecast::{About, Artifact, ArtifactError, Data, History, ModelSpec, Tensors};
use proptest::prelude::*;
use series::{Frequency, Matrix, Scaled, TimeAxis};

fn matrix(cols: usize, data: Vec<f64>) -> Matrix {
    Matrix {
        rows: data.len() / cols,
        cols,
        data,
    }
}

fn scaled() -> Scaled {
    Scaled {
        values: matrix(1, (0..8).map(f64::from).collect()),
        axis: TimeAxis::new(0, Frequency::Seconds(3_600), 8),
        observed: vec![vec![true; 8]],
        targets: vec![0],
        past: Vec::new(),
        calendar: Vec::new(),
        lags: Vec::new(),
        complete: vec![true; 8],
        drops_incomplete: false,
        units: Vec::new(),
    }
}

/// The last value, and the value two rows before it.
fn members() -> [(String, Artifact); 2] {
    let artifact = |kind: &str, season: usize| {
        let settings = ModelSpec::of_kind(kind).unwrap();
        let about = About {
            format: forecast::FORMAT,
            kind: kind.to_owned(),
            settings,
            cut: "00".to_owned(),
            targets: vec!["y".to_owned()],
            inputs: vec!["y".to_owned()],
            context: 1,
            horizon: 1,
            season,
            history_rows: season,
            epochs: Vec::new(),
            intervals: None,
            trials: Vec::new(),
            notices: Vec::new(),
            later: Vec::new(),
            parent: None,
        };
        Artifact {
            about,
            tensors: Tensors::new(),
        }
    };
    [
        ("last".to_owned(), artifact("naive", 1)),
        ("earlier".to_owned(), artifact("seasonal-naive", 3)),
    ]
}

/// Returns candidates with these forecasts; the first `baselines` of them are baselines.
fn candidates<'a>(forecasts: &[&'a [f64]], baselines: usize) -> Vec<Candidate<'a>> {
    let candidate = |(place, forecasts): (usize, &&'a [f64])| Candidate {
        forecasts,
        baseline: place < baselines,
    };
    forecasts.iter().enumerate().map(candidate).collect()
}

/// Returns the plain weighted mean of two members.
fn mean(weights: [f64; 2]) -> Mix {
    Mix {
        weights: matrix(1, weights.to_vec()),
        sound: matrix(1, weights.map(|weight| if weight > 0.0 { 1.0 } else { 0.0 }).to_vec()),
        median: vec![0.0],
    }
}

#[test]
fn who_is_right_gets_the_weight_and_each_target_has_its_own() {
    let actuals = matrix(2, vec![1.0, 5.0, 2.0, 6.0, 3.0, f64::NAN]);
    let right_then_wrong = [1.0, 0.0, 2.0, 0.0, 3.0, 0.0];
    let wrong_then_right = [9.0, 5.0, 9.0, 6.0, 9.0, 7.0];
    let mix = weigh(&actuals, &candidates(&[&right_then_wrong, &wrong_then_right], 0), 8.0);
    assert_eq!(mix.weights.data, [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(mix.median, [0.5, 0.5], "eight horizons weigh as much as the median");
}

#[test]
fn errors_that_cancel_are_mixed() {
    let actuals = matrix(1, vec![0.0, 0.0, 0.0, 0.0]);
    let both: [&[f64]; 2] = [&[1.0, -1.0, 1.0, -1.0], &[-1.0, 1.0, -1.0, 1.0]];
    assert_eq!(weigh(&actuals, &candidates(&both, 0), 1.0).weights.data, [0.5, 0.5]);
}

#[test]
fn who_loses_to_the_better_baseline_has_no_part() {
    let actuals = matrix(1, vec![0.0, 0.0]);
    let forecasts: [&[f64]; 4] = [&[3.0, 3.0], &[2.0, 2.0], &[9.0, 9.0], &[1.0, 1.0]];
    let mix = weigh(&actuals, &candidates(&forecasts, 2), 1.0);
    assert_eq!(mix.sound.data, [0.0, 0.0, 0.0, 1.0]);
    // All models lose: the better baseline alone.
    let forecasts: [&[f64]; 3] = [&[3.0, 3.0], &[2.0, 2.0], &[9.0, 9.0]];
    let mix = weigh(&actuals, &candidates(&forecasts, 2), 1.0);
    assert_eq!(mix.sound.data, [0.0, 1.0, 0.0]);
}

#[test]
fn without_rows_the_median_of_all_models_forecasts() {
    let mix = weigh(&Matrix::zeros(0, 2), &candidates(&[&[], &[], &[], &[]], 2), 0.0);
    assert_eq!(mix.median, [1.0, 1.0]);
    assert_eq!(mix.sound.data, [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
}

#[test]
fn an_ensemble_forecasts_between_mean_and_median_after_a_round_trip() {
    for (share, expected) in [(0.0, 0.75 * 7.0 + 0.25 * 5.0), (1.0, 6.0)] {
        let mix = Mix {
            median: vec![share],
            ..mean([0.75, 0.25])
        };
        let artifact = combine(&members(), &mix).unwrap();
        let artifact = Artifact::parse(&artifact.to_bytes().unwrap()).unwrap();
        let (model, scaled) = (families::forecaster(&artifact).unwrap(), scaled());
        assert_eq!(model.history_rows(), 3);
        let history = History {
            scaled: &scaled,
            origin: 8,
            future: &Matrix::filled(1, 1, f64::NAN),
        };
        assert_eq!(model.forecast(&history, 1).unwrap().data, [expected]);
        let mut all = Vec::new();
        let mut keep = |index: usize, forecast: &[f64]| all.push((index, forecast[0]));
        model.forecast_origins(&scaled, &[5, 8], 1, &mut keep).unwrap();
        assert_eq!(all, [(0, expected - 3.0), (1, expected)]);
    }
}

#[test]
fn a_member_that_is_not_sound_is_not_in_the_artifact() {
    let artifact = combine(&members(), &mean([1.0, 0.0])).unwrap();
    let ModelSpec::Ensemble(spec) = &artifact.about.settings else {
        panic!("an ensemble was made");
    };
    assert_eq!(spec.members.len(), 1);
    assert_eq!(artifact.about.history_rows, 1);
}

#[test]
fn weights_that_do_not_add_up_are_refused() {
    let mut artifact = combine(&members(), &mean([0.75, 0.25])).unwrap();
    let weights = artifact.tensors.get_mut("ensemble.weights").unwrap();
    weights.data = Data::F64(vec![0.75, 0.5]);
    assert!(matches!(
        families::forecaster(&artifact),
        Err(ArtifactError::Settings(_))
    ));
}

proptest! {
    #[test]
    fn on_the_rows_that_weigh_it_no_member_is_better_than_the_mean(
        actuals in prop::collection::vec(-5.0..5.0, 12),
        forecasts in prop::collection::vec(prop::collection::vec(-5.0..5.0, 12), 1..5),
    ) {
        let forecasts: Vec<&[f64]> = forecasts.iter().map(Vec::as_slice).collect();
        let mix = weigh(&matrix(1, actuals.clone()), &candidates(&forecasts, 0), 1.0);
        let sum: f64 = mix.weights.data.iter().sum();
        prop_assert!((sum - 1.0).abs() < 1e-12 && mix.weights.data.iter().all(|weight| *weight >= 0.0));
        let error = |forecast: &dyn Fn(usize) -> f64| -> f64 {
            actuals.iter().enumerate().map(|(row, actual)| (forecast(row) - actual) * (forecast(row) - actual)).sum()
        };
        let mixed = error(&|row| forecasts.iter().zip(&mix.weights.data).map(|(f, weight)| f[row] * weight).sum());
        let best = forecasts.iter().map(|f| error(&|row| f[row])).fold(f64::INFINITY, f64::min);
        prop_assert!(mixed <= best + 1e-9, "{mixed} against {best}");
    }
}
