//! What intervals promise, for a model whose errors are known: it repeats the last row.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use std::ops::Range;

use forecast::{
    About, Artifact, Calibration, Forecast, ForecastError, History, IntervalError, ModelSpec, NaiveSpec, SeriesData,
    Tensors, Training, interval,
};
use proptest::prelude::*;
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

struct Last;

impl Forecast for Last {
    fn history_rows(&self) -> usize {
        1
    }

    fn trained_horizon(&self) -> Option<usize> {
        None
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        history.check(1)?;
        let row = history.scaled.values.row(history.origin - 1);
        Ok(Matrix {
            rows: steps,
            cols: row.len(),
            data: row.repeat(steps),
        })
    }
}

struct Case {
    scaled: Scaled,
    cut: Cut,
}

impl Case {
    fn new(targets: &[Vec<f64>], window: WindowShape, training: usize, calibrate: usize) -> Self {
        let rows = targets[0].len();
        let data = (0..rows)
            .flat_map(|row| targets.iter().map(move |values| values[row]))
            .collect();
        let scaled = Scaled {
            values: Matrix {
                rows,
                cols: targets.len(),
                data,
            },
            axis: TimeAxis::new(0, Frequency::Seconds(60), rows),
            observed: vec![vec![true; rows]; targets.len()],
            targets: (0..targets.len()).collect(),
            past: Vec::new(),
            calendar: Vec::new(),
            lags: Vec::new(),
            complete: vec![true; rows],
            drops_incomplete: false,
            units: Vec::new(),
        };
        let cut = Cut {
            training: 0..training,
            select: training..training,
            calibrate: training..training + calibrate,
            holdout: training + calibrate..rows,
            refits: Vec::new(),
            windows: window.count(training),
            window,
            sampled_rows: training + calibrate,
        };
        Self { scaled, cut }
    }

    fn with<R>(&self, use_it: impl FnOnce(&Training<'_>) -> R) -> R {
        let names: Vec<String> = (0..self.scaled.targets.len())
            .map(|index| format!("y{index}"))
            .collect();
        use_it(&Training {
            series: &[SeriesData {
                scaled: &self.scaled,
                cut: &self.cut,
            }],
            window: self.cut.window,
            season: 1,
            seasons: &[],
            contexts: &[],
            threads: 1,
            cut: "c0ffee",
            target_names: &names,
            input_names: &names,
        })
    }

    fn measure(&self, levels: &[f64]) -> Result<Calibration, IntervalError> {
        self.with(|data| Calibration::measure(&Last, data, levels))
    }

    fn artifact(&self) -> Artifact {
        self.with(|data| Artifact {
            about: About::new(ModelSpec::Naive(NaiveSpec {}), data, 1),
            tensors: Tensors::new(),
        })
    }
}

fn window(context: usize, horizon: usize) -> WindowShape {
    WindowShape {
        context,
        horizon,
        stride: 1,
    }
}

fn offsets(calibration: &Calibration, steps: usize) -> Vec<f64> {
    calibration.quantiles(&Matrix::zeros(steps, 1)).unwrap().values
}

/// Rows that rise by 1, 2, … 9 in mixed order less 5, seven times over: these are exactly the one-step errors of the model.
fn stairs() -> Vec<f64> {
    let mut rows = vec![0.0; 12 + 63];
    let ups = [5.0, 2.0, 9.0, 1.0, 7.0, 3.0, 8.0, 4.0, 6.0];
    for (index, up) in ups.into_iter().cycle().take(63).enumerate() {
        rows[12 + index] = rows[11 + index] + up - 5.0;
    }
    rows
}

#[test]
fn many_errors_are_the_quantiles_of_the_next_one() {
    let case = Case::new(&[stairs()], window(2, 1), 12, 63);
    let calibration = case.measure(&interval::LEVELS).unwrap();
    assert!(calibration.is_calibrated());
    assert_eq!(
        offsets(&calibration, 1),
        [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    );
}

#[test]
fn few_errors_give_symmetric_quantiles_that_hold_them() {
    let case = Case::new(&[stairs()], window(2, 1), 12, 9);
    let calibration = case.measure(&[0.1, 0.5, 0.9]).unwrap();
    assert!(calibration.is_calibrated());
    let few = offsets(&calibration, 1);
    assert!(
        few[2] > 3.0 && few[2] < 5.0 && (few[0] + few[2]).abs() < 1e-12 && few[1].abs() < 1e-12,
        "{few:?}"
    );
    let one = offsets(
        &Case::new(&[stairs()], window(2, 1), 13, 1)
            .measure(&[0.1, 0.9])
            .unwrap(),
        1,
    );
    assert!(
        one[1] > 3.0,
        "a single error of 3 does not tell how far the next one is: {one:?}"
    );
}

#[test]
fn without_any_error_training_residuals_are_taken_and_say_so() {
    let case = Case::new(&[stairs()], window(2, 1), 13, 0);
    let calibration = case.measure(&interval::LEVELS).unwrap();
    assert!(!calibration.is_calibrated());
    assert_eq!(offsets(&calibration, 1), [0.0; 9], "the training rows did not move");
}

#[test]
fn imputed_rows_are_not_compared() {
    let mut rows = stairs();
    rows.extend([1000.0, 0.0]);
    let mut case = Case::new(&[rows], window(2, 1), 12, 65);
    case.scaled.observed[0][75] = false;
    case.scaled.observed[0][76] = false;
    let calibration = case.measure(&interval::LEVELS).unwrap();
    assert_eq!(
        offsets(&calibration, 1),
        [-4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    );
    case.scaled.observed[0] = vec![false; 77];
    let error = case.measure(&interval::LEVELS).unwrap_err().to_string();
    assert_eq!(
        error,
        "target `y0`: 0 observed rows to compare step 1 with, at least 1 needed"
    );
}

#[test]
fn a_horizon_longer_than_the_rows_that_calibrate_is_measured_at_every_step() {
    let rows: Vec<f64> = (0..60).map(f64::from).collect();
    let case = Case::new(&[rows], window(2, 20), 45, 10);
    let calibration = case.measure(&[0.1, 0.9]).unwrap();
    assert!(calibration.is_calibrated());
    for (step, offsets) in offsets(&calibration, 20).chunks(2).enumerate() {
        let error = f64::from(u8::try_from(step + 1).unwrap());
        assert!(
            offsets[1] >= error && (offsets[0] + offsets[1]).abs() < 1e-9,
            "every error at step {} is the same",
            step + 1
        );
    }
}

#[test]
fn steps_beyond_the_horizon_are_wider_flagged_and_end_at_the_width_of_the_data() {
    let case = Case::new(&[stairs()], window(2, 1), 12, 63);
    let calibration = case.measure(&[0.1, 0.9]).unwrap();
    let mean = Matrix::zeros(4, 1);
    let quantiles = calibration.quantiles(&mean).unwrap();
    assert_eq!(quantiles.extrapolated_from, Some(2));
    assert_eq!(offsets(&calibration, 1).len(), 2);
    assert_eq!(
        calibration.quantiles(&Matrix::zeros(1, 1)).unwrap().extrapolated_from,
        None
    );
    assert_eq!(
        quantiles.values[6..],
        [-4.0, 4.0],
        "training rows that never moved: no wider than measured"
    );
    let mut moving = stairs();
    moving[3] = 6.0;
    let wider = Case::new(&[moving], window(2, 1), 12, 63).measure(&[0.1, 0.9]).unwrap();
    let values = offsets(&wider, 400);
    let root = 4.0 * 2.0_f64.sqrt();
    assert_eq!(
        (values[2], values[3]),
        (-root, root),
        "step 2 is wider by the root of 2"
    );
    assert_eq!(values[798..], [-6.0, 6.0]);
}

#[test]
fn levels_out_of_range_or_order_are_named() {
    let case = Case::new(&[stairs()], window(2, 1), 12, 9);
    for (levels, message) in [
        (vec![], "`levels` is 0, must be from 1 to 99 quantiles"),
        (vec![0.1; 100], "`levels` is 100, must be from 1 to 99 quantiles"),
        (vec![0.5, 0.5], "`levels[1]` is 0.5, must be above 0.5 and below 1"),
        (vec![0.5, f64::NAN], "`levels[1]` is NaN, must be above 0.5 and below 1"),
        (vec![0.0], "`levels[0]` is 0, must be above 0 and below 1"),
        (vec![1.0], "`levels[0]` is 1, must be above 0 and below 1"),
    ] {
        let IntervalError::Levels(problem) = case.measure(&levels).unwrap_err() else {
            panic!("{levels:?}")
        };
        assert_eq!(problem.to_string(), message);
    }
}

#[test]
fn an_artifact_carries_its_intervals_and_refuses_broken_ones() {
    let case = Case::new(&[stairs(), stairs()], window(2, 3), 12, 9);
    let calibration = case.measure(&interval::LEVELS).unwrap();
    let mut artifact = case.artifact();
    assert_eq!(Calibration::read(&artifact).unwrap(), None);
    calibration.clone().write(&mut artifact);
    let read = Artifact::parse(&artifact.to_bytes().unwrap()).unwrap();
    assert_eq!(Calibration::read(&read).unwrap(), Some(calibration));
    let mut crossing = read.clone();
    let offsets = crossing.tensors.get_mut("interval.offsets").unwrap();
    let forecast::Data::F64(numbers) = &mut offsets.data else {
        panic!("single precision")
    };
    numbers[0] = 1e9;
    let error = Calibration::read(&crossing).unwrap_err();
    assert!(matches!(error, forecast::ArtifactError::Settings(_)), "{error}");
    let mut fewer = read;
    fewer.about.intervals.as_mut().unwrap().levels.pop();
    assert!(matches!(
        Calibration::read(&fewer),
        Err(forecast::ArtifactError::Shape { .. })
    ));
}

#[test]
fn a_forecast_of_other_targets_is_refused() {
    let calibration = Case::new(&[stairs()], window(2, 1), 12, 9).measure(&[0.5]).unwrap();
    assert!(calibration.quantiles(&Matrix::zeros(1, 2)).is_err());
}

fn rows(len: Range<usize>) -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-10.0_f64..10.0, len)
}

proptest! {
    #[test]
    fn quantiles_never_cross_and_the_widest_interval_holds_the_forecast(
        values in rows(40..200), horizon in 1_usize..5, calibrate in 0_usize..20, steps in 1_usize..40,
        mean in proptest::collection::vec(-1e6_f64..1e6, 40),
    ) {
        let case = Case::new(&[values], window(2, horizon), 20, calibrate);
        let quantiles = case.measure(&interval::LEVELS).unwrap()
            .quantiles(&Matrix { rows: steps, cols: 1, data: mean[..steps].to_vec() }).unwrap();
        for (levels, mean) in quantiles.values.chunks(9).zip(&mean) {
            prop_assert!(levels.windows(2).all(|pair| pair[0] <= pair[1]), "{levels:?}");
            prop_assert!(levels[0] <= *mean && *mean <= levels[8]);
            prop_assert!(levels.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn nothing_after_the_rows_that_calibrate_is_looked_at(
        values in rows(80..100), poison in rows(100..101), horizon in 1_usize..9, calibrate in 0_usize..30,
    ) {
        let calm = Case::new(std::slice::from_ref(&values), window(3, horizon), 40, calibrate);
        let mut poisoned = values;
        let holdout = calm.cut.holdout.clone();
        poisoned[holdout.clone()].copy_from_slice(&poison[holdout]);
        let poisoned = Case::new(&[poisoned], window(3, horizon), 40, calibrate);
        prop_assert_eq!(calm.measure(&interval::LEVELS).unwrap(), poisoned.measure(&interval::LEVELS).unwrap());
    }
}
