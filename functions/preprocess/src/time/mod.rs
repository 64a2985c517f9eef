//! Finds the columns that make the time, and reads their cells as seconds.

use contract::{TimeReading, spec::DataSection};

use crate::{raw::Raw, refusal::Refusal};

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
pub(crate) fn read(_raw: &Raw, _data: &DataSection) -> Result<Times, Refusal> {
    todo!()
}

/// Returns the times of a second file, which must be written as those of the first one.
pub(crate) fn read_like(_first: &Times, _raw: &Raw, _data: &DataSection) -> Result<Times, Refusal> {
    todo!()
}

/// Returns whether a text is a time and not a bare number.
pub(crate) fn looks_like_time(_text: &str) -> bool {
    todo!()
}
