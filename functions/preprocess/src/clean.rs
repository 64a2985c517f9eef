//! Turns raw files into one table on a regular grid, with a report of everything that was done. Nothing is fitted here.

use contract::{Report, spec::DataSection};
use series::Table;

use crate::{error::PreprocessError, limits::Limits, raw::File, table, time};

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
    let raw = table::read(data_file, recipe.data, &recipe.limits)?;
    let _ = (time::read(&raw, recipe.data)?, test_file);
    todo!()
}
