//! The skill of the closed forms on real measurements, where these are present.

#![expect(clippy::disallowed_methods, reason = "the measurements are files beside the project")]
#![expect(clippy::print_stdout, reason = "a test's helpers speak as it does")]

use std::path::{Path, PathBuf};

use forecast::{Channels, Fit, Fitted, Forecast, LinearSpec, SeriesData, Training};
use linear::{Naive, Ridge};
use series::{
    Clean, Column, Cut, Holdout, Role, Sampling, Scaled, Scaler, ScoreScale, Scoring, Split, Table, TimeAxis,
    Transform, Validation, WindowShape, Windows, season,
};

/// Returns the directory of measurements where it has the files.
fn measurements(file: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("FLITS_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let found = data.join(file).is_file();
    if !found {
        println!("skipped: no {file} in {} (set FLITS_DATA)", data.display());
    }
    found.then_some(data)
}

/// Reads the measured columns of files that follow each other in time, without the later rows of the last file.
fn read(data: &Path, files: &[&str], start: i64, frequency: &str, rows: usize) -> Table {
    let (mut names, mut values, mut last) = (Vec::new(), Vec::new(), None);
    for file in files {
        let mut reader = csv::Reader::from_path(data.join(file)).unwrap();
        names = reader.headers().unwrap().iter().skip(1).map(str::to_owned).collect();
        last = Some(values.len()).filter(|&start| start > 0);
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
    values.truncate(rows);
    let column = |(index, name): (usize, &String)| Column {
        name: name.clone(),
        role: Role::Target,
        values: values.iter().map(|row| row[index]).collect(),
    };
    let axis = TimeAxis {
        start,
        frequency: frequency.parse().unwrap(),
        len: values.len(),
    };
    let calendar = series::calendar(&axis, 0..values.len()).map(|(name, values)| Column {
        name: name.to_owned(),
        role: Role::Calendar,
        values,
    });
    Table::new(
        String::new(),
        axis,
        names.iter().enumerate().map(column).chain(calendar).collect(),
        last,
    )
    .unwrap()
}

struct Task {
    table: Table,
    split: Split,
    window: WindowShape,
    clean: Clean,
}

impl Task {
    /// Fits on the training rows and returns each holdout forecast with its origin, scaled.
    fn forecasts(
        &self,
        fit: &dyn Fit,
        read: &dyn Fn(&forecast::Artifact) -> Box<dyn Forecast>,
        out: &mut impl FnMut(&Scaled, &Cut, usize, &[f64]),
    ) -> Transform {
        let cut = Cut::new(&self.table, self.split, &Sampling::default(), self.window, 1).unwrap();
        let transform = Transform::fit(&self.table, cut.training.clone(), &self.clean).unwrap();
        let scaled = transform.apply(&self.table, cut.training.clone()).unwrap();
        let (target_names, input_names) = (transform.target_names(), transform.input_names());
        let data = Training {
            series: &[SeriesData {
                scaled: &scaled,
                cut: &cut,
            }],
            window: cut.window,
            season: season(self.table.axis.frequency, cut.training.len()),
            seasons: &[season(self.table.axis.frequency, cut.training.len())],
            contexts: &[],
            threads: 1,
            cut: "",
            target_names: &target_names,
            input_names: &input_names,
        };
        let Fitted::Finished(artifact) = fit.run(&data, None, &|| false, &mut |_, _| ()).unwrap() else {
            panic!("nobody stopped the fit");
        };
        let model = read(&artifact);
        let origins: Vec<usize> = Windows::holdout(cut.holdout.clone(), cut.window).iter().collect();
        let mut add = |index: usize, forecast: &[f64]| out(&scaled, &cut, origins[index], forecast);
        model
            .forecast_origins(&scaled, &origins, self.window.horizon, &mut add)
            .unwrap();
        transform
    }

    /// Scores in original units, scaled by all rows before the holdout, as in the reference.
    fn rmse_scaled(&self, fit: &dyn Fit, read: &dyn Fn(&forecast::Artifact) -> Box<dyn Forecast>) -> f64 {
        let mut forecasts = Vec::new();
        let mut start = 0;
        let transform = self.forecasts(fit, read, &mut |_, cut, origin, forecast| {
            start = cut.holdout.start;
            forecasts.push((origin, forecast.to_vec()));
        });
        let scale = ScoreScale::of(&self.table, 0..start, 1, &transform);
        let mut scoring = Scoring::new(&self.table, &scale, self.window.horizon);
        for (origin, forecast) in forecasts {
            let targets = transform.target_names().len();
            let unscaled = (0..)
                .zip(forecast)
                .map(|(cell, value)| transform.unscale(cell % targets, value));
            scoring.add(origin, &unscaled.collect::<Vec<f64>>());
        }
        scoring.finish().rmse_scaled.unwrap()
    }

    /// Returns the mean squared error of scaled values over windows, steps and targets.
    fn mse(&self, fit: &dyn Fit, read: &dyn Fn(&forecast::Artifact) -> Box<dyn Forecast>) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        self.forecasts(fit, read, &mut |scaled, _, origin, forecast| {
            let rows = origin..origin + self.window.horizon;
            let actuals = rows.flat_map(|row| scaled.targets.iter().map(move |&input| scaled.values.at(row, input)));
            for (value, actual) in forecast.iter().zip(actuals) {
                sum += (value - actual) * (value - actual);
                count += 1.0;
            }
        });
        sum / count
    }
}

fn ridge(artifact: &forecast::Artifact) -> Box<dyn Forecast> {
    Box::new(Ridge::read(artifact).unwrap())
}

fn naive(_: &forecast::Artifact) -> Box<dyn Forecast> {
    Box::new(Naive)
}

#[test]
fn the_chosen_channels_are_as_good_as_the_better_ones_on_the_base_stations() {
    // Measured with scikit-learn on the same rows; the third digit depends on lambda and on the first ten rows.
    const CLOSE: f64 = 0.001;
    // The allowed cost of a choice on few rows.
    const CHOICE: f64 = 0.0003;
    for (name, start, naive_reference, own_reference, all_reference) in [
        ("PobleSec", 1_517_874_000, 0.0677, 0.0626, 0.0599),
        ("ElBorn", 1_522_252_560, 0.0594, 0.0517, 0.0516),
    ] {
        let files = [format!("{name}.csv"), format!("{name}_test.csv")];
        let Some(data) = measurements(&files[0]) else { return };
        let task = Task {
            table: read(&data, &[&files[0], &files[1]], start, "2m", usize::MAX),
            split: Split {
                holdout: Holdout::TestFile,
                validation: Validation::Fraction(0.1),
            },
            window: WindowShape::default(),
            clean: Clean::default(),
        };
        let scored = |channels, calendar| {
            let spec = LinearSpec {
                channels,
                calendar,
                ..LinearSpec::default()
            };
            task.rmse_scaled(&Ridge::fit(&spec), &ridge)
        };
        let naive = task.rmse_scaled(&Naive, &naive);
        let each = [Channels::Own, Channels::Pooled, Channels::All, Channels::Auto];
        let [own, pooled, all, auto] = each.map(|channels| scored(channels, false));
        println!("{name}: naive {naive:.5}, own {own:.5}, pooled {pooled:.5}, all {all:.5}, auto {auto:.5}");
        let with_calendar = each.map(|channels| scored(channels, true));
        println!("{name} with the calendar, in the same order: {with_calendar:.5?}");
        assert!((naive - naive_reference).abs() < CLOSE, "naive {naive}");
        assert!((own - own_reference).abs() < CLOSE, "own lags {own}");
        assert!((all - all_reference).abs() < CLOSE, "all lags {all}");
        assert!(
            (with_calendar[2] - all_reference).abs() < CLOSE,
            "all lags and the calendar"
        );
        assert!(auto <= own_reference.min(all_reference) + CHOICE, "chosen {auto}");
        assert!(auto < 0.9 * naive, "better than naive by 10 %: {auto} against {naive}");
    }
}

#[test]
fn ridge_reaches_published_accuracy_on_transformer_temperatures() {
    // DLinear on the same split, z-scored by the training rows: Zeng et al. 2022, arXiv:2205.13504, table 2.
    const PUBLISHED: f64 = 0.375;
    const CLOSE: f64 = 0.003;
    let Some(data) = measurements("ETTh1.csv") else { return };
    let task = Task {
        table: read(&data, &["ETTh1.csv"], 1_467_331_200, "1h", 14_400),
        split: Split {
            holdout: Holdout::Rows(2_880),
            validation: Validation::Rows(2_880),
        },
        window: WindowShape {
            context: 336,
            horizon: 96,
            stride: 1,
        },
        clean: Clean {
            scaler: Scaler::Standard,
            ..Clean::default()
        },
    };
    let mse = task.mse(&Ridge::fit(&LinearSpec::default()), &ridge);
    println!("ETTh1, 336 rows to 96: {mse:.4}");
    assert!(mse < PUBLISHED + CLOSE, "{mse}");
}
