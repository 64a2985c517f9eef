//! Forecasts of a fitted net.

use forecast::{
    Artifact, ArtifactError, Forecast, ForecastError, History, ModelSpec, Precision, RecurrentSpec, known_future,
};
use recurrent::{Cell, Net};
use series::Matrix;

use crate::data::{CELLS, Series, assert_close, window};

fn fitted(cell: Cell) -> (Series, Artifact) {
    fitted_in(cell, Precision::F32)
}

fn fitted_in(cell: Cell, precision: Precision) -> (Series, Artifact) {
    let series = Series::waves(90, 3, 2, window(6, 2), 0);
    let spec = RecurrentSpec {
        hidden: 5,
        layers: 2,
        epochs: 2,
        lr: 0.01,
        precision,
        ..RecurrentSpec::default()
    };
    let artifact = series.fit(cell, &spec);
    (series, artifact)
}

fn one(net: &Net, series: &Series, origin: usize, steps: usize) -> Result<Matrix, ForecastError> {
    let future = known_future(&series.scaled, origin, steps);
    net.forecast(
        &History {
            scaled: &series.scaled,
            origin,
            future: &future,
        },
        steps,
    )
}

#[test]
fn a_net_is_the_same_after_a_round_trip_through_bytes() {
    for cell in CELLS {
        let (series, artifact) = fitted(cell);
        let read = Artifact::parse(&artifact.to_bytes().unwrap()).unwrap();
        assert_eq!(read, artifact);
        let (net, again) = (Net::read(&artifact).unwrap(), Net::read(&read).unwrap());
        assert_eq!(one(&net, &series, 40, 2).unwrap(), one(&again, &series, 40, 2).unwrap());
        assert_eq!((net.history_rows(), net.trained_horizon()), (6, Some(2)));
    }
}

#[test]
fn forecasts_of_many_origins_are_those_of_each_alone() {
    let precisions = [Precision::F32, Precision::Bf16];
    for (cell, precision) in CELLS
        .into_iter()
        .flat_map(|cell| precisions.map(|precision| (cell, precision)))
    {
        let (series, artifact) = fitted_in(cell, precision);
        let net = Net::read(&artifact).unwrap();
        let origins: Vec<_> = (6..80).rev().collect();
        for steps in [1, 2, 5] {
            let mut count = 0;
            net.forecast_origins(&series.scaled, &origins, steps, &mut |index, forecast| {
                assert_eq!(index, count, "in order");
                count += 1;
                assert_eq!(
                    forecast,
                    one(&net, &series, origins[index], steps).unwrap().data,
                    "{cell} in {precision:?}, {steps} steps"
                );
            })
            .unwrap();
            assert_eq!(count, origins.len());
        }
    }
}

#[test]
fn beyond_the_horizon_a_net_goes_on_from_its_own_forecasts() {
    let (mut series, artifact) = fitted(Cell::Gru);
    let net = Net::read(&artifact).unwrap();
    let far = one(&net, &series, 50, 4).unwrap();
    // The first forecasts written into the rows, the third column held: forecasting from there is the same.
    for step in 0..2 {
        let held = series.scaled.values.at(49, 2);
        series
            .scaled
            .values
            .row_mut(50 + step)
            .copy_from_slice(&[far.at(step, 0), far.at(step, 1), held]);
    }
    let near = one(&net, &series, 52, 2).unwrap();
    assert_close("steps 3 and 4", &far.data[4..], &near.data, 0.0);
}

#[test]
fn rows_from_the_origin_on_are_never_looked_at() {
    let (mut series, artifact) = fitted(Cell::Lstm);
    let net = Net::read(&artifact).unwrap();
    let before = one(&net, &series, 50, 6).unwrap();
    for row in 50..series.scaled.rows() {
        series.scaled.values.row_mut(row).fill(f64::NAN);
    }
    assert_eq!(one(&net, &series, 50, 6).unwrap(), before);
}

#[test]
fn a_history_that_is_too_short_or_has_other_columns_is_refused() {
    let (series, artifact) = fitted(Cell::Gru);
    let net = Net::read(&artifact).unwrap();
    assert_eq!(
        one(&net, &series, 5, 1),
        Err(ForecastError::HistoryTooShort { have: 5, need: 6 })
    );
    let refused = net.forecast_origins(&series.scaled, &[30, 5], 1, &mut |_, _| ());
    assert_eq!(refused, Err(ForecastError::HistoryTooShort { have: 5, need: 6 }));
    let other = Series::waves(90, 4, 2, window(6, 2), 0);
    let error = ForecastError::Shape {
        what: "inputs",
        have: 4,
        need: 3,
    };
    assert_eq!(one(&net, &other, 50, 1), Err(error));
}

#[test]
fn a_context_that_is_not_finite_is_an_error_with_its_place() {
    let (mut series, artifact) = fitted(Cell::Gru);
    series.scaled.values.row_mut(45)[1] = f64::NAN;
    let net = Net::read(&artifact).unwrap();
    for steps in [1, 2] {
        let refused = net.forecast_origins(&series.scaled, &[30, 47], steps, &mut |_, _| ());
        assert!(
            matches!(refused, Err(ForecastError::NotFinite { target: 0, step: 1, .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn an_artifact_without_a_tensor_or_with_another_shape_is_refused() {
    let (_, artifact) = fitted(Cell::Gru);
    let mut without = artifact.clone();
    without.tensors.remove("rnn.bias_hh_l1");
    let error = Net::read(&without).unwrap_err();
    assert!(
        matches!(&error, ArtifactError::Missing { tensor } if tensor == "rnn.bias_hh_l1"),
        "{error}"
    );
    let mut other = artifact.clone();
    other.about.horizon = 3;
    let error = Net::read(&other).unwrap_err();
    assert!(
        matches!(&error, ArtifactError::Shape { tensor, .. } if tensor == "head.weight"),
        "{error}"
    );
    let mut endless = artifact.clone();
    endless.about.settings = ModelSpec::Gru(RecurrentSpec {
        layers: usize::MAX,
        ..RecurrentSpec::default()
    });
    let error = Net::read(&endless).unwrap_err();
    assert!(
        matches!(&error, ArtifactError::Settings(problem) if problem.path == "settings.layers"),
        "{error}"
    );
}
