//! Fits the columns `ds,y` of a CSV file and forecasts its rows and some after them.
//!
//! `cargo run --release -p prophet --example fit -- FILE.csv [--multiplicative] [--cap X] [--future N]`
//!
//! Prints `ds,yhat,yhat_lower,yhat_upper,trend` on stdout and times and the posterior as JSON on stderr, with `notices`
//! where the fit did something differently. An empty `y` is a row to forecast. A cap makes growth logistic. Future rows
//! follow at the most common distance of the file's rows.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a program reads its arguments, a file and a clock"
)]

use std::{collections::BTreeMap, error::Error, fmt::Write as _, io::Write as _, time::Instant};

use forecast::{Growth, Mode, ProphetSpec};
use prophet::{Rows, Simulation, fit};
use series::{Fitted, Time, TimeAxis};

/// The most future rows.
const MOST: usize = 10_000_000;

fn main() {
    if let Err(error) = run(std::env::args().skip(1)) {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read(arguments)?;
    let (times, values) = read(&arguments.file)?;
    let started = Instant::now();
    let model = fit(&arguments.spec, &Rows::at(&times), &values)?;
    let fitted = started.elapsed();
    let times = with_future(times, arguments.future);
    let started = Instant::now();
    let rows = Rows::at(&times);
    let forecast = model.predict(&rows)?;
    let predicted = started.elapsed();
    let intervals = model.intervals(&rows, &forecast, Simulation::default())?;
    let mut text = String::from("ds,yhat,yhat_lower,yhat_upper,trend\n");
    let midnight = times.iter().all(|time| time % 86_400 == 0);
    for (row, &time) in times.iter().enumerate() {
        let (lower, upper) = (intervals.lower[row], intervals.upper[row]);
        writeln!(
            text,
            "{},{},{lower},{upper},{}",
            shown(time, midnight),
            forecast.yhat[row],
            forecast.trend[row]
        )?;
    }
    std::io::stdout().write_all(text.as_bytes())?;
    let notices: Vec<String> = model.notices().iter().map(|notice| format!("\"{notice}\"")).collect();
    let notices = if notices.is_empty() {
        String::new()
    } else {
        format!(",\"notices\":[{}]", notices.join(","))
    };
    eprintln!(
        "{{\"fit_ms\":{:.3},\"predict_ms\":{:.3},\"neg_log_posterior\":{}{notices}}}",
        fitted.as_secs_f64() * 1e3,
        predicted.as_secs_f64() * 1e3,
        model.negative_log_posterior()
    );
    Ok(())
}

/// Shows a day, or a day and its time where any row has one.
fn shown(time: i64, midnight: bool) -> String {
    let text = series::rfc3339(time);
    let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
    if midnight {
        day.to_owned()
    } else {
        format!("{day} {}", clock.trim_end_matches('Z'))
    }
}

struct Arguments {
    file: String,
    spec: ProphetSpec,
    future: usize,
}

impl Arguments {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut file, mut spec, mut future) = (None, ProphetSpec::default(), 0);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--multiplicative" => spec.seasonality_mode = Mode::Multiplicative,
                "--cap" => {
                    let text = value()?;
                    let cap = text
                        .parse()
                        .map_err(|_| format!("`--cap` is {text}, must be a number"))?;
                    (spec.growth, spec.cap) = (Growth::Logistic, Some(cap));
                }
                "--future" => {
                    let text = value()?;
                    let rows = text.parse().ok().filter(|rows| *rows <= MOST);
                    future = rows.ok_or(format!("`--future` is {text}, must be from 0 to {MOST} rows"))?;
                }
                name if name.starts_with("--") => return Err(format!("there is no `{name}`").into()),
                _ if file.is_some() => return Err(format!("`{argument}`: one file at a time").into()),
                _ => file = Some(argument),
            }
        }
        let usage = "usage: fit FILE.csv [--multiplicative] [--cap X] [--future N]";
        Ok(Self {
            file: file.ok_or(usage)?,
            spec,
            future,
        })
    }
}

/// Reads times and values; an empty value is NaN.
fn read(path: &str) -> Result<(Vec<i64>, Vec<f64>), Box<dyn Error>> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| format!("{path}: {error}"))?;
    let headers = reader.headers()?.clone();
    let find = |name: &str| {
        let place = headers.iter().position(|header| header.trim() == name);
        place.ok_or(format!("{path}: column `{name}` is missing"))
    };
    let (ds, y) = (find("ds")?, find("y")?);
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for (row, record) in (1..).zip(reader.records()) {
        let record = record.map_err(|error| format!("{path}: {error}"))?;
        let (time, value) = (record.get(ds).unwrap_or(""), record.get(y).unwrap_or("").trim());
        times.push(
            time.parse::<Time>()
                .map_err(|error| format!("{path}: row {row}, column `ds`: {error}"))?
                .0,
        );
        values.push(match value {
            "" => f64::NAN,
            text => text
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .ok_or(format!(
                    "{path}: row {row}, column `y`: `{text}` must be a finite number or empty"
                ))?,
        });
    }
    Ok((times, values))
}

/// Adds rows after the last one.
fn with_future(mut times: Vec<i64>, future: usize) -> Vec<i64> {
    let mut sorted = times.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let Some(&last) = sorted.last() else { return times };
    if let Ok(Fitted { axis, .. }) = TimeAxis::fit(&sorted, usize::MAX) {
        times.extend((axis.len..axis.len + future).map(|row| axis.at(row)));
        return times;
    }
    // Irregular times have no grid: the most common distance, the smallest of equals.
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for pair in sorted.windows(2) {
        *counts.entry(pair[1] - pair[0]).or_default() += 1;
    }
    let step = counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| **count)
        .map_or(86_400, |(step, _)| *step);
    times.extend(
        (1..)
            .map(|row: i64| last.saturating_add(row.saturating_mul(step)))
            .take(future),
    );
    times
}
