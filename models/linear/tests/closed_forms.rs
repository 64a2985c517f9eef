//! What the closed forms promise on series whose future is known.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use forecast::{
    Artifact, Checkpoint, Fit, FitError, Fitted, ForecastError, History, Lambda, LinearSpec, ModelSpec, SeriesData,
    Training, known_future,
};
use linear::Ridge;
use proptest::prelude::*;
use series::{
    Clean, Column, Cut, Frequency, Holdout, Matrix, Missing, Role, Sampling, Scaled, Split, Table, TimeAxis, Transform,
    Validation, WindowShape,
};

const CLOSE: f64 = 1e-3; // The weakest lambda holds coefficients a little to 0.

struct Prepared {
    scaled: Scaled,
    cut: Cut,
    season: usize,
}

fn prepare(targets: &[Vec<f64>], window: WindowShape, clean: &Clean, validation: Validation) -> Prepared {
    let rows = targets[0].len();
    let column = |(index, values): (usize, &Vec<f64>)| Column {
        name: format!("y{index}"),
        role: Role::Target,
        values: values.clone(),
    };
    let axis = TimeAxis {
        start: 0,
        frequency: Frequency::Seconds(3_600),
        len: rows,
    };
    let table = Table::new(
        String::new(),
        axis,
        targets.iter().enumerate().map(column).collect(),
        None,
    )
    .unwrap();
    let split = Split {
        holdout: Holdout::Rows(window.horizon),
        validation,
    };
    let cut = Cut::new(&table, split, &Sampling::default(), window).unwrap();
    let transform = Transform::fit(&table, cut.training.clone(), clean).unwrap();
    let scaled = transform.apply(&table, cut.training.clone()).unwrap();
    Prepared {
        scaled,
        cut,
        season: 24,
    }
}

fn run(fit: &dyn Fit, on: &Prepared, resume: Option<&Checkpoint>, stop: &dyn Fn() -> bool) -> Result<Fitted, FitError> {
    let names: Vec<String> = (0..on.scaled.targets.len()).map(|index| format!("y{index}")).collect();
    let data = Training {
        series: &[SeriesData {
            scaled: &on.scaled,
            cut: &on.cut,
        }],
        window: on.cut.window,
        season: on.season,
        threads: 1,
        cut: "c0ffee",
        target_names: &names,
        input_names: &names,
    };
    fit.run(&data, resume, stop, &mut |_, _| ())
}

fn finished(fit: &dyn Fit, on: &Prepared) -> Artifact {
    match run(fit, on, None, &|| false).unwrap() {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody asked it to stop"),
    }
}

fn forecast(kind: &str, on: &Prepared, origin: usize, steps: usize) -> Result<Matrix, ForecastError> {
    let fit = linear::fit(&ModelSpec::of_kind(kind).unwrap()).unwrap();
    let bytes = finished(&*fit, on).to_bytes().unwrap();
    let model = linear::read(&Artifact::parse(&bytes).unwrap()).unwrap().unwrap();
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

/// A wave of 24 rows on a slope: three past rows say exactly how it goes on.
fn wave(rows: u32, size: f64) -> Vec<f64> {
    (0..rows)
        .map(|row| size * libm::sin(f64::from(row) * std::f64::consts::TAU / 24.0) + 0.01 * f64::from(row))
        .collect()
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

/// Numbers without pattern, for which the strongest lambda is right.
fn noisy(rows: usize) -> Vec<f64> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    (0..rows).map(|_| next()).collect()
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
    let data = prepare(&targets, WINDOW, &Clean::default(), Validation::Fraction(0.1));
    let fit = Ridge::fit(&LinearSpec::default());
    let whole = finished(&fit, &data).to_bytes().unwrap();
    for allowed in 0..7 {
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
        assert_eq!(artifact.to_bytes().unwrap(), whole, "stopped after {allowed} batches");
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
