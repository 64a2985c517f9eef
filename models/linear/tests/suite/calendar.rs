//! What the calendar columns must and must not change.

use forecast::{
    ArtifactError, Channels, Forecast, ForecastError, History, LinearSpec, Tensor, Tensors, known_future, tensors,
};
use linear::Ridge;
use series::{Clean, Scaled, Scaler, Validation, WindowShape};

use crate::data::{Prepared, finished, noisy, prepare, prepare_with_calendar};

/// The context is far shorter than a day.
const WINDOW: WindowShape = WindowShape {
    context: 4,
    horizon: 6,
    stride: 1,
};
const ROWS: u32 = 2_400;
const EACH: [Channels; 3] = [Channels::Own, Channels::Pooled, Channels::All];

fn spec(channels: Channels, calendar: bool) -> LinearSpec {
    LinearSpec {
        channels,
        calendar,
        ..LinearSpec::default()
    }
}

/// Two daily waves with noise: the second is fifty times as large.
fn targets() -> [Vec<f64>; 2] {
    let noise = noisy(2 * ROWS as usize);
    [(1.0, 0), (50.0, ROWS as usize)].map(|(size, from)| {
        let wave = |row: u32| libm::sin(f64::from(row) * std::f64::consts::TAU / 24.0);
        (0..ROWS)
            .zip(&noise[from..])
            .map(|(row, noise)| size * (wave(row) + 2.0 * noise))
            .collect()
    })
}

fn days() -> Prepared {
    let clean = Clean {
        scaler: Scaler::None,
        ..Clean::default()
    };
    prepare_with_calendar(&targets(), WINDOW, &clean, Validation::Fraction(0.2))
}

fn fitted(channels: Channels, calendar: bool, data: &Prepared) -> Ridge {
    Ridge::read(&finished(&Ridge::fit(&spec(channels, calendar)), data)).unwrap()
}

fn ahead(model: &Ridge, scaled: &Scaled, origin: usize, steps: usize) -> Result<series::Matrix, ForecastError> {
    let future = known_future(scaled, origin, steps);
    model.forecast(
        &History {
            scaled,
            origin,
            future: &future,
        },
        steps,
    )
}

#[test]
fn the_calendar_says_the_phase_that_few_lags_cannot_see() {
    let data = days();
    let origins: Vec<usize> = (data.cut.calibrate.start..data.scaled.rows() - WINDOW.horizon).collect();
    for channels in EACH {
        let [without, with] = [false, true].map(|calendar| {
            let model = fitted(channels, calendar, &data);
            let mut errors = [0.0; 2];
            let mut add = |index: usize, forecast: &[f64]| {
                for (step, values) in forecast.chunks(2).enumerate() {
                    for (target, (error, value)) in errors.iter_mut().zip(values).enumerate() {
                        let off = value - data.scaled.values.at(origins[index] + step, target);
                        *error += off * off;
                    }
                }
            };
            model
                .forecast_origins(&data.scaled, &origins, WINDOW.horizon, &mut add)
                .unwrap();
            errors
        });
        for target in 0..2 {
            let ratio = with[target] / without[target];
            assert!(ratio < 0.8, "{channels:?}, target {target}: {ratio}");
        }
    }
}

#[test]
fn forecasts_of_many_origins_are_those_of_each_alone() {
    let data = days();
    let origins: Vec<usize> = (WINDOW.context..200).rev().collect();
    for (channels, calendar) in EACH
        .into_iter()
        .flat_map(|channels| [(channels, false), (channels, true)])
    {
        let model = fitted(channels, calendar, &data);
        for steps in [1, WINDOW.horizon, WINDOW.horizon + 1] {
            let mut count = 0;
            let mut compare = |index: usize, forecast: &[f64]| {
                assert_eq!(index, count, "in order");
                count += 1;
                let alone = ahead(&model, &data.scaled, origins[index], steps).unwrap();
                assert_eq!(forecast, alone.data, "{channels:?}, {steps} steps");
            };
            model
                .forecast_origins(&data.scaled, &origins, steps, &mut compare)
                .unwrap();
            assert_eq!(count, origins.len());
        }
    }
}

#[test]
fn an_origin_that_cannot_be_forecast_ends_many_as_it_ends_one() {
    let mut data = days();
    let model = fitted(Channels::Own, false, &data);
    data.scaled.values.row_mut(45)[1] = f64::NAN;
    for (origin, steps) in [(3, 1), (47, 1), (47, WINDOW.horizon + 1), (ROWS as usize + 1, 1)] {
        let many = model.forecast_origins(&data.scaled, &[30, origin], steps, &mut |_, _| ());
        let one = ahead(&model, &data.scaled, origin, steps).map(drop);
        assert!(one.is_err(), "origin {origin}");
        assert_eq!(format!("{many:?}"), format!("{one:?}"));
    }
}

#[test]
fn within_the_horizon_no_later_row_is_read_and_beyond_it_the_true_calendar_is() {
    let data = days();
    let (origin, horizon) = (2_000, WINDOW.horizon);
    for channels in EACH {
        let model = fitted(channels, true, &data);
        let far = ahead(&model, &data.scaled, origin, 2 * horizon).unwrap();
        let mut gone_on = data.scaled.clone();
        let mut moved = data.scaled.clone();
        for step in 0..horizon {
            gone_on.values.row_mut(origin + step)[..2].copy_from_slice(far.row(step));
            moved.values.row_mut(origin + step).fill(0.5);
        }
        let second = ahead(&model, &gone_on, origin + horizon, horizon).unwrap();
        assert_eq!(
            far.data[2 * horizon..],
            second.data,
            "{channels:?} goes on as from there"
        );
        let other = ahead(&model, &moved, origin, 2 * horizon).unwrap();
        assert_eq!(far.data[..2 * horizon], other.data[..2 * horizon], "{channels:?}");
        assert_ne!(far.data[2 * horizon..], other.data[2 * horizon..], "{channels:?}");
        let nothing = known_future(&data.scaled, origin, 0);
        let history = History {
            scaled: &data.scaled,
            origin,
            future: &nothing,
        };
        assert_eq!(model.forecast(&history, horizon).unwrap().data, far.data[..2 * horizon]);
        let missing = model.forecast(&history, horizon + 1).unwrap_err();
        assert_eq!(missing, ForecastError::FutureMissing { input: 2, step: 1 });
    }
}

#[test]
fn without_calendar_columns_nothing_changes() {
    let data = prepare(&targets(), WINDOW, &Clean::default(), Validation::Fraction(0.2));
    for channels in EACH {
        let [without, with] = [false, true].map(|calendar| finished(&Ridge::fit(&spec(channels, calendar)), &data));
        assert_eq!(with.tensors, without.tensors, "{channels:?}");
        let [without, with] =
            [without, with].map(|artifact| ahead(&Ridge::read(&artifact).unwrap(), &data.scaled, 2_000, 9));
        assert_eq!(with, without);
    }
}

#[test]
fn a_calendar_column_that_never_moves_is_no_intercept() {
    let mut data = days();
    for row in 0..ROWS as usize {
        *data.scaled.values.at_mut(row, 3) = 0.3;
    }
    let artifact = finished(&Ridge::fit(&spec(Channels::Pooled, true)), &data);
    let weights = tensors::f64s(&artifact.tensors, "pooled.calendar", &[6, 2 * WINDOW.horizon]).unwrap();
    let (still, moving) = (
        &weights[2 * WINDOW.horizon..4 * WINDOW.horizon],
        &weights[..2 * WINDOW.horizon],
    );
    assert!(still.iter().all(|weight| *weight == 0.0), "{still:?}");
    assert!(moving.iter().all(|weight| *weight != 0.0), "{moving:?}");
}

#[test]
fn weights_that_do_not_fit_each_other_are_refused_by_name() {
    let data = days();
    for (channels, name) in EACH.into_iter().zip(["1.calendar", "pooled.calendar", "all.calendar"]) {
        let whole = finished(&Ridge::fit(&spec(channels, true)), &data);
        let read = |change: &dyn Fn(&mut Tensors)| {
            let mut artifact = whole.clone();
            change(&mut artifact.tensors);
            Ridge::read(&artifact)
        };
        for shape in [vec![6, 5], vec![36], vec![]] {
            let numbers = Tensor::f64(shape.clone(), vec![0.0; shape.iter().product()]);
            let error = read(&|tensors| _ = tensors.insert(name.to_owned(), numbers.clone())).unwrap_err();
            assert!(
                matches!(&error, ArtifactError::Shape { tensor, .. } if tensor == name),
                "{shape:?}: {error}"
            );
        }
        let without = read(&|tensors| _ = tensors.remove(name));
        if channels == Channels::Own {
            assert!(matches!(without, Err(ArtifactError::Missing { tensor }) if tensor == name));
        } else {
            let error = ahead(&without.unwrap(), &data.scaled, 2_000, 1).unwrap_err();
            let what = "calendar inputs";
            assert_eq!(error, ForecastError::Shape { what, have: 6, need: 0 });
        }
    }
}

#[test]
fn a_history_with_another_calendar_is_refused() {
    let data = days();
    let mut other = data.scaled.clone();
    other.past.push(other.calendar.pop().unwrap());
    for channels in EACH {
        let error = ahead(&fitted(channels, true, &data), &other, 2_000, 1).unwrap_err();
        let what = "calendar inputs";
        assert_eq!(error, ForecastError::Shape { what, have: 5, need: 6 });
    }
}
