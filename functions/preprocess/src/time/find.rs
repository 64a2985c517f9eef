//! Finds the columns that make the time.

use contract::spec::{Choice, DataSection};

use super::{
    choose::{Readings, is_as_likely, score, understand},
    column::Column,
    names::{self, Trust},
    parts::{self, Joined},
    problems::{ambiguous, no_column_fits, unreadable},
    regular::civil,
    stamp::{Kind, Stamp},
};
use crate::{
    raw::{Cells, Raw, RawColumn},
    refusal::{Problem, Refusal},
};

/// The columns of the time, as they were read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) columns: Vec<usize>,
    pub(super) column: Column,
    pub(super) steps: bool,
    pub(super) notices: Vec<String>,
}

pub(super) const STEP: &str = "step";

/// Returns the columns that make the time: those that the settings name or else those that look most like it.
pub(super) fn find(raw: &Raw, data: &DataSection) -> Result<Found, Refusal> {
    if let Choice::Given(name) = &data.time {
        return given(raw, data, name);
    }
    if data.time_format == Choice::Given(STEP.to_owned()) {
        return Ok(any_steps(raw).unwrap_or_else(|| counted(raw)));
    }
    let columns = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..raw.columns.len())
            .filter(|column| wanted(&raw.columns[*column].name))
            .collect()
    };
    for column in columns(&names::is_time) {
        if let Some(found) = read(raw, column, data, Trust::Named)? {
            return Ok(found);
        }
    }
    // Another column may still be the time, so a problem of one that is only likely waits.
    let mut problem = None;
    let mut first_of = |columns: Vec<usize>, trust| {
        columns.into_iter().find_map(|column| {
            let found = read(raw, column, data, trust);
            found.unwrap_or_else(|error| {
                problem.get_or_insert(error);
                None
            })
        })
    };
    let likely = |name: &str| names::trust(name) == Trust::Weak;
    if let Some(found) = first_of(columns(&|name| likely(name) && !names::is_part(name)), Trust::Weak) {
        return Ok(found);
    }
    if let Some(joined) = parts::group(raw)? {
        return Ok(Found::joined(joined, None));
    }
    let found = first_of(columns(&likely), Trust::Weak);
    if let Some(found) = found.or_else(|| first_of(columns(&|_| true), Trust::None)) {
        return Ok(found);
    }
    if let Some(problem) = problem {
        return Err(problem.into());
    }
    if let Choice::Given(format) = &data.time_format {
        return Err(no_column_fits(raw, format).into());
    }
    if let Some(found) = any_steps(raw) {
        return Ok(found);
    }
    match unread(raw).or_else(|| rows_are_series(raw)) {
        Some(problem) => Err(problem.into()),
        None => Ok(counted(raw)),
    }
}

/// Returns the time of the column that the settings name.
fn given(raw: &Raw, data: &DataSection, name: &str) -> Result<Found, Refusal> {
    let Some(column) = raw.find(name) else {
        let message = format!(
            "{} has no column `{name}`, which `data.time` names; it has {}",
            raw.file,
            raw.examples()
        );
        return Err(Problem::new(message)
            .column(name)
            .value(name)
            .bound("a column of the file")
            .into());
    };
    let of_steps = data.time_format == Choice::Given(STEP.to_owned());
    if !of_steps {
        if names::is_part(name)
            && let Some(joined) = parts::group(raw)?.filter(|(columns, _)| columns.contains(&column))
        {
            return Ok(Found::joined(joined, None));
        }
        if let Some(found) = read(raw, column, data, Trust::Named)? {
            return Ok(found);
        }
    }
    let first = raw.columns[column].cells.first_row().unwrap_or_default();
    let steps = of_steps || data.time_format == Choice::Auto;
    let found = steps.then(|| steps_of(raw, column, false)).flatten();
    found.ok_or_else(|| unreadable(raw, column, first).into())
}

/// Reads a column as times, together with a time of the day in another one.
fn read(raw: &Raw, column: usize, data: &DataSection, trust: Trust) -> Result<Option<Found>, Problem> {
    let Some(Readings { best: read, rival }) = understand(raw, column, data, trust)? else {
        return Ok(None);
    };
    let numbered = read.format == "excel" && !names::compact(&raw.columns[column].name).starts_with('d');
    if numbered && data.time_format == Choice::Auto && steps_of(raw, column, true).is_some() {
        let first = raw.columns[column].cells.first_row().unwrap_or_default();
        let day = civil(read.seconds[first])
            .map(|clock| clock.strftime("%-d %B %Y").to_string())
            .unwrap_or_default();
        let what = format!("is {day} or a number of a step; set `data.time_format` to `excel` or `{STEP}`");
        return Err(raw.cell(column, first).problem(&what, "one format"));
    }
    let two = rival.as_ref().map(|rival| ambiguous(raw, column, &read, rival));
    let (joined, notice) = parts::with_clock(raw, column, read)?;
    let (Some(rival), Some(two)) = (rival, two) else {
        return Ok(Some(Found::joined(joined, notice)));
    };
    // With the times of the day, the dates of one reading may be regular and those of the other not.
    let (other, other_notice) = parts::with_clock(raw, column, rival)?;
    let (own, rivals) = (score(&joined.1), score(&other.1));
    if joined.0.len() < 2 || is_as_likely(own.min(rivals), own.max(rivals)) {
        Err(two)
    } else if own > rivals {
        Ok(Some(Found::joined(joined, notice)))
    } else {
        Ok(Some(Found::joined(other, other_notice)))
    }
}

impl Found {
    pub(super) fn joined((columns, column): Joined, notice: Option<String>) -> Self {
        Self {
            columns,
            column,
            steps: false,
            notices: notice.into_iter().collect(),
        }
    }

    fn of_steps(columns: Vec<usize>, steps: impl Iterator<Item = Option<i64>>, notice: Option<String>) -> Self {
        let stamps = steps.map(|step| step.map(|step| Stamp::new(step, Kind::Date)));
        Self {
            columns,
            column: Column::collect(STEP.to_owned(), stamps, false),
            steps: true,
            notices: notice.into_iter().collect(),
        }
    }
}

/// Returns the first column of steps.
fn any_steps(raw: &Raw) -> Option<Found> {
    let named = |(index, column): (usize, &RawColumn)| names::steps(&column.name).map(|strict| (index, strict));
    let mut columns = raw.columns.iter().enumerate().filter_map(named);
    columns.find_map(|(column, strict)| {
        let found = steps_of(raw, column, strict)?;
        // Months that begin again are a part of the calendar whose year is missing.
        let again = names::is_part(&raw.columns[column].name) && parts::repeats(&found.column.seconds);
        (!again).then_some(found)
    })
}

/// Reads a column as steps: numbers with one distance, which is one step. With `strict` they increase.
pub(super) fn steps_of(raw: &Raw, column: usize, strict: bool) -> Option<Found> {
    const LARGEST: f64 = 1e12;
    let cells = &raw.columns[column].cells;
    let numbers: Vec<f64> = match cells {
        Cells::Numbers(numbers) => numbers.clone(),
        Cells::Text(text) => text
            .iter()
            .map(|cell| cell.and_then(|cell| cell.trim().parse().ok()).unwrap_or(f64::NAN))
            .collect(),
        Cells::Stamps(_) | Cells::Other { .. } => return None,
    };
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    let increases = sorted.windows(2).all(|pair| pair[0] < pair[1]);
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    if strict && !increases || sorted.iter().any(|number| number.abs() > LARGEST) {
        return None;
    }
    let step = sorted
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(f64::INFINITY, f64::min);
    let step = if step.is_finite() { step } else { 1.0 };
    let place = |number: f64| (number - first) / step;
    let regular = sorted
        .iter()
        .all(|number| (place(*number) - place(*number).round()).abs() < 1e-3);
    #[expect(clippy::cast_precision_loss, reason = "a share needs no exact counts")]
    if !regular || (sorted.len() as f64) < 0.5 * (place(last) + 1.0) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most `LARGEST` steps of a step that is not tiny"
    )]
    let number = |number: &f64| (!number.is_nan()).then(|| (place(*number) + (first / step).floor()).round() as i64);
    let notice = (step - 1.0).abs() > 1e-9;
    let notice = notice.then(|| format!("one step is {step} of `{}`", raw.columns[column].name));
    let found = Found::of_steps(vec![column], numbers.iter().map(number), notice);
    found.column.wrong().is_none().then_some(found)
}

/// Returns the rows as steps, counted from 0. An empty row is a step without values, unless one stands between all rows.
fn counted(raw: &Raw) -> Found {
    let mut notice = "no column is a time, so the rows are steps, counted from 0".to_owned();
    let mut empty = Vec::new();
    for (before, rows) in &raw.empty {
        if (1..raw.rows()).contains(before) {
            empty.push((*before, empty.last().map_or(0, |(_, sum)| *sum) + rows));
        }
    }
    let count = empty.last().map_or(0, |(_, sum)| *sum);
    if empty.len() + 1 == raw.rows() && count == empty.len() {
        empty.clear();
    } else if count > 0 {
        notice = format!("{notice}; {count} empty rows count too, without values");
    }
    let step = |row: usize| {
        let stretches = empty.partition_point(|(before, _)| *before <= row);
        let skipped = stretches.checked_sub(1).map_or(0, |last| empty[last].1);
        i64::try_from(row + skipped).ok()
    };
    Found::of_steps(Vec::new(), (0..raw.rows()).map(step), Some(notice))
}

/// Returns the problem of a column that should be a time by its name, or by most of its cells, and is none.
fn unread(raw: &Raw) -> Option<Problem> {
    let looks = |(index, column): &(usize, &RawColumn)| match &column.cells {
        Cells::Text(text) => {
            let years = || text.iter().flatten().filter(|cell| has_year(cell)).count();
            names::is_time(&column.name) || *index == 0 && years() * 2 > text.len()
        }
        Cells::Numbers(_) => names::is_time(&column.name),
        Cells::Stamps(_) | Cells::Other { .. } => false,
    };
    let columns = raw
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.cells.first_row().is_some());
    let (column, RawColumn { cells, .. }) = columns.into_iter().find(looks)?;
    Some(unreadable(raw, column, cells.first_row()?))
}

/// Returns the problem of a table whose rows are series: each begins with a name of its own, and the columns of numbers are
/// counted (`V1`, `V2`), as in tables of competitions.
fn rows_are_series(raw: &Raw) -> Option<Problem> {
    const LEAST: usize = 4;
    let number = |column: &RawColumn| -> Option<u64> {
        let digits = column.name.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.parse().ok()
    };
    let Cells::Text(names) = &raw.columns.first()?.cells else {
        return None;
    };
    let columns = raw
        .columns
        .iter()
        .filter(|column| matches!(column.cells, Cells::Numbers(_)));
    let numbers: Vec<u64> = columns.map(number).collect::<Option<_>>()?;
    let counted = numbers.len() + 1 >= LEAST && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let distinct: std::collections::HashSet<_> = names.iter().collect();
    if !counted || distinct.len() < names.len() {
        return None;
    }
    let what = "seems to name a series, and the columns are counted: each row is a series; write one row per time and one \
                column per series, or set `data.time_format` to `step` if the rows are steps";
    Some(raw.cell(0, 0).problem(what, "one row per time"))
}

/// Returns whether a text has the digits of a year among other characters.
fn has_year(text: &str) -> bool {
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    runs.any(|run| run.len() == 4 && (run.starts_with("19") || run.starts_with("20"))) && text.trim().len() > 4
}
