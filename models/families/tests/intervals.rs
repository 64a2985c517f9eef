//! Every model's 80 % interval covers 80 % of the future values, on series whose rows have one distribution.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use families::Backends;
use forecast::{
    Artifact, Calibration, EtsSpec, Fitted, Growth, ModelSpec, MstlSpec, SeriesData, Training, Trend, interval,
};
use series::{
    Clean, Column, Cut, Frequency, Holdout, Matrix, QuantileScoring, Role, Sampling, Split, Table, TimeAxis, Transform,
    Validation, WindowShape, Windows,
};

const WINDOW: WindowShape = WindowShape {
    context: 6,
    horizon: 2,
    stride: 1,
};
/// The tolerance of the promised share over all targets, where one standard deviation is about 0.005.
const WITHIN: f64 = 0.03;
/// The tolerance for one target: 2,000 rows calibrate, one standard deviation is about 0.015, and a slope that was learned from
/// noise changes the errors of later rows.
const TARGET_WITHIN: f64 = 0.08;

/// Skewed noise, the same on every machine: the levels of an exponential distribution from a hash of the row.
fn noise(rows: u64, seed: u64) -> Vec<f64> {
    let uniform = |row: u64| {
        let mut x = (row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xd1b5_4a32_d192_ed03);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((x ^ (x >> 31)) >> 33).unwrap()) / f64::from(1_u32 << 31)
    };
    (0..rows).map(|row| 100.0 - libm::log(1.0 - uniform(row))).collect()
}

fn table(training: u64, holdout: u64) -> Table {
    let rows = training + 4_000 + holdout;
    let columns = (0..8).map(|seed| Column {
        name: format!("y{seed}"),
        role: Role::Target,
        values: noise(rows, seed),
    });
    let axis = TimeAxis::new(0, Frequency::Seconds(3_600), usize::try_from(rows).unwrap());
    Table::new(String::new(), axis, columns.collect(), None).unwrap()
}

/// Makes nets small, so that a fit is quick, and all models nearly constant. Neighbouring errors of a net that follows its inputs
/// would be alike, so that fewer rows would count as calibrating; a slope that is learned from noise would make the errors of
/// later rows differ from those of the rows that calibrate.
fn small(kind: &str) -> ModelSpec {
    let mut spec = ModelSpec::of_kind(kind).unwrap();
    match &mut spec {
        ModelSpec::Gru(spec) | ModelSpec::Lstm(spec) => {
            (spec.hidden, spec.layers, spec.epochs, spec.batch) = (4, 1, 8, 16);
            spec.lr = 3e-3;
        }
        ModelSpec::Prophet(spec) => spec.growth = Growth::Flat,
        ModelSpec::Ets(EtsSpec { trend, .. }) | ModelSpec::Mstl(MstlSpec { trend, .. }) => *trend = Trend::None,
        _ => {}
    }
    spec
}

/// Returns the coverage of the interval, first over all targets, then by target.
fn covered(kind: &str, table: &Table) -> Vec<Option<f64>> {
    let split = Split {
        holdout: Holdout::Rows(3_000),
        validation: Validation::Rows(4_000),
    };
    let cut = Cut::new(table, split, &Sampling::default(), WINDOW, 1).unwrap();
    let transform = Transform::fit(table, cut.training.clone(), &Clean::default()).unwrap();
    let scaled = transform.apply(table, cut.training.clone()).unwrap();
    let (targets, inputs) = (transform.target_names(), transform.input_names());
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window: WINDOW,
        season: series::season(table.axis.frequency, cut.training.len()),
        seasons: &[series::season(table.axis.frequency, cut.training.len())],
        contexts: &[],
        threads: 2,
        cut: "c0ffee",
        target_names: &targets,
        input_names: &inputs,
    };
    let fitted = families::fit(&small(kind), Backends::default())
        .unwrap()
        .run(&data, None, &|| false, &mut |_, _| ())
        .unwrap();
    let Fitted::Finished(mut artifact) = fitted else {
        panic!("nobody asked it to stop")
    };
    let fresh = families::forecaster(&artifact).unwrap();
    let calibration = Calibration::measure(&*fresh, &data, &interval::LEVELS).unwrap();
    assert!(calibration.is_calibrated(), "{kind}");
    calibration.write(&mut artifact);
    // As in the stage `eval`: from the bytes alone.
    let artifact = Artifact::parse(&artifact.to_bytes().unwrap()).unwrap();
    let (model, calibration) = (
        families::forecaster(&artifact).unwrap(),
        Calibration::read(&artifact).unwrap().unwrap(),
    );
    let mut scoring = QuantileScoring::new(table, &targets, WINDOW.horizon, calibration.levels());
    let origins: Vec<usize> = Windows::holdout(cut.holdout.clone(), WINDOW).iter().collect();
    let levels = calibration.levels().len();
    let mut add = |index: usize, forecast: &[f64]| {
        let mean = Matrix {
            rows: WINDOW.horizon,
            cols: targets.len(),
            data: forecast.to_vec(),
        };
        let mut quantiles = calibration.quantiles(&mean).unwrap().values;
        for (cell, value) in quantiles.iter_mut().enumerate() {
            *value = transform.unscale(cell / levels % targets.len(), *value);
        }
        scoring.add(origins[index], &quantiles);
    };
    model
        .forecast_origins(&scaled, &origins, WINDOW.horizon, &mut add)
        .unwrap();
    let scores = scoring.finish();
    assert!(scores.wql.unwrap() > 0.0, "{kind}");
    assert_eq!(scores.masked, 0, "{kind}");
    let widest = scores.coverage.last().unwrap();
    assert!((widest.interval - 0.8).abs() < 1e-9, "{kind}");
    let by_target = scores
        .targets
        .values()
        .map(|target| target.coverage.last().unwrap().covered);
    std::iter::once(widest.covered).chain(by_target).collect()
}

#[test]
fn the_eighty_percent_interval_of_every_model_covers_eighty_percent() {
    let table = table(3_000, 3_000);
    let others = ["ets", "theta", "mstl"]
        .into_iter()
        .filter(|kind| !ModelSpec::KINDS.contains(kind));
    // An ensemble is made of others and has no fit.
    let kinds = ModelSpec::KINDS.into_iter().chain(others);
    for kind in kinds.filter(|kind| families::fit(&small(kind), Backends::default()).is_some()) {
        let covered = covered(kind, &table);
        for (index, covered) in covered.into_iter().enumerate() {
            let within = if index == 0 { WITHIN } else { TARGET_WITHIN };
            assert!((covered.unwrap() - 0.8).abs() <= within, "{kind} covers {covered:?}");
        }
    }
}
