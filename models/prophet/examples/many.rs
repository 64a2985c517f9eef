//! Fits and forecasts generated series one batch after the other, and prints how many per second and the peak of memory.
//!
//! `cargo run --release -p prophet --example many -- [SERIES [ROWS [THREADS [own-times]]]]`
//!
//! Series are days with a trend that changes, a week and noise; with `own-times` each begins on another day and lacks
//! some values, so that series have nothing in common.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads files and a clock"
)]
#![expect(clippy::cast_precision_loss, reason = "counts are small")]

use std::{error::Error, time::Instant};

use forecast::ProphetSpec;
use prophet::{Prophet, Rows, fit_all, predict_all};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// How many series are in memory at a time.
const BATCH: usize = 256;
const DAY: i64 = 86_400;
const AHEAD: i64 = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: usize| arguments.get(place).map_or(Ok(usual), |text| text.parse());
    let (series, rows, threads) = (number(0, 100_000)?, number(1, 500)?, number(2, 2)?);
    let own_times = arguments.get(3).is_some_and(|text| text == "own-times");
    let (mut fitting, mut sum, mut first_peak) = (0.0, 0.0, None);
    let started = Instant::now();
    for batch in (0..series).step_by(BATCH) {
        let values: Vec<Vec<f64>> = (batch..(batch + BATCH).min(series))
            .map(|one| made(one, rows, own_times))
            .collect();
        let clock = Instant::now();
        for forecast in fit_batch(&values, batch, threads, own_times)? {
            sum += forecast;
        }
        fitting += clock.elapsed().as_secs_f64();
        first_peak = first_peak.or_else(peak_kib);
    }
    println!(
        "{{\"series\":{series},\"rows\":{rows},\"threads\":{threads},\"own_times\":{own_times},\"seconds\":{:.2},\"per_second\":{:.0},\"peak_kib_first_batch\":{},\"peak_kib\":{},\"mean_forecast\":{}}}",
        started.elapsed().as_secs_f64(),
        series as f64 / fitting,
        first_peak.unwrap_or(0),
        peak_kib().unwrap_or(0),
        sum / series as f64
    );
    Ok(())
}

/// Fits a batch and returns the last forecast of each series.
fn fit_batch(values: &[Vec<f64>], first: usize, threads: usize, own_times: bool) -> Result<Vec<f64>, Box<dyn Error>> {
    let spec = ProphetSpec::default();
    let days = |start: i64, count: usize| -> Vec<i64> { (start..).take(count).map(|day| day * DAY).collect() };
    if !own_times {
        let rows = values[0].len();
        let times = days(18_000, rows);
        let slices: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
        let models = fit_all(&spec, &Rows::at(&times), &slices, threads);
        let models = models.into_iter().collect::<Result<Vec<Prophet>, _>>()?;
        let future: Vec<i64> = (1..=AHEAD).map(|day| times[rows - 1] + day * DAY).collect();
        let forecasts = predict_all(&models, &Rows::at(&future))?;
        return Ok(forecasts
            .iter()
            .map(|forecast| forecast.yhat[forecast.yhat.len() - 1])
            .collect());
    }
    let one = |(index, values): (usize, &Vec<f64>)| -> Result<f64, prophet::Error> {
        let times = days(18_000 + i64::try_from(first + index).unwrap_or(0) % 365, values.len());
        let model = prophet::fit(&spec, &Rows::at(&times), values)?;
        let future: Vec<i64> = (1..=AHEAD).map(|day| times[times.len() - 1] + day * DAY).collect();
        let forecast = model.predict(&Rows::at(&future))?;
        Ok(forecast.yhat[forecast.yhat.len() - 1])
    };
    let share = values.len().div_ceil(threads.max(1));
    std::thread::scope(|scope| {
        let workers: Vec<_> = values
            .chunks(share)
            .enumerate()
            .map(|(worker, part)| {
                scope.spawn(move || {
                    let numbered = part
                        .iter()
                        .enumerate()
                        .map(|(index, values)| (worker * share + index, values));
                    numbered.map(one).collect::<Result<Vec<f64>, _>>()
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread panicked")??);
        }
        Ok(all)
    })
}

fn made(one: usize, rows: usize, gaps: bool) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(one as u64);
    let mut uniform = || (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
    let (mut level, mut slope) = (50.0 + 100.0 * uniform(), uniform() - 0.5);
    let (week, phase, noise) = (10.0 * uniform(), uniform(), 1.0 + 5.0 * uniform());
    let value = |row: usize| {
        if uniform() < 0.01 {
            slope += 0.4 * (uniform() - 0.5);
        }
        level += slope;
        let angle = std::f64::consts::TAU * (row as f64 / 7.0 + phase);
        let drawn = level + week * libm::sin(angle) + noise * (uniform() + uniform() + uniform() - 1.5);
        if gaps && uniform() < 0.02 { f64::NAN } else { drawn }
    };
    (0..rows).map(value).collect()
}

/// Returns the most memory that the process had, where the system says so.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
