//! The quality report of `preprocess`: how the files were understood, and what was handled and counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::counted;

/// The quality report: everything about the files that was handled and counted, not refused.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Data rows that the files have, headers not counted.
    pub rows_read: usize,
    /// Rows that came after a row with a later time.
    pub out_of_order: usize,
    /// Rows that were dropped because a later row has the same time.
    pub duplicates: usize,
    /// Of those, rows that are equal to the later one.
    #[serde(default)]
    pub equal_rows: usize,
    /// Steps of the time axis for which the files have no row.
    pub gaps: usize,
    /// Missing values per column, those of gaps included. Columns without missing values are left out.
    pub missing: BTreeMap<String, usize>,
    /// Columns that have one value throughout. They are inputs, and targets only when the file has no other.
    pub constant: Vec<String>,
    /// Columns without any value. They are left out of the clean part.
    pub empty: Vec<String>,
    /// Columns without any number. They are left out of the clean part.
    pub not_numeric: Vec<String>,
    /// Targets of the spec that are no targets because they are constant or empty.
    pub excluded_targets: Vec<String>,
    /// Keys of objects that were not used, for example a test file that the spec does not ask for.
    pub ignored_objects: Vec<String>,
    /// How the data file was understood.
    #[serde(default)]
    pub understood: Understood,
}

impl Report {
    /// Returns in words what a person may not expect of the data. Gaps and missing values are not repeated here.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let left_out = &self.understood.left_out;
        let left_out = left_out
            .iter()
            .map(|LeftOut { column, why }| format!("left out, {why}: {column}"));
        let layout = self.understood.layout.notices();
        left_out.chain(layout).chain(self.handled()).collect()
    }

    /// Returns the notices without those about columns and rows that are left out.
    #[must_use]
    pub fn handled(&self) -> Vec<String> {
        let Self {
            rows_read,
            out_of_order,
            duplicates,
            equal_rows,
            ..
        } = self;
        let rows = [
            (
                duplicates - equal_rows.min(duplicates),
                "have the time of a later row, which counts",
            ),
            (*equal_rows, "are equal to a later one"),
            (
                *out_of_order,
                if *out_of_order > 1 && out_of_order + 1 == *rows_read {
                    "stand newest first and were sorted"
                } else {
                    "stand out of time order and were sorted"
                },
            ),
        ];
        let rows = rows.into_iter().filter(|(count, _)| *count > 0);
        let rows = rows.map(|(count, what)| format!("{count} of {rows_read} rows {what}"));
        let inputs = self
            .constant
            .iter()
            .filter(|name| self.understood.inputs.contains(name));
        let inputs: Vec<&str> = inputs.map(String::as_str).collect();
        let objects: Vec<&str> = self.ignored_objects.iter().map(String::as_str).collect();
        let names = [
            (inputs, "constant, so no target"),
            (objects, "not used, the spec asks for no test file"),
        ];
        let names = names.into_iter().filter(|(names, _)| !names.is_empty());
        let names = names.map(|(names, what)| format!("{what}: {}", names.join(", ")));
        let decided = self.understood.notices.iter().cloned();
        rows.chain(names).chain(decided).collect()
    }

    /// Returns in at most three lines how the data file was understood.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let mut handled = self.understood.layout.notices();
        handled.extend(self.handled());
        let handled = (!handled.is_empty()).then(|| handled.join("; "));
        [Some(self.times_line()), Some(self.columns_line()), handled]
            .into_iter()
            .flatten()
            .collect()
    }

    fn times_line(&self) -> String {
        let Understood {
            step,
            first,
            last,
            time,
            season,
            ..
        } = &self.understood;
        let times = match &time.columns[..] {
            [] => "no time column, so rows are steps".to_owned(),
            columns => format!("time in {} as {}", columns.join(" and "), time.format),
        };
        let zone = if time.zone.is_empty() {
            String::new()
        } else {
            format!(", {}", time.zone)
        };
        let season = if *season > 1 {
            format!("; season {season}")
        } else {
            String::new()
        };
        format!(
            "{}, 1 series, a step of {step} from {first} to {last}; {times}{zone}{season}",
            counted(self.rows_read, "row")
        )
    }

    fn columns_line(&self) -> String {
        const NAMED: usize = 8;
        let Understood {
            targets,
            inputs,
            known,
            left_out,
            ..
        } = &self.understood;
        let left_out: Vec<String> = left_out
            .iter()
            .map(|left| format!("{} ({})", left.column, left.why))
            .collect();
        let columns = [
            ("targets", targets),
            ("inputs", inputs),
            ("known ahead", known),
            ("left out", &left_out),
        ];
        let columns = columns
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| {
                let more = names.len().saturating_sub(NAMED);
                let shown = names[..names.len() - more].join(", ");
                if more == 0 {
                    format!("{what} {shown}")
                } else {
                    format!("{what} {shown} and {more} more")
                }
            });
        columns.collect::<Vec<_>>().join("; ")
    }
}

/// How a data file was understood: what a person would see at once, and what was decided for them.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Understood {
    /// How the table was found in the file.
    pub layout: Layout,
    /// How the times were read.
    pub time: TimeReading,
    /// The distance of two steps, in words: `1h`, `1mo`, `1 business day`, `1 step`.
    pub step: String,
    /// The first step.
    pub first: String,
    /// The last step with an observed target.
    pub last: String,
    /// The step after it, which is the first that is forecast.
    pub next: String,
    /// The season in steps; 1 if the step suggests none.
    pub season: usize,
    /// Columns that are forecast.
    pub targets: Vec<String>,
    /// Columns that are inputs.
    pub inputs: Vec<String>,
    /// Inputs that go on after the targets end.
    pub known: Vec<String>,
    /// Columns that are not used.
    pub left_out: Vec<LeftOut>,
    /// Sentences about what was decided or may surprise.
    pub notices: Vec<String>,
}

/// How a table was found in a file.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Layout {
    /// `CSV` or `Parquet`.
    pub format: String,
    /// `gzip`, `zstd` or `zip`; empty when the file is not compressed.
    pub compression: String,
    /// The encoding of the text; empty for Parquet.
    pub encoding: String,
    /// The character between two cells: `,`, `;`, `tab`, `|` or `space`; empty when there is only one column.
    pub delimiter: String,
    /// Lines before the header that are no data.
    pub skipped_rows: usize,
    /// Lines of the header; 0 when the file has none.
    pub header_rows: usize,
    /// The number of rows that are no data: comments, empty rows, totals and footers.
    pub left_out_rows: usize,
    /// The first of those that are not empty, with their text.
    pub left_out_examples: Vec<LeftOutRow>,
}

impl Layout {
    /// Returns in words which rows of the file are no data.
    fn notices(&self) -> Vec<String> {
        let mut notices = Vec::new();
        if self.format == "CSV" && self.header_rows == 0 {
            notices.push("no header, so the columns are counted".to_owned());
        }
        if self.skipped_rows > 0 {
            notices.push(format!("{} above the table skipped", counted(self.skipped_rows, "row")));
        }
        if let Some(LeftOutRow { row, text }) = self.left_out_examples.first() {
            let count = counted(self.left_out_rows, "row");
            notices.push(format!("{count} without data left out, such as row {row}: `{text}`"));
        }
        notices
    }
}

/// A row that is no data.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LeftOutRow {
    /// The line in the file, from 1.
    pub row: u64,
    /// Its text, shortened.
    pub text: String,
}

/// How the times of a file were read.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeReading {
    /// The columns that make the time; empty when the file has none and its rows are steps.
    pub columns: Vec<String>,
    /// The format, as `data.time_format` takes it, or in words.
    pub format: String,
    /// The zone in which the times are written: an IANA name, `UTC`, `offsets`, or empty for dates and steps.
    pub zone: String,
}

/// A column that is not used, and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LeftOut {
    /// The name of the column.
    pub column: String,
    /// Why it is not used.
    pub why: String,
}
