//! Splits text into records, with their lines and numbers of fields.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// One record of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    /// The line in which it begins, from 1.
    pub(super) line: u64,
    /// Its bytes without the line end.
    pub(super) bytes: Range<usize>,
    pub(super) fields: usize,
    /// Whether a quote stands within a field that is not quoted, or text behind a quoted one.
    pub(super) loose: bool,
    /// Whether a quote is never closed.
    pub(super) open: bool,
}

/// A record with its cells.
pub(super) struct Line {
    pub(super) record: Record,
    pub(super) cells: Vec<String>,
}

/// The quotes of a record that are not as they should be.
#[derive(Default)]
struct Quotes {
    loose: bool,
    open: bool,
}

/// The records of a text.
pub(super) struct Records<'a> {
    text: &'a [u8],
    delimiter: u8,
    /// Whether quotes are looked for; a text without any is split faster.
    quotes: bool,
    at: usize,
    line: u64,
}

impl<'a> Records<'a> {
    /// Splits a text from its beginning.
    pub(super) fn new(text: &'a [u8], delimiter: u8) -> Self {
        Self::quoted(text, delimiter, memchr(b'"', text).is_some())
    }

    /// Splits a text of which is known whether it has quotes.
    pub(super) fn quoted(text: &'a [u8], delimiter: u8, quotes: bool) -> Self {
        Self {
            text,
            delimiter,
            quotes,
            at: 0,
            line: 1,
        }
    }

    /// Goes on with a record that was read before.
    pub(super) fn from(mut self, record: &Record) -> Self {
        (self.at, self.line) = (record.bytes.start, record.line);
        self
    }

    /// Returns the end of a field: where its delimiter or line end stands.
    fn field_end(&self, start: usize, quotes: &mut Quotes) -> usize {
        let plain =
            |from: usize| memchr2(self.delimiter, b'\n', &self.text[from..]).map_or(self.text.len(), |end| from + end);
        if !self.quotes {
            return plain(start);
        }
        if self.text.get(start) != Some(&b'"') {
            let end = plain(start);
            quotes.loose |= memchr(b'"', &self.text[start..end]).is_some();
            return end;
        }
        let mut at = start + 1;
        while let Some(quote) = memchr(b'"', &self.text[at..]) {
            at += quote + 1;
            if self.text.get(at) != Some(&b'"') {
                let end = plain(at);
                quotes.loose |= !matches!(&self.text[at..end], [] | [b'\r']);
                return end;
            }
            at += 1;
        }
        quotes.open = true;
        self.text.len()
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        if self.at >= self.text.len() {
            return None;
        }
        let (start, line) = (self.at, self.line);
        let (mut fields, mut quotes, mut at) = (1, Quotes::default(), start);
        loop {
            at = self.field_end(at, &mut quotes);
            if self.text.get(at) != Some(&self.delimiter) {
                break;
            }
            fields += 1;
            at += 1;
        }
        self.at = at + 1;
        self.line += 1;
        if self.quotes {
            self.line += memchr::memchr_iter(b'\n', &self.text[start..at]).count() as u64;
        }
        let end = if at > start && self.text[at - 1] == b'\r' {
            at - 1
        } else {
            at
        };
        Some(Record {
            line,
            bytes: start..end,
            fields,
            loose: quotes.loose,
            open: quotes.open,
        })
    }
}

/// Returns the cells of a record without their quotes.
pub(super) fn cells(text: &[u8], record: &Record, delimiter: u8) -> Vec<String> {
    let text = &text[record.bytes.clone()];
    let records = Records::new(text, delimiter);
    let (mut cells, mut at) = (Vec::with_capacity(record.fields), 0);
    loop {
        let end = records.field_end(at, &mut Quotes::default());
        cells.push(unquoted(&text[at..end]));
        if text.get(end) != Some(&delimiter) {
            return cells;
        }
        at = end + 1;
    }
}

/// Returns a field without the quotes around it; two quotes within them are one.
fn unquoted(field: &[u8]) -> String {
    let field = String::from_utf8_lossy(field);
    let Some(quoted) = field.strip_prefix('"') else {
        return field.into_owned();
    };
    let (mut cell, mut rest) = (String::with_capacity(quoted.len()), quoted);
    while let Some((before, after)) = rest.split_once('"') {
        cell.push_str(before);
        let Some(more) = after.strip_prefix('"') else {
            return cell + after;
        };
        cell.push('"');
        rest = more;
    }
    cell + rest
}

/// Returns whether a record has no text besides delimiters and quotes.
pub(super) fn is_blank(text: &[u8], record: &Record, delimiter: u8) -> bool {
    let ignored = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b' ' | b'\t' | b'\r');
    text[record.bytes.clone()].iter().all(ignored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_their_lines_and_fields() {
        let text = b"a,b\r\n\"x\ny\",\"1\"\"2\"\n\n5\" pipe,3,4\nlast";
        let records: Vec<_> = Records::new(text, b',')
            .map(|record| (record.line, record.fields, record.loose, cells(text, &record, b',')))
            .collect();
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let expected = [
            (1, 2, false, cells(&["a", "b"])),
            (2, 2, false, cells(&["x\ny", "1\"2"])),
            (4, 1, false, cells(&[""])),
            (5, 3, true, cells(&["5\" pipe", "3", "4"])),
            (6, 1, false, cells(&["last"])),
        ];
        assert_eq!(records, expected);
    }
}
