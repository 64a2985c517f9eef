//! What cannot be fitted, and what is fitted differently from its settings.

use forecast::{Growth, Mode, ProphetSpec, Scaling};
use prophet::{Error, Notice, Prophet, Rows, Simulation, fit};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{DAY, days, made, spec};

#[test]
fn what_cannot_be_fitted_is_refused_with_its_value_and_bound() {
    let (times, values) = (days(30), made(30, 4));
    let refused = |settings: Value, times: &[i64], values: &[f64]| {
        fit(&spec(settings), &Rows::at(times), values).unwrap_err().to_string()
    };
    let mut infinite = values.clone();
    infinite[7] = f64::INFINITY;
    for (settings, times, values, message) in [
        (
            json!({}),
            &times[..1],
            &values[..1],
            "1 values that are not missing, a fit needs 2",
        ),
        (
            json!({}),
            &times[..],
            &[f64::NAN; 30][..],
            "0 values that are not missing, a fit needs 2",
        ),
        (
            json!({}),
            &[0, 0][..],
            &values[..2],
            "all 2 values are at 1970-01-01, a fit needs two times",
        ),
        (
            json!({}),
            &times[..],
            &infinite[..],
            "column `y`, row 7: inf is not finite",
        ),
        (
            json!({}),
            &times[..],
            &values[..29],
            "column `y` has 29 rows, must have 30",
        ),
        (
            json!({"growth": "logistic"}),
            &times[..],
            &values[..],
            "logistic growth needs a cap",
        ),
        (
            json!({"growth": "logistic", "cap": 3.0, "floor": 3.0}),
            &times[..],
            &values[..],
            "`prophet.cap` is 3, must be above the floor 3 with logistic growth",
        ),
        (
            json!({"changepoints": ["2001-01-01"]}),
            &times[..],
            &values[..],
            "changepoint 2001-01-01 must lie between 2013-10-22 and 2013-11-20",
        ),
        (
            json!({"regressors": [{"name": "heat"}]}),
            &times[..],
            &values[..],
            "column `heat` is missing",
        ),
        (
            json!({"changepoint_prior_scale": 0.0}),
            &times[..],
            &values[..],
            "`prophet.changepoint_prior_scale` is 0, must be from 1e-9 to 1e9",
        ),
    ] {
        assert_eq!(refused(settings, times, values), message);
    }
    let (cap, floor) = ([5.0; 30], [6.0; 30]);
    let rows = Rows {
        cap: Some(&cap),
        floor: Some(&floor),
        ..Rows::at(&times)
    };
    let logistic = spec(json!({"growth": "logistic"}));
    let error = fit(&logistic, &rows, &values).unwrap_err();
    assert_eq!(
        error,
        Error::Cap {
            row: 0,
            cap: 5.0,
            floor: 6.0
        }
    );
}

#[test]
fn a_fit_that_does_other_than_asked_says_so_and_stays_finite() {
    let finite = |model: &Prophet, times: &[i64]| {
        let forecast = model.predict(&Rows::at(times)).unwrap();
        let rows = Rows::at(times);
        let intervals = model.intervals(&rows, &forecast, Simulation::default()).unwrap();
        [forecast.yhat, forecast.trend, intervals.lower, intervals.upper]
            .concat()
            .iter()
            .all(|value| value.is_finite())
    };
    let above = made(80, 6).iter().filter(|value| **value > 25.0).count();
    let line: Vec<f64> = (0..100).map(|row| 3.0 + 0.5 * f64::from(row)).collect();
    for (settings, values, notice) in [
        (json!({}), made(20, 5), Notice::Changepoints { asked: 25, used: 15 }),
        (json!({}), vec![7.5; 50], Notice::Constant),
        (json!({"growth": "flat"}), vec![0.0; 50], Notice::Constant),
        (json!({"scaling": "minmax"}), vec![-3.0; 50], Notice::Constant),
        (
            json!({"growth": "logistic", "cap": 25.0}),
            made(80, 6),
            Notice::OutsideCap { values: above },
        ),
        (json!({}), line, Notice::NoiseFloor),
        (json!({}), vec![1.0, 2.0], Notice::Changepoints { asked: 25, used: 0 }),
    ] {
        let times = days(values.len() + 10);
        let model = fit(&spec(settings.clone()), &Rows::at(&times[..values.len()]), &values).unwrap();
        assert!(model.notices().contains(&notice), "{settings}: {:?}", model.notices());
        assert!(finite(&model, &times), "{settings}");
    }
    let level = fit(&ProphetSpec::default(), &Rows::at(&days(50)), &[7.5; 50]).unwrap();
    let ahead = level.predict(&Rows::at(&days(60)[50..])).unwrap();
    assert!(
        ahead.yhat.iter().all(|yhat| (yhat - 7.5).abs() < 1e-9),
        "{:?}",
        ahead.yhat
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_history_makes_a_panic_or_a_forecast_that_is_no_number(
        rows in proptest::collection::vec((-40_000_i64..40_000, -1e3_f64..1e3, 0_u8..10), 0..40),
        scale in -300_i32..300, step in 1_i64..200_000, growth in 0_usize..3, multiplies: bool, minmax: bool, points in 0_usize..60,
    ) {
        let times: Vec<i64> = rows.iter().map(|row| row.0 * step).collect();
        let size = libm::pow(10.0, f64::from(scale));
        let values: Vec<f64> = rows.iter().map(|row| if row.2 == 0 { f64::NAN } else { row.1 * size }).collect();
        let growth = [Growth::Linear, Growth::Logistic, Growth::Flat][growth];
        let spec = ProphetSpec {
            growth,
            cap: Some(1e3 * size),
            floor: (growth == Growth::Logistic).then_some(-1e3 * size),
            seasonality_mode: if multiplies { Mode::Multiplicative } else { Mode::Additive },
            scaling: if minmax { Scaling::Minmax } else { Scaling::Absmax },
            n_changepoints: points,
            ..ProphetSpec::default()
        };
        if let Ok(model) = fit(&spec, &Rows::at(&times), &values) {
            let ahead = [times[0] - DAY, times[0], times[times.len() - 1] + DAY];
            let forecast = model.predict(&Rows::at(&ahead)).unwrap();
            prop_assert!(forecast.yhat.iter().all(|yhat| yhat.is_finite()), "{:?} {:?}", forecast, model.parameters());
        }
    }
}
