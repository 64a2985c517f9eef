//! What can be wrong with an upload.

use contract::FailureKind;
use platform::{
    Class, Classify as _, Place, StoreError,
    child::{ChildError, Death},
    error::chain,
};
use serde::{Deserialize, Serialize};
use series::{AxisError, TableError};

/// Where a cell lies. The row counts lines from 1, the header being row 1; a Parquet file has no header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// The file's name.
    pub file: String,
    /// The row.
    pub row: u64,
    /// The column.
    pub column: String,
    /// What stands there.
    pub value: String,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}, row {}, column `{}`: `{}`",
            self.file, self.row, self.column, self.value
        )
    }
}

/// What the child refused, in the words of a failure.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The whole chain of causes, outermost first.
    pub message: String,
    /// What it is to an operator.
    pub kind: FailureKind,
    row: Option<u64>,
    column: Option<String>,
    value: Option<String>,
    bound: Option<String>,
}

/// What stops an upload from becoming a clean part.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessError {
    /// The store failed.
    #[error("cannot read the upload or keep the clean part")]
    Store(#[from] StoreError),
    /// The object was replaced or deleted since its receipt was written.
    #[error("object `{key}` is gone: it was replaced or deleted")]
    Gone {
        /// The key.
        key: String,
    },
    /// The message is for another stage, or lacks an input.
    #[error("the message is no job of this stage: {what}")]
    Message {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The process that read the files ended before it had an answer, through what stands in them.
    #[error("reading {files} {death}")]
    Died {
        /// The keys of the files.
        files: String,
        /// What ended it.
        death: Death,
    },
    /// The process that reads the files could not begin or was told to end, whatever stands in them.
    #[error("the files could not be read apart")]
    Apart(#[source] ChildError),
    /// The process that read the files refuses them.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// Nothing in it.
    #[error("{file} is empty: it needs a header and data rows")]
    Empty {
        /// The file.
        file: String,
    },
    /// A header and nothing else.
    #[error("{file} has a header and no data rows: at least 1 is needed")]
    HeaderOnly {
        /// The file.
        file: String,
    },
    /// Bytes that are not UTF-8.
    #[error("{file}, row {row}: byte {offset} of the file (0x{byte:02x}) is not UTF-8")]
    Encoding {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// The byte's place in the file, from 0.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// A name that says one format and content of another.
    #[error("{file} is named .{extension} but holds {content}")]
    Mislabelled {
        /// The file.
        file: String,
        /// What its name says.
        extension: String,
        /// What it is.
        content: &'static str,
    },
    /// A line too long to be a row.
    #[error("{file}, row {row} has {have} bytes, at most {bound} are read")]
    LongLine {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// Its bytes.
        have: usize,
        /// The most bytes.
        bound: usize,
    },
    /// Too many columns.
    #[error("{file} has {have} columns, at most {bound} are read")]
    TooManyColumns {
        /// The file.
        file: String,
        /// Its columns.
        have: usize,
        /// The most columns.
        bound: usize,
    },
    /// Too many values.
    #[error("{file} declares {have} values, at most {bound} are read")]
    TooManyValues {
        /// The file.
        file: String,
        /// Rows times columns.
        have: usize,
        /// The most values.
        bound: usize,
    },
    /// A file that announces more of something than is read.
    #[error("{file} declares {have} {what}, at most {bound} are read")]
    Declares {
        /// The file.
        file: String,
        /// What it announces.
        what: &'static str,
        /// How many.
        have: u64,
        /// The most.
        bound: u64,
    },
    /// A column with another number of rows than the file.
    #[error("{file}: column `{column}` has {have} rows, the file declares {need}")]
    Height {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Its rows.
        have: String,
        /// The rows of the file, or of the group of rows.
        need: String,
    },
    /// A first row without names.
    #[error("{file}, row 1 holds values (`{time}`) and no names: a header is needed")]
    NoHeader {
        /// The file.
        file: String,
        /// A time that stands where a name should.
        time: String,
    },
    /// A name that would not fit the documents in which it stands.
    #[error("{file}: the name of column {number}, `{begins}`, has {have} bytes, at most {bound} are read")]
    LongName {
        /// The file.
        file: String,
        /// The column's place, from 1.
        number: usize,
        /// How its name begins.
        begins: String,
        /// Its bytes.
        have: usize,
        /// The most bytes.
        bound: usize,
    },
    /// A column name twice in the header.
    #[error("{file}, row 1: column `{column}` is there twice, names must differ")]
    Twice {
        /// The file.
        file: String,
        /// The name.
        column: String,
    },
    /// A column name that the clean part needs for itself.
    #[error("{file}, row 1: column name `{column}` is taken by {taken}")]
    Reserved {
        /// The file.
        file: String,
        /// The name.
        column: String,
        /// What it is taken by, and the way out.
        taken: &'static str,
    },
    /// A row with more or fewer fields than the header.
    #[error("{file}, row {row} has {have} fields, the header has {need}")]
    Ragged {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// Its fields.
        have: usize,
        /// The header's fields.
        need: usize,
    },
    /// A file that its reader cannot read.
    #[error("{file} cannot be read as {format}")]
    Unreadable {
        /// The file.
        file: String,
        /// The format.
        format: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A column that the spec names and the file has not.
    #[error("{file} has no column `{column}`, which `{setting}` names; it has {columns}")]
    NoColumn {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The spec's path.
        setting: &'static str,
        /// The columns there are.
        columns: String,
    },
    /// No column of times.
    #[error(
        "{file} has no time column: none of {columns} holds times throughout; allowed: {TIMES}; `data.time` can name one, and must where they are bare numbers"
    )]
    NoTime {
        /// The file.
        file: String,
        /// The columns there are, with their first cells.
        columns: String,
    },
    /// A cell that is no time.
    #[error("{0} is not a time; allowed: {TIMES}")]
    Time(Box<Cell>),
    /// A time before the year 1 or after 9999.
    #[error("{0} is outside the calendar of {CALENDAR}")]
    OutOfCalendar(Box<Cell>),
    /// A time finer than the axis.
    #[error("{0} is not a whole second")]
    SubSecond(Box<Cell>),
    /// Two formats of time in one column.
    #[error("{cell} is {have}, row {first_row} has {need}: `{first_value}`; all must have one format")]
    MixedTimes {
        /// The cell that differs.
        cell: Box<Cell>,
        /// Its format.
        have: &'static str,
        /// The format of the first one.
        need: &'static str,
        /// The row of the first one.
        first_row: u64,
        /// The first one.
        first_value: String,
    },
    /// Text in a column of numbers.
    #[error("{0} is not a number; allowed: {NUMBERS}")]
    Text(Box<Cell>),
    /// Infinity, or a number too large for one.
    #[error("{0} is not a finite number")]
    Infinite(Box<Cell>),
    /// A column that must hold numbers and holds none.
    #[error("{file}: column `{column}`, which `{setting}` names, has no number")]
    NotNumeric {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The spec's path.
        setting: &'static str,
    },
    /// Nothing to forecast.
    #[error("{file} has no usable target: {why}")]
    NoTarget {
        /// The file.
        file: String,
        /// What became of each column.
        why: String,
    },
    /// A time that does not fit the others.
    #[error("{cell} is off the grid of one row every {frequency} from {start}")]
    OffGrid {
        /// The cell.
        cell: Box<Cell>,
        /// The grid's step.
        frequency: series::Frequency,
        /// The grid's first time.
        start: String,
    },
    /// A step that is longer than any frequency.
    #[error("{cell} is {step} after the row before it; a step is at most {STEP}")]
    Step {
        /// The cell.
        cell: Box<Cell>,
        /// The step.
        step: series::Frequency,
    },
    /// Times that are no grid.
    #[error("{file} has no regular time axis")]
    Axis {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: AxisError,
    },
    /// Test rows that do not follow the data.
    #[error("{test_file} starts at {start}, which is not after {end}, the last row of {file}")]
    TestTooEarly {
        /// The data file.
        file: String,
        /// The test file.
        test_file: String,
        /// The first test row.
        start: String,
        /// The last data row.
        end: String,
    },
    /// Two files with different columns.
    #[error("column `{column}` is in {has} and not in {lacks}; both need the same columns")]
    TestColumns {
        /// The column.
        column: String,
        /// The file that has it.
        has: String,
        /// The file that has it not.
        lacks: String,
    },
    /// Columns that make no table; checked before, so a fault of this code.
    #[error("the clean columns are no table")]
    Table(#[from] TableError),
    /// The clean part could not be written.
    #[error("the clean part cannot be written")]
    Write(#[from] part::WriteError),
}

impl Refusal {
    pub(crate) fn of(error: &PreprocessError) -> Self {
        let Class {
            kind,
            place:
                Place {
                    row,
                    column,
                    value,
                    bound,
                },
            ..
        } = error.class();
        Self {
            message: chain(error),
            kind,
            row,
            column,
            value,
            bound,
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            row: self.row,
            column: self.column.clone(),
            value: self.value.clone(),
            bound: self.bound.clone(),
        }
    }
}

/// The formats that are read as times.
pub(crate) const TIMES: &str =
    "RFC 3339, YYYY-MM-DD HH:MM[:SS] (or with a T), YYYY-MM-DD, epoch seconds or milliseconds";

/// The calendar that times must lie in.
pub(crate) const CALENDAR: &str = "0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z";

/// The longest step, as in `series::Frequency`.
pub(crate) const STEP: &str = "100 years";

/// What is read as a number, or as missing.
pub(crate) const NUMBERS: &str =
    "a number with a decimal point, or for a missing one nothing, NaN, NA, N/A, null, None or -";
