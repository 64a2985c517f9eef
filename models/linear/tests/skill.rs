//! How well the closed forms forecast real measurements, where these are present.

#![expect(clippy::disallowed_methods, reason = "the measurements are files beside the project")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test's helpers fail and speak as it does"
)]

use std::path::{Path, PathBuf};

use forecast::{Fit, Fitted, Forecast, LinearSpec, SeriesData, Training};
use linear::{Naive, Ridge};
use series::{
    Clean, Column, Cut, Holdout, Role, Sampling, ScoreScale, Scores, Scoring, Split, Table, TimeAxis, Transform,
    Validation, WindowShape, Windows,
};

/// Names the directory of measurements, if it has them.
fn measurements(file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("FLITS_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let found = data.join(file).is_file();
    if !found {
        println!("skipped: no {file} in {} (set FLITS_DATA)", data.display());
    }
    found.then_some(data)
}

/// Reads the measured columns of files that follow each other in time.
fn read(data: &Path, files: [&str; 2]) -> Table {
    let (mut names, mut values, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let mut reader = csv::Reader::from_path(data.join(file)).unwrap();
        names = reader.headers().unwrap().iter().skip(1).map(str::to_owned).collect();
        starts.push(values.len());
        for record in reader.records() {
            let record = record.unwrap();
            values.push(
                record
                    .iter()
                    .skip(1)
                    .map(|text| text.parse().unwrap_or(f64::NAN))
                    .collect::<Vec<f64>>(),
            );
        }
    }
    let column = |(index, name): (usize, &String)| Column {
        name: name.clone(),
        role: Role::Target,
        values: values.iter().map(|row| row[index]).collect(),
    };
    let axis = TimeAxis {
        start: 1_517_874_000,
        frequency: "2m".parse().unwrap(),
        len: values.len(),
    };
    Table::new(
        String::new(),
        axis,
        names.iter().enumerate().map(column).collect(),
        Some(starts[1]),
    )
    .unwrap()
}

fn scores(table: &Table, fit: &dyn Fit, read: &dyn Fn(&forecast::Artifact) -> Box<dyn Forecast>) -> Scores {
    let split = Split {
        holdout: Holdout::TestFile,
        validation: Validation::Fraction(0.1),
    };
    let cut = Cut::new(table, split, &Sampling::default(), WindowShape::default()).unwrap();
    let transform = Transform::fit(table, cut.training.clone(), &Clean::default()).unwrap();
    let scaled = transform.apply(table, cut.training.clone()).unwrap();
    let (target_names, input_names) = (transform.target_names(), transform.input_names());
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window: cut.window,
        season: 720,
        threads: 1,
        cut: "",
        target_names: &target_names,
        input_names: &input_names,
    };
    let Fitted::Finished(artifact) = fit.run(&data, None, &|| false, &mut |_, _| ()).unwrap() else {
        panic!("nobody stopped the fit");
    };
    let model = read(&artifact);
    // Scaled by all rows of the training file, as the reference is.
    let scale = ScoreScale::of(table, 0..cut.holdout.start, 720, &transform);
    let mut scoring = Scoring::new(table, &scale, 1);
    let origins: Vec<usize> = Windows::holdout(cut.holdout.clone(), cut.window).iter().collect();
    let unscale = |forecast: &[f64]| -> Vec<f64> {
        forecast
            .iter()
            .enumerate()
            .map(|(target, &value)| transform.unscale(target, value))
            .collect()
    };
    let mut add = |index: usize, forecast: &[f64]| scoring.add(origins[index], &unscale(forecast));
    model.forecast_origins(&scaled, &origins, 1, &mut add).unwrap();
    scoring.finish()
}

#[test]
fn ridge_on_own_lags_beats_naive_on_the_base_stations() {
    // Measured with scikit-learn on the same rows; the third digit depends on lambda and on the first ten rows.
    const CLOSE: f64 = 0.001;
    for (name, naive_reference, ridge_reference) in [("PobleSec", 0.0678, Some(0.0626)), ("ElBorn", 0.0594, None)] {
        let files = [format!("{name}.csv"), format!("{name}_test.csv")];
        let Some(data) = measurements(&files[0]) else { return };
        let table = read(&data, [&files[0], &files[1]]);
        let naive = scores(&table, &Naive, &|_| Box::new(Naive)).rmse_scaled.unwrap();
        let fit = Ridge::fit(&LinearSpec::default());
        let ridge = scores(&table, &fit, &|artifact| Box::new(Ridge::read(artifact).unwrap()))
            .rmse_scaled
            .unwrap();
        println!("{name}: naive {naive:.4}, ridge {ridge:.4}");
        assert!((naive - naive_reference).abs() < CLOSE, "naive {naive}");
        assert!(
            ridge_reference.is_none_or(|reference: f64| (ridge - reference).abs() < CLOSE),
            "ridge {ridge}"
        );
        assert!(
            ridge < 0.95 * naive,
            "better than naive by 5 %: {ridge} against {naive}"
        );
    }
}
