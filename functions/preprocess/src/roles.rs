//! Decides the role of each column: target, input, or none.

use contract::{Report, spec::DataSection};
use series::{Column, Role};

use crate::{error::PreprocessError, grid::Grid, number::Numbers, raw::Raw};

/// A column of the data file and, if there is one, of the test file.
pub(crate) struct Measured<'a> {
    pub(crate) name: String,
    /// The index of the column in each file.
    pub(crate) at: Vec<usize>,
    /// The cells of the column in each file.
    pub(crate) numbers: Vec<Numbers<'a>>,
}

/// Returns the columns with their roles, in the order of the file. Columns that are left out are named in the report.
///
/// Whether a column varies is judged on the grid, so a row that was replaced by another one with the same time does not
/// count.
pub(crate) fn assign(
    files: &[Raw<'_>],
    columns: Vec<Measured<'_>>,
    grid: &Grid,
    data: &DataSection,
    report: &mut Report,
) -> Result<Vec<Column>, PreprocessError> {
    check_names(files, &columns, data)?;
    let mut kept = Vec::with_capacity(columns.len());
    for column in columns {
        let values: Vec<&[f64]> = column.numbers.iter().map(|numbers| &*numbers.values).collect();
        let values = grid.place(&values);
        if let Some(role) = role(files, &column, &values, data, report)? {
            kept.push(Column {
                name: column.name,
                role,
                values,
            });
        }
    }
    if !kept.iter().any(|column| column.role == Role::Target) {
        return Err(no_target(files, report));
    }
    Ok(kept)
}

fn check_names(files: &[Raw<'_>], columns: &[Measured<'_>], data: &DataSection) -> Result<(), PreprocessError> {
    let targets = data
        .targets
        .given()
        .into_iter()
        .flatten()
        .map(|name| ("data.targets", name));
    let past = data.past.iter().map(|name| ("data.past", name));
    for (setting, name) in targets.chain(past) {
        if !columns.iter().any(|column| column.name == *name) {
            let (file, columns) = (files[0].file.clone(), names(columns));
            return Err(PreprocessError::NoColumn {
                file,
                column: name.clone(),
                setting,
                columns,
            });
        }
    }
    Ok(())
}

fn role(
    files: &[Raw<'_>],
    column: &Measured<'_>,
    values: &[f64],
    data: &DataSection,
    report: &mut Report,
) -> Result<Option<Role>, PreprocessError> {
    let name = || column.name.clone();
    let asked = data.targets.given().map(|targets| targets.contains(&column.name));
    let past = data.past.contains(&column.name);
    check_infinite(files, column)?;
    if column.numbers.iter().all(|numbers| numbers.count == 0) && has_text(files, column) {
        if asked == Some(true) || past {
            let setting = if past { "data.past" } else { "data.targets" };
            return Err(PreprocessError::NotNumeric {
                file: files[0].file.clone(),
                column: name(),
                setting,
            });
        }
        report.not_numeric.push(name());
        return Ok(None);
    }
    check_text(files, column)?;
    let target = asked.unwrap_or(!past);
    if varies(values) {
        return Ok(Some(if target { Role::Target } else { Role::Past }));
    }
    let empty = values.iter().all(|value| value.is_nan());
    if empty { &mut report.empty } else { &mut report.constant }.push(name());
    if target && (!empty || asked.is_some()) {
        report.excluded_targets.push(name());
    }
    // An empty input that the spec names stays: the next upload may fill it, and then has the same columns.
    Ok((!empty || past).then_some(Role::Past))
}

fn check_infinite(files: &[Raw<'_>], column: &Measured<'_>) -> Result<(), PreprocessError> {
    for ((file, numbers), at) in files.iter().zip(&column.numbers).zip(&column.at) {
        if let Some(row) = numbers.infinite {
            return Err(PreprocessError::Infinite(file.cell(*at, row)));
        }
    }
    Ok(())
}

fn check_text(files: &[Raw<'_>], column: &Measured<'_>) -> Result<(), PreprocessError> {
    for ((file, numbers), at) in files.iter().zip(&column.numbers).zip(&column.at) {
        if let Some(row) = numbers.text {
            return Err(PreprocessError::Text(file.cell(*at, row)));
        }
        if numbers.count == 0 && file.columns[*at].cells.is_other() {
            return Err(PreprocessError::Text(file.cell(*at, 0)));
        }
    }
    Ok(())
}

fn has_text(files: &[Raw<'_>], column: &Measured<'_>) -> bool {
    let other = files
        .iter()
        .zip(&column.at)
        .any(|(file, at)| file.columns[*at].cells.is_other());
    other || column.numbers.iter().any(|numbers| numbers.text.is_some())
}

fn varies(values: &[f64]) -> bool {
    let mut present = values.iter().filter(|value| !value.is_nan());
    let first = present.next();
    present.any(|value| Some(value) != first)
}

fn names(columns: &[Measured<'_>]) -> String {
    columns
        .iter()
        .map(|column| format!("`{}`", column.name))
        .collect::<Vec<_>>()
        .join(", ")
}

fn no_target(files: &[Raw<'_>], report: &Report) -> PreprocessError {
    let quoted = |name: &String| format!("`{name}`");
    let with_text = |name: &String| {
        files[0]
            .find(name)
            .map_or_else(|| quoted(name), |at| files[0].example(at))
    };
    let parts = [
        ("constant", report.constant.iter().map(quoted).collect::<Vec<_>>()),
        ("without any value", report.empty.iter().map(quoted).collect()),
        ("without numbers", report.not_numeric.iter().map(with_text).collect()),
    ];
    let parts = parts.iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<_> = parts
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
    let why = if parts.is_empty() {
        "there is no column beside the time".to_owned()
    } else {
        parts.join("; ")
    };
    PreprocessError::NoTarget {
        file: files[0].file.clone(),
        why,
    }
}
