//! What a fit promises: the posterior's mode, the same whatever the order of rows, and an answer to bad input.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]
#![expect(clippy::cast_precision_loss, reason = "rows are few")]

use forecast::{Growth, Mode, Order, ProphetSpec, Scaling};
use prophet::{Error, Notice, Prophet, Rows, Simulation, fit, fit_all};
use proptest::prelude::*;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn days(count: usize) -> Vec<i64> {
    (16_000..).take(count).map(|day| day * DAY).collect()
}

fn spec(settings: Value) -> ProphetSpec {
    serde_json::from_value(settings).unwrap()
}

struct Noise(ChaCha8Rng);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * libm::log(1.0 - self.uniform())).sqrt() * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}

/// A trend that breaks, a week that grows with it, and noise.
fn made(rows: usize, seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let value = |row: usize| {
        let at = row as f64 / rows as f64;
        let trend = 20.0 + 30.0 * at - 45.0 * (at - 0.6).max(0.0);
        trend * (1.0 + 0.1 * libm::sin(std::f64::consts::TAU * row as f64 / 7.0)) + noise.normal()
    };
    (0..rows).map(value).collect()
}

/// Works out the negative logarithm of the posterior as the model is written down, row by row.
///
/// The seasons' columns are taken from a model with a coefficient of 1 each, by differences of forecasts.
struct Posterior<'a> {
    growth: Growth,
    multiplies: bool,
    t: Vec<f64>,
    y: Vec<f64>,
    cap: f64,
    changepoints: Vec<f64>,
    columns: Vec<Vec<f64>>,
    spec: &'a ProphetSpec,
}

impl<'a> Posterior<'a> {
    /// Only a week of three waves.
    fn new(spec: &'a ProphetSpec, model: &Prophet, times: &[i64], values: &[f64]) -> Self {
        let scaled = |time: i64| (time - times[0]) as f64 / (times[times.len() - 1] - times[0]) as f64;
        let wave = |order: usize, part: usize| -> Vec<f64> {
            let angle = |time: &i64| std::f64::consts::TAU * order as f64 * (*time as f64 / DAY as f64) / 7.0;
            let value = |time| {
                if part == 0 {
                    libm::sin(angle(time))
                } else {
                    libm::cos(angle(time))
                }
            };
            times.iter().map(value).collect()
        };
        Self {
            growth: spec.growth,
            multiplies: spec.seasonality_mode == Mode::Multiplicative,
            t: times.iter().map(|&time| scaled(time)).collect(),
            y: values.iter().map(|value| value / model.scale()).collect(),
            cap: spec.cap.unwrap_or(0.0) / model.scale(),
            changepoints: model.changepoints().iter().map(|&time| scaled(time)).collect(),
            columns: (0..6).map(|column| wave(column / 2 + 1, column % 2)).collect(),
            spec,
        }
    }

    /// Takes rate, offset, noise, changes, coefficients in this order.
    fn at(&self, parameters: &[f64]) -> f64 {
        let (line, rest) = parameters.split_at(3);
        let (deltas, columns) = rest.split_at(self.changepoints.len());
        let (rate, offset, noise) = (line[0], line[1], line[2]);
        let mut sum = rate * rate / 50.0 + offset * offset / 50.0 + 2.0 * noise * noise;
        sum += deltas.iter().map(|delta| delta.abs()).sum::<f64>() / self.spec.changepoint_prior_scale;
        sum += columns.iter().map(|column| column * column).sum::<f64>() / 200.0;
        for (row, (&t, &y)) in self.t.iter().zip(&self.y).enumerate() {
            let trend = self.trend(t, rate, offset, deltas);
            let season: f64 = self
                .columns
                .iter()
                .zip(columns)
                .map(|(column, beta)| column[row] * beta)
                .sum();
            let mean = if self.multiplies {
                trend * (1.0 + season)
            } else {
                trend + season
            };
            sum += libm::log(noise) + (y - mean) * (y - mean) / (2.0 * noise * noise);
        }
        sum
    }

    /// The package's formulas, with its offsets that keep a logistic trend continuous.
    fn trend(&self, t: f64, rate: f64, offset: f64, deltas: &[f64]) -> f64 {
        let (mut k, mut m) = (rate, offset);
        for (&at, delta) in self.changepoints.iter().zip(deltas) {
            let next = k + delta;
            let shift = if self.growth == Growth::Logistic {
                (at - m) * (1.0 - k / next)
            } else {
                -at * delta
            };
            if t >= at {
                (k, m) = (next, m + shift);
            }
        }
        match self.growth {
            Growth::Linear => k * t + m,
            Growth::Logistic => self.cap / (1.0 + libm::exp(-k * (t - m))),
            Growth::Flat => offset,
        }
    }
}

#[test]
fn no_step_away_from_the_fit_lowers_the_posterior_as_it_is_written_down() {
    let (times, values) = (days(300), made(300, 1));
    for growth in [Growth::Linear, Growth::Logistic, Growth::Flat] {
        for mode in [Mode::Additive, Mode::Multiplicative] {
            let spec = ProphetSpec {
                growth,
                cap: (growth == Growth::Logistic).then_some(60.0),
                n_changepoints: 8,
                seasonality_mode: mode,
                yearly: Order::Off,
                ..ProphetSpec::default()
            };
            let model = fit(&spec, &Rows::at(&times), &values).unwrap();
            let posterior = Posterior::new(&spec, &model, &times, &values);
            let found = model.parameters();
            let mut point = vec![found.rate, found.offset, found.noise];
            point.extend(&found.deltas);
            point.extend(&found.columns);
            let best = posterior.at(&point);
            let what = format!("{growth:?} {mode:?}");
            let away = (best - model.negative_log_posterior()).abs();
            assert!(
                away < 1e-7 * best.abs(),
                "{what}: {best} is {}",
                model.negative_log_posterior()
            );
            for index in 0..point.len() {
                if growth == Growth::Flat && index == 0 {
                    continue;
                }
                for step in [1e-2, -1e-2, 1e-4, -1e-4, 1e-6, -1e-6] {
                    let mut near = point.clone();
                    near[index] += step * if index == 2 { found.noise } else { 1.0 };
                    let there = posterior.at(&near);
                    assert!(
                        there > best - 1e-9 * best.abs(),
                        "{what}: {index} by {step}: {there} < {best}"
                    );
                }
            }
        }
    }
}

#[test]
fn most_changepoints_of_a_trend_with_one_break_are_exactly_zero() {
    let model = fit(&ProphetSpec::default(), &Rows::at(&days(600)), &made(600, 2)).unwrap();
    let changed = model.parameters().deltas.iter().filter(|delta| **delta != 0.0).count();
    assert!((1..=8).contains(&changed), "{changed} of 25 changed");
}

#[test]
fn neither_company_nor_threads_nor_the_order_of_rows_change_a_fit() {
    let (times, spec) = (days(500), ProphetSpec::default());
    let all: Vec<Vec<f64>> = (0..40).map(|seed| made(500, seed)).collect();
    let slices: Vec<&[f64]> = all.iter().map(Vec::as_slice).collect();
    let one = fit_all(&spec, &Rows::at(&times), &slices, 1);
    let three = fit_all(&spec, &Rows::at(&times), &slices, 3);
    assert!(one == three);
    let alone = fit(&spec, &Rows::at(&times), &all[7]).unwrap();
    assert_eq!(one[7].as_ref().unwrap().parameters(), alone.parameters());
    let backwards: Vec<i64> = times.iter().rev().copied().collect();
    let values: Vec<f64> = all[7].iter().rev().copied().collect();
    let turned = fit(&spec, &Rows::at(&backwards), &values).unwrap();
    assert_eq!(turned.parameters(), alone.parameters());
}

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
    // 2014-02-28 and 2014-03-01 are rows 129 and 130; the season of winter is silent on Saturdays and in March.
    let fair: Vec<usize> = (0..400).filter(|&row| components[3].values[row] != 0.0).collect();
    assert_eq!(fair, [129, 130, 325, 326]);
    assert!(
        components[0].values[129] != 0.0 && components[0].values[130] == 0.0,
        "{:?}",
        &components[0].values[125..135]
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
