//! Finds the columns that make the time, and reads their cells as seconds.
//!
//! [`read`] finds the columns (`find`), by their names (`names`) and by what their cells can be. A cell has some formats
//! (`candidates`, `format`, `iso`, `stamp`); the one that all cells of the column have is right, and of several the only one that
//! makes regular times (`column`, `choose`, `regular`). A time may stand in several columns (`parts`). At last wall clocks become
//! UTC (`zone`).

mod candidates;
mod choose;
mod column;
mod find;
mod format;
mod iso;
mod names;
mod parts;
mod problems;
mod regular;
mod stamp;
mod zone;

use contract::{
    TimeReading,
    spec::{Choice, DataSection},
};

use self::{column::Column, find::Found, parts::AND};
use crate::{
    raw::Raw,
    refusal::{Problem, Refusal},
};

pub(crate) use self::{candidates::is_unmistakable as looks_like_time, names::words};

/// The times of a file.
#[derive(Debug)]
pub(crate) struct Times {
    /// UTC seconds of each row, rounded down; with `steps` the numbers of the steps. Shorter than the file when rows at
    /// its end are no data.
    pub(crate) seconds: Vec<i64>,
    /// Whether they are steps without a calendar.
    pub(crate) steps: bool,
    /// The columns that make them; empty when the rows are counted.
    pub(crate) columns: Vec<usize>,
    /// How they were read.
    pub(crate) reading: TimeReading,
    /// Rows at the end whose time is no time.
    pub(crate) footers: Vec<usize>,
    /// Sentences about what may surprise.
    pub(crate) notices: Vec<String>,
}

/// Returns the times of a file.
pub(crate) fn read(raw: &Raw, data: &DataSection) -> Result<Times, Refusal> {
    finish(raw, find::find(raw, data)?, data)
}

/// Returns the times of a second file, which must be written as those of the first one.
pub(crate) fn read_like(first: &Times, raw: &Raw, data: &DataSection) -> Result<Times, Refusal> {
    let reading = &first.reading;
    let mut like = data.clone();
    like.time = reading
        .columns
        .first()
        .map_or(Choice::Auto, |name| Choice::Given(name.clone()));
    let format = reading.format.split(AND).next().unwrap_or_default();
    if reading.columns.is_empty() || names_a_format(format) {
        like.time_format = Choice::Given(format.to_owned());
    }
    let found = find::find(raw, &like)?;
    let columns =
        |columns: &[usize]| -> Vec<String> { columns.iter().map(|column| raw.columns[*column].name.clone()).collect() };
    if found.column.format == reading.format && columns(&found.columns) == reading.columns {
        return finish(raw, found, data);
    }
    let message = format!(
        "{}: the times are {} in the columns {}, but those of the first file are {} in {}; write both files alike",
        raw.file,
        found.column.format,
        columns(&found.columns).join(", "),
        reading.format,
        reading.columns.join(", ")
    );
    Err(Problem::new(message)
        .value(found.column.format)
        .bound(reading.format.clone())
        .into())
}

/// Returns whether a name of a format is one that a cell can be read in, and no name of a column.
fn names_a_format(format: &str) -> bool {
    format.contains(['%', '-', 'Y', ' ']) || format == "excel" || format == find::STEP
}

/// Turns the times of a file into UTC.
fn finish(raw: &Raw, found: Found, data: &DataSection) -> Result<Times, Refusal> {
    let Found {
        columns,
        column,
        steps,
        mut notices,
    } = found;
    let rows = column.rows();
    let footers = (rows..raw.rows()).collect();
    let Column {
        format,
        mut seconds,
        kinds,
        shifted,
        finer,
        interval,
        ..
    } = column;
    if interval {
        notices.push("the times are intervals, which are read by their beginning".to_owned());
    }
    seconds.truncate(rows);
    if finer > 0 {
        notices.extend(whole_seconds(raw, &columns, &seconds, finer)?);
    }
    let zone = match kinds {
        _ if steps => "",
        [.., Some(_)] if shifted => "offsets",
        [.., Some(_)] => "UTC",
        [_, Some(_), _] => &data.time_zone,
        _ => "",
    };
    if kinds[1].is_some() {
        let zone = zone::of(zone);
        if zone == jiff::tz::TimeZone::UTC {
            notices.extend(zone::hint(&seconds));
        } else {
            zone::resolve(&mut seconds, &zone);
        }
    }
    let names = columns.iter().map(|column| raw.columns[*column].name.clone());
    let reading = TimeReading {
        columns: names.collect(),
        format,
        zone: zone.to_owned(),
    };
    Ok(Times {
        seconds,
        steps,
        columns,
        reading,
        footers,
        notices,
    })
}

/// Checks that times with a fraction of a second are still apart in whole seconds. Returns a sentence about them.
fn whole_seconds(raw: &Raw, columns: &[usize], seconds: &[i64], finer: usize) -> Result<Option<String>, Problem> {
    const FEW: usize = 3;
    let equal = || {
        seconds
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[0] == pair[1])
            .map(|(row, _)| row)
    };
    let count = equal().count();
    if let (Some(row), Some(column)) = (equal().next(), columns.first())
        && (count > FEW && count * 20 > seconds.len() || count * 2 > seconds.len())
    {
        let (cell, next) = (raw.cell(*column, row), raw.cell(*column, row + 1));
        let what = format!(
            "and `{}` in row {} lie in the same second, and steps shorter than a second are not supported; take the mean \
             of each second, or number the rows and set `data.time_format` to `step`",
            next.value, next.row
        );
        return Err(cell.problem(&what, "at least a second"));
    }
    Ok(Some(format!(
        "{finer} times have a fraction of a second, which is rounded down"
    )))
}

#[cfg(test)]
mod tests;
