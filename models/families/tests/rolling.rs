//! Models that are fitted again while the training rows of a short series expand.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use families::{Backends, rolling::Rolling};
use forecast::{Calibration, Fit as _, Fitted, ModelSpec, SeriesData, Training};
use series::{Clean, Column, Cut, Frequency, Role, Sampling, Split, Table, TimeAxis, Transform, WindowShape};

/// Rows around one level that do not depend on each other.
fn noise(rows: u32) -> Table {
    let values = (0..rows).map(|row| f64::from(row * 7_919 % 97)).collect();
    let column = Column {
        name: "y".to_owned(),
        role: Role::Target,
        values,
    };
    let axis = TimeAxis::new(0, Frequency::Seconds(86_400), rows as usize);
    Table::new(String::new(), axis, vec![column], None).unwrap()
}

#[test]
fn intervals_count_the_errors_of_all_fits() {
    let window = WindowShape {
        context: 6,
        horizon: 28,
        stride: 1,
    };
    let table = noise(200);
    let cut = Cut::new(&table, Split::default(), &Sampling::default(), window, 1).unwrap();
    assert!(cut.refits.len() > 1, "{:?}", cut.refits);
    let transform = Transform::fit(&table, cut.training.clone(), &Clean::default()).unwrap();
    let scaled = transform.apply(&table, cut.training.clone()).unwrap();
    let (targets, inputs) = (transform.target_names(), transform.input_names());
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window,
        season: 1,
        seasons: &[],
        contexts: &[],
        threads: 1,
        cut: "c0ffee",
        target_names: &targets,
        input_names: &inputs,
    };
    let make = |model: &ModelSpec| families::fit(model, Backends::default());
    let ets = make(&ModelSpec::of_kind("ets").unwrap()).unwrap();
    let fitted = Rolling::new(ets, make).run(&data, None, &|| false, &mut |_, _| ());
    let Fitted::Finished(artifact) = fitted.unwrap() else {
        panic!("nobody asked it to stop")
    };
    assert_eq!(artifact.about.later.len(), cut.refits.len());
    let model = families::forecaster(&artifact).unwrap();
    assert!(model.history_rows() <= cut.training.end, "{}", model.history_rows());

    let calibration = Calibration::measure(&*model, &data, &[0.1, 0.9]).unwrap();
    let zero = series::Matrix::zeros(window.horizon, 1);
    let bounds = calibration.quantiles(&zero).unwrap().values;
    let width = |step: usize| bounds[2 * step + 1] - bounds[2 * step];
    let wider = width(window.horizon - 1) / width(0);
    assert!(
        (1.0..1.5).contains(&wider),
        "errors of noise do not grow, the interval did: {wider}"
    );
}
