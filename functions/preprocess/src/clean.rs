//! Turns raw files into one table on a regular grid, with a report of everything that was done. Nothing is fitted here.

use std::{panic::resume_unwind, thread};

use contract::{Report, spec::DataSection};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use series::{CALENDAR, Column, Role, Table, calendar};

use crate::{
    csv::Reading,
    error::PreprocessError,
    grid::{self, Grid},
    limits::Limits,
    number,
    raw::{File, Raw},
    read,
    roles::{self, Measured},
    time,
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
    data_file: &File,
    test_file: Option<&File>,
    recipe: &Recipe<'_>,
) -> Result<(Table, Report), PreprocessError> {
    // A file that the fast reading cannot take is read again as text, which finds the cell and names it.
    let times = |name: &str| time::is_named(name) || recipe.data.time.given().is_some_and(|time| time == name);
    let clean = |reading| {
        let files = read(reading, data_file, test_file, recipe)?;
        lay_out(&files, recipe)
    };
    clean(Reading::Plain(recipe.threads, &times)).or_else(|_| clean(Reading::Text))
}

fn lay_out(files: &[Raw<'_>], recipe: &Recipe<'_>) -> Result<(Table, Report), PreprocessError> {
    let zone = zone(&recipe.data.time_zone);
    let mut report = Report::default();
    let time_columns = time_columns(files, recipe.data)?;
    let columns = measured(files, &time_columns, recipe)?;
    let times = files
        .iter()
        .zip(&time_columns)
        .map(|(file, column)| time::read(file, *column, &zone));
    let times = times.collect::<Result<Vec<_>, _>>()?;
    let grid = grid::lay(
        files,
        &time_columns,
        &times,
        (&recipe.data.frequency, if recipe.calendar { CALENDAR.len() } else { 0 }),
        &recipe.limits,
        &mut report,
    )?;
    let (columns, calendar) = thread::scope(|scope| {
        let axis = &grid.axis;
        let calendar = recipe.calendar.then(|| scope.spawn(|| calendar(axis, 0..axis.len)));
        let columns = roles::assign(files, columns, &grid, recipe.data, &mut report);
        let calendar = calendar.map(|calendar| calendar.join().unwrap_or_else(|panic| resume_unwind(panic)));
        (columns, calendar)
    });
    let calendar = calendar.into_iter().flatten().map(|(name, values)| Column {
        name: name.to_owned(),
        role: Role::Calendar,
        values,
    });
    let table = table(grid, columns?, calendar, &mut report)?;
    Ok((table, report))
}

/// Reads the files one after the other, each on all threads.
fn read<'a>(
    reading: Reading<'_>,
    data_file: &'a File,
    test_file: Option<&'a File>,
    recipe: &Recipe<'_>,
) -> Result<Vec<Raw<'a>>, PreprocessError> {
    let files = [Some(data_file), test_file].into_iter().flatten();
    files.map(|file| read::read(file, &recipe.limits, reading)).collect()
}

/// Returns the time zone of a name that the check of the spec has found in the same database.
fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

/// Returns the time columns. That of the test file has the same name as that of the data file.
fn time_columns(files: &[Raw<'_>], data: &DataSection) -> Result<Vec<usize>, PreprocessError> {
    let first = time::find(&files[0], &data.time)?;
    let name = &files[0].columns[first].name;
    let same = |file: &Raw<'_>| file.find(name).ok_or_else(|| lacks(name, &files[0], file));
    std::iter::once(Ok(first)).chain(files[1..].iter().map(same)).collect()
}

fn measured<'a>(
    files: &'a [Raw<'_>],
    time_columns: &[usize],
    recipe: &Recipe<'_>,
) -> Result<Vec<Measured<'a>>, PreprocessError> {
    let mut columns = Vec::new();
    for (index, column) in files[0]
        .columns
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != time_columns[0])
    {
        check_name(&files[0].file, &column.name, recipe.calendar)?;
        let others = files[1..].iter().map(|file| {
            file.find(&column.name)
                .ok_or_else(|| lacks(&column.name, &files[0], file))
        });
        let at = std::iter::once(Ok(index))
            .chain(others)
            .collect::<Result<Vec<_>, _>>()?;
        columns.push((column.name.clone(), at));
    }
    for file in &files[1..] {
        if let Some(extra) = file.columns.iter().find(|column| files[0].find(&column.name).is_none()) {
            return Err(lacks(&extra.name, file, &files[0]));
        }
    }
    let cells: Vec<_> = columns
        .iter()
        .flat_map(|(_, at)| files.iter().zip(at).map(|(file, at)| &file.columns[*at].cells))
        .collect();
    let mut numbers = number::read_all(&cells, recipe.threads).into_iter();
    let measured = |(name, at): (String, Vec<usize>)| {
        let numbers = numbers.by_ref().take(at.len()).collect();
        Measured { name, at, numbers }
    };
    Ok(columns.into_iter().map(measured).collect())
}

fn lacks(column: &str, has: &Raw<'_>, lacks: &Raw<'_>) -> PreprocessError {
    PreprocessError::TestColumns {
        column: column.to_owned(),
        has: has.file.clone(),
        lacks: lacks.file.clone(),
    }
}

fn check_name(file: &str, name: &str, with_calendar: bool) -> Result<(), PreprocessError> {
    let taken = match name {
        "time" => "the time axis; `data.time` can name it",
        name if with_calendar && CALENDAR.contains(&name) => {
            "a calendar column; `clean.calendar = false` leaves those out"
        }
        _ => return Ok(()),
    };
    Err(PreprocessError::Reserved {
        file: file.to_owned(),
        column: name.to_owned(),
        taken,
    })
}

fn table(
    grid: Grid,
    mut columns: Vec<Column>,
    calendar: impl Iterator<Item = Column>,
    report: &mut Report,
) -> Result<Table, PreprocessError> {
    for column in &columns {
        let missing = column.values.iter().filter(|value| value.is_nan()).count();
        if missing > 0 {
            report.missing.insert(column.name.clone(), missing);
        }
    }
    columns.extend(calendar);
    Ok(Table::new(String::new(), grid.axis, columns, grid.test_start)?)
}
