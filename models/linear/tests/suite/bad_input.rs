//! Series with little or no information: an error with value and bound, or a finite forecast.

use forecast::{Channels, FitError, Forecast, History, LinearSpec, known_future};
use linear::Ridge;
use series::{
    Clean, Column, Cut, Frequency, Matrix, Role, Sampling, Scaled, Scaler, Split, Table, TimeAxis, Transform,
    Validation, WindowShape,
};

use crate::data::{Prepared, finished, noisy, prepare, run};

const WINDOW: WindowShape = WindowShape {
    context: 10,
    horizon: 2,
    stride: 1,
};
const ALL: [Channels; 4] = [Channels::Auto, Channels::Own, Channels::Pooled, Channels::All];

fn spec(channels: Channels) -> LinearSpec {
    LinearSpec {
        channels,
        ..LinearSpec::default()
    }
}

fn table(values: Vec<f64>) -> Table {
    let axis = TimeAxis {
        start: 0,
        frequency: Frequency::Seconds(60),
        len: values.len(),
    };
    let column = Column {
        name: "y".into(),
        role: Role::Target,
        values,
    };
    Table::new(String::new(), axis, vec![column], None).unwrap()
}

#[test]
fn a_column_that_never_moves_is_forecast_as_it_is_whatever_the_channels() {
    let data = prepare(
        &[vec![7.0; 400], noisy(400)],
        WINDOW,
        &Clean::default(),
        Validation::Fraction(0.1),
    );
    for channels in ALL {
        let model = Ridge::read(&finished(&Ridge::fit(&spec(channels)), &data)).unwrap();
        let future = known_future(&data.scaled, 300, 5);
        let history = History {
            scaled: &data.scaled,
            origin: 300,
            future: &future,
        };
        let forecast = model.forecast(&history, 5).unwrap();
        for step in 0..5 {
            let (still, moving) = (forecast.at(step, 0), forecast.at(step, 1));
            assert!(
                (still - data.scaled.values.at(0, 0)).abs() < 1e-12,
                "{channels:?}: {still}"
            );
            assert!(moving.is_finite(), "{channels:?}: {moving}");
        }
    }
}

#[test]
fn a_series_that_is_too_short_has_no_window_and_one_of_gaps_no_transform() {
    for rows in [1, 10, 12] {
        let table = table(vec![1.0; rows]);
        let cut = Cut::new(&table, Split::default(), &Sampling::default(), WINDOW, 1).unwrap();
        assert_eq!(cut.windows, 0, "{rows} rows");
    }
    let gaps = table(vec![f64::NAN; 400]);
    let error = Transform::fit(&gaps, 0..300, &Clean::default()).unwrap_err();
    assert_eq!(error.to_string(), "target `y` has no value in training rows 0 to 300");
}

#[test]
fn a_row_that_is_no_number_is_named() {
    for (value, row) in [(f64::INFINITY, 17), (f64::NEG_INFINITY, 0), (f64::NAN, 370)] {
        let mut data = prepare(
            &[noisy(400), noisy(400)],
            WINDOW,
            &Clean::default(),
            Validation::Fraction(0.1),
        );
        *data.scaled.values.at_mut(row, 1) = value;
        for channels in ALL {
            let error = run(&Ridge::fit(&spec(channels)), &data, None, &|| false).unwrap_err();
            assert!(
                matches!(&error, FitError::NotFinite { input, row: have, .. } if input == "y1" && *have == row),
                "{error}"
            );
        }
    }
}

#[test]
fn a_context_beyond_the_memory_is_refused_with_the_bound() {
    let wide = WindowShape {
        context: 20_000,
        ..WINDOW
    };
    let data = prepare(&[noisy(30_000)], wide, &Clean::default(), Validation::None);
    let error = run(&Ridge::fit(&spec(Channels::Own)), &data, None, &|| false).unwrap_err();
    assert!(
        matches!(error, FitError::TooLarge { have, bound } if have > bound && bound == 1 << 30),
        "{error}"
    );
}

#[test]
fn values_of_any_size_give_finite_forecasts() {
    let clean = Clean {
        scaler: Scaler::None,
        ..Clean::default()
    };
    for size in [1e-150, 1e-9, 1e12, 1e150] {
        let values = noisy(400).into_iter().map(|value| value * size).collect();
        let data = prepare(&[values, noisy(400)], WINDOW, &clean, Validation::Fraction(0.1));
        for channels in ALL {
            let bytes = finished(&Ridge::fit(&spec(channels)), &data).to_bytes();
            assert!(bytes.is_ok(), "{channels:?} of values around {size:e}: {bytes:?}");
        }
    }
}

#[test]
fn ten_million_rows_are_fitted_without_a_copy() {
    const ROWS: usize = 10_000_000;
    let values = Matrix {
        rows: ROWS,
        cols: 1,
        data: noisy(1_000).into_iter().cycle().take(ROWS).collect(),
    };
    let scaled = Scaled {
        values,
        axis: TimeAxis {
            start: 0,
            frequency: Frequency::Seconds(60),
            len: ROWS,
        },
        observed: Vec::new(),
        targets: vec![0],
        past: Vec::new(),
        calendar: Vec::new(),
        lags: Vec::new(),
        complete: Vec::new(),
        drops_incomplete: false,
        units: Vec::new(),
    };
    let end = ROWS - 1_000;
    let cut = Cut {
        training: 0..end - 10_000,
        select: end - 10_000..end,
        calibrate: end..end,
        holdout: end..ROWS,
        refits: Vec::new(),
        windows: WINDOW.count(end - 10_000),
        window: WINDOW,
        sampled_rows: end,
    };
    let season = 1;
    let model = Ridge::read(&finished(
        &Ridge::fit(&LinearSpec::default()),
        &Prepared {
            scaled,
            cut,
            season,
            contexts: Vec::new(),
        },
    ))
    .unwrap();
    assert!(model.select_mse().unwrap().is_finite());
}
