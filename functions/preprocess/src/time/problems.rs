//! What is wrong with the cells of a time.

use super::{
    candidates,
    column::{Column, MISSING},
    regular::civil,
};
use crate::{raw::Raw, refusal::Problem};

/// Checks that all cells of a column are times, except at the end.
pub(super) fn settled(raw: &Raw, column: usize, read: Column) -> Result<Column, Problem> {
    if let Some(row) = read.wrong() {
        return Err(wrong(raw, column, &read, row));
    }
    if let Some(row) = read.outside {
        let cell = raw.cell(column, row);
        return Err(cell.problem(
            "lies outside the years 1 to 9999; correct it or set `data.time_format`",
            "1 to 9999",
        ));
    }
    if let [date, naive, Some(offset)] = read.kinds
        && let Some(other) = date.or(naive)
    {
        return Err(two_formats(raw, column, other.min(offset), other.max(offset)));
    }
    Ok(read)
}

/// Returns the problem of a cell that is not written as the first one.
pub(super) fn wrong(raw: &Raw, column: usize, read: &Column, row: usize) -> Problem {
    let cell = raw.cell(column, row);
    let Some(first) = read.seconds.iter().position(|second| *second != MISSING) else {
        return unreadable(raw, column, row);
    };
    if cell.value.is_empty() {
        let message = format!(
            "{}, row {}, column `{}`: the time is missing; add it or remove the row",
            cell.file, cell.row, cell.column
        );
        return Problem::new(message)
            .row(cell.row)
            .column(cell.column)
            .bound("a time in each row");
    }
    if !candidates::of(&cell.value).is_empty() {
        return two_formats(raw, column, first, row);
    }
    let example = raw.cell(column, first);
    let what = format!(
        "is not written as the other times, such as `{}` in row {} ({}); correct it or remove the row",
        example.value, example.row, read.format
    );
    cell.problem(&what, read.format.clone())
}

fn two_formats(raw: &Raw, column: usize, first: usize, row: usize) -> Problem {
    let (cell, first) = (raw.cell(column, row), raw.cell(column, first));
    let what = format!(
        "is written in another format than `{}` in row {}; write all times in one format",
        first.value, first.row
    );
    cell.problem(&what, format!("as `{}`", first.value))
}

/// Returns the problem of a cell that is no time of the day.
pub(super) fn wrong_clock(raw: &Raw, column: usize, row: usize, format: &str) -> Problem {
    let what = format!("is not a time of the day as the others ({format}); correct it or remove the row");
    raw.cell(column, row).problem(&what, format)
}

/// Returns the problem of a cell that is no time in any format.
pub(super) fn unreadable(raw: &Raw, column: usize, row: usize) -> Problem {
    let what = "is not a time that can be read; write it as 2024-01-31 or 2024-01-31 18:00, name its format in \
                `data.time_format` (`step` where the rows are steps without a calendar), or name another column in \
                `data.time`";
    raw.cell(column, row).problem(what, "a time")
}

/// Returns the problem of a file of which no column has the format that the settings give.
pub(super) fn no_column_fits(raw: &Raw, format: &str) -> Problem {
    let message = format!(
        "{}: no column is written as `data.time_format` says, `{format}`; it has {}",
        raw.file,
        raw.examples()
    );
    Problem::new(message).bound(format)
}

/// Returns the problem of two readings that both fit.
pub(super) fn ambiguous(raw: &Raw, column: usize, a: &Column, b: &Column) -> Problem {
    let differs = a.seconds.iter().zip(&b.seconds).position(|(a, b)| a != b);
    let row = differs.unwrap_or_default();
    let words =
        |read: &Column| civil(read.seconds[row]).map_or(String::new(), |clock| clock.strftime("%-d %B %Y").to_string());
    let what = format!(
        "is {} or {}, and both fit all rows; set `data.time_format` to `{}` or `{}`",
        words(a),
        words(b),
        a.format,
        b.format
    );
    raw.cell(column, row).problem(&what, "one format")
}
