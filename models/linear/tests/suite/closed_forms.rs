//! What the closed forms promise on series whose future is known.

use forecast::{
    Artifact, Checkpoint, Fit, FitError, Fitted, Forecast, ForecastError, History, Lambda, LinearSpec, known_future,
};
use linear::{Naive, Ridge, SeasonalNaive, SeasonalNaiveFit};
use proptest::prelude::*;
use series::{Clean, Matrix, Missing, Validation, WindowShape};

use crate::data::{Prepared, finished, noisy, prepare, prepare_with_calendar, run, wave};

const CLOSE: f64 = 1e-3; // Even the weakest lambda shrinks coefficients a little.

fn forecast(kind: &str, on: &Prepared, origin: usize, steps: usize) -> Result<Matrix, ForecastError> {
    let fit: &dyn Fit = match kind {
        "naive" => &Naive,
        "seasonal-naive" => &SeasonalNaiveFit,
        _ => &Ridge::fit(&LinearSpec::default()),
    };
    let artifact = Artifact::parse(&finished(fit, on).to_bytes().unwrap()).unwrap();
    let model: &dyn Forecast = match kind {
        "naive" => &Naive::read(&artifact).unwrap(),
        "seasonal-naive" => &SeasonalNaive::read(&artifact).unwrap(),
        _ => &Ridge::read(&artifact).unwrap(),
    };
    let future = known_future(&on.scaled, origin, steps);
    model.forecast(
        &History {
            scaled: &on.scaled,
            origin,
            future: &future,
        },
        steps,
    )
}

fn hourly(window: WindowShape) -> Prepared {
    let clean = Clean {
        scaler: series::Scaler::None,
        ..Clean::default()
    };
    prepare(
        &[wave(600, 1.0), wave(600, 5.0)],
        window,
        &clean,
        Validation::Fraction(0.1),
    )
}

const WINDOW: WindowShape = WindowShape {
    context: 30,
    horizon: 3,
    stride: 1,
};

#[test]
fn naive_repeats_the_last_row_and_seasonal_naive_the_last_season() {
    let data = hourly(WINDOW);
    let values = |row: usize| data.scaled.values.row(row).to_vec();
    let naive = forecast("naive", &data, 500, 50).unwrap();
    let seasonal = forecast("seasonal-naive", &data, 500, 50).unwrap();
    for step in 0..50 {
        assert_eq!(naive.row(step), values(499), "step {step}");
        assert_eq!(seasonal.row(step), values(476 + step % 24), "step {step}");
    }
}

#[test]
fn seasonal_naive_falls_back_to_the_last_row_where_the_history_is_short() {
    let data = hourly(WINDOW);
    let seasonal = forecast("seasonal-naive", &data, 10, 16).unwrap();
    for step in 0..14 {
        assert_eq!(seasonal.row(step), data.scaled.values.row(9), "step {step}");
    }
    assert_eq!(seasonal.row(14), data.scaled.values.row(0));
    let none = forecast("seasonal-naive", &data, 0, 1).unwrap_err();
    assert_eq!(none, ForecastError::HistoryTooShort { have: 0, need: 1 });
}

#[test]
fn ridge_continues_a_wave_far_beyond_its_trained_horizon() {
    let data = hourly(WINDOW);
    let ridge = forecast("linear", &data, 500, 60).unwrap();
    assert_eq!((ridge.rows, ridge.cols), (60, 2));
    for step in 0..60 {
        for (target, size) in [(0, 1.0), (1, 5.0)] {
            let error = (ridge.at(step, target) - data.scaled.values.at(500 + step, target)).abs();
            assert!(error < CLOSE * size, "step {step}, target {target}: off by {error}");
        }
    }
}

#[test]
fn a_context_of_one_row_forecasts_the_drift() {
    let clean = Clean {
        scaler: series::Scaler::None,
        ..Clean::default()
    };
    let line: Vec<f64> = (0..100).map(f64::from).collect();
    let window = WindowShape {
        context: 1,
        horizon: 2,
        stride: 1,
    };
    let data = prepare(&[line], window, &clean, Validation::None);
    let forecast = forecast("linear", &data, 50, 4).unwrap();
    for (value, expected) in forecast.data.iter().zip([50.0, 51.0, 52.0, 53.0]) {
        assert!((value - expected).abs() < CLOSE, "{forecast:?}");
    }
}

#[test]
fn a_series_that_never_moves_is_forecast_as_it_is() {
    let data = prepare(&[vec![7.0; 300]], WINDOW, &Clean::default(), Validation::Fraction(0.1));
    let forecast = forecast("linear", &data, 200, 5).unwrap();
    assert_eq!(forecast.data, [data.scaled.values.at(0, 0); 5]);
}

#[test]
fn a_straight_line_goes_on_whatever_its_slope_and_length() {
    let window = WindowShape {
        context: 10,
        horizon: 1,
        stride: 1,
    };
    let short = (13..40).flat_map(|rows| [1.5, -0.3, 1e-3].map(|slope| (slope, rows)));
    for (slope, rows) in short.chain([(1e-3, 300), (7.7e5, 3_000)]) {
        let line: Vec<f64> = (0..rows).map(|row| 3.0 + slope * f64::from(row)).collect();
        let validation = if rows < 300 {
            Validation::None
        } else {
            Validation::Fraction(0.1)
        };
        let data = prepare(&[line.clone(), line], window, &Clean::default(), validation);
        let origin = data.scaled.rows() - 1;
        let values = &data.scaled.values;
        let next = 2.0 * values.at(origin - 1, 0) - values.at(origin - 2, 0);
        let forecast = forecast("linear", &data, origin, 1).unwrap();
        assert!(
            (forecast.at(0, 0) - next).abs() < 1e-6,
            "{slope} x {rows}: {forecast:?}, {next}"
        );
    }
}

#[test]
fn lambda_is_a_thousandth_of_the_diagonal_where_nothing_selects() {
    for (rows, validated) in [(600, true), (200, false)] {
        let data = prepare(&[noisy(rows)], WINDOW, &Clean::default(), Validation::Fraction(0.1));
        assert_eq!(!data.cut.select.is_empty(), validated);
        let model = Ridge::read(&finished(&Ridge::fit(&LinearSpec::default()), &data)).unwrap();
        let exactly = (model.lambda() - 1e-3).abs() < 1e-12;
        assert_eq!(exactly, !validated, "{}", model.lambda());
    }
    let given = LinearSpec {
        lambda: Lambda::Given(0.5),
        ..LinearSpec::default()
    };
    let data = prepare(&[noisy(600)], WINDOW, &Clean::default(), Validation::Fraction(0.1));
    let model = Ridge::read(&finished(&Ridge::fit(&given), &data)).unwrap();
    assert!((model.lambda() - 0.5).abs() < 1e-12);
}

#[test]
fn windows_that_touch_a_missing_value_do_not_train() {
    let mut values = noisy(400);
    for row in (5..400).step_by(20) {
        values[row] = f64::NAN;
    }
    let clean = Clean {
        missing: Missing::Drop,
        ..Clean::default()
    };
    let data = prepare(&[values], WINDOW, &clean, Validation::None);
    let error = run(&Ridge::fit(&LinearSpec::default()), &data, None, &|| false).unwrap_err();
    assert_eq!(error.to_string(), "0 training windows, the fit needs 1");
}

#[test]
fn a_stopped_fit_goes_on_to_the_same_bytes() {
    let targets = [noisy(400), wave(400, 1.0), wave(400, 3.0)];
    let data = prepare_with_calendar(&targets, WINDOW, &Clean::default(), Validation::Fraction(0.1));
    for (calendar, allowed) in (0..14).map(|case| (case % 2 == 1, case / 2)) {
        let fit = Ridge::fit(&LinearSpec {
            calendar,
            ..LinearSpec::default()
        });
        let whole = finished(&fit, &data);
        assert_eq!(whole.tensors.keys().any(|name| name.ends_with("calendar")), calendar);
        let whole = whole.to_bytes().unwrap();
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) == allowed;
        let artifact = match run(&fit, &data, None, &stop).unwrap() {
            Fitted::Finished(artifact) => artifact,
            Fitted::Stopped(checkpoint) => {
                assert_eq!(checkpoint.progress.batch, allowed);
                match run(&fit, &data, Some(&checkpoint), &|| false).unwrap() {
                    Fitted::Finished(artifact) => artifact,
                    Fitted::Stopped(_) => panic!("nobody asked it to stop"),
                }
            }
        };
        assert_eq!(
            artifact.to_bytes().unwrap(),
            whole,
            "stopped after {allowed} batches, calendar {calendar}"
        );
    }
}

#[test]
fn a_checkpoint_of_another_fit_is_refused() {
    let data = prepare(&[noisy(400)], WINDOW, &Clean::default(), Validation::None);
    let fit = Ridge::fit(&LinearSpec::default());
    let Fitted::Stopped(checkpoint) = run(&fit, &data, None, &|| true).unwrap() else {
        panic!("it was asked to stop")
    };
    let other = Ridge::fit(&LinearSpec {
        lambda: Lambda::Given(1.0),
        ..LinearSpec::default()
    });
    assert!(matches!(
        run(&other, &data, Some(&checkpoint), &|| false),
        Err(FitError::Checkpoint(_))
    ));
    let broken = Checkpoint {
        bytes: b"nothing".to_vec(),
        ..checkpoint
    };
    assert!(matches!(
        run(&fit, &data, Some(&broken), &|| false),
        Err(FitError::Checkpoint(_))
    ));
}

#[test]
fn a_history_that_does_not_fit_is_refused_with_what_it_needs() {
    let data = hourly(WINDOW);
    let short = forecast("linear", &data, 29, 1).unwrap_err();
    assert_eq!(short, ForecastError::HistoryTooShort { have: 29, need: 30 });
    let beyond = forecast("linear", &data, 601, 1).unwrap_err();
    assert_eq!(beyond, ForecastError::Origin { have: 601, bound: 600 });
}

proptest! {
    #[test]
    fn a_forecast_never_looks_past_its_origin(poison in -1e6_f64..1e6, origin in 40_usize..590, steps in 1_usize..40) {
        let data = hourly(WINDOW);
        let mut poisoned = hourly(WINDOW);
        for row in origin..600 {
            poisoned.scaled.values.row_mut(row).fill(poison);
        }
        let model = Ridge::read(&finished(&Ridge::fit(&LinearSpec::default()), &data)).unwrap();
        let ahead = |on: &Prepared| {
            let future = known_future(&on.scaled, origin, steps);
            forecast::Forecast::forecast(&model, &History { scaled: &on.scaled, origin, future: &future }, steps).unwrap()
        };
        prop_assert_eq!(ahead(&data), ahead(&poisoned));
    }

    #[test]
    fn rows_after_the_training_rows_do_not_move_coefficients_without_selection(poison in -1e6_f64..1e6) {
        let data = prepare(&[noisy(300)], WINDOW, &Clean::default(), Validation::None);
        let mut poisoned = prepare(&[noisy(300)], WINDOW, &Clean::default(), Validation::None);
        for row in data.cut.holdout.clone() {
            poisoned.scaled.values.row_mut(row).fill(poison);
        }
        let fit = Ridge::fit(&LinearSpec::default());
        prop_assert_eq!(finished(&fit, &data).to_bytes().unwrap(), finished(&fit, &poisoned).to_bytes().unwrap());
    }
}
