//! Errors of an upload.

use platform::{
    StoreError,
    child::{ChildError, Death},
};
use series::{AxisError, TableError};

use crate::refusal::Refusal;

/// A cell of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileCell {
    /// The file's name, without its directory.
    pub file: String,
    /// The line in the file, from 1, with the header as row 1. A Parquet file has no header, so its first row is row 1.
    pub row: u64,
    /// The name of the column, from the header.
    pub column: String,
    /// The text of the cell, shortened.
    pub value: String,
}

impl std::fmt::Display for FileCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}, row {}, column `{}`: `{}`",
            self.file, self.row, self.column, self.value
        )
    }
}

/// Why an upload cannot become a clean part.
#[derive(Debug, thiserror::Error)]
pub enum PreprocessError {
    /// The store did not fulfil a request.
    #[error("cannot read the upload or keep the clean part")]
    Store(#[from] StoreError),
    /// The object was replaced or deleted since its receipt was written.
    #[error("object `{key}` is gone: it was replaced or deleted")]
    Gone {
        /// The key of the object.
        key: String,
    },
    /// The message is for another stage, or an input is missing.
    #[error("the message is no job of this stage: {what}")]
    Message {
        /// What is wrong with the message.
        what: &'static str,
    },
    /// The process that reads the files died of their content, before it had an answer.
    #[error("reading {files} {death}")]
    Died {
        /// The keys of the files.
        files: String,
        /// Why it died.
        death: Death,
    },
    /// The process that reads the files could not start, or was told to end, whatever the files hold.
    #[error("the files could not be read in a child process")]
    Child(#[source] ChildError),
    /// The process that reads the files refuses them.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The file holds nothing.
    #[error("{file} is empty: it needs a header and data rows")]
    Empty {
        /// The name of the file, without its directory.
        file: String,
    },
    /// The file has a header but no data rows.
    #[error("{file} has a header and no data rows: at least 1 is needed")]
    HeaderOnly {
        /// The name of the file, without its directory.
        file: String,
    },
    /// The file is not UTF-8.
    #[error("{file}, row {row}: byte {offset} of the file (0x{byte:02x}) is not UTF-8")]
    Encoding {
        /// The name of the file, without its directory.
        file: String,
        /// The line, from 1.
        row: u64,
        /// The offset of the byte in the file, from 0.
        offset: usize,
        /// The first byte that is not UTF-8.
        byte: u8,
    },
    /// The file's name promises another format than its content has.
    #[error("{file} is named .{extension} but holds {content}")]
    Mislabelled {
        /// The name of the file, without its directory.
        file: String,
        /// The extension of the name.
        extension: String,
        /// The format of the content.
        content: &'static str,
    },
    /// A line is too long.
    #[error("{file}, row {row} has {have} bytes, at most {bound} are read")]
    LongLine {
        /// The name of the file, without its directory.
        file: String,
        /// The line, from 1.
        row: u64,
        /// Its length in bytes, as far as it was read.
        have: usize,
        /// The longest line in bytes.
        bound: usize,
    },
    /// The file has too many columns.
    #[error("{file} has {have} columns, at most {bound} are read")]
    TooManyColumns {
        /// The name of the file, without its directory.
        file: String,
        /// The number of its columns.
        have: usize,
        /// The largest number of columns.
        bound: usize,
    },
    /// The file has too many values.
    #[error("{file} declares {have} values, at most {bound} are read")]
    TooManyValues {
        /// The name of the file, without its directory.
        file: String,
        /// The number of values, rows times columns.
        have: usize,
        /// The largest number of values.
        bound: usize,
    },
    /// The file announces more of something than is read.
    #[error("{file} declares {have} {what}, at most {bound} are read")]
    Declares {
        /// The name of the file, without its directory.
        file: String,
        /// What it announces, in the plural.
        what: &'static str,
        /// The number that it announces.
        have: u64,
        /// The largest number that is read.
        bound: u64,
    },
    /// A column has another number of rows than the file.
    #[error("{file}: column `{column}` has {have} rows, the file declares {need}")]
    Height {
        /// The name of the file, without its directory.
        file: String,
        /// The name of the column, from the header.
        column: String,
        /// The number of its rows.
        have: String,
        /// The number of rows in the file, or in its row group.
        need: String,
    },
    /// The first row holds values instead of names.
    #[error("{file}, row 1 holds values (`{time}`) and no names: a header is needed")]
    NoHeader {
        /// The name of the file, without its directory.
        file: String,
        /// A time in the place of a name.
        time: String,
    },
    /// A column's name is too long for the documents that name it.
    #[error("{file}: the name of column {number}, `{begins}`, has {have} bytes, at most {bound} are read")]
    LongName {
        /// The name of the file, without its directory.
        file: String,
        /// The number of the column, from 1.
        number: usize,
        /// The beginning of its name.
        begins: String,
        /// The length of its name in bytes.
        have: usize,
        /// The longest name in bytes.
        bound: usize,
    },
    /// Two columns have the same name.
    #[error("{file}, row 1: column `{column}` is there twice, names must differ")]
    Twice {
        /// The name of the file, without its directory.
        file: String,
        /// The name of the column, from the header.
        column: String,
    },
    /// A column has a name that the clean part uses itself.
    #[error("{file}, row 1: column name `{column}` is taken by {taken}")]
    Reserved {
        /// The name of the file, without its directory.
        file: String,
        /// The name of the column, from the header.
        column: String,
        /// What uses the name, and how to avoid it.
        taken: &'static str,
    },
    /// A row has more or fewer fields than the header.
    #[error("{file}, row {row} has {have} fields, the header has {need}")]
    Ragged {
        /// The name of the file, without its directory.
        file: String,
        /// The line, from 1.
        row: u64,
        /// The number of its fields.
        have: usize,
        /// The number of fields in the header.
        need: usize,
    },
    /// The reader of its format cannot read the file.
    #[error("{file} cannot be read as {format}")]
    Unreadable {
        /// The name of the file, without its directory.
        file: String,
        /// The name of the format.
        format: &'static str,
        /// The error of the reader.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The spec names a column that the file does not have.
    #[error("{file} has no column `{column}`, which `{setting}` names; it has {columns}")]
    NoColumn {
        /// The name of the file, without its directory.
        file: String,
        /// The name of the column, from the header.
        column: String,
        /// The key of the spec that names it.
        setting: &'static str,
        /// The columns of the file.
        columns: String,
    },
    /// The file has no column of times.
    #[error(
        "{file} has no time column: none of {columns} holds times throughout; allowed: {TIMES}; `data.time` can name one, and must where they are bare numbers"
    )]
    NoTime {
        /// The name of the file, without its directory.
        file: String,
        /// The columns of the file, with their first cells.
        columns: String,
    },
    /// A cell is not a time.
    #[error("{0} is not a time; allowed: {TIMES}")]
    Time(Box<FileCell>),
    /// A time is before the year 1 or after 9999.
    #[error("{0} is outside the calendar of {CALENDAR}")]
    OutOfCalendar(Box<FileCell>),
    /// A time is not a whole second.
    #[error("{0} is not a whole second")]
    SubSecond(Box<FileCell>),
    /// The times of a column have two formats.
    #[error("{cell} is {have}, row {first_row} has {need}: `{first_value}`; all must have one format")]
    MixedTimes {
        /// The first cell that differs.
        cell: Box<FileCell>,
        /// The format of this cell.
        have: &'static str,
        /// The format of the first cell.
        need: &'static str,
        /// The row of the first cell.
        first_row: u64,
        /// The text of the first cell.
        first_value: String,
    },
    /// A column of numbers holds text.
    #[error("{0} is not a number; allowed: {NUMBERS}")]
    Text(Box<FileCell>),
    /// A number is infinite, or too large.
    #[error("{0} is not a finite number")]
    Infinite(Box<FileCell>),
    /// A column that must hold numbers holds none.
    #[error("{file}: column `{column}`, which `{setting}` names, has no number")]
    NotNumeric {
        /// The name of the file, without its directory.
        file: String,
        /// The name of the column, from the header.
        column: String,
        /// The key of the spec that names it.
        setting: &'static str,
    },
    /// No column can be forecast.
    #[error("{file} has no usable target: {why}")]
    NoTarget {
        /// The name of the file, without its directory.
        file: String,
        /// Why each column cannot be forecast.
        why: String,
    },
    /// A time is off the grid of the others.
    #[error("{cell} is off the grid of one row every {frequency} from {start}")]
    OffGrid {
        /// The cell of the time.
        cell: Box<FileCell>,
        /// The step of the grid.
        frequency: series::Frequency,
        /// The first time of the grid, RFC 3339 in UTC.
        start: String,
    },
    /// Two times are further apart than any frequency allows.
    #[error("{cell} is {step} after the row before it; a step is at most {STEP}")]
    Step {
        /// The cell of the later time.
        cell: Box<FileCell>,
        /// The distance between them.
        step: series::Frequency,
    },
    /// The times make no regular grid.
    #[error("{file} has no regular time axis")]
    Axis {
        /// The name of the file, without its directory.
        file: String,
        /// Why they make none.
        #[source]
        source: AxisError,
    },
    /// The test rows do not come after the data rows.
    #[error("{test_file} starts at {start}, which is not after {end}, the last row of {file}")]
    TestTooEarly {
        /// The name of the data file.
        file: String,
        /// The name of the test file.
        test_file: String,
        /// The time of the first test row, RFC 3339 in UTC.
        start: String,
        /// The time of the last data row, RFC 3339 in UTC.
        end: String,
    },
    /// The two files have different columns.
    #[error("column `{column}` is in {has} and not in {lacks}; both need the same columns")]
    TestColumns {
        /// The name of the column, from the header.
        column: String,
        /// The name of the file that has it.
        has: String,
        /// The name of the file that does not have it.
        lacks: String,
    },
    /// The clean columns make no table. They were checked before, so this is a fault of this code.
    #[error("the clean columns are no table")]
    Table(#[from] TableError),
    /// The clean part could not be written.
    #[error("the clean part cannot be written")]
    Write(#[from] part::WriteError),
}

/// The formats of times that are read.
pub(crate) const TIMES: &str =
    "RFC 3339, YYYY-MM-DD HH:MM[:SS] (or with a T), YYYY-MM-DD, epoch seconds or milliseconds";

/// The range of times that are read.
pub(crate) const CALENDAR: &str = "0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z";

/// The longest step, as in `series::Frequency`.
pub(crate) const STEP: &str = "100 years";

/// What is read as a number or as a missing value.
pub(crate) const NUMBERS: &str =
    "a number with a decimal point, or for a missing one nothing, NaN, NA, N/A, null, None or -";
