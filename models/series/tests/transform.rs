//! What the transform promises: values come back, nothing looks ahead, columns are found by name.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use proptest::prelude::*;
use series::{
    CALENDAR, Clean, Column, Frequency, LARGEST, Missing, Outliers, Role, Scaler, Table, TimeAxis, Transform,
    TransformError, calendar, rfc3339,
};

const GAP: f64 = f64::NAN;
const CLOSE: f64 = 1e-12; // A handful of roundings of numbers near 1.

fn axis(len: usize) -> TimeAxis {
    TimeAxis {
        start: 1_517_874_000,
        frequency: Frequency::Seconds(120),
        len,
    }
}

fn table(columns: &[(&str, Role, &[f64])]) -> Table {
    let axis = axis(columns[0].2.len());
    let column = |&(name, role, values): &(&str, Role, &[f64])| Column {
        name: name.into(),
        role,
        values: values.into(),
    };
    Table::new(String::new(), axis, columns.iter().map(column).collect(), None).unwrap()
}

fn with_calendar(mut table: Table) -> Table {
    let rows = table.rows();
    let waves = calendar(&table.axis, 0..rows);
    let column = |(name, values): (&str, Vec<f64>)| Column {
        name: name.into(),
        role: Role::Calendar,
        values,
    };
    table.columns.extend(waves.into_iter().map(column));
    table
}

fn clean(missing: Missing, scaler: Scaler) -> Clean {
    Clean {
        missing,
        scaler,
        ..Clean::default()
    }
}

const SCALERS: [Scaler; 5] = [
    Scaler::MinMax,
    Scaler::Standard,
    Scaler::Robust,
    Scaler::MaxAbs,
    Scaler::None,
];
const MISSING: [Missing; 4] = [Missing::Interpolate, Missing::Forward, Missing::Mean, Missing::Drop];

#[test]
fn every_scaler_is_fitted_on_the_training_rows_alone() {
    let table = table(&[("down", Role::Target, &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, 1000.0])]);
    for (scaler, first, scale) in [
        (Scaler::MinMax, 0.0, 7.0),
        (Scaler::Standard, -1.5, 2.0),
        (Scaler::Robust, -5.0 / 3.0, 1.5),
        (Scaler::MaxAbs, 2.0 / 9.0, 9.0),
        (Scaler::None, 2.0, 1.0),
    ] {
        let transform = Transform::fit(&table, 0..8, &clean(Missing::Interpolate, scaler)).unwrap();
        let scaled = transform.apply(&table, 0..8).unwrap();
        assert!(
            (scaled.values.at(0, 0) - first).abs() < CLOSE,
            "{scaler:?}: {}",
            scaled.values.at(0, 0)
        );
        assert!(
            (transform.scale_of(0) - scale).abs() < CLOSE,
            "{scaler:?}: {}",
            transform.scale_of(0)
        );
    }
}

#[test]
fn a_column_that_does_not_vary_keeps_its_size() {
    let table = table(&[("down", Role::Target, &[3.0, 3.0, 3.0, 5.0])]);
    for scaler in SCALERS {
        let transform = Transform::fit(&table, 0..3, &clean(Missing::Interpolate, scaler)).unwrap();
        let scaled = transform.apply(&table, 0..3).unwrap();
        let moved = scaled.values.at(3, 0) - scaled.values.at(0, 0);
        let expected = if scaler == Scaler::MaxAbs { 2.0 / 3.0 } else { 2.0 };
        assert!((moved - expected).abs() < CLOSE, "{scaler:?}: {moved}");
    }
}

#[test]
fn training_rows_are_filled_from_both_sides_and_later_rows_from_before() {
    let table = table(&[("down", Role::Target, &[0.0, GAP, 2.0, GAP, 4.0, GAP, 8.0])]);
    let transform = Transform::fit(&table, 0..4, &clean(Missing::Interpolate, Scaler::None)).unwrap();
    assert_eq!(
        transform.apply(&table, 0..4).unwrap().target(0),
        [0.0, 1.0, 2.0, 2.0, 4.0, 4.0, 8.0]
    );
    assert_eq!(
        transform.apply(&table, 0..0).unwrap().target(0),
        [0.0, 0.0, 2.0, 2.0, 4.0, 4.0, 8.0]
    );
}

#[test]
fn outliers_are_clipped_in_all_rows_before_gaps_are_filled() {
    let values = [1.0, 2.0, 3.0, 4.0, 5.0, 100.0, GAP, 100.0, -50.0];
    let table = table(&[("down", Role::Target, &values)]);
    let clean = Clean {
        outliers: Outliers::Iqr { factor: 1.5 },
        scaler: Scaler::None,
        ..Clean::default()
    };
    // Quartiles of the first five rows: 2 and 4, so the bounds are -1 and 7.
    let transform = Transform::fit(&table, 0..5, &clean).unwrap();
    let scaled = transform.apply(&table, 0..5).unwrap();
    assert_eq!(scaled.target(0), [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 7.0, 7.0, -1.0]);
    assert!(
        (transform.rescale(0, 100.0) - 100.0).abs() < CLOSE,
        "actuals are never clipped"
    );
}

#[test]
fn lags_are_earlier_rows_of_the_targets() {
    let table = table(&[
        ("down", Role::Target, &[1.0, 2.0, 3.0, 4.0]),
        ("weather", Role::Past, &[0.0, 1.0, 0.0, 1.0]),
        ("up", Role::Target, &[10.0, 20.0, 30.0, 40.0]),
    ]);
    let clean = Clean {
        lags: vec![1, 3],
        scaler: Scaler::None,
        ..Clean::default()
    };
    let transform = Transform::fit(&table, 0..4, &clean).unwrap();
    let scaled = transform.apply(&table, 0..4).unwrap();
    assert_eq!(transform.target_names(), ["down", "up"]);
    let names = [
        "down",
        "weather",
        "up",
        "down_lag_1",
        "down_lag_3",
        "up_lag_1",
        "up_lag_3",
    ];
    assert_eq!(transform.input_names(), names);
    assert_eq!(scaled.lags, [(3, 0, 1), (4, 0, 3), (5, 1, 1), (6, 1, 3)]);
    assert_eq!(
        (scaled.targets.as_slice(), scaled.past.as_slice()),
        (&[0, 2][..], &[1][..])
    );
    assert_eq!(scaled.values.row(3), [4.0, 1.0, 40.0, 3.0, 1.0, 30.0, 10.0]);
    assert_eq!(
        scaled.values.row(1),
        [2.0, 1.0, 20.0, 1.0, 1.0, 10.0, 10.0],
        "the first row where none is earlier"
    );
}

#[test]
fn rows_with_a_missing_input_are_marked_and_masked_only_where_they_are_dropped() {
    let table = table(&[
        ("down", Role::Target, &[1.0, GAP, 3.0]),
        ("up", Role::Past, &[1.0, 2.0, GAP]),
    ]);
    for missing in MISSING {
        let transform = Transform::fit(&table, 0..3, &clean(missing, Scaler::None)).unwrap();
        let scaled = transform.apply(&table, 0..3).unwrap();
        assert_eq!(scaled.complete, [true, false, false]);
        assert_eq!(scaled.mask().is_some(), missing == Missing::Drop);
    }
}

#[test]
fn calendar_columns_stay_as_they_are_and_reach_into_the_future() {
    let table = with_calendar(table(&[("down", Role::Target, &[1.0, 2.0, 3.0, 5.0])]));
    let transform = Transform::fit(&table, 0..4, &Clean::default()).unwrap();
    let scaled = transform.apply(&table, 0..4).unwrap();
    assert_eq!(scaled.calendar, [1, 2, 3, 4, 5, 6]);
    assert_eq!(scaled.values.at(2, 1).to_bits(), table.columns[1].values[2].to_bits());
    let future = transform.future(&table.axis, 4, 2);
    assert_eq!((future.rows, future.cols), (2, 7));
    assert!(future.at(0, 0).is_nan(), "the target's future is unknown");
    let waves = calendar(&table.axis, 0..6);
    for (input, (name, values)) in (1..).zip(&waves) {
        assert_eq!(future.at(1, input).to_bits(), values[5].to_bits(), "{name}");
    }
    let without = Transform::fit(
        &table,
        0..4,
        &Clean {
            calendar: false,
            ..Clean::default()
        },
    )
    .unwrap();
    assert_eq!(without.input_names(), ["down"]);
    assert_eq!(CALENDAR.len(), 6);
}

#[test]
fn columns_are_matched_by_name_not_by_place() {
    let fitted = table(&[("down", Role::Target, &[1.0, 3.0]), ("up", Role::Past, &[10.0, 30.0])]);
    let transform = Transform::fit(&fitted, 0..2, &Clean::default()).unwrap();
    let turned = table(&[("up", Role::Past, &[10.0, 30.0]), ("down", Role::Target, &[1.0, 3.0])]);
    assert_eq!(
        transform.apply(&turned, 0..2).unwrap(),
        transform.apply(&fitted, 0..2).unwrap()
    );
    let lacking = table(&[("down", Role::Target, &[1.0, 3.0])]);
    let error = transform.apply(&lacking, 0..2).unwrap_err();
    assert_eq!(error.to_string(), "column `up` is missing");
}

#[test]
fn a_column_with_too_many_gaps_leaves_the_inputs_and_is_an_error_as_a_target() {
    let gaps = [1.0, GAP, GAP, 4.0];
    let strict = Clean {
        missing_threshold: Some(0.25),
        ..Clean::default()
    };
    let input = table(&[("down", Role::Target, &[1.0; 4]), ("up", Role::Past, &gaps)]);
    assert_eq!(Transform::fit(&input, 0..4, &strict).unwrap().input_names(), ["down"]);
    assert_eq!(
        Transform::fit(&input, 0..4, &Clean::default()).unwrap().input_names(),
        ["down", "up"]
    );
    let target = table(&[("down", Role::Target, &gaps)]);
    let error = Transform::fit(&target, 0..4, &strict).unwrap_err();
    assert_eq!(
        error.to_string(),
        "target `down`: 0.5 of the training rows are missing, at most 0.25 may be"
    );
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let never = table(&[
        ("down", Role::Target, &[GAP, GAP, 1.0]),
        ("up", Role::Past, &[GAP, GAP, 1.0]),
    ]);
    let error = Transform::fit(&never, 0..2, &Clean::default()).unwrap_err();
    assert_eq!(error.to_string(), "target `down` has no value in training rows 0 to 2");
    let short = table(&[("down", Role::Target, &[1.0, 2.0])]);
    assert_eq!(
        Transform::fit(&short, 0..3, &Clean::default()),
        Err(TransformError::Rows { have: 3, bound: 2 })
    );
}

#[test]
fn an_input_without_any_training_value_is_zero_until_it_is_seen() {
    let table = table(&[
        ("down", Role::Target, &[1.0, 2.0, 3.0]),
        ("up", Role::Past, &[GAP, GAP, 5.0]),
    ]);
    let scaled = Transform::fit(&table, 0..2, &Clean::default())
        .unwrap()
        .apply(&table, 0..2)
        .unwrap();
    assert_eq!(scaled.values.column(1), [0.0, 0.0, 5.0]);
}

#[test]
fn a_value_near_the_largest_number_is_refused_with_its_place_and_the_bound_wherever_it_stands() {
    // In the training rows such values overflowed the mean, which was written as `null`; after them, the inputs.
    let huge = f64::MAX;
    for values in [[huge, huge, 1.0, 2.0], [1.0, -huge, 1.0, 2.0], [1.0, 2.0, 3.0, 1.1e300]] {
        let table = table(&[("down", Role::Target, &values)]);
        let row = values.iter().position(|value| value.abs() > LARGEST).unwrap();
        for scaler in SCALERS {
            let error = Transform::fit(&table, 0..3, &clean(Missing::Forward, scaler)).unwrap_err();
            let (column, time, value) = ("down".to_owned(), rfc3339(table.axis.at(row)), values[row]);
            let message = format!("column `down` at {time}: {value:e} is not between -1e300 and 1e300");
            assert_eq!(error.to_string(), message);
            let expected = TransformError::TooLarge {
                column,
                row,
                time,
                value,
            };
            assert_eq!(error, expected, "{scaler:?}");
        }
    }
    let table = table(&[("down", Role::Target, &[-LARGEST, LARGEST, LARGEST, -LARGEST])]);
    for scaler in SCALERS {
        assert!(
            Transform::fit(&table, 0..3, &clean(Missing::Forward, scaler)).is_ok(),
            "{scaler:?}"
        );
    }
}

#[test]
fn a_value_that_the_scale_of_the_training_rows_cannot_hold_is_refused_also_where_it_comes_later() {
    let calm = table(&[("down", Role::Target, &[0.0, 1e-300, 0.0, 1e-300])]);
    let transform = Transform::fit(&calm, 0..3, &Clean::default()).unwrap();
    let far = table(&[("down", Role::Target, &[0.0, 1e-300, 0.0, 1e10])]);
    for error in [
        Transform::fit(&far, 0..3, &Clean::default()).unwrap_err(),
        transform.apply(&far, 0..0).unwrap_err(),
    ] {
        assert_eq!(
            error.to_string(),
            "column `down` at 2018-02-05T23:46:00Z: 1e10 is too far from 0e0 to be scaled by 1e-300, as the training rows are"
        );
    }
}

fn values() -> impl proptest::strategy::Strategy<Value = Vec<f64>> {
    let value = prop_oneof![8 => (-1e6_f64..1e6).prop_map(Some), 1 => Just(None)];
    proptest::collection::vec(value, 4..80).prop_map(|values| {
        let mut values: Vec<f64> = values.into_iter().map(|value| value.unwrap_or(GAP)).collect();
        values[0] = 1.0;
        values
    })
}

/// Values of any size that a column may hold, many of them near its ends.
fn any_size() -> impl proptest::strategy::Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => any::<f64>(),
        2 => prop_oneof![Just(f64::MAX), Just(f64::MIN), Just(LARGEST), Just(-LARGEST), Just(5e-324), Just(0.0)],
        2 => -1e6_f64..1e6,
        1 => Just(GAP),
    ];
    let value = value.prop_map(|value| if value.is_infinite() { GAP } else { value });
    proptest::collection::vec(value, 4..40)
}

proptest! {
    #[test]
    fn what_is_fitted_holds_finite_numbers_only_and_so_do_inputs(values in any_size(), factor in 1e-3_f64..1e6) {
        let table = table(&[("down", Role::Target, &values)]);
        let training = 0..values.len() / 2 + 1;
        for (scaler, missing) in SCALERS.into_iter().zip(MISSING.into_iter().cycle()) {
            for outliers in [Outliers::None, Outliers::Iqr { factor }] {
                let clean = Clean { outliers, ..clean(missing, scaler) };
                let Ok(transform) = Transform::fit(&table, training.clone(), &clean) else { continue };
                let written = serde_json::to_string(&transform).unwrap();
                prop_assert!(!written.contains("null"), "{written}");
                let scaled = transform.apply(&table, training.clone()).unwrap();
                prop_assert!(scaled.values.data.iter().all(|value| value.is_finite()), "{scaler:?} {missing:?} {outliers:?}");
            }
        }
    }

    #[test]
    fn unscaling_gives_the_value_back(values in values(), probe in -1e6_f64..1e6) {
        let table = table(&[("down", Role::Target, &values)]);
        for scaler in SCALERS {
            let transform = Transform::fit(&table, 0..values.len(), &clean(Missing::Forward, scaler)).unwrap();
            let scaled = transform.apply(&table, 0..values.len()).unwrap().target(0);
            let size = values.iter().copied().filter(|value| !value.is_nan()).fold(1.0, |a: f64, b| a.max(b.abs()));
            for (value, scaled) in values.iter().zip(scaled).filter(|(value, _)| !value.is_nan()) {
                prop_assert!((transform.unscale(0, scaled) - value).abs() <= CLOSE * size);
            }
            let back = transform.unscale(0, transform.rescale(0, probe));
            prop_assert!((back - probe).abs() <= CLOSE * size.max(probe.abs()));
        }
    }

    #[test]
    fn nothing_after_an_origin_reaches_back(values in values(), train in 1_usize..80, ahead in 0_usize..80, lag in 1_usize..9) {
        let train = train.min(values.len());
        let origin = (train + ahead).min(values.len());
        let mut poisoned = values.clone();
        poisoned[origin..].fill(9e9);
        for missing in MISSING {
            for scaler in SCALERS {
                let clean = Clean { lags: vec![lag], outliers: Outliers::Iqr { factor: 1.5 }, ..clean(missing, scaler) };
                let seen = |values: &[f64]| {
                    let table = table(&[("down", Role::Target, values)]);
                    let transform = Transform::fit(&table, 0..train, &clean).unwrap();
                    let scaled = transform.apply(&table, 0..train).unwrap();
                    let rows = scaled.values.data[..origin * scaled.values.cols].to_vec();
                    (transform, rows, scaled.complete[..origin].to_vec())
                };
                prop_assert_eq!(seen(&values), seen(&poisoned));
            }
        }
    }

    #[test]
    fn what_models_see_is_always_a_number(values in values(), train in 1_usize..80, start in 0_usize..40) {
        let end = train.min(values.len());
        let table = with_calendar(table(&[("down", Role::Target, &values)]));
        for missing in MISSING {
            let clean = Clean { lags: vec![2, 50], ..clean(missing, Scaler::Standard) };
            let Ok(transform) = Transform::fit(&table, start.min(end)..end, &clean) else { continue };
            let scaled = transform.apply(&table, start.min(end)..end).unwrap();
            prop_assert!(scaled.values.data.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn a_transform_survives_json_to_the_last_bit(values in values()) {
        let table = table(&[("down", Role::Target, &values)]);
        let clean = Clean { outliers: Outliers::Iqr { factor: 1.5 }, lags: vec![3], ..clean(Missing::Mean, Scaler::Standard) };
        let transform = Transform::fit(&table, 0..values.len(), &clean).unwrap();
        let text = serde_json::to_string(&transform).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Transform>(&text).unwrap(), &transform);
        let again = Transform::fit(&table, 0..values.len(), &clean).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}
