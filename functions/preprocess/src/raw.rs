//! A file as columns of cells, before their meaning is decided.

use polars::prelude::StringChunked;

use crate::error::FileCell;

/// One uploaded file.
#[derive(Clone, Debug)]
pub struct File {
    /// The file's name without its directory, for messages and for its extension.
    pub name: String,
    /// The whole content.
    pub bytes: bytes::Bytes,
}

/// The columns of a file, in the order of the file.
#[derive(Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) file: String,
    pub(crate) columns: Vec<RawColumn<'a>>,
    pub(crate) lines: Lines,
}

#[derive(Debug)]
pub(crate) struct RawColumn<'a> {
    pub(crate) name: String,
    pub(crate) cells: Cells<'a>,
}

/// Cells in the type of the format.
#[derive(Debug)]
pub(crate) enum Cells<'a> {
    /// Text that is not parsed yet.
    Text(Text<'a>),
    /// Numbers, NaN for a missing value.
    Numbers(Vec<f64>),
    /// Typed times.
    Times(Stamps),
    /// A type that is neither number, text nor time.
    Other { rows: usize },
}

/// Cells of text, `None` for an empty cell.
#[derive(Debug)]
pub(crate) enum Text<'a> {
    /// In a column of polars.
    Held(StringChunked),
    /// In place, in the bytes of the file.
    Lent(Vec<Option<&'a str>>),
}

/// The typed times of a Parquet column.
#[derive(Debug)]
pub(crate) struct Stamps {
    /// Whole seconds: UTC, or local time in no stated zone if `naive`.
    pub(crate) seconds: Vec<Option<i64>>,
    pub(crate) naive: bool,
    /// The first row whose time is not a whole second.
    pub(crate) finer: Option<usize>,
}

/// The line of the file in which each row stands.
#[derive(Debug)]
pub(crate) enum Lines {
    /// Row 0 stands in this line, and each row in a line of its own.
    From(u64),
    /// The line of each row, when there are blank lines or quoted line breaks.
    At(Vec<u64>),
}

impl Raw<'_> {
    pub(crate) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }

    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|column| format!("`{}`", column.name)).collect();
        names.join(", ")
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

    /// Returns a column with its first cell.
    pub(crate) fn example(&self, column: usize) -> String {
        let RawColumn { name, cells } = &self.columns[column];
        match cells.first_row() {
            Some(row) => format!("`{name}` (row {}: `{}`)", self.line(row), self.cell(column, row).value),
            None => format!("`{name}`"),
        }
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
    #[expect(
        clippy::unnecessary_box_returns,
        reason = "errors hold it boxed, so that results stay small"
    )]
    pub(crate) fn cell(&self, column: usize, row: usize) -> Box<FileCell> {
        const SHOWN: usize = 80;
        let RawColumn { name, cells } = &self.columns[column];
        let value = match cells {
            Cells::Text(text) => text.get(row).unwrap_or_default().chars().take(SHOWN).collect(),
            Cells::Numbers(numbers) => numbers[row].to_string(),
            Cells::Times(stamps) => stamps.seconds[row].map(series::rfc3339).unwrap_or_default(),
            Cells::Other { .. } => String::new(),
        };
        Box::new(FileCell {
            file: self.file.clone(),
            row: self.line(row),
            column: name.clone(),
            value,
        })
    }
}

impl Text<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Held(cells) => cells.len(),
            Self::Lent(cells) => cells.len(),
        }
    }

    pub(crate) fn get(&self, row: usize) -> Option<&str> {
        match self {
            Self::Held(cells) => cells.get(row),
            Self::Lent(cells) => cells.get(row).copied().flatten(),
        }
    }

    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = Option<&str>> + '_> {
        match self {
            Self::Held(cells) => Box::new(cells.iter()),
            Self::Lent(cells) => Box::new(cells.iter().copied()),
        }
    }
}

impl Cells<'_> {
    /// Returns the first row whose cell is not missing.
    pub(crate) fn first_row(&self) -> Option<usize> {
        match self {
            Self::Text(text) => text
                .iter()
                .position(|cell| cell.is_some_and(|cell| !cell.trim().is_empty())),
            Self::Numbers(numbers) => numbers.iter().position(|number| !number.is_nan()),
            Self::Times(stamps) => stamps.seconds.iter().position(Option::is_some),
            Self::Other { .. } => None,
        }
    }

    pub(crate) fn is_other(&self) -> bool {
        matches!(self, Self::Times(_) | Self::Other { .. })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Times(stamps) => stamps.seconds.len(),
            Self::Other { rows } => *rows,
        }
    }
}
