//! Intervals and components of a forecast.

use forecast::{Mode, ProphetSpec};
use prophet::{Rows, Simulation, fit};
use serde_json::json;

use crate::{DAY, Noise, days, made, spec};

#[test]
fn eight_of_ten_values_like_the_fitted_ones_lie_in_the_interval() {
    let (mut inside, mut count) = (0_usize, 0_usize);
    for seed in 0..12 {
        let (times, all) = (days(1_200), made(1_200, 100 + seed));
        let mut noise = Noise::new(seed);
        let hidden: Vec<bool> = (0..1_200).map(|_| noise.uniform() < 0.25).collect();
        let seen = |(value, hidden): (&f64, &bool)| if *hidden { f64::NAN } else { *value };
        let values: Vec<f64> = all.iter().zip(&hidden).map(seen).collect();
        let spec = spec(json!({"seasonality_mode": "multiplicative", "yearly": false}));
        let model = fit(&spec, &Rows::at(&times), &values).unwrap();
        let forecast = model.predict(&Rows::at(&times)).unwrap();
        let intervals = model
            .intervals(&Rows::at(&times), &forecast, Simulation::default())
            .unwrap();
        for row in (0..1_200).filter(|&row| hidden[row]) {
            inside += usize::from((intervals.lower[row]..=intervals.upper[row]).contains(&all[row]));
            count += 1;
        }
    }
    let share = inside as f64 / count as f64;
    assert!((0.77..=0.83).contains(&share), "{share} of {count}");
}

#[test]
fn intervals_widen_after_the_history_and_follow_the_seed() {
    let times = days(600);
    let model = fit(&ProphetSpec::default(), &Rows::at(&times), &made(600, 3)).unwrap();
    let future: Vec<i64> = (16_500..16_900).map(|day| day * DAY).collect();
    let rows = Rows::at(&future);
    let forecast = model.predict(&rows).unwrap();
    let draw = |seed| {
        let simulation = Simulation {
            seed,
            ..Simulation::default()
        };
        model.intervals(&rows, &forecast, simulation).unwrap()
    };
    let intervals = draw(1);
    let width = |row: usize| intervals.upper[row] - intervals.lower[row];
    assert!(
        (width(0) - width(99)).abs() < 1e-9,
        "the noise is the same throughout the history"
    );
    assert!(width(399) > 1.5 * width(0), "{} {}", width(399), width(0));
    assert!(intervals.trend_lower[399] < forecast.trend[399] && forecast.trend[399] < intervals.trend_upper[399]);
    assert_eq!(draw(1), intervals);
    assert_ne!(draw(2), intervals);
}

#[test]
fn components_add_up_to_the_forecast() {
    let times = days(400);
    let settings = json!({
        "seasonality_mode": "multiplicative", "yearly": 2,
        "holidays": [{"name": "fair", "dates": ["2014-03-01", "2014-09-13"], "lower_window": -1}],
        "seasonalities": [{"name": "winter week", "period": 7, "fourier_order": 2, "mode": "additive",
                           "condition": {"months": [12, 1, 2], "weekdays": [0, 1, 2, 3, 4]}}],
    });
    let model = fit(&spec(settings), &Rows::at(&times), &made(400, 8)).unwrap();
    let forecast = model.predict(&Rows::at(&times)).unwrap();
    let components = model.components(&Rows::at(&times)).unwrap();
    let names: Vec<&str> = components.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["winter week", "yearly", "weekly", "fair"]);
    for row in 0..400 {
        let sum = |mode| {
            components
                .iter()
                .filter(|part| part.mode == mode)
                .map(|part| part.values[row])
                .sum::<f64>()
        };
        let yhat = forecast.trend[row] * (1.0 + sum(Mode::Multiplicative)) + sum(Mode::Additive);
        assert!((yhat - forecast.yhat[row]).abs() < 1e-9, "row {row}");
    }
    // 2014-02-28 and 2014-03-01 are rows 129 and 130; the winter season does not hold on Saturdays and in March.
    let fair: Vec<usize> = (0..400).filter(|&row| components[3].values[row] != 0.0).collect();
    assert_eq!(fair, [129, 130, 325, 326]);
    assert!(
        components[0].values[129] != 0.0 && components[0].values[130] == 0.0,
        "{:?}",
        &components[0].values[125..135]
    );
}
