//! Decides the role of each column: target, input, or none.

use std::collections::HashMap;

use contract::{LeftOut, Report, spec::DataSection, text::counted};
use series::{Column, Role};

use crate::{
    grid::Grid,
    kind::Kind,
    number::Numbers,
    raw::{FileCell, Raw},
    refusal::{Problem, Refusal},
    time::Times,
};

/// A column of the data file and, if there is one, of the test file.
pub(crate) struct Measured {
    pub(crate) name: String,
    /// The index of the column in each file.
    pub(crate) at: Vec<usize>,
    /// The cells of the column in each file.
    pub(crate) numbers: Vec<Numbers>,
    pub(crate) kind: Kind,
}

/// The part that a column may play before the targets are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Target,
    /// A target if there is no other one: the smaller the number, the sooner. Else an input, or left out for a reason.
    Spare(u8, Option<&'static str>),
    Input,
    Out(&'static str),
}

/// What a number is, in the words of a refusal.
pub(crate) const NUMBERS: &str =
    "a number with a decimal point or comma, or for a missing one nothing, NaN, NA, N/A, null, None or -";

/// Notes what the spec asks of columns that the file does not have or that hold no numbers.
pub(crate) fn check(files: &[Raw], columns: &[Measured], data: &DataSection, problems: &mut Vec<Problem>) {
    let targets = data.targets.given().into_iter().flatten();
    let asked = targets
        .map(|name| ("data.targets", name))
        .chain(data.past.iter().map(|name| ("data.past", name)));
    for (setting, name) in asked {
        let Some(column) = columns.iter().find(|column| column.name == *name) else {
            let names = columns.iter().map(|column| column.name.as_str());
            problems.push(no_column(&files[0].file, names, setting, name));
            continue;
        };
        if let Some(file) = column.numbers.iter().position(|numbers| numbers.text.is_some()) {
            let row = column.numbers[file].text.unwrap_or_default();
            let cell = files[file].cell(column.at[file], row);
            problems.push(cell.problem(
                &format!("is not a number, and `{setting}` names its column; allowed: {NUMBERS}"),
                NUMBERS,
            ));
        }
    }
    let all = || files[0].columns.iter().map(|column| column.name.as_str());
    let unknown = data.exclude.iter().filter(|name| !all().any(|known| known == *name));
    problems.extend(unknown.map(|name| no_column(&files[0].file, all(), "data.exclude", name)));
}

/// Returns the problem that a setting names a column that the file does not have.
fn no_column<'a>(file: &str, columns: impl Iterator<Item = &'a str>, setting: &str, name: &str) -> Problem {
    let columns: Vec<_> = columns.map(|column| format!("`{column}`")).collect();
    let columns = columns.join(", ");
    let message = format!("{file} has no column `{name}`, which `{setting}` names; it has {columns}");
    Problem::new(message)
        .row(1)
        .column(name)
        .value(name)
        .bound(format!("one of {columns}"))
}

/// Returns the columns with their roles, in the order of the file. Columns that are left out are named in the report.
///
/// Whether a column varies is judged on the grid, so a row that was replaced by another one with the same time does not
/// count.
pub(crate) fn assign(
    files: &[Raw],
    times: &Times,
    columns: Vec<Measured>,
    grid: &Grid,
    data: &DataSection,
    report: &mut Report,
) -> Result<Vec<Column>, Refusal> {
    let has = |name: &str| times.columns.iter().any(|&at| files[0].columns[at].name == name);
    // The two names that Prophet's users give the time and the target; all else are its regressors.
    let prophet = has("ds")
        && columns
            .iter()
            .any(|column| column.name == "y" && column.numbers[0].text.is_none());
    let mut placed = Vec::with_capacity(columns.len());
    let mut texts = HashMap::new();
    let mut first_text = None;
    for Measured {
        name,
        at,
        numbers,
        kind,
    } in columns
    {
        let text = text_cell(files, &at, &numbers);
        let some = numbers.iter().any(|numbers| numbers.count() > 0);
        let values = grid.place(numbers.into_iter().map(|numbers| numbers.values).collect());
        let mut part = part(&name, kind, &values, data);
        if let Some(cell) = text.filter(|_| part != Part::Out(EXCLUDED)) {
            part = Part::Out("no number");
            if some {
                let text = format!("text among its numbers, row {}: `{}`", cell.row, cell.value);
                texts.insert(name.clone(), text);
                first_text.get_or_insert(cell);
            } else {
                report.not_numeric.push(name.clone());
            }
        }
        if prophet && data.targets.given().is_none() && matches!(part, Part::Target | Part::Spare(..)) && name != "y" {
            part = Part::Input;
        }
        placed.push((name, values, part));
    }
    promote_spares(&mut placed, data, report);
    if data.targets.given().is_none() && grid.test_start.is_none() {
        put_known_ahead(&mut placed, report);
    }
    let mut kept = Vec::with_capacity(placed.len());
    for (name, values, part) in placed {
        let role = match part {
            Part::Target => Role::Target,
            Part::Input | Part::Spare(_, None) => Role::Past,
            Part::Out(why) | Part::Spare(_, Some(why)) => {
                report.empty.extend((why == EMPTY).then(|| name.clone()));
                let why = texts.remove(&name).unwrap_or_else(|| why.to_owned());
                report.understood.left_out.push(LeftOut { column: name, why });
                continue;
            }
        };
        note_sameness(&name, &values, role, data, report);
        kept.push(Column { name, role, values });
    }
    if !kept.iter().any(|column| column.role == Role::Target) {
        let problem = first_text.map(|cell| {
            let what = format!("is not a number, and no other column can be forecast; allowed: {NUMBERS}");
            cell.problem(&what, NUMBERS)
        });
        return Err(problem.unwrap_or_else(|| no_target(&files[0], report)).into());
    }
    Ok(kept)
}

/// Returns the first cell of a column that is no number.
fn text_cell(files: &[Raw], at: &[usize], numbers: &[Numbers]) -> Option<FileCell> {
    let file = numbers.iter().position(|numbers| numbers.text.is_some())?;
    Some(files[file].cell(at[file], numbers[file].text?))
}

/// Makes inputs of the targets that go on where the others end: those are known ahead. The others stand first in the file,
/// end together, and for longer than they were ever missing before; else their last values are only missing, and noted.
fn put_known_ahead(placed: &mut [(String, Vec<f64>, Part)], report: &mut Report) {
    /// More missing rows than this at the end are no outage.
    const LEAST: usize = 2;
    /// A column that ended before this part of the rows is no target whose future is known.
    const MOST: usize = 3;
    let end = |values: &[f64]| {
        let last = values.iter().rposition(|value| !value.is_nan());
        last.map_or(0, |row| row + 1)
    };
    let targets = || placed.iter().filter(|(_, _, part)| *part == Part::Target);
    let Some(last) = targets().map(|(_, values, _)| end(values)).max() else {
        return;
    };
    let early = || targets().filter(|(_, values, _)| last - end(values) > LEAST);
    let first = targets().next().map_or(0, |(_, values, _)| end(values));
    let rows = last - first;
    let longest_gap = |values: &[f64]| {
        let gaps = values.split(|value| !value.is_nan()).map(<[f64]>::len);
        gaps.max().unwrap_or(0)
    };
    let ends_here = |values: &[f64]| end(values) == first && longest_gap(&values[..first]) < rows;
    if rows > LEAST && rows * MOST <= last && early().all(|(_, values, _)| ends_here(values)) {
        for (_, values, part) in placed {
            if *part == Part::Target && end(values) > first {
                *part = Part::Input;
            }
        }
        return;
    }
    for (name, values, _) in early() {
        let rows = counted(last - end(values), "row");
        let notice = format!("target `{name}` ends {rows} before the others; `data.targets` can name it alone");
        report.understood.notices.push(notice);
    }
}

const EXCLUDED: &str = "excluded by `data.exclude`";
const EMPTY: &str = "no value";

fn part(name: &str, kind: Kind, values: &[f64], data: &DataSection) -> Part {
    let named = |names: &[String]| names.iter().any(|given| given == name);
    let past = named(&data.past);
    let asked = data.targets.given().map(|targets| named(targets));
    let present = values.iter().filter(|value| !value.is_nan());
    let empty = present.clone().next().is_none();
    let constant = present
        .clone()
        .zip(present.skip(1))
        .all(|(first, second)| first.total_cmp(second).is_eq());
    match kind {
        _ if named(&data.exclude) => Part::Out(EXCLUDED),
        // An empty input that the spec names stays: the next upload may fill it, and then has the same columns.
        _ if past => Part::Input,
        _ if empty => Part::Out(EMPTY),
        _ if asked == Some(true) => {
            if constant {
                Part::Spare(0, None)
            } else {
                Part::Target
            }
        }
        Kind::Counter => Part::Spare(3, Some("counts the rows or the time")),
        Kind::Id => Part::Spare(5, Some("an id")),
        Kind::CalendarPart => Part::Spare(4, Some("a part of the calendar")),
        _ if asked == Some(false) => Part::Input,
        Kind::Limit => Part::Input,
        _ if constant => Part::Spare(2, None),
        Kind::Flag => Part::Spare(1, None),
        Kind::Measured => Part::Target,
    }
}

/// Makes targets of the best spare columns when there is no other target.
fn promote_spares(placed: &mut [(String, Vec<f64>, Part)], data: &DataSection, report: &mut Report) {
    if placed.iter().any(|(_, _, part)| *part == Part::Target) {
        return;
    }
    let spare = |part: &Part| match part {
        Part::Spare(rank, _) => Some(*rank),
        _ => None,
    };
    let Some(best) = placed.iter().filter_map(|(_, _, part)| spare(part)).min() else {
        return;
    };
    if data.targets.given().is_some() && best > 0 {
        return;
    }
    for (name, _, part) in placed.iter_mut().filter(|(_, _, part)| spare(part) == Some(best)) {
        *part = Part::Target;
        let what = match best {
            0 | 2 => "has one value throughout, which is its forecast",
            1 => "is 0 or 1",
            3 => "counts the rows or the time",
            4 => "a part of the calendar",
            _ => "names something",
        };
        report
            .understood
            .notices
            .push(format!("target `{name}` {what}; no other column could be one"));
    }
}

/// Notes a column that has the same value in all rows, or none.
fn note_sameness(name: &str, values: &[f64], role: Role, data: &DataSection, report: &mut Report) {
    let mut present = values.iter().filter(|value| !value.is_nan());
    let first = present.next();
    if present.any(|value| Some(value) != first) {
        return;
    }
    report.constant.extend(first.is_some().then(|| name.to_owned()));
    report.empty.extend(first.is_none().then(|| name.to_owned()));
    let asked = data
        .targets
        .given()
        .is_none_or(|targets| targets.iter().any(|target| target == name));
    if role != Role::Target && asked && !data.past.iter().any(|past| past == name) {
        report.excluded_targets.push(name.to_owned());
    }
}

fn no_target(raw: &Raw, report: &Report) -> Problem {
    let left_out: Vec<_> = report
        .understood
        .left_out
        .iter()
        .map(|left| format!("`{}`: {}", left.column, left.why))
        .collect();
    let why = if left_out.is_empty() {
        "there is no column beside the time".to_owned()
    } else {
        left_out.join("; ")
    };
    Problem::new(format!(
        "{} has no column that can be forecast: {why}; `data.targets` can name one",
        raw.file
    ))
    .value(why)
    .bound("at least 1 column of numbers")
}
