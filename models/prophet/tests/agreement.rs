//! Agreement with the Python package, on numbers that `tests/fixtures/make.py` wrote with the versions in each file.
//!
//! Where our posterior is better than Stan's by more than one in a million, the forecasts are those that the package
//! makes from our point, and Stan must not improve on that point when it starts there.
#![expect(clippy::disallowed_methods, reason = "fixtures and measurements are files")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's helpers fail and speak as it does"
)]
#![expect(clippy::cast_precision_loss, reason = "rows are few")]

use std::path::{Path, PathBuf};

use forecast::{Mode, ProphetSpec};
use prophet::{Prophet, Rows, Simulation, fit};
use serde::Deserialize;
use series::Time;

/// The tolerance of the negative logarithm of the posterior.
const POSTERIOR: f64 = 1e-6;
/// The tolerance of forecasts, as a part of the series' range.
const YHAT: f64 = 0.005;
/// The tolerance of the trend and each season, holiday and regressor, as a part of the series' range.
const PARTS: f64 = 0.01;
/// The tolerance of widths, as a part of the package's mean width with 50,000 samples.
const WIDTH: f64 = 0.03;

const CASES: [&str; 17] = [
    "peyton",
    "peyton_logistic",
    "peyton_free",
    "retail",
    "retail_multiplicative",
    "poblesec",
    "logistic",
    "logistic_multiplicative",
    "multiplicative",
    "holidays",
    "regressors",
    "flat",
    "flat_multiplicative",
    "given_changepoints",
    "gaps",
    "short",
    "no_changepoints",
];

#[derive(Deserialize)]
struct Case {
    data: String,
    spec: ProphetSpec,
    history: usize,
    extent: f64,
    stan: f64,
    from_our_point: Option<f64>,
    rows: Vec<usize>,
    yhat: Vec<f64>,
    trend: Vec<f64>,
    components: std::collections::BTreeMap<String, Vec<f64>>,
    widths: std::collections::BTreeMap<String, f64>,
}

/// The rows of a case: those with values, then those to forecast.
struct Table {
    times: Vec<i64>,
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
}

impl Table {
    fn column(&self, name: &str) -> Option<&[f64]> {
        self.names
            .iter()
            .position(|other| other == name)
            .map(|place| self.columns[place].as_slice())
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Reads a case's rows; measurements without a licence are read from outside the project, where they are present.
fn table(case: &Case) -> Option<Table> {
    let mut path = fixtures().join(&case.data);
    if case.data == "PobleSec.csv" {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
        path = std::env::var_os("FLITS_DATA")
            .map_or(beside, PathBuf::from)
            .join(&case.data);
        if !path.is_file() {
            println!("skipped: no {} (set FLITS_DATA)", path.display());
            return None;
        }
    }
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let (mut times, mut columns) = (Vec::new(), vec![Vec::new(); names.len()]);
    for record in reader.records() {
        let record = record.unwrap();
        times.push(record[0].parse::<Time>().unwrap().0);
        for (column, text) in columns.iter_mut().zip(&record) {
            column.push(text.parse().unwrap_or(f64::NAN));
        }
    }
    if case.data == "PobleSec.csv" {
        "y".clone_into(&mut names[1]);
        for step in 1..=40 {
            times.push(times[case.history - 1] + step * 120);
            for column in &mut columns {
                column.push(f64::NAN);
            }
        }
    }
    Some(Table { times, names, columns })
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}

fn close(what: &str, ours: impl Iterator<Item = f64>, theirs: &[f64], bound: f64) {
    for (place, (ours, theirs)) in ours.zip(theirs).enumerate() {
        assert!(
            (ours - theirs).abs() <= bound,
            "{what}, row {place}: {ours}, the package {theirs}, bound {bound}"
        );
    }
}

fn check(name: &str) {
    let text = std::fs::read_to_string(fixtures().join(format!("{name}.json"))).unwrap();
    let case: Case = serde_json::from_str(&text).unwrap();
    let Some(table) = table(&case) else { return };
    let others: Vec<(&str, &[f64])> = table
        .names
        .iter()
        .map(String::as_str)
        .zip(table.columns.iter().map(Vec::as_slice))
        .skip(1)
        .collect();
    let rows = Rows {
        times: &table.times,
        cap: table.column("cap"),
        floor: table.column("floor"),
        columns: &others,
    };
    let model = fit(&case.spec, &rows, table.column("y").unwrap()).unwrap();
    let posterior = model.negative_log_posterior();
    let slack = POSTERIOR * posterior.abs();
    assert!(
        posterior <= case.stan + slack,
        "{name}: {posterior}, Stan {}",
        case.stan
    );
    if let Some(again) = case.from_our_point {
        assert!(
            again >= posterior - slack,
            "{name}: {posterior}, Stan from our point {again}"
        );
    }
    let forecast = model.predict(&rows).unwrap();
    let at = |values: &[f64]| {
        case.rows
            .iter()
            .map(|&row| values[row])
            .collect::<Vec<f64>>()
            .into_iter()
    };
    close(
        &format!("{name} yhat"),
        at(&forecast.yhat),
        &case.yhat,
        YHAT * case.extent,
    );
    close(
        &format!("{name} trend"),
        at(&forecast.trend),
        &case.trend,
        PARTS * case.extent,
    );
    let components = model.components(&rows).unwrap();
    assert_eq!(components.len(), case.components.len(), "{name}");
    for part in components {
        let size = if part.mode == Mode::Additive {
            1.0
        } else {
            model.scale()
        };
        let bound = PARTS * case.extent / size;
        close(
            &format!("{name} {}", part.name),
            at(&part.values),
            &case.components[&part.name],
            bound,
        );
    }
    widths(name, &case, &model, &rows, &forecast);
}

fn widths(name: &str, case: &Case, model: &Prophet, rows: &Rows<'_>, forecast: &prophet::Prediction) {
    let simulation = Simulation {
        samples: 20_000,
        ..Simulation::default()
    };
    let intervals = model.intervals(rows, forecast, simulation).unwrap();
    let width = |row: usize| intervals.upper[row] - intervals.lower[row];
    let near = (case.history - 20..case.history).map(width);
    let ahead = (case.history..rows.times.len()).map(width);
    for (part, ours) in [("yhat_history", mean(near)), ("yhat_future", mean(ahead))] {
        let Some(theirs) = case.widths.get(part) else { continue };
        assert!(
            (ours / theirs - 1.0).abs() <= WIDTH,
            "{name} {part}: {ours}, the package {theirs}"
        );
    }
}

#[test]
fn fits_forecasts_and_intervals_agree_with_the_python_package() {
    for name in CASES {
        check(name);
    }
}
