//! The mode of the posterior against the definition of the model.

use forecast::{Growth, Mode, Order, ProphetSpec};
use prophet::{Prophet, Rows, fit, fit_all};

use crate::{DAY, days, made};

/// Computes the negative logarithm of the posterior from the definition of the model, row by row.
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
    /// Settings with only a weekly season of three waves.
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
