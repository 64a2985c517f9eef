//! Plain CSV, without quotes and with one record in each line: its numbers are read where they stand, on several threads.
//!
//! Whatever is not as plain as that, or no number in a column of numbers, is given back unread: the reader of text finds
//! it and names it.

use std::{panic::resume_unwind, thread};

use memchr::{memchr, memchr_iter};
use polars::prelude::{NewChunkedArray, StringChunked};

use crate::{number, raw::Cells};

/// Bytes below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 256 << 10;

/// The cells of one column in some neighbouring lines.
#[derive(Clone)]
enum Piece<'a> {
    Numbers(Vec<f64>),
    Text(Vec<Option<&'a str>>),
}

/// Reads the lines after the header; none where they are not plain.
///
/// A column is one of numbers where its first cell is, and `text` does not say otherwise of its name.
pub(crate) fn read(
    header: &[String],
    lines: &str,
    delimiter: u8,
    threads: usize,
    text: &dyn Fn(&str) -> bool,
) -> Option<Vec<Cells>> {
    let first = lines.lines().next()?.split(char::from(delimiter));
    let mut empty = Vec::with_capacity(header.len());
    for (name, cell) in header.iter().zip(first) {
        empty.push(if number::is_number(cell) && !text(name) {
            Piece::Numbers(Vec::new())
        } else {
            Piece::Text(Vec::new())
        });
    }
    if empty.len() != header.len() {
        return None;
    }
    let threads = threads.min(lines.len() / WORTH_A_THREAD).max(1);
    let parts = cut(lines, threads);
    let read = |part| read_part(part, count(part), delimiter, empty.clone());
    let pieces: Vec<Vec<Piece<'_>>> = thread::scope(|scope| {
        let (first, others) = parts.split_first()?;
        let others: Vec<_> = others.iter().map(|part| scope.spawn(|| read(part))).collect();
        let others = others
            .into_iter()
            .map(|piece| piece.join().unwrap_or_else(|panic| resume_unwind(panic)));
        // The others are added to the first.
        let first = read_part(first, count(lines), delimiter, empty.clone());
        std::iter::once(first).chain(others).collect::<Option<_>>()
    })?;
    Some(join(header, pieces))
}

/// Cuts lines into parts of about the same size.
fn cut(lines: &str, parts: usize) -> Vec<&str> {
    let (mut rest, mut cut) = (lines, Vec::with_capacity(parts));
    for left in (2..=parts).rev() {
        let about = rest.len() / left;
        let end = memchr(b'\n', &rest.as_bytes()[about..]).map_or(rest.len(), |end| about + end + 1);
        let (part, after) = rest.split_at(end);
        cut.push(part);
        rest = after;
    }
    cut.push(rest);
    cut
}

fn count(lines: &str) -> usize {
    memchr_iter(b'\n', lines.as_bytes()).count() + 1
}

/// Reads some lines, with room for `lines` of them.
fn read_part<'a>(part: &'a str, lines: usize, delimiter: u8, mut pieces: Vec<Piece<'a>>) -> Option<Vec<Piece<'a>>> {
    for piece in &mut pieces {
        match piece {
            Piece::Numbers(numbers) => numbers.reserve_exact(lines),
            Piece::Text(text) => text.reserve_exact(lines),
        }
    }
    let mut start = 0;
    for end in memchr_iter(b'\n', part.as_bytes()).chain([part.len()]) {
        if start < part.len() {
            let line = &part[start..end];
            read_line(line.strip_suffix('\r').unwrap_or(line), delimiter, &mut pieces)?;
        }
        start = end + 1;
    }
    Some(pieces)
}

fn read_line<'a>(line: &'a str, delimiter: u8, pieces: &mut [Piece<'a>]) -> Option<()> {
    let (last, others) = pieces.split_last_mut()?;
    let mut start = 0;
    for piece in others {
        start += piece.take(&line[start..], delimiter)?;
        if line.as_bytes().get(start) != Some(&delimiter) {
            return None;
        }
        start += 1;
    }
    start += last.take(&line[start..], delimiter)?;
    (start == line.len()).then_some(())
}

impl<'a> Piece<'a> {
    /// Takes the first cell of the rest of a line and says where it ends; none where it is text in a column of numbers.
    fn take(&mut self, rest: &'a str, delimiter: u8) -> Option<usize> {
        // Most cells are nothing but a number: read without looking for their end first, to the same bits as `std` reads.
        if let Self::Numbers(numbers) = self
            && let Ok((number, end)) = fast_float2::parse_partial::<f64, _>(rest)
            && rest.as_bytes().get(end).is_none_or(|next| *next == delimiter)
            && number.is_finite()
        {
            numbers.push(number);
            return Some(end);
        }
        let end = memchr(delimiter, rest.as_bytes()).unwrap_or(rest.len());
        self.push(&rest[..end])?;
        Some(end)
    }

    fn push(&mut self, cell: &'a str) -> Option<()> {
        match self {
            Self::Numbers(numbers) => numbers.push(number::plain(cell)?),
            Self::Text(text) => text.push((!cell.is_empty()).then_some(cell)),
        }
        Some(())
    }
}

fn join(header: &[String], parts: Vec<Vec<Piece<'_>>>) -> Vec<Cells> {
    let mut columns: Vec<Vec<Piece<'_>>> = vec![Vec::with_capacity(parts.len()); header.len()];
    for part in parts {
        for (column, piece) in columns.iter_mut().zip(part) {
            column.push(piece);
        }
    }
    let named = header.iter().zip(columns);
    named.map(|(name, pieces)| column(name, pieces)).collect()
}

fn column(name: &str, pieces: Vec<Piece<'_>>) -> Cells {
    let (mut numbers, mut text) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Numbers(more) if numbers.is_empty() => numbers = more,
            Piece::Numbers(more) => numbers.extend(more),
            Piece::Text(more) => text.extend(more),
        }
    }
    if text.is_empty() {
        Cells::Numbers(numbers)
    } else {
        Cells::Text(StringChunked::from_iter_options(name.into(), text.into_iter()))
    }
}
