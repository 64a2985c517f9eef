//! A file as columns of cells, before their meaning is decided.

use contract::Layout;
use polars::prelude::StringChunked;

use crate::refusal::Problem;

/// One uploaded file.
#[derive(Clone, Default, Debug)]
pub struct File {
    /// The file's name without its directory, for messages and for its extension.
    pub name: String,
    /// The whole content.
    pub bytes: bytes::Bytes,
}

/// The columns of a file, in the order of the file.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) file: String,
    /// All of one length, with names that differ.
    pub(crate) columns: Vec<RawColumn>,
    pub(crate) lines: Lines,
    /// Stretches of empty rows that were left out: how many rows stand before each of them, and how many it has.
    pub(crate) empty: Vec<(usize, usize)>,
    /// How the table was found.
    pub(crate) layout: Layout,
    /// Sentences about what may surprise.
    pub(crate) notices: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct RawColumn {
    /// As in the file, trimmed; `column_3` when the file has no name for it.
    pub(crate) name: String,
    pub(crate) cells: Cells,
}

/// Cells in the type of the format.
#[derive(Debug)]
pub(crate) enum Cells {
    /// Text that is not parsed yet; null for an empty cell. Not trimmed.
    Text(StringChunked),
    /// Numbers, NaN for a missing value. Infinities stay.
    Numbers(Vec<f64>),
    /// Typed times of a Parquet file.
    Stamps(Stamps),
    /// A type that is neither number, text nor time.
    Other { rows: usize },
}

/// The typed times of a Parquet column.
#[derive(Debug)]
pub(crate) struct Stamps {
    /// Whole seconds, rounded down: UTC, or local time in no stated zone if `naive`.
    pub(crate) seconds: Vec<Option<i64>>,
    pub(crate) naive: bool,
    /// Whether they are days.
    pub(crate) dates: bool,
    /// The number of times with a fraction of a second.
    pub(crate) finer: usize,
}

/// The line of the file in which each row stands.
#[derive(Debug)]
pub(crate) enum Lines {
    /// Row 0 stands in this line, and each row in a line of its own.
    From(u64),
    /// The line of each row.
    At(Vec<u64>),
}

/// A cell of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileCell {
    pub(crate) file: String,
    /// The line in the file, from 1. In a Parquet file, which has no header, the row from 1.
    pub(crate) row: u64,
    pub(crate) column: String,
    /// The text of the cell, shortened.
    pub(crate) value: String,
}

impl std::fmt::Display for FileCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            file,
            row,
            column,
            value,
        } = self;
        write!(f, "{file}, row {row}, column `{column}`: `{value}`")
    }
}

impl FileCell {
    /// Returns the problem of this cell: `what` follows its text, and `bound` is what it should have been.
    pub(crate) fn problem(&self, what: &str, bound: impl Into<String>) -> Problem {
        Problem::new(format!("{self} {what}"))
            .row(self.row)
            .column(&self.column)
            .value(&self.value)
            .bound(bound)
    }
}

impl Raw {
    pub(crate) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Returns the line of a row, from 1.
    pub(crate) fn line(&self, row: usize) -> u64 {
        match &self.lines {
            Lines::From(first) => first + row as u64,
            Lines::At(lines) => lines.get(row).copied().unwrap_or_default(),
        }
    }

    /// Returns a cell with its text as it stands in the file.
    pub(crate) fn cell(&self, column: usize, row: usize) -> FileCell {
        const SHOWN: usize = 80;
        let RawColumn { name, cells } = &self.columns[column];
        FileCell {
            file: self.file.clone(),
            row: self.line(row),
            column: name.clone(),
            value: cells.text(row).chars().take(SHOWN).collect(),
        }
    }

    /// Returns the cells of a row as one text, shortened.
    pub(crate) fn row_text(&self, row: usize) -> String {
        const SHOWN: usize = 80;
        let cells: Vec<_> = self.columns.iter().map(|column| column.cells.text(row)).collect();
        contract::text::shortened(cells.join(",").trim_end_matches(','), SHOWN)
    }

    /// Returns the columns with the first cell of each. Of a wide file it returns only some.
    pub(crate) fn examples(&self) -> String {
        const SHOWN: usize = 8;
        let shown = self.columns.iter().enumerate().take(SHOWN);
        let mut examples: Vec<_> = shown.map(|(column, _)| self.example(column)).collect();
        if self.columns.len() > SHOWN {
            examples.push(format!("{} more", self.columns.len() - SHOWN));
        }
        examples.join(", ")
    }

    fn example(&self, column: usize) -> String {
        let RawColumn { name, cells } = &self.columns[column];
        match cells.first_row() {
            Some(row) => format!("`{name}` (row {}: `{}`)", self.line(row), self.cell(column, row).value),
            None => format!("`{name}`"),
        }
    }
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Stamps(stamps) => stamps.seconds.len(),
            Self::Other { rows } => *rows,
        }
    }

    /// Returns the text of a cell, trimmed; empty for a missing one.
    pub(crate) fn text(&self, row: usize) -> String {
        match self {
            Self::Text(text) => text.get(row).unwrap_or_default().trim().to_owned(),
            Self::Numbers(numbers) if numbers[row].is_nan() => String::new(),
            Self::Numbers(numbers) => numbers[row].to_string(),
            Self::Stamps(stamps) => stamps.seconds[row].map(series::rfc3339).unwrap_or_default(),
            Self::Other { .. } => String::new(),
        }
    }

    /// Returns the first row whose cell is not missing.
    pub(crate) fn first_row(&self) -> Option<usize> {
        match self {
            Self::Text(text) => text
                .iter()
                .position(|cell| cell.is_some_and(|cell| !cell.trim().is_empty())),
            Self::Numbers(numbers) => numbers.iter().position(|number| !number.is_nan()),
            Self::Stamps(stamps) => stamps.seconds.iter().position(Option::is_some),
            Self::Other { .. } => None,
        }
    }
}
