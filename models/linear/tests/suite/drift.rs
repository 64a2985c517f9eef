//! What the drift promises.

use forecast::{Artifact, Forecast, History, known_future};
use linear::{Drift, DriftFit, Naive};
use series::{Clean, Scaler, Validation, WindowShape};

use crate::data::{Prepared, finished, noisy, prepare, wave};

const WINDOW: WindowShape = WindowShape {
    context: 3,
    horizon: 5,
    stride: 1,
};
const CLOSE: f64 = 1e-9; // Sums and products of a few numbers below 1000.

fn plain(targets: &[Vec<f64>]) -> Prepared {
    let clean = Clean {
        scaler: Scaler::None,
        ..Clean::default()
    };
    prepare(targets, WINDOW, &clean, Validation::None)
}

fn read(on: &Prepared) -> Drift {
    let artifact = Artifact::parse(&finished(&DriftFit, on).to_bytes().unwrap()).unwrap();
    Drift::read(&artifact).unwrap()
}

fn forecast(model: &dyn Forecast, on: &Prepared, origin: usize, steps: usize) -> Vec<f64> {
    let future = &known_future(&on.scaled, origin, steps);
    let history = History {
        scaled: &on.scaled,
        origin,
        future,
    };
    model.forecast(&history, steps).unwrap().data
}

#[test]
fn the_line_from_the_first_to_the_last_training_row_goes_on_from_the_last_row() {
    let mut series = noisy(105);
    (series[0], series[99]) = (1.0, 199.0);
    let data = plain(&[series.clone()]);
    assert_eq!(data.cut.training, 0..100, "the last rows are held out");
    for origin in [1, 50, 103] {
        for (step, value) in (1_u32..).zip(forecast(&read(&data), &data, origin, 7)) {
            let want = series[origin - 1] + 2.0 * f64::from(step);
            assert!(
                (value - want).abs() < CLOSE,
                "origin {origin}, step {step}: {value} for {want}"
            );
        }
    }
}

#[test]
fn only_observed_rows_tell_the_slope() {
    let line: Vec<f64> = (0..105_u32).map(f64::from).collect();
    let mut gaps = line.clone();
    gaps[..4].fill(f64::NAN);
    gaps[90..100].fill(f64::NAN);
    let data = plain(&[line, gaps]);
    let drift = forecast(&read(&data), &data, 80, 3);
    for (value, want) in drift.iter().zip([80.0, 80.0, 81.0, 81.0, 82.0, 82.0]) {
        assert!((value - want).abs() < CLOSE, "{drift:?}");
    }
}

#[test]
fn without_two_observed_rows_the_last_row_is_repeated() {
    let mut single = vec![f64::NAN; 105];
    single[7] = 4.0;
    let data = plain(&[single, wave(105, 1.0)]);
    let (drift, naive) = (forecast(&read(&data), &data, 60, 4), forecast(&Naive, &data, 60, 4));
    for (drift, naive) in drift.chunks(2).zip(naive.chunks(2)) {
        assert!((drift[0] - naive[0]).abs() < CLOSE && (drift[1] - naive[1]).abs() > CLOSE);
    }
}
