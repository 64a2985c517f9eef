//! Fits the first columns of a CSV file (time first, then numbers) and prints one line of JSON for each kind: the seconds of the
//! fit, of the forecasts from every row of a second file, and the mean over targets of the scaled error one step ahead.
//!
//! `cargo run --release -p classical --example smooth -- TRAINING.csv TEST.csv [THREADS] [COLUMNS]`
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement reads files and looks at a clock"
)]

use std::{error::Error, path::Path, time::Instant};

use classical::{Classical, Smoother};
use forecast::{EtsSpec, Fit, Fitted, Forecast, MstlSpec, Seasonal, SeriesData, ThetaSpec, Training};
use series::{
    Clean, Column, Cut, Frequency, Holdout, Role, Sampling, ScoreScale, Scoring, Split, Table, TimeAxis, Transform,
    Validation, WindowShape, Windows, season,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [training, test, rest @ ..] = &arguments[..] else {
        return Err("two files are needed: TRAINING.csv TEST.csv [THREADS] [COLUMNS]".into());
    };
    let threads: usize = rest.first().map_or(Ok(1), |text| text.parse())?;
    let columns: usize = rest.get(1).map_or(Ok(usize::MAX), |text| text.parse())?;
    let table = read(&[Path::new(training), Path::new(test)], columns)?;
    let split = Split {
        holdout: Holdout::TestFile,
        validation: Validation::None,
    };
    let cut = Cut::new(&table, split, &Sampling::default(), WindowShape::default(), 1)?;
    let transform = Transform::fit(&table, cut.training.clone(), &Clean::default())?;
    let scaled = transform.apply(&table, cut.training.clone())?;
    let (targets, inputs) = (transform.target_names(), transform.input_names());
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window: cut.window,
        season: season(table.axis.frequency, cut.training.len()),
        seasons: &[season(table.axis.frequency, cut.training.len())],
        contexts: &[],
        threads,
        cut: "",
        target_names: &targets,
        input_names: &inputs,
    };
    let origins: Vec<usize> = Windows::holdout(cut.holdout.clone(), cut.window).iter().collect();
    for (kind, fit) in [
        ("ets", Classical::ets(&EtsSpec::default())),
        (
            "ets without season",
            Classical::ets(&EtsSpec {
                seasonal: Seasonal::None,
                ..EtsSpec::default()
            }),
        ),
        ("theta", Classical::theta(&ThetaSpec::default())),
        ("mstl", Classical::mstl(&MstlSpec::default())),
    ] {
        let clock = Instant::now();
        let Fitted::Finished(artifact) = fit.run(&data, None, &|| false, &mut |_, _| ())? else {
            return Err("stopped, but nobody asked it to".into());
        };
        let fitted = clock.elapsed().as_secs_f64();
        let model = Smoother::read(&artifact)?;
        let scale = ScoreScale::of(&table, cut.training.clone(), data.season, &transform);
        let mut scoring = Scoring::new(&table, &scale, 1);
        let clock = Instant::now();
        model.forecast_origins(&scaled, &origins, 1, &mut |index, values| {
            let original: Vec<f64> = values
                .iter()
                .enumerate()
                .map(|(target, y)| transform.unscale(target, *y))
                .collect();
            scoring.add(origins[index], &original);
        })?;
        let forecast = clock.elapsed().as_secs_f64();
        let (scores, count) = (scoring.finish(), origins.len());
        println!(
            "{{\"kind\":\"{kind}\",\"threads\":{threads},\"columns\":{},\"fit_s\":{fitted:.3},\"origins\":{count},\
             \"forecast_s\":{forecast:.4},\"rmse_scaled\":{:.4},\"rmsse\":{:.4}}}",
            targets.len(),
            scores.rmse_scaled.unwrap_or(f64::NAN),
            scores.rmsse.unwrap_or(f64::NAN)
        );
    }
    Ok(())
}

fn read(files: &[&Path], columns: usize) -> Result<Table, Box<dyn Error>> {
    let (mut names, mut rows, mut test) = (Vec::new(), Vec::<Vec<f64>>::new(), 0);
    for file in files {
        test = rows.len();
        let mut reader = csv::Reader::from_path(file)?;
        names = reader
            .headers()?
            .iter()
            .skip(1)
            .take(columns)
            .map(str::to_owned)
            .collect::<Vec<_>>();
        for record in reader.records() {
            rows.push(
                record?
                    .iter()
                    .skip(1)
                    .map(|text| text.parse().unwrap_or(f64::NAN))
                    .collect(),
            );
        }
    }
    let axis = TimeAxis::new(0, Frequency::Seconds(120), rows.len());
    let column = |(index, name): (usize, String)| Column {
        name,
        role: Role::Target,
        values: rows.iter().map(|row| row[index]).collect(),
    };
    Ok(Table::new(
        String::new(),
        axis,
        names.into_iter().enumerate().map(column).collect(),
        Some(test),
    )?)
}
