//! Runs the standard protocol of long-horizon forecasting on a CSV of the ETT family and prints one JSON object per
//! horizon: `{"horizon","context","mse","mae","fit_ms"}`.
//!
//! `cargo run --release -p linear --example ett -- FILE [CONTEXT]`
//!
//! Twelve months train, four validate, four test (8,640, 2,880 and 2,880 rows of hourly data); columns are z-scored by
//! the training rows; errors are means over all test windows of stride 1, all steps and columns, on z-scored values. The
//! settings are the defaults: channels, context and lambda are chosen on the validation rows. With a context it is
//! fixed and one map is shared by all columns. `fit_ms` is the whole fit, its search included, reading excluded.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement takes a file and looks at a clock"
)]

use std::{error::Error, time::Instant};

use forecast::{Channels, Fit, Fitted, Forecast, LinearSpec, SeriesData, Training};
use linear::Ridge;
use series::{Clean, Column, Cut, Frequency, Role, Scaled, Scaler, Table, TimeAxis, Transform, WindowShape};

const HORIZONS: [usize; 4] = [96, 192, 336, 720];
/// The season in hours.
const DAY: usize = 24;
const TRAINING_HOURS: usize = 8_640;
const VALIDATION_HOURS: usize = 2_880;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("give the CSV file as the argument")?;
    let context = std::env::args().nth(2).map(|context| context.parse()).transpose()?;
    let Measured {
        names,
        columns,
        rows_per_hour,
    } = read(&file)?;
    let (training, validation) = (TRAINING_HOURS * rows_per_hour, VALIDATION_HOURS * rows_per_hour);
    let scaled = scale(&names, columns, training, training + 2 * validation)?;
    for horizon in HORIZONS {
        let started = Instant::now();
        let (model, context) = fit(&scaled, &names, (training, validation), horizon, context)?;
        let fit_ms = started.elapsed().as_secs_f64() * 1e3;
        let (mse, mae) = test(&model, &scaled, training + validation, horizon)?;
        println!(r#"{{"horizon":{horizon},"context":{context},"mse":{mse:.4},"mae":{mae:.4},"fit_ms":{fit_ms:.1}}}"#);
    }
    Ok(())
}

/// The measured columns of a file.
struct Measured {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    rows_per_hour: usize,
}

/// Reads the columns after the first, which holds the times.
fn read(file: &str) -> Result<Measured, Box<dyn Error>> {
    let mut reader = csv::Reader::from_path(file)?;
    let names: Vec<String> = reader.headers()?.iter().skip(1).map(str::to_owned).collect();
    let (mut columns, mut minutes) = (vec![Vec::new(); names.len()], Vec::new());
    for record in reader.records() {
        let record = record?;
        let minute = record.get(0).and_then(|time| time.split(':').nth(1));
        minutes.push(
            minute
                .ok_or("the first column must hold times like 2016-07-01 00:15:00")?
                .to_owned(),
        );
        for (column, value) in columns.iter_mut().zip(record.iter().skip(1)) {
            column.push(value.trim().parse()?);
        }
    }
    minutes.sort_unstable();
    minutes.dedup();
    Ok(Measured {
        names,
        columns,
        rows_per_hour: minutes.len().max(1),
    })
}

/// Selects the rows of the protocol and z-scores them by the training rows.
fn scale(names: &[String], columns: Vec<Vec<f64>>, training: usize, rows: usize) -> Result<Scaled, Box<dyn Error>> {
    let have = columns.first().map_or(0, Vec::len);
    if have < rows {
        return Err(format!("{have} rows, the protocol needs {rows}").into());
    }
    let column = |(name, values): (&String, Vec<f64>)| Column {
        name: name.clone(),
        role: Role::Target,
        values: values[..rows].to_vec(),
    };
    let columns = names.iter().zip(columns).map(column).collect();
    let axis = TimeAxis {
        start: 0,
        frequency: Frequency::Seconds(3_600),
        len: rows,
    };
    let table = Table::new(String::new(), axis, columns, None)?;
    let clean = Clean {
        scaler: Scaler::Standard,
        ..Clean::default()
    };
    Ok(Transform::fit(&table, 0..training, &clean)?.apply(&table, 0..training)?)
}

/// Fits with the default settings, or pooled with one context, and returns the model with its context.
fn fit(
    scaled: &Scaled,
    names: &[String],
    (training, validation): (usize, usize),
    horizon: usize,
    context: Option<usize>,
) -> Result<(Ridge, usize), Box<dyn Error>> {
    let contexts = context.map_or_else(|| linear::contexts(horizon, &[DAY], training), |context| vec![context]);
    let spec = LinearSpec {
        channels: context.map_or(Channels::Auto, |_| Channels::Pooled),
        ..LinearSpec::default()
    };
    let window = WindowShape {
        context: contexts[0],
        horizon,
        stride: 1,
    };
    let select = training..training + validation;
    let cut = Cut {
        training: 0..training,
        calibrate: select.end..select.end,
        holdout: select.end..scaled.rows(),
        refits: Vec::new(),
        windows: window.count(training),
        window,
        sampled_rows: select.end,
        select,
    };
    let data = Training {
        series: &[SeriesData { scaled, cut: &cut }],
        window,
        season: DAY,
        seasons: &[DAY],
        contexts: &contexts,
        threads: std::thread::available_parallelism()?.get(),
        cut: "",
        target_names: names,
        input_names: names,
    };
    match Ridge::fit(&spec).run(&data, None, &|| false, &mut |_, _| ())? {
        Fitted::Finished(artifact) => Ok((Ridge::read(&artifact)?, artifact.about.context)),
        Fitted::Stopped(_) => Err("nobody asked it to stop".into()),
    }
}

/// Returns the mean squared and the mean absolute error from every origin on.
#[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^52 values")]
fn test(model: &Ridge, scaled: &Scaled, first: usize, horizon: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let origins: Vec<usize> = (first..=scaled.rows() - horizon).collect();
    let (mut squared, mut absolute, mut count) = (0.0, 0.0, 0_usize);
    model.forecast_origins(scaled, &origins, horizon, &mut |index, forecast| {
        let actual = &scaled.values.data[origins[index] * scaled.values.cols..];
        for (forecast, actual) in forecast.iter().zip(actual) {
            let error = forecast - actual;
            squared += error * error;
            absolute += error.abs();
            count += 1;
        }
    })?;
    Ok((squared / count as f64, absolute / count as f64))
}
