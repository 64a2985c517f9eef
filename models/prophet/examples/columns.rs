//! Fits every column of a CSV file and forecasts the rows of another; prints the milliseconds of each repetition.
//!
//! `cargo run --release -p prophet --example columns -- TRAIN.csv TEST.csv [THREADS [REPETITIONS [linear|logistic|multiplicative]]]`
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads files and a clock"
)]

use std::{error::Error, time::Instant};

use forecast::{Growth, Mode, ProphetSpec};
use prophet::{Prophet, Rows, fit_all, predict_all};
use series::Time;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [train, test, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: columns TRAIN.csv TEST.csv [THREADS [REPETITIONS [linear|logistic|multiplicative]]]".into(),
        );
    };
    let number = |place: usize, usual: usize| rest.get(place).map_or(Ok(usual), |text| text.parse());
    let (threads, repetitions) = (number(0, 1)?, number(1, 15)?);
    let mut spec = ProphetSpec::default();
    match rest.get(2).map(String::as_str) {
        None | Some("linear") => {}
        Some("logistic") => spec.growth = Growth::Logistic,
        Some("multiplicative") => spec.seasonality_mode = Mode::Multiplicative,
        Some(other) => return Err(format!("there is no `{other}`").into()),
    }
    let ((times, columns), (future, _)) = (read(train)?, read(test)?);
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    for _ in 0..repetitions {
        let started = Instant::now();
        let models = if spec.growth == Growth::Logistic {
            // A cap of its own for each column, a fifth above its largest value.
            let models = slices.iter().map(|values| {
                let cap = Some(1.2 * values.iter().copied().fold(0.0, f64::max));
                let spec = ProphetSpec { cap, ..spec.clone() };
                fit_all(&spec, &Rows::at(&times), &[values], threads).swap_remove(0)
            });
            models.collect::<Result<Vec<Prophet>, _>>()?
        } else {
            fit_all(&spec, &Rows::at(&times), &slices, threads)
                .into_iter()
                .collect::<Result<Vec<Prophet>, _>>()?
        };
        let fitted = started.elapsed().as_secs_f64() * 1e3;
        let started = Instant::now();
        let forecasts = predict_all(&models, &Rows::at(&future))?;
        let predicted = started.elapsed().as_secs_f64() * 1e3;
        let rows: usize = forecasts.iter().map(|forecast| forecast.yhat.len()).sum();
        let posterior: f64 = models.iter().map(Prophet::negative_log_posterior).sum();
        println!(
            "{{\"series\":{},\"rows\":{},\"fit_ms\":{fitted:.3},\"predicted\":{rows},\"predict_ms\":{predicted:.3},\"neg_log_posterior\":{posterior}}}",
            models.len(),
            times.len()
        );
    }
    Ok(())
}

/// The times and the columns of numbers.
type Table = (Vec<i64>, Vec<Vec<f64>>);

/// Reads the times of the first column and the numbers of the others.
fn read(path: &str) -> Result<Table, Box<dyn Error>> {
    let mut reader = csv::Reader::from_path(path)?;
    let mut columns = vec![Vec::new(); reader.headers()?.len().saturating_sub(1)];
    let mut times = Vec::new();
    for record in reader.records() {
        let record = record?;
        times.push(record[0].parse::<Time>()?.0);
        for (column, text) in columns.iter_mut().zip(record.iter().skip(1)) {
            column.push(text.parse().unwrap_or(f64::NAN));
        }
    }
    Ok((times, columns))
}
