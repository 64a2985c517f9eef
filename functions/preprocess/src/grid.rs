//! Sorts rows and places them on the regular grid.

use std::ops::Range;

use contract::{Report, spec::Choice};
use series::{AxisError, Frequency, TimeAxis};

use crate::{error::PreprocessError, limits::Limits, raw::Raw};

/// With more grid rows than this per data row, some time is taken for an outlier. Minutes of trading hours need 5.
const SPARSEST: usize = 20;

/// A number of grid rows that is always allowed.
const FEW: usize = 1_000;

/// The source of each grid row.
pub(crate) struct Grid {
    pub(crate) axis: TimeAxis,
    /// In rising order on the grid.
    runs: Vec<Run>,
    pub(crate) test_start: Option<usize>,
}

/// Rows that follow each other both in a file and on the grid.
#[derive(Clone, Debug)]
struct Run {
    file: usize,
    rows: Range<usize>,
    /// The grid row of the first of them.
    grid: usize,
}

/// Places the rows of the data file, and those of the test file, which must come later, on one grid. `calendar` is the
/// number of calendar columns that will be added.
pub(crate) fn lay(
    files: &[Raw<'_>],
    time_columns: &[usize],
    times: &[Vec<i64>],
    (frequency, calendar): (&Choice<Frequency>, usize),
    limits: &Limits,
    report: &mut Report,
) -> Result<Grid, PreprocessError> {
    let orders: Vec<Vec<usize>> = times.iter().map(|times| order(times, report)).collect();
    check_sequence(files, times, &orders)?;
    let rows = || {
        orders
            .iter()
            .enumerate()
            .flat_map(|(file, order)| order.iter().map(move |&row| (file, row)))
    };
    let sorted: Vec<i64> = rows().map(|(file, row)| times[file][row]).collect();
    let sparsest = FEW.max(sorted.len().saturating_mul(SPARSEST));
    let max_rows = limits.rows(files[0].columns.len() + calendar).min(sparsest);
    let axis = match frequency {
        Choice::Auto => TimeAxis::infer(&sorted, max_rows),
        Choice::Given(frequency) => TimeAxis::with_frequency(&sorted, *frequency, max_rows),
    };
    let axis = axis.map_err(|source| match (source, rows().collect::<Vec<_>>()) {
        (
            AxisError::OffGrid {
                row, frequency, start, ..
            },
            rows,
        ) => {
            let (file, row) = rows[row];
            PreprocessError::OffGrid {
                cell: files[file].cell(time_columns[file], row),
                frequency,
                start,
            }
        }
        (AxisError::StepTooLong { row, step, .. }, rows) => {
            let (file, row) = rows[row];
            let cell = files[file].cell(time_columns[file], row);
            PreprocessError::Step { cell, step }
        }
        (source, _) => PreprocessError::Axis {
            file: files[0].file.clone(),
            source,
        },
    })?;
    let mut runs: Vec<Run> = Vec::new();
    for ((file, row), grid) in rows().zip(axis.indices_of(sorted)) {
        // Always `Some`: the axis was made from these times.
        let Some(grid) = grid else { continue };
        match runs.last_mut() {
            Some(run) if run.goes_on(file, row, grid) => run.rows.end += 1,
            _ => runs.push(Run {
                file,
                rows: row..row + 1,
                grid,
            }),
        }
    }
    let test_start = runs.iter().find(|run| run.file > 0).map(|run| run.grid);
    report.rows_read = times.iter().map(Vec::len).sum();
    report.gaps = axis.len - runs.iter().map(|run| run.rows.len()).sum::<usize>();
    Ok(Grid { axis, runs, test_start })
}

impl Run {
    fn goes_on(&self, file: usize, row: usize, grid: usize) -> bool {
        (self.file, self.rows.end, self.grid + self.rows.len()) == (file, row, grid)
    }
}

/// Returns the rows in the order of their times. Of rows with the same time it keeps the last one.
fn order(times: &[i64], report: &mut Report) -> Vec<usize> {
    let mut latest = i64::MIN;
    for &time in times {
        report.out_of_order += usize::from(time < latest);
        latest = latest.max(time);
    }
    let mut rows: Vec<usize> = (0..times.len()).collect();
    if times.is_sorted_by(|earlier, later| earlier < later) {
        return rows;
    }
    rows.sort_by_key(|&row| times[row]);
    let before = rows.len();
    // The sort is stable, so the last of equal times is the last in the file.
    rows.reverse();
    rows.dedup_by_key(|row| times[*row]);
    rows.reverse();
    report.duplicates += before - rows.len();
    rows
}

fn check_sequence(files: &[Raw<'_>], times: &[Vec<i64>], orders: &[Vec<usize>]) -> Result<(), PreprocessError> {
    let ([_, test], [_, test_order]) = (times, orders) else {
        return Ok(());
    };
    let (Some(&last), Some(&first)) = (orders[0].last(), test_order.first()) else {
        return Ok(());
    };
    let (end, start) = (times[0][last], test[first]);
    if start > end {
        return Ok(());
    }
    Err(PreprocessError::TestTooEarly {
        file: files[0].file.clone(),
        test_file: files[1].file.clone(),
        start: series::rfc3339(start),
        end: series::rfc3339(end),
    })
}

impl Grid {
    /// Places the values of a column on the grid, with NaN in rows that have no source.
    pub(crate) fn place(&self, values: &[&[f64]]) -> Vec<f64> {
        let mut placed = Vec::with_capacity(self.axis.len);
        for Run { file, rows, grid } in &self.runs {
            placed.resize(*grid, f64::NAN);
            placed.extend_from_slice(&values[*file][rows.clone()]);
        }
        placed.resize(self.axis.len, f64::NAN);
        placed
    }
}
