//! Small series, and fits of them.

use forecast::{Artifact, Checkpoint, Fit, FitError, Fitted, SeriesData, Training};
use series::{
    Clean, Column, Cut, Frequency, Holdout, Role, Sampling, Scaled, Split, Table, TimeAxis, Transform, Validation,
    WindowShape,
};

/// The data of a fit.
pub(crate) struct Prepared {
    pub(crate) scaled: Scaled,
    pub(crate) cut: Cut,
    pub(crate) season: usize,
    /// The contexts among which a fit chooses.
    pub(crate) contexts: Vec<usize>,
}

pub(crate) fn prepare(targets: &[Vec<f64>], window: WindowShape, clean: &Clean, validation: Validation) -> Prepared {
    prepared(columns(targets), window, clean, validation)
}

/// Prepares a series with calendar columns.
pub(crate) fn prepare_with_calendar(
    targets: &[Vec<f64>],
    window: WindowShape,
    clean: &Clean,
    validation: Validation,
) -> Prepared {
    let rows = targets[0].len();
    let calendar = series::calendar(&hours(rows), 0..rows).map(|(name, values)| Column {
        name: name.to_owned(),
        role: Role::Calendar,
        values,
    });
    let columns = columns(targets).into_iter().chain(calendar).collect();
    prepared(columns, window, clean, validation)
}

fn columns(targets: &[Vec<f64>]) -> Vec<Column> {
    let column = |(index, values): (usize, &Vec<f64>)| Column {
        name: format!("y{index}"),
        role: Role::Target,
        values: values.clone(),
    };
    targets.iter().enumerate().map(column).collect()
}

fn hours(rows: usize) -> TimeAxis {
    TimeAxis {
        start: 0,
        frequency: Frequency::Seconds(3_600),
        len: rows,
    }
}

fn prepared(columns: Vec<Column>, window: WindowShape, clean: &Clean, validation: Validation) -> Prepared {
    let axis = hours(columns[0].values.len());
    let table = Table::new(String::new(), axis, columns, None).unwrap();
    let split = Split {
        holdout: Holdout::Rows(window.horizon),
        validation,
    };
    let cut = Cut::new(&table, split, &Sampling::default(), window, 1).unwrap();
    let transform = Transform::fit(&table, cut.training.clone(), clean).unwrap();
    let scaled = transform.apply(&table, cut.training.clone()).unwrap();
    Prepared {
        scaled,
        cut,
        season: 24,
        contexts: Vec::new(),
    }
}

pub(crate) fn run(
    fit: &dyn Fit,
    on: &Prepared,
    resume: Option<&Checkpoint>,
    stop: &dyn Fn() -> bool,
) -> Result<Fitted, FitError> {
    run_on(1, fit, on, resume, stop)
}

/// Fits on several threads.
pub(crate) fn run_on(
    threads: usize,
    fit: &dyn Fit,
    on: &Prepared,
    resume: Option<&Checkpoint>,
    stop: &dyn Fn() -> bool,
) -> Result<Fitted, FitError> {
    let names: Vec<String> = (0..on.scaled.values.cols).map(|index| format!("y{index}")).collect();
    let data = Training {
        series: &[SeriesData {
            scaled: &on.scaled,
            cut: &on.cut,
        }],
        window: on.cut.window,
        season: on.season,
        seasons: &[on.season],
        contexts: &on.contexts,
        threads,
        cut: "c0ffee",
        target_names: &names[..on.scaled.targets.len()],
        input_names: &names,
    };
    fit.run(&data, resume, stop, &mut |_, _| ())
}

pub(crate) fn finished(fit: &dyn Fit, on: &Prepared) -> Artifact {
    match run(fit, on, None, &|| false).unwrap() {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody asked it to stop"),
    }
}

/// A wave of 24 rows on a slope: three rows determine how it continues.
pub(crate) fn wave(rows: u32, size: f64) -> Vec<f64> {
    (0..rows)
        .map(|row| size * libm::sin(f64::from(row) * std::f64::consts::TAU / 24.0) + 0.01 * f64::from(row))
        .collect()
}

/// Numbers without a pattern, for which the strongest lambda is best.
pub(crate) fn noisy(rows: usize) -> Vec<f64> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    (0..rows).map(|_| next()).collect()
}
