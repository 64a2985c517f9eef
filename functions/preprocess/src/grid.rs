//! Sorts rows and places them on the regular grid.

use std::ops::Range;

use contract::{Report, spec::Choice};
use series::{AxisError, Fitted, Frequency, LONGEST, TimeAxis};

use crate::{
    limits::Limits,
    raw::Raw,
    refusal::{Problem, Refusal},
    time::Times,
};

/// The step of a file with a single row.
const DAY: Frequency = Frequency::Seconds(86_400);

/// The source of each grid row.
pub(crate) struct Grid {
    pub(crate) axis: TimeAxis,
    /// In rising order on the grid.
    runs: Vec<Run>,
    pub(crate) test_start: Option<usize>,
    /// How many rows had to be moved to the grid.
    pub(crate) snapped: usize,
    /// The farthest move in seconds.
    pub(crate) farthest: i64,
}

/// Rows that follow each other both in a file and on the grid.
#[derive(Clone, Debug)]
struct Run {
    file: usize,
    rows: Range<usize>,
    /// The grid row of the first of them.
    grid: usize,
}

/// Places the rows of the data file, and those of the test file, which must come later, on one grid. `order` holds the
/// rows of each file in the order of their times, without repeated ones. `columns` counts those of the clean part.
pub(crate) fn lay(
    files: &[Raw],
    times: &[Times],
    order: &[Vec<usize>],
    frequency: &Choice<Frequency>,
    (limits, columns): (&Limits, usize),
    report: &mut Report,
) -> Result<Grid, Refusal> {
    check_sequence(files, times, order)?;
    let placed = || {
        order
            .iter()
            .enumerate()
            .flat_map(|(file, order)| order.iter().map(move |&row| (file, row)))
    };
    let sorted: Vec<i64> = placed().map(|(file, row)| times[file].seconds[row]).collect();
    let most = limits.rows(columns);
    let is_single = times.iter().map(|times| times.seconds.len()).sum::<usize>() == 1 && times[0].footers.is_empty();
    let fitted = match frequency {
        Choice::Auto if is_single && !times[0].steps => {
            let notice = "a single row shows no step, so a day is taken; `data.frequency` can name another";
            report.understood.notices.push(notice.to_owned());
            TimeAxis::fit_with(&sorted, DAY, most)
        }
        _ if times[0].steps => TimeAxis::fit_with(&sorted, Frequency::Steps, most),
        Choice::Auto => TimeAxis::fit(&sorted, most),
        Choice::Given(frequency) => TimeAxis::fit_with(&sorted, *frequency, most),
    };
    let Fitted {
        axis,
        rows,
        snapped,
        farthest,
    } = fitted.map_err(|error| refused(files, times, (&sorted, order), &error))?;
    let mut runs: Vec<Run> = Vec::new();
    for ((file, row), grid) in placed().zip(rows) {
        // Of two rows that lie nearest to one step, the one that lies on it counts, else the later one.
        if let Some(run) = runs.last_mut().filter(|run| run.end() > grid) {
            report.duplicates += 1;
            let before = times[run.file].seconds[run.rows.end - 1];
            if before == axis.at(grid) {
                continue;
            }
            run.rows.end -= 1;
        }
        match runs.last_mut() {
            Some(run) if (run.file, run.rows.end, run.end()) == (file, row, grid) => run.rows.end += 1,
            _ => runs.push(Run {
                file,
                rows: row..row + 1,
                grid,
            }),
        }
    }
    runs.retain(|run| !run.rows.is_empty());
    report.gaps = axis.len - runs.iter().map(|run| run.rows.len()).sum::<usize>();
    Ok(Grid {
        test_start: runs.iter().find(|run| run.file > 0).map(|run| run.grid),
        axis,
        runs,
        snapped,
        farthest,
    })
}

impl Run {
    fn end(&self) -> usize {
        self.grid + self.rows.len()
    }
}

/// Returns the refusal of times that make no grid, at the cell where it breaks. `sorted` holds the times of all files in the
/// order of their rows.
fn refused(files: &[Raw], times: &[Times], (sorted, order): (&[i64], &[Vec<usize>]), error: &AxisError) -> Refusal {
    let file = &files[0].file;
    let (at, what, value, bound) = match error {
        AxisError::OffGrid {
            row, frequency, start, ..
        } => {
            let grid = format!("one row every {frequency} from {start}");
            (Some(*row), format!("is off the grid of {grid}"), None, grid)
        }
        AxisError::StepTooLong { row, step, .. } => {
            let what = format!("is {step} after the row before it; a step is at most {LONGEST}");
            (
                Some(*row),
                what,
                None,
                format!("at most {LONGEST} after the row before it"),
            )
        }
        AxisError::TooManyRows { have, bound, .. } => {
            let gap = |row: &usize| sorted[*row].saturating_sub(sorted[row - 1]);
            let row = (1..sorted.len()).max_by_key(gap);
            let what = format!("comes after the largest gap: {error}");
            (row, what, Some(format!("{have} rows")), format!("at most {bound} rows"))
        }
        AxisError::TooFewRows { have, need } => {
            let value = format!("{have} different times");
            (None, String::new(), Some(value), format!("at least {need}"))
        }
        AxisError::NotSorted { .. } | AxisError::Irregular { .. } => {
            (None, String::new(), None, "rising times on one grid".to_owned())
        }
    };
    let cell = at.and_then(|at| {
        let (file, row) = match at.checked_sub(order[0].len()) {
            None => (0, order[0][at]),
            Some(at) => (1, *order.get(1)?.get(at)?),
        };
        Some(files[file].cell(*times[file].columns.first()?, row))
    });
    let mut problem = match cell {
        Some(cell) => cell.problem(&what, bound),
        None => Problem::new(format!(
            "{file} has no regular time axis: {error}{}",
            footers(files, times)
        ))
        .bound(bound),
    };
    if let Some(value) = value {
        problem = problem.value(value);
    }
    problem.into()
}

/// Names the first row at the end of the data file that was left out because its time is none.
fn footers(files: &[Raw], times: &[Times]) -> String {
    let first = times[0].footers.first();
    first.map_or(String::new(), |&row| {
        format!(
            "; from row {} on there is no time, and rows are left out",
            files[0].line(row)
        )
    })
}

fn check_sequence(files: &[Raw], times: &[Times], order: &[Vec<usize>]) -> Result<(), Refusal> {
    let ([data, test], [data_times, test_times]) = (files, times) else {
        return Ok(());
    };
    let (Some(&last), Some(&first)) = (order[0].last(), order[1].first()) else {
        return Ok(());
    };
    let (end, start) = (data_times.seconds[last], test_times.seconds[first]);
    if start > end {
        return Ok(());
    }
    let label = |seconds| {
        TimeAxis::new(
            seconds,
            if data_times.steps {
                Frequency::Steps
            } else {
                Frequency::Seconds(1)
            },
            1,
        )
        .label(0)
    };
    let (start, end) = (label(start), label(end));
    let message = format!(
        "{} starts at {start}, which is not after {end}, the last row of {}",
        test.file, data.file
    );
    Err(Problem::new(message).value(start).bound(format!("after {end}")).into())
}

impl Grid {
    /// Places the values of a column, one slice per file, on the grid, with NaN in rows that have no source.
    pub(crate) fn place(&self, mut files: Vec<Vec<f64>>) -> Vec<f64> {
        if let ([run], [values]) = (&self.runs[..], &files[..])
            && run.rows == (0..self.axis.len)
            && values.len() == self.axis.len
        {
            return files.remove(0);
        }
        let mut placed = Vec::with_capacity(self.axis.len);
        for Run { file, rows, grid } in &self.runs {
            placed.resize(*grid, f64::NAN);
            placed.extend_from_slice(&files[*file][rows.clone()]);
        }
        placed.resize(self.axis.len, f64::NAN);
        placed
    }
}
