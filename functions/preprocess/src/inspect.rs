//! Reads a file as `preprocess` would, without writing anything.

use contract::Report;

use crate::{
    clean::{Recipe, understand},
    error::PreprocessError,
    raw::File,
    refusal::Problem,
};

/// What `preprocess` would make of a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Inspection {
    /// How the file was understood, as far as it could be.
    pub report: Report,
    /// The steps of the clean part; 0 when the file is refused.
    pub rows: usize,
    /// Every problem that was found; empty when the file is accepted.
    pub problems: Vec<Problem>,
}

/// Reads a data file and, when the holdout is a test file, that one too.
#[must_use]
pub fn inspect(data_file: File, test_file: Option<File>, recipe: &Recipe<'_>) -> Inspection {
    let (report, table) = understand(data_file, test_file, recipe);
    let (rows, problems) = match table {
        Ok(table) => (table.axis.len, Vec::new()),
        Err(PreprocessError::Refused(refusal)) => (0, refusal.problems),
        Err(error) => (0, vec![Problem::new(platform::error::chain(&error))]),
    };
    Inspection { report, rows, problems }
}
