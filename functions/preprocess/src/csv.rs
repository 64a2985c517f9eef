//! CSV: first cheap checks of the shape. Then plain files are read as numbers, all others by polars with every column
//! as text.

use std::io::Cursor;

use bytes::Bytes;
use csv::{ByteRecord, ReaderBuilder};
use memchr::{memchr, memchr_iter};
use polars::prelude::{CsvReadOptions, DataFrame, PolarsResult, SerReader};

use crate::{
    error::PreprocessError,
    limits::Limits,
    number, plain,
    raw::{Cells, File, Lines, Raw, RawColumn, Text},
    time,
};

/// How the cells of a file are read.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'a> {
    /// Plain files as numbers at once, on this many threads. Columns that the function selects by name may hold times
    /// and stay text.
    Plain(usize, &'a (dyn Fn(&str) -> bool + Sync)),
    /// All cells as text, so that a cell that is not a number can be named with its row and its text.
    Text,
}

/// Reads a CSV file. The delimiter is a comma, or a semicolon, tab or bar when the header has no other of the four.
/// Quotes, a byte order mark and both line ends are allowed. Blank lines are skipped.
pub(crate) fn read<'a>(file: &'a File, limits: &Limits, reading: Reading<'_>) -> Result<Raw<'a>, PreprocessError> {
    let text = file.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&file.bytes);
    let delimiter = delimiter(text);
    if let Reading::Plain(threads, times) = reading
        && let Some(columns) = plain(file, text, delimiter, limits, (threads, times))
    {
        return Ok(Raw {
            file: file.name.clone(),
            columns,
            lines: Lines::From(2),
        });
    }
    check_text(&file.name, text, limits)?;
    let header = header(file, text, delimiter, limits)?;
    let plain = is_plain(text, delimiter, header.len());
    // Polars makes nulls of blank lines and of missing fields, so a file that is not obviously regular is walked first.
    let (bytes, lines) = if plain {
        (file.bytes.slice_ref(text), Lines::From(2))
    } else {
        walk(file, text, delimiter, header.len())?
    };
    let rows = match &lines {
        Lines::From(_) => plain::count_lines(text) - 1,
        Lines::At(lines) => lines.len(),
    };
    limits.check_values(&file.name, rows, header.len())?;
    let frame = match frame(&bytes, delimiter) {
        Ok(frame) => frame,
        Err(source) => {
            // Long and short rows can add up to a regular count; the walk finds them.
            walk(file, &bytes, delimiter, header.len())?;
            return Err(unreadable(file, source));
        }
    };
    let columns = columns(file, &frame, header)?;
    Ok(Raw {
        file: file.name.clone(),
        columns,
        lines,
    })
}

/// Reads a plain file; `None` when it is not plain, or has an error that the other reading must name.
fn plain<'a>(
    file: &File,
    bytes: &'a [u8],
    delimiter: u8,
    limits: &Limits,
    (threads, times): (usize, &(dyn Fn(&str) -> bool + Sync)),
) -> Option<Vec<RawColumn<'a>>> {
    let (first, lines) = bytes.split_at(memchr(b'\n', bytes)? + 1);
    let header = header(file, bytes, delimiter, limits).ok()?;
    if limits
        .check_values(&file.name, plain::count_lines(lines), header.len())
        .is_err()
    {
        return None;
    }
    // The first line is the whole header, with each name as it is.
    let whole = is_plain(first, delimiter, header.len()) && std::str::from_utf8(first).is_ok();
    if !whole || first.len() > limits.line {
        return None;
    }
    let how = plain::How {
        delimiter,
        longest: limits.line,
        threads,
    };
    let cells = plain::read(&header, lines, how, times)?;
    let named = header.into_iter().zip(cells);
    Some(named.map(|(name, cells)| RawColumn { name, cells }).collect())
}

fn check_text(file: &str, bytes: &[u8], limits: &Limits) -> Result<(), PreprocessError> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let offset = error.valid_up_to();
        let row = 1 + count(&bytes[..offset], b'\n') as u64;
        return Err(PreprocessError::Encoding {
            file: file.to_owned(),
            row,
            offset,
            byte: bytes[offset],
        });
    }
    let mut start = 0;
    for (row, end) in memchr_iter(b'\n', bytes).chain([bytes.len()]).enumerate() {
        if end - start > limits.line {
            let (file, row) = (file.to_owned(), row as u64 + 1);
            return Err(PreprocessError::LongLine {
                file,
                row,
                have: end - start,
                bound: limits.line,
            });
        }
        start = end + 1;
    }
    Ok(())
}

/// Returns the delimiter of the first line: a semicolon, a tab or a bar only when it is the only candidate.
fn delimiter(bytes: &[u8]) -> u8 {
    let first = bytes
        .split(|b| *b == b'\n')
        .find(|line| !line.trim_ascii().is_empty())
        .unwrap_or_default();
    let mut quoted = false;
    let mut seen = Vec::new();
    for byte in first {
        match byte {
            b'"' => quoted = !quoted,
            b',' | b';' | b'\t' | b'|' if !quoted && !seen.contains(byte) => seen.push(*byte),
            _ => {}
        }
    }
    match seen[..] {
        [only] => only,
        _ => b',',
    }
}

fn header(file: &File, bytes: &[u8], delimiter: u8, limits: &Limits) -> Result<Vec<String>, PreprocessError> {
    // With a quote that is never closed, all lines would be one record.
    let beginning = &bytes[..bytes.len().min(limits.line + 1)];
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .from_reader(beginning);
    let mut record = ByteRecord::new();
    let found = reader
        .read_byte_record(&mut record)
        .map_err(|source| unreadable(file, source))?;
    if found && beginning.len() > limits.line && offset(reader.position()) > limits.line {
        return Err(PreprocessError::LongLine {
            file: file.name.clone(),
            row: 1,
            have: beginning.len(),
            bound: limits.line,
        });
    }
    if !found || record.iter().all(|name| name.trim_ascii().is_empty()) {
        return Err(PreprocessError::Empty {
            file: file.name.clone(),
        });
    }
    if record.len() > limits.columns {
        let (have, bound) = (record.len(), limits.columns);
        return Err(PreprocessError::TooManyColumns {
            file: file.name.clone(),
            have,
            bound,
        });
    }
    // Data frames write an index column without a name.
    let name = |(index, name): (usize, &[u8])| match String::from_utf8_lossy(name).trim() {
        "" => format!("column_{}", index + 1),
        name => name.to_owned(),
    };
    let names: Vec<String> = record.iter().enumerate().map(name).collect();
    Limits::check_names(&file.name, names.iter().map(String::as_str))?;
    // Names may be numbers, and one of them may look like a time. A row of values only is not a header.
    let is_value = |name: &String| time::is_time(name) || number::plain(name).is_some();
    match names.iter().find(|name| time::is_time(name)) {
        Some(time) if names.iter().all(is_value) => Err(PreprocessError::NoHeader {
            file: file.name.clone(),
            time: time.clone(),
        }),
        _ => Ok(names),
    }
}

/// Returns whether each line is one record with as many fields as the header, as far as counting can tell.
fn is_plain(bytes: &[u8], delimiter: u8, fields: usize) -> bool {
    let delimiters = || plain::count_lines(bytes) * (fields - 1);
    fields > 1 && memchr(b'"', bytes).is_none() && count(bytes, delimiter) == delimiters()
}

fn count(bytes: &[u8], wanted: u8) -> usize {
    memchr_iter(wanted, bytes).count()
}

/// Walks the records, each of which must have the header's number of fields. Returns the text without blank lines, and
/// the line in which each data row begins.
fn walk(file: &File, bytes: &[u8], delimiter: u8, fields: usize) -> Result<(Bytes, Lines), PreprocessError> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    let (mut text, mut lines) = (Vec::with_capacity(bytes.len()), Vec::new());
    loop {
        let (from, line) = (offset(reader.position()), reader.position().line());
        if !reader
            .read_byte_record(&mut record)
            .map_err(|source| unreadable(file, source))?
        {
            break;
        }
        // The reader counts from before the blank lines that it skips.
        let skipped = &bytes[from..offset(reader.position())];
        let blank = skipped.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let row = line + blank.clone().filter(|byte| **byte == b'\n').count() as u64;
        if record.len() != fields {
            return Err(PreprocessError::Ragged {
                file: file.name.clone(),
                row,
                have: record.len(),
                need: fields,
            });
        }
        text.extend_from_slice(skipped[blank.count()..].trim_ascii_end());
        text.push(b'\n');
        lines.push(row);
    }
    lines.remove(0);
    Ok((text.into(), Lines::At(lines)))
}

fn offset(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

fn frame(bytes: &Bytes, delimiter: u8) -> PolarsResult<DataFrame> {
    CsvReadOptions::default()
        .with_has_header(true)
        // Nothing is inferred: text in a column of numbers must be found and named, not turned into a missing value.
        .with_infer_schema_length(Some(0))
        .with_rechunk(true)
        .map_parse_options(|options| options.with_separator(delimiter))
        .into_reader_with_file_handle(Cursor::new(bytes.clone()))
        .finish()
}

fn columns(file: &File, frame: &DataFrame, header: Vec<String>) -> Result<Vec<RawColumn<'static>>, PreprocessError> {
    if frame.height() == 0 {
        return Err(PreprocessError::HeaderOnly {
            file: file.name.clone(),
        });
    }
    header
        .into_iter()
        .zip(frame.columns())
        .map(|(name, column)| {
            let cells = column.str().map_err(|source| unreadable(file, source))?;
            let cells = Cells::Text(Text::Held(cells.clone()));
            Ok(RawColumn { name, cells })
        })
        .collect()
}

/// Returns the error of a reader, shortened: readers quote what they cannot read, which may be the whole file.
fn unreadable(file: &File, source: impl std::error::Error) -> PreprocessError {
    const SHOWN: usize = 160;
    let (source, format) = (source.to_string(), "CSV");
    let mut shown: String = source.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
    if shown.len() < source.len() {
        shown.push('…');
    }
    PreprocessError::Unreadable {
        file: file.name.clone(),
        format,
        source: shown.into(),
    }
}

#[cfg(test)]
mod tests;
