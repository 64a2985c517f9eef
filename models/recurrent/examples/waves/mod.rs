//! Generated data for the examples that measure.

use forecast::{SeriesData, Training};
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

/// How many columns there are.
pub(crate) const INPUTS: usize = 17;
const TARGETS: usize = 11;
const WINDOW: WindowShape = WindowShape {
    context: 10,
    horizon: 1,
    stride: 1,
};

/// One series of sines; all of its rows train.
pub(crate) struct Waves {
    pub(crate) scaled: Scaled,
    cut: Cut,
    names: Vec<String>,
}

impl Waves {
    /// Returns columns of sines with different periods, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "row numbers are small")]
    pub(crate) fn new(rows: usize) -> Self {
        let mut values = Matrix::zeros(rows, INPUTS);
        for row in 0..rows {
            for (column, value) in values.row_mut(row).iter_mut().enumerate() {
                let phase = row as f64 / (7 + 13 * column) as f64 + column as f64;
                *value = 0.5 + 0.5 * libm::sin(phase);
            }
        }
        Self::of(values)
    }

    /// Replaces the targets by measured columns, each scaled to 0 to 1.
    #[allow(dead_code, reason = "not every example takes a file")]
    pub(crate) fn with_measured(rows: &[Vec<f64>]) -> Self {
        let mut values = Self::new(rows.len()).scaled.values;
        for target in 0..TARGETS {
            let column = || rows.iter().map(|row| row.get(target).copied().unwrap_or(0.0));
            let (low, high) = column().fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value), high.max(value))
            });
            for (row, value) in column().enumerate() {
                *values.at_mut(row, target) = (value - low) / (high - low).max(1e-9);
            }
        }
        Self::of(values)
    }

    fn of(values: Matrix) -> Self {
        let rows = values.rows;
        let scaled = Scaled {
            values,
            axis: TimeAxis::new(0, Frequency::Seconds(120), rows),
            observed: vec![vec![true; rows]; TARGETS],
            targets: (0..TARGETS).collect(),
            past: Vec::new(),
            calendar: (TARGETS..INPUTS).collect(),
            lags: Vec::new(),
            complete: vec![true; rows],
            drops_incomplete: false,
            units: Vec::new(),
        };
        let cut = Cut {
            training: 0..rows,
            select: rows..rows,
            calibrate: rows..rows,
            holdout: rows..rows,
            refits: Vec::new(),
            windows: rows - 10,
            window: WINDOW,
            sampled_rows: rows,
        };
        let names = (0..INPUTS).map(|column| format!("column {column}")).collect();
        Self { scaled, cut, names }
    }

    /// Returns the data of a fit.
    pub(crate) fn with_training<R>(&self, threads: usize, with: impl FnOnce(&Training<'_>) -> R) -> R {
        with(&Training {
            series: &[SeriesData {
                scaled: &self.scaled,
                cut: &self.cut,
            }],
            window: WINDOW,
            season: 720,
            seasons: &[720],
            contexts: &[],
            threads,
            cut: "",
            target_names: &self.names[..TARGETS],
            input_names: &self.names,
        })
    }
}
