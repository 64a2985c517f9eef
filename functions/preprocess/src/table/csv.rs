//! Reads a text as a table: finds it, checks the shape of every row, and lets polars read the cells.

use std::{collections::HashSet, io::Cursor, sync::Arc};

use bytes::Bytes;
use contract::{Layout, LeftOutRow, spec::DataSection};
use polars::prelude::{
    CsvReadOptions, DataFrame, DataType, Field, NullValues, PlSmallStr, PolarsResult, Schema, SerReader,
};

use super::{
    layout::{self, Found, check_line},
    records::{Record, Records, cells, is_blank},
};
use crate::{
    limits::Limits,
    number,
    raw::{Cells, Lines, Raw, RawColumn},
    refusal::{Problem, Refusal},
    time::looks_like_time,
};

/// The most rows at the end that are taken for a footer.
const FOOTERS: usize = 20;

/// With more rows of one shape than these, what stands at the end is another table and no footer.
const SMALLEST: usize = 3;

/// How many rows of a wrong shape are named.
const NAMED: usize = 10;

/// How many rows that are left out are shown.
const SHOWN: usize = 5;

/// From how many places of a file, and how many rows from each, the types of columns are decided.
const PLACES: usize = 8;
const ROWS_OF_A_PLACE: usize = 100;

/// The text of the rows of a table, each with the right number of fields.
struct Text {
    bytes: Bytes,
    rows: usize,
    quotes: bool,
}

/// The rows of a table.
struct Body {
    text: Text,
    lines: Lines,
    left_out: usize,
    /// Stretches of empty rows: how many rows stand before each of them, and how many it has.
    empty: Vec<(usize, usize)>,
    examples: Vec<LeftOutRow>,
}

/// Reads a text, and frees it as soon as its cells are read.
///
/// # Errors
/// When it is no table, too large, or rows have another number of fields than the others.
pub(super) fn read(file: &str, text: Bytes, data: &DataSection, limits: &Limits) -> Result<Raw, Refusal> {
    let spaced = spaced(&text);
    let is_spaced = spaced.is_some();
    let text = spaced.unwrap_or(text);
    let found = layout::find(file, &text, data, limits)?;
    if found.first.is_none() && found.header.is_none() {
        let empty = Problem::new(format!("{file} is empty: it needs a header and data rows"));
        return Err(empty.value("0 data rows").bound("at least 1 data row").into());
    }
    let names = names(file, &found)?;
    let body = body(file, &text, &found, limits)?;
    drop(text);
    if body.text.rows == 0 {
        let empty = Problem::new(format!("{file} has a header and no data rows: at least 1 is needed"));
        return Err(empty.value("0 data rows").bound("at least 1 data row").into());
    }
    limits.check_values(file, body.text.rows, names.len())?;
    let layout = Layout {
        format: "CSV".to_owned(),
        delimiter: match found.delimiter {
            _ if found.width == 1 => String::new(),
            _ if is_spaced => "space".to_owned(),
            b'\t' => "tab".to_owned(),
            delimiter => char::from(delimiter).to_string(),
        },
        skipped_rows: found.skipped_rows,
        header_rows: found.header_rows,
        left_out_rows: body.left_out,
        left_out_examples: body.examples,
        ..Layout::default()
    };
    let mut columns = columns(file, body.text, found.delimiter, names)?;
    columns.retain(|(named, column)| *named || column.cells.first_row().is_some());
    Ok(Raw {
        file: file.to_owned(),
        columns: columns.into_iter().map(|(_, column)| column).collect(),
        lines: body.lines,
        empty: body.empty,
        layout,
        notices: Vec::new(),
    })
}

/// Returns text whose columns stand apart by blanks with one tab between them; `None` for any other text. Nine of ten lines
/// have the same number of words.
fn spaced(text: &Bytes) -> Option<Bytes> {
    const LOOKED_AT: usize = 100;
    const LONGEST: usize = 1 << 16;
    fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
        line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
    }
    let is_delimiter = |byte: &u8| matches!(byte, b',' | b';' | b'\t' | b'|' | b'"');
    let mut counts = Vec::new();
    for line in text[..text.len().min(LONGEST)].split(|byte| *byte == b'\n') {
        if line.starts_with(b"#") {
            continue;
        }
        if line.iter().any(is_delimiter) {
            return None;
        }
        counts.extend(Some(words(line).count()).filter(|count| *count > 0));
    }
    counts.truncate(LOOKED_AT);
    let usual = *counts.get(counts.len() / 2)?;
    let same = counts.iter().filter(|count| **count == usual).count();
    if usual < 2 || counts.len() < 3 || same * 10 < counts.len() * 9 {
        return None;
    }
    let line = |line: &[u8]| words(line).collect::<Vec<_>>().join(&b"\t"[..]);
    let lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(line).collect();
    Some(lines.join(&b"\n"[..]).into())
}

/// Returns the name of each column, and whether the file has it.
fn names(file: &str, found: &Found) -> Result<Vec<(bool, String)>, Refusal> {
    let name = |(index, name): (usize, &String)| match name.as_str() {
        "" => (false, format!("column_{}", index + 1)),
        name => (true, name.to_owned()),
    };
    let names: Vec<(bool, String)> = found.names.iter().enumerate().map(name).collect();
    Limits::check_names(file, names.iter().map(|(_, name)| name.as_str()))?;
    let mut seen = HashSet::new();
    if let Some((second, (_, name))) = names.iter().enumerate().find(|(_, (_, name))| !seen.insert(name)) {
        let first = names.iter().position(|(_, other)| other == name).unwrap_or_default();
        let row = found.header.as_ref().map_or(1, |header| header.line);
        let message = format!(
            "{file}, row {row}: columns {} and {} are both named `{name}`, names must differ",
            first + 1,
            second + 1
        );
        return Err(Problem::new(message)
            .row(row)
            .column(name)
            .value(name)
            .bound("each name once")
            .into());
    }
    Ok(names)
}

/// Collects the rows of the table. Empty rows, comments and repeated headers are left out anywhere, and rows of another
/// shape at the end.
fn body(file: &str, text: &Bytes, found: &Found, limits: &Limits) -> Result<Body, Refusal> {
    let mut rows = Rows::new(text, found);
    let Some(first) = &found.first else {
        return Ok(rows.body());
    };
    for record in Records::new(text, found.delimiter).from(first) {
        check_line(file, text, &record, limits)?;
        rows.take(record);
    }
    // A row that is shorter or longer is no data when no row of the table follows it and it does not begin with a time.
    let is_data = |record: &Record| {
        let cells = cells(text, record, found.delimiter);
        cells.first().is_some_and(|cell| looks_like_time(cell.trim()))
    };
    let footers = rows
        .ragged
        .iter()
        .rposition(|(record, before)| *before < rows.count || is_data(record))
        .map_or(0, |last| last + 1);
    let (within, after) = rows.ragged.split_at(footers);
    let alike = |(record, _): &(Record, usize)| record.fields > 1 && record.fields == after[0].0.fields;
    let is_table = after.len() > SMALLEST && after.iter().all(alike);
    if !within.is_empty() || after.len() > FOOTERS || is_table || rows.count == 0 && !after.is_empty() {
        let ragged = if within.is_empty() { after } else { within };
        let problems = ragged
            .iter()
            .take(NAMED)
            .map(|(record, _)| ragged_row(file, record, found));
        return Err(problems.collect::<Vec<_>>().into());
    }
    let after = after.to_vec();
    for (record, _) in &after {
        rows.leave_out(record);
    }
    Ok(rows.body())
}

fn ragged_row(file: &str, record: &Record, found: &Found) -> Problem {
    let (row, have, need) = (record.line, record.fields, found.width);
    let others = if found.header_rows > 0 {
        "the header has"
    } else {
        "the others have"
    };
    Problem::new(format!("{file}, row {row} has {have} fields, {others} {need}"))
        .row(row)
        .value(format!("{have} fields"))
        .bound(format!("{need} fields"))
}

/// The rows of a table while they are collected.
struct Rows<'a> {
    text: &'a Bytes,
    found: &'a Found,
    header: &'a [u8],
    /// The stretches of text that hold the rows.
    stretches: Vec<std::ops::Range<usize>>,
    /// The line of each row, once they do not follow each other.
    lines: Vec<u64>,
    count: usize,
    /// Rows of another shape, each with the number of rows before it.
    ragged: Vec<(Record, usize)>,
    left_out: usize,
    empty: Vec<(usize, usize)>,
    examples: Vec<LeftOutRow>,
    loose: bool,
}

impl<'a> Rows<'a> {
    fn new(text: &'a Bytes, found: &'a Found) -> Self {
        Self {
            text,
            found,
            header: found
                .header
                .as_ref()
                .map_or(&[][..], |header| &text[header.bytes.clone()]),
            stretches: Vec::new(),
            lines: Vec::new(),
            count: 0,
            ragged: Vec::new(),
            left_out: 0,
            empty: Vec::new(),
            examples: Vec::new(),
            loose: false,
        }
    }

    fn take(&mut self, record: Record) {
        let (width, delimiter) = (self.found.width, self.found.delimiter);
        let bytes = &self.text[record.bytes.clone()];
        let begins = bytes.first().copied().unwrap_or(b'\n');
        let may_be_blank = begins == delimiter || matches!(begins, b'"' | b' ' | b'\t' | b'\r' | b'\n');
        if may_be_blank && is_blank(self.text, &record, delimiter) {
            self.left_out += usize::from(!bytes.is_empty());
            match self.empty.last_mut() {
                Some((before, rows)) if *before == self.count => *rows += 1,
                _ => self.empty.push((self.count, 1)),
            }
        } else if begins == b'#' || bytes == self.header {
            self.leave_out(&record);
        } else if record.fields == width {
            self.add(&record, record.bytes.end);
        } else if let Some(end) = self.end_of_fields(&record) {
            self.add(&record, end);
        } else {
            self.ragged.push((record, self.count));
        }
    }

    /// Returns where the last field of the table ends in a row whose further fields are empty.
    fn end_of_fields(&self, record: &Record) -> Option<usize> {
        if record.fields <= self.found.width || record.loose {
            return None;
        }
        let extra = record.fields - self.found.width;
        let bytes = &self.text[record.bytes.clone()];
        let kept = bytes.len().checked_sub(extra)?;
        bytes[kept..]
            .iter()
            .all(|byte| *byte == self.found.delimiter)
            .then_some(record.bytes.start + kept)
    }

    fn add(&mut self, record: &Record, end: usize) {
        self.loose |= record.loose;
        let first = self.found.first.as_ref().map_or(1, |first| first.line);
        if self.lines.is_empty() && record.line != first + self.count as u64 {
            self.lines.extend((0..self.count as u64).map(|row| first + row));
        }
        if !self.lines.is_empty() || record.line != first + self.count as u64 {
            self.lines.push(record.line);
        }
        self.count += 1;
        let whole = end == record.bytes.end;
        match self.stretches.last_mut() {
            // The line end belongs to the row before it.
            Some(last) if whole && matches!(&self.text[last.end..record.bytes.start], b"\n" | b"\r\n") => {
                last.end = end;
            }
            _ => self.stretches.push(record.bytes.start..end),
        }
    }

    fn leave_out(&mut self, record: &Record) {
        const LENGTH: usize = 80;
        self.left_out += 1;
        if self.examples.len() < SHOWN {
            let text = String::from_utf8_lossy(&self.text[record.bytes.clone()]);
            self.examples.push(LeftOutRow {
                row: record.line,
                text: contract::text::shortened(text.trim(), LENGTH),
            });
        }
    }

    fn body(self) -> Body {
        let quotes = memchr::memchr(b'"', self.text).is_some();
        let bytes = match &self.stretches[..] {
            [] => Bytes::new(),
            // Polars and others read loose quotes in different ways, so they are written out.
            _ if self.loose => self.rewritten(),
            [one] => self.text.slice(one.clone()),
            many => {
                let rows: Vec<&[u8]> = many.iter().map(|stretch| &self.text[stretch.clone()]).collect();
                rows.join(&b"\n"[..]).into()
            }
        };
        let first = self.found.first.as_ref().map_or(1, |first| first.line);
        Body {
            text: Text {
                bytes,
                rows: self.count,
                quotes,
            },
            lines: if self.lines.is_empty() {
                Lines::From(first)
            } else {
                Lines::At(self.lines)
            },
            left_out: self.left_out,
            empty: self.empty,
            examples: self.examples,
        }
    }

    fn rewritten(&self) -> Bytes {
        let delimiter = self.found.delimiter;
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_writer(Vec::new());
        for stretch in &self.stretches {
            let text = &self.text[stretch.clone()];
            for record in Records::new(text, delimiter) {
                // Writing to memory does not fail.
                let _ = writer.write_record(cells(text, &record, delimiter));
            }
        }
        writer.into_inner().unwrap_or_default().into()
    }
}

/// Reads the cells: as numbers where some rows of the column suggest it, else as text. A column that has text after all is
/// read as text then.
fn columns(
    file: &str,
    text: Text,
    delimiter: u8,
    names: Vec<(bool, String)>,
) -> Result<Vec<(bool, RawColumn)>, Refusal> {
    let sample = sample(&text, delimiter);
    let (types, codes) = types(&sample, names.len(), delimiter);
    let wrong = |source: polars::error::PolarsError| {
        let source: String = source
            .to_string()
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(160)
            .collect();
        Refusal::from(Problem::new(format!("{file} cannot be read as CSV: {source}")))
    };
    let frame = match frame(&text, delimiter, &types, &codes) {
        Ok(frame) => frame,
        Err(_) => frame(&text, delimiter, &vec![DataType::String; names.len()], &[]).map_err(wrong)?,
    };
    if frame.height() != text.rows || frame.width() != names.len() {
        let have = format!("{} rows with {} columns", frame.height(), frame.width());
        let need = format!("{} rows with {} columns", text.rows, names.len());
        return Err(Problem::new(format!("{file} was read as {have}, it has {need}"))
            .value(have)
            .bound(need)
            .into());
    }
    let rows = text.rows;
    drop(text);
    let mut columns = Vec::with_capacity(names.len());
    // Each column is freed before the next one is taken.
    let mut read = frame.into_columns().into_iter();
    for (named, name) in names {
        let Some(column) = read.next() else { break };
        let cells = match column.f64() {
            Ok(numbers) => {
                let mut values = Vec::with_capacity(rows);
                values.extend(numbers.iter().map(|number| number.unwrap_or(f64::NAN)));
                Cells::Numbers(values)
            }
            Err(_) => Cells::Text(column.str().map_err(wrong)?.clone()),
        };
        columns.push((named, RawColumn { name, cells }));
    }
    Ok(columns)
}

/// Returns the cells of some rows: from the beginning, from places between, and from the end.
fn sample(text: &Text, delimiter: u8) -> Vec<Vec<String>> {
    let Text { bytes, quotes, .. } = text;
    let text = &bytes[..];
    let mut sample = Vec::new();
    for place in 0..PLACES {
        let from = text.len() / PLACES * place;
        let start = match (place, memchr::memchr(b'\n', &text[from..])) {
            (0, _) => 0,
            (_, Some(end)) => from + end + 1,
            (_, None) => continue,
        };
        let records = Records::quoted(&text[start..], delimiter, *quotes).take(ROWS_OF_A_PLACE);
        sample.extend(records.map(|record| cells(&text[start..], &record, delimiter)));
    }
    sample
}

/// Returns the type of each column, and the words in columns of numbers that mean a missing value.
fn types(sample: &[Vec<String>], width: usize, delimiter: u8) -> (Vec<DataType>, Vec<String>) {
    let mut codes = Vec::new();
    let decimal_comma = delimiter != b',' && sample.iter().flatten().any(|cell| number::has_decimal_comma(cell));
    let mut of_column = |column: usize| {
        let cells = || sample.iter().filter_map(|row| row.get(column));
        let good = |cell: &&String| number::is_missing(cell) || number::is_plain(cell);
        // In a file with decimal commas a point groups thousands.
        let point = decimal_comma && cells().any(|cell| cell.contains('.'));
        if point || !cells().all(|cell| good(&cell)) || cells().all(|cell| number::is_missing(cell)) {
            return DataType::String;
        }
        for code in cells().filter(|cell| number::is_missing(cell) && !cell.is_empty()) {
            if !codes.contains(code) {
                codes.push(code.clone());
            }
        }
        DataType::Float64
    };
    let types = (0..width).map(&mut of_column).collect();
    (types, codes)
}

fn frame(text: &Text, delimiter: u8, types: &[DataType], codes: &[String]) -> PolarsResult<DataFrame> {
    let fields = types
        .iter()
        .enumerate()
        .map(|(column, dtype)| Field::new(column.to_string().into(), dtype.clone()));
    let codes: Vec<PlSmallStr> = codes.iter().map(|code| code.as_str().into()).collect();
    CsvReadOptions::default()
        .with_has_header(false)
        .with_schema(Some(Arc::new(fields.collect::<Schema>())))
        .with_rechunk(false)
        .map_parse_options(|options| {
            options
                .with_separator(delimiter)
                .with_quote_char(text.quotes.then_some(b'"'))
                .with_null_values((!codes.is_empty()).then(|| NullValues::AllColumns(codes.clone())))
        })
        .into_reader_with_file_handle(Cursor::new(text.bytes.clone()))
        .finish()
}
