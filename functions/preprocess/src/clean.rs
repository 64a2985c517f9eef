//! Turns raw files into one table on a regular grid, with a report of everything that was done. Nothing is fitted here.
//!
//! The stages, each in a module of its own: `decode` makes text of bytes, `table` finds the table and reads its cells,
//! `time` finds the times, `number` casts the other cells, `repeated` sorts, `grid` lays the regular axis, and `roles`
//! decides what is forecast.

use std::{panic::resume_unwind, thread};

use contract::{Report, spec::DataSection, text::counted};
use series::{CALENDAR, Column, Frequency, Role, Table, calendar, season};

use crate::{
    error::PreprocessError,
    grid::{self, Grid},
    kind,
    limits::Limits,
    number::{self, Numbers},
    raw::{File, Raw},
    refusal::{Problem, Refusal},
    repeated,
    roles::{self, Measured},
    sentinel, table,
    time::{self, Times},
};

/// What the clean part depends on besides the files.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// What the columns mean (`data.*` in the spec).
    pub data: &'a DataSection,
    /// Whether calendar columns are added.
    pub calendar: bool,
    /// The limits of an upload.
    pub limits: Limits,
    /// The number of threads that may be used; it does not change the result.
    pub threads: usize,
}

/// Cleans a data file and, when the holdout is a test file, that one too.
///
/// # Errors
/// When the files do not make one series on a regular grid. The error names file, row, column, value and bound.
pub fn clean(
    data_file: File,
    test_file: Option<File>,
    recipe: &Recipe<'_>,
) -> Result<(Table, Report), PreprocessError> {
    let (report, table) = understand(data_file, test_file, recipe);
    Ok((table?, report))
}

/// Reads files as [`clean()`] does. Returns the report as far as it came, and the table or all problems.
pub(crate) fn understand(
    data_file: File,
    test_file: Option<File>,
    recipe: &Recipe<'_>,
) -> (Report, Result<Table, PreprocessError>) {
    let mut report = Report::default();
    let table = lay_out(data_file, test_file, recipe, &mut report);
    (report, table)
}

fn lay_out(
    data_file: File,
    test_file: Option<File>,
    recipe: &Recipe<'_>,
    report: &mut Report,
) -> Result<Table, PreprocessError> {
    let data = recipe.data;
    let mut files = vec![table::read(data_file, data, &recipe.limits)?];
    files[0].layout.clone_into(&mut report.understood.layout);
    report.understood.notices.append(&mut files[0].notices);
    if let Some(test_file) = test_file {
        files.push(table::read(test_file, data, &recipe.limits)?);
    }
    let mut problems = Vec::new();
    let times = times(&files, data)
        .map_err(|refusal| problems.extend(refusal.problems))
        .ok();
    if let Some(times) = &times {
        report_times(&files[0], &times[0], report);
        report.rows_read = times.iter().map(|times| times.seconds.len()).sum();
    }
    let columns = measured(&mut files, times.as_deref(), recipe, &mut problems);
    report.understood.notices.append(&mut files[0].notices);
    roles::check(&files, &columns, data, &mut problems);
    let (Some(times), true) = (times, problems.is_empty()) else {
        return Err(Refusal::from(problems).into());
    };
    let (axis, columns) = place(&files, &times, columns, recipe, report)?;
    finish(axis, columns, &times[0], recipe, report)
}

fn times(files: &[Raw], data: &DataSection) -> Result<Vec<Times>, Refusal> {
    let first = time::read(&files[0], data)?;
    let others = files[1..].iter().map(|file| time::read_like(&first, file, data));
    let others = others.collect::<Result<Vec<_>, _>>()?;
    Ok(std::iter::once(first).chain(others).collect())
}

fn report_times(raw: &Raw, times: &Times, report: &mut Report) {
    const SHOWN: usize = 5;
    let layout = &mut report.understood.layout;
    layout.left_out_rows += times.footers.len();
    let examples = times.footers.iter().take(SHOWN).map(|&row| contract::LeftOutRow {
        row: raw.line(row),
        text: raw.row_text(row),
    });
    layout.left_out_examples.extend(examples);
    report.understood.time = times.reading.clone();
    report.understood.notices.extend(times.notices.iter().cloned());
}

/// Reads the columns beside the time as numbers. Those of a second file are matched by name.
fn measured(
    files: &mut [Raw],
    times: Option<&[Times]>,
    recipe: &Recipe<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Measured> {
    let mut numbers: Vec<Vec<Option<Numbers>>> = Vec::with_capacity(files.len());
    for (file, raw) in files.iter_mut().enumerate() {
        let times = times.map(|times| &times[file]);
        let rows = times.map_or(raw.rows(), |times| times.seconds.len());
        let skip = times.map_or(&[][..], |times| &times.columns);
        numbers.push(number::read_all(raw, rows, skip, recipe.data, problems));
    }
    let seconds = times.map_or(
        &[][..],
        |times| if times[0].steps { &[] } else { &times[0].seconds[..] },
    );
    let mut columns = Vec::new();
    for index in 0..files[0].columns.len() {
        let Some(first) = numbers[0][index].take() else {
            continue;
        };
        let name = files[0].columns[index].name.clone();
        // Without times nobody knows which column has them.
        problems.extend(times.and_then(|_| reserved(&files[0], &name, recipe.calendar)));
        let (mut at, mut all) = (vec![index], vec![first]);
        for (raw, numbers) in files[1..].iter().zip(&mut numbers[1..]) {
            match raw.find(&name).and_then(|at| Some((at, numbers[at].take()?))) {
                Some((other, numbers)) => {
                    at.push(other);
                    all.push(numbers);
                }
                None => problems.push(lacks(&name, &files[0], raw)),
            }
        }
        let kind = kind::of(&name, &all[0].values, seconds);
        columns.push(Measured {
            name,
            at,
            numbers: all,
            kind,
        });
    }
    for (raw, numbers) in files[1..].iter().zip(&numbers[1..]) {
        let extra = numbers
            .iter()
            .zip(&raw.columns)
            .filter(|(numbers, _)| numbers.is_some());
        problems.extend(extra.map(|(_, column)| lacks(&column.name, raw, &files[0])));
    }
    columns
}

fn lacks(column: &str, has: &Raw, lacks: &Raw) -> Problem {
    let message = format!(
        "column `{column}` is in {} and not in {}; both need the same columns",
        has.file, lacks.file
    );
    Problem::new(message)
        .row(1)
        .column(column)
        .value(column)
        .bound("the same columns in both files")
}

fn reserved(raw: &Raw, name: &str, with_calendar: bool) -> Option<Problem> {
    let taken = match name {
        "time" => "the time axis; `data.time` can name it",
        name if with_calendar && CALENDAR.contains(&name) => {
            "a calendar column; `clean.calendar = false` leaves those out"
        }
        _ => return None,
    };
    let message = format!("{}, row 1: column name `{name}` is taken by {taken}", raw.file);
    Some(
        Problem::new(message)
            .row(1)
            .column(name)
            .value(name)
            .bound(format!("not the name of {taken}")),
    )
}

/// Lays the grid, and places the columns on it with their roles.
fn place(
    files: &[Raw],
    times: &[Times],
    columns: Vec<Measured>,
    recipe: &Recipe<'_>,
    report: &mut Report,
) -> Result<(Grid, Vec<Column>), Refusal> {
    let mut order = Vec::with_capacity(files.len());
    for (file, (raw, times)) in files.iter().zip(times).enumerate() {
        let numbers = |at: usize| {
            columns
                .iter()
                .find(|column| column.at[file] == at)
                .map(|column| &column.numbers[file])
        };
        let numbers: Vec<_> = (0..raw.columns.len()).map(numbers).collect();
        order.push(repeated::sort(raw, times, &numbers, report)?);
    }
    for column in &columns {
        note_numbers(column, report);
    }
    let width = columns.len()
        + 1
        + if with_calendar(&times[0], recipe) {
            CALENDAR.len()
        } else {
            0
        };
    let grid = grid::lay(
        files,
        times,
        &order,
        &recipe.data.frequency,
        (&recipe.limits, width),
        report,
    )?;
    let columns = roles::assign(files, &times[0], columns, &grid, recipe.data, report)?;
    Ok((grid, columns))
}

fn with_calendar(times: &Times, recipe: &Recipe<'_>) -> bool {
    recipe.calendar && !times.steps
}

fn note_numbers(column: &Measured, report: &mut Report) {
    let name = &column.name;
    let sum = |of: fn(&Numbers) -> usize| column.numbers.iter().map(of).sum::<usize>();
    let (infinite, coded) = (sum(|numbers| numbers.infinite), sum(|numbers| numbers.coded));
    let affix = &column.numbers[0].affix;
    let notices = &mut report.understood.notices;
    if infinite > 0 {
        notices.push(format!(
            "`{name}`: {}, taken as missing",
            counted(infinite, "infinite value")
        ));
    }
    if coded > 0 {
        notices.push(format!(
            "`{name}`: {} taken as missing by `data.missing`",
            counted(coded, "value")
        ));
    }
    if !affix.is_empty() && column.numbers[0].text.is_none() {
        notices.push(format!(
            "`{name}`: `{affix}` is left out beside its numbers, which stay as they are"
        ));
    }
}

/// Ends the table where the targets end, adds the calendar, and reports what was understood.
fn finish(
    mut grid: Grid,
    mut columns: Vec<Column>,
    times: &Times,
    recipe: &Recipe<'_>,
    report: &mut Report,
) -> Result<Table, PreprocessError> {
    end_with_targets(&mut grid, &mut columns, report);
    let axis = &grid.axis;
    let calendar = thread::scope(|scope| {
        let calendar = with_calendar(times, recipe).then(|| scope.spawn(|| calendar(axis, 0..axis.len)));
        for column in &columns {
            note_values(column, report);
        }
        calendar.map(|calendar| calendar.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    describe(&grid, &columns, times, report);
    columns.extend(calendar.into_iter().flatten().map(|(name, values)| Column {
        name: name.to_owned(),
        role: Role::Calendar,
        values,
    }));
    Ok(Table::new(String::new(), grid.axis, columns, grid.test_start)?)
}

/// Cuts off the steps after the last one with a target: the forecast begins there. Columns that go on are known ahead.
fn end_with_targets(grid: &mut Grid, columns: &mut [Column], report: &mut Report) {
    let is_target = |column: &&Column| column.role == Role::Target;
    let last = |column: &Column| {
        column
            .values
            .iter()
            .rposition(|value| !value.is_nan())
            .map_or(0, |row| row + 1)
    };
    let end = columns.iter().filter(is_target).map(last).max().unwrap_or(0);
    // A test file without any target is refused where it is scored.
    if end == 0 || end >= grid.axis.len || grid.test_start.is_some_and(|start| start >= end) {
        return;
    }
    let after = grid.axis.len - end;
    for column in columns.iter_mut() {
        if last(column) > end {
            report.understood.known.push(column.name.clone());
        }
        column.values.truncate(end);
    }
    report.understood.notices.push(format!(
        "the targets end {} before the file does: the forecast begins there, and later rows are not used",
        counted(after, "step")
    ));
    grid.axis.len = end;
    report.gaps = report.gaps.min(end);
}

fn note_values(column: &Column, report: &mut Report) {
    let name = &column.name;
    let missing = column.values.iter().filter(|value| value.is_nan()).count();
    if missing > 0 {
        report.missing.insert(name.clone(), missing);
    }
    if let Some((code, count)) = sentinel::likely(&column.values) {
        report.understood.notices.push(format!(
            "`{name}`: {code} is there {count} times and may stand for a missing value; `data.missing = [{code}]` makes it one"
        ));
    }
}

fn describe(grid: &Grid, columns: &[Column], times: &Times, report: &mut Report) {
    let axis = &grid.axis;
    let with = |role| {
        columns
            .iter()
            .filter(move |column| column.role == role)
            .map(|column| column.name.clone())
    };
    let understood = &mut report.understood;
    understood.targets = with(Role::Target).collect();
    understood.inputs = with(Role::Past).collect();
    understood.step = match axis.frequency {
        Frequency::Months { months, .. } if months % 12 == 0 => format!("{}y", months / 12),
        frequency => frequency.to_string(),
    };
    understood.first = axis.label(0);
    understood.last = axis.label(axis.len - 1);
    understood.next = axis.label(axis.len);
    understood.season = season(axis.frequency, axis.len);
    if grid.snapped > 0 {
        understood.notices.push(format!(
            "{} moved to the grid of one row every {}, by {} at most",
            counted(grid.snapped, "time"),
            understood.step,
            series::Frequency::Seconds(grid.farthest.unsigned_abs().max(1))
        ));
    }
    if times.steps && !times.columns.is_empty() {
        understood.notices.push("the time counts steps: no calendar".to_owned());
    }
}
