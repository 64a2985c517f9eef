//! One model per target: fits, stops, checkpoints and forecasts.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]
#![expect(clippy::cast_precision_loss, reason = "rows are few")]

use forecast::{
    Artifact, Fit, FitError, Fitted, Forecast, ForecastError, History, ProphetSpec, SeriesData, Training, known_future,
};
use prophet::{ProphetFit, ProphetForecast, Rows, fit};
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

const HOUR: u64 = 3_600;
const TRAINING: usize = 1_400;

/// Hourly rows of daily waves on a slope, two targets; every seventh value of the second is missing and imputed wrongly.
fn scaled(rows: usize) -> Scaled {
    let mut values = Matrix::zeros(rows, 2);
    let mut imputed = vec![true; rows];
    for (row, observed) in imputed.iter_mut().enumerate() {
        let (at, day) = (row as f64 / 2_000.0, row as f64 * std::f64::consts::TAU / 24.0);
        let noise = ((row * 7_919) % 1_000) as f64 / 1_000.0 - 0.5;
        *values.at_mut(row, 0) = 0.3 + 0.4 * at + 0.1 * libm::sin(day) + 0.02 * noise;
        *values.at_mut(row, 1) = 0.8 - 0.5 * at + 0.2 * libm::cos(day) + 0.02 * noise;
        if row % 7 == 3 {
            *observed = false;
            *values.at_mut(row, 1) = 50.0;
        }
    }
    Scaled {
        values,
        axis: TimeAxis::new(1_500_000_000, Frequency::Seconds(HOUR), rows),
        observed: vec![vec![true; rows], imputed],
        targets: vec![0, 1],
        past: Vec::new(),
        calendar: Vec::new(),
        lags: Vec::new(),
        complete: vec![true; rows],
        drops_incomplete: false,
        units: Vec::new(),
    }
}

fn cut(rows: usize) -> Cut {
    Cut {
        training: 0..TRAINING,
        select: TRAINING..TRAINING + 100,
        calibrate: TRAINING + 100..TRAINING + 200,
        holdout: TRAINING + 200..rows,
        refits: Vec::new(),
        windows: TRAINING - 10,
        window: WindowShape::default(),
        sampled_rows: TRAINING + 200,
    }
}

fn run(
    scaled: &Scaled,
    spec: &ProphetSpec,
    threads: usize,
    resume: Option<&forecast::Checkpoint>,
    stop: &dyn Fn() -> bool,
) -> Result<Fitted, FitError> {
    let names = ["down", "up", "again"].map(ToOwned::to_owned);
    let (names, cut) = (&names[..scaled.targets.len()], cut(scaled.rows()));
    let data = Training {
        series: &[SeriesData { scaled, cut: &cut }],
        window: cut.window,
        season: 24,
        seasons: &[24],
        contexts: &[],
        threads,
        cut: "00ff",
        target_names: names,
        input_names: names,
    };
    ProphetFit::new(spec).run(&data, resume, stop, &mut |_, _| ())
}

fn artifact(scaled: &Scaled, spec: &ProphetSpec, threads: usize) -> Artifact {
    match run(scaled, spec, threads, None, &|| false).unwrap() {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody stopped the fit"),
    }
}

#[test]
fn a_fitted_member_forecasts_the_waves_it_saw_from_any_origin() {
    let scaled = scaled(1_800);
    let bytes = artifact(&scaled, &ProphetSpec::default(), 1).to_bytes().unwrap();
    let model = ProphetForecast::read(&Artifact::parse(&bytes).unwrap()).unwrap();
    assert_eq!((model.history_rows(), model.trained_horizon()), (0, None));
    let origins: Vec<usize> = (1_600..1_777).rev().collect();
    let mut seen = 0;
    model
        .forecast_origins(&scaled, &origins, 24, &mut |index, values| {
            let origin = origins[index];
            let future = known_future(&scaled, origin, 24);
            let alone = model
                .forecast(
                    &History {
                        scaled: &scaled,
                        origin,
                        future: &future,
                    },
                    24,
                )
                .unwrap();
            assert_eq!(alone.data, values, "origin {origin}");
            for (step, pair) in values.chunks_exact(2).enumerate() {
                let row = origin + step;
                assert!((pair[0] - scaled.values.at(row, 0)).abs() < 0.03, "row {row}: {pair:?}");
                let up = 0.8 - 0.5 * row as f64 / 2_000.0 + 0.2 * libm::cos(row as f64 * std::f64::consts::TAU / 24.0);
                assert!((pair[1] - up).abs() < 0.03, "row {row}: {pair:?}, {up}");
            }
            seen += 1;
        })
        .unwrap();
    assert_eq!(seen, origins.len());
    let beyond = model.forecast(
        &History {
            scaled: &scaled,
            origin: 1_801,
            future: &Matrix::zeros(0, 2),
        },
        1,
    );
    assert_eq!(
        beyond,
        Err(ForecastError::Origin {
            have: 1_801,
            bound: 1_800
        })
    );
}

#[test]
fn rows_after_the_training_ones_and_imputed_values_leave_no_trace() {
    let clean = scaled(1_800);
    let mut poisoned = clean.clone();
    for row in TRAINING..1_800 {
        poisoned.values.row_mut(row).fill(1e9);
    }
    for row in (3..TRAINING).step_by(7) {
        *poisoned.values.at_mut(row, 1) = -77.0;
    }
    let spec = ProphetSpec::default();
    assert_eq!(
        artifact(&clean, &spec, 1).to_bytes().unwrap(),
        artifact(&poisoned, &spec, 1).to_bytes().unwrap()
    );
}

#[test]
fn threads_and_a_stop_leave_the_same_bytes() {
    let scaled = scaled(1_800);
    let multiplicative = ProphetSpec {
        seasonality_mode: forecast::Mode::Multiplicative,
        ..ProphetSpec::default()
    };
    for spec in [ProphetSpec::default(), multiplicative] {
        let whole = artifact(&scaled, &spec, 1).to_bytes().unwrap();
        assert_eq!(artifact(&scaled, &spec, 2).to_bytes().unwrap(), whole);
        let Fitted::Stopped(checkpoint) = run(&scaled, &spec, 1, None, &|| true).unwrap() else {
            panic!("asked to stop before the first target");
        };
        let Fitted::Finished(resumed) = run(&scaled, &spec, 2, Some(&checkpoint), &|| false).unwrap() else {
            panic!("nobody stopped the fit");
        };
        assert_eq!(resumed.to_bytes().unwrap(), whole);
        let other = ProphetSpec {
            n_changepoints: 3,
            ..spec
        };
        let error = run(&scaled, &other, 1, Some(&checkpoint), &|| false).unwrap_err();
        assert!(matches!(error, FitError::Checkpoint(_)), "{error}");
    }
}

#[test]
fn a_member_is_what_the_pure_fit_of_the_observed_values_is() {
    let scaled = scaled(1_800);
    let model = ProphetForecast::read(&artifact(&scaled, &ProphetSpec::default(), 2)).unwrap();
    let times: Vec<i64> = (0..TRAINING).map(|row| scaled.axis.at(row)).collect();
    let values: Vec<f64> = (0..TRAINING)
        .map(|row| {
            if row % 7 == 3 {
                f64::NAN
            } else {
                scaled.values.at(row, 1)
            }
        })
        .collect();
    let alone = fit(&ProphetSpec::default(), &Rows::at(&times), &values).unwrap();
    assert_eq!(model.models()[1].parameters(), alone.parameters());
    assert_eq!(alone.calendar_orders(), [0, 3, 4], "58 days of hours");
}

#[test]
fn what_is_odd_about_the_values_stands_in_the_artifact_also_after_a_stop() {
    let mut scaled = scaled(1_800);
    // The third is fitted after the first two.
    let again = (0..1_800).flat_map(|row| {
        [
            scaled.values.at(row, 0),
            scaled.values.at(row, 1),
            scaled.values.at(row, 0),
        ]
    });
    scaled.values = Matrix {
        rows: 1_800,
        cols: 3,
        data: again.collect(),
    };
    scaled.observed.push(vec![true; 1_800]);
    scaled.targets.push(2);
    let low = serde_json::json!({"growth": "logistic", "cap": 0.7, "floor": -10.0});
    let spec: ProphetSpec = serde_json::from_value(low).unwrap();
    let whole = artifact(&scaled, &spec, 1);
    let told = &whole.about.notices;
    assert!(
        told.iter()
            .any(|notice| notice.starts_with("`up`: ") && notice.contains("outside floor and cap")),
        "{told:?}"
    );
    assert!(told.iter().all(|notice| !notice.contains("changepoints")), "{told:?}");
    assert!(artifact(&scaled, &ProphetSpec::default(), 1).about.notices.is_empty());
    let asked = std::cell::Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) == 1;
    let Fitted::Stopped(checkpoint) = run(&scaled, &spec, 1, None, &stop).unwrap() else {
        panic!("asked to stop after the first two targets");
    };
    let Fitted::Finished(resumed) = run(&scaled, &spec, 1, Some(&checkpoint), &|| false).unwrap() else {
        panic!("nobody stopped the fit");
    };
    assert_eq!(resumed.about.notices, *told);
}

#[test]
fn what_a_member_cannot_be_fitted_on_is_refused_with_have_and_need() {
    let mut scaled = scaled(1_800);
    let regressor = serde_json::json!({"regressors": [{"name": "up"}]});
    let spec: ProphetSpec = serde_json::from_value(regressor).unwrap();
    let error = run(&scaled, &spec, 1, None, &|| false).unwrap_err().to_string();
    assert!(
        error.contains("`up`") && error.ends_with("only calendar columns are known ahead"),
        "{error}"
    );
    let outside = serde_json::json!({"changepoints": ["2030-01-01"]});
    let spec: ProphetSpec = serde_json::from_value(outside).unwrap();
    let error = run(&scaled, &spec, 1, None, &|| false).unwrap_err().to_string();
    assert!(error.starts_with("changepoint 2030-01-01"), "{error}");
    scaled.observed[0].fill(false);
    scaled.observed[0][5] = true;
    let error = run(&scaled, &ProphetSpec::default(), 1, None, &|| false)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "1 observed training values of a target, must be 2");
}
