//! Fits a case of the comparison with the Python package and prints the result as JSON.
//!
//! `cargo run --release -p prophet --example agree -- CASE.json`
//!
//! The case names a CSV file beside it: `ds`, `y` and the columns that its settings name. Rows without `y` are forecast.
#![expect(clippy::print_stdout, reason = "a program's output")]
#![expect(clippy::disallowed_methods, reason = "a program reads its arguments and files")]

use std::{error::Error, path::Path};

use forecast::ProphetSpec;
use prophet::{Rows, Simulation, fit};
use serde_json::{Value, json};
use series::Time;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: agree CASE.json")?;
    let case: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    let spec: ProphetSpec = serde_json::from_value(case["spec"].clone())?;
    let file = case["data"].as_str().ok_or("a case names its `data`")?;
    let file = Path::new(&path).with_file_name(file);
    let mut reader = csv::Reader::from_path(file)?;
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let (mut times, mut columns) = (Vec::new(), vec![Vec::new(); names.len()]);
    for record in reader.records() {
        let record = record?;
        times.push(record[0].parse::<Time>()?.0);
        for (column, text) in columns.iter_mut().zip(&record) {
            column.push(text.parse().unwrap_or(f64::NAN));
        }
    }
    let find = |name: &str| {
        names
            .iter()
            .position(|other| other == name)
            .map(|place| columns[place].as_slice())
    };
    let others: Vec<(&str, &[f64])> = names
        .iter()
        .map(String::as_str)
        .zip(columns.iter().map(Vec::as_slice))
        .collect();
    let rows = Rows {
        times: &times,
        cap: find("cap"),
        floor: find("floor"),
        columns: &others[1..],
    };
    let model = fit(&spec, &rows, find("y").ok_or("column `y` is missing")?)?;
    let forecast = model.predict(&rows)?;
    let simulation = Simulation {
        samples: 50_000,
        ..Simulation::default()
    };
    let components = model
        .components(&rows)?
        .into_iter()
        .map(|part| (part.name, json!(part.values)));
    let parameters = model.parameters();
    let intervals = model.intervals(&rows, &forecast, simulation)?;
    println!(
        "{}",
        json!({
            "neg_log_posterior": model.negative_log_posterior(),
            "k": parameters.rate,
            "m": parameters.offset,
            "delta": parameters.deltas,
            "beta": parameters.columns,
            "sigma_obs": parameters.noise,
            "orders": model.calendar_orders(),
            "changepoints": model.changepoints(),
            "y_scale": model.scale(),
            "yhat": forecast.yhat,
            "trend": forecast.trend,
            "components": components.collect::<serde_json::Map<_, _>>(),
            "yhat_lower": intervals.lower,
            "yhat_upper": intervals.upper,
            "trend_lower": intervals.trend_lower,
            "trend_upper": intervals.trend_upper,
        })
    );
    Ok(())
}
