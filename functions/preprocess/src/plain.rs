//! Plain CSV, without quotes and with one record in each line: its numbers are read where they stand, on several threads.
//!
//! Whatever is not as plain as that, or no number in a column of numbers, is given back unread: the reader of text finds
//! it and names it.

use std::{panic::resume_unwind, thread};

use memchr::{memchr, memchr_iter, memchr2};

use crate::{
    number,
    raw::{Cells, Text},
};

/// Bytes below which a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 256 << 10;

/// Lines whose length tells how many there are.
const MEASURED: usize = 64;

/// How a file is read.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) delimiter: u8,
    /// The most bytes of a line.
    pub(crate) longest: usize,
    /// Room for more lines is not reserved by an estimate.
    pub(crate) most: usize,
    pub(crate) threads: usize,
}

/// The cells of one column in some neighbouring lines.
#[derive(Clone)]
enum Piece<'a> {
    Numbers(Vec<f64>),
    Text(Vec<Option<&'a str>>),
}

/// Reads the lines after the header; none where they are not plain.
///
/// A column is one of numbers where its first cell is, and `text` does not say otherwise of its name.
pub(crate) fn read<'a>(
    header: &[String],
    lines: &'a [u8],
    how: How,
    text: &dyn Fn(&str) -> bool,
) -> Option<Vec<Cells<'a>>> {
    let end = memchr(b'\n', lines).unwrap_or(lines.len());
    let first = std::str::from_utf8(&lines[..end]).ok()?;
    let mut empty = Vec::with_capacity(header.len());
    for (name, cell) in header
        .iter()
        .zip(first.trim_end_matches('\r').split(char::from(how.delimiter)))
    {
        empty.push(if number::is_number(cell) && !text(name) {
            Piece::Numbers(Vec::new())
        } else {
            Piece::Text(Vec::new())
        });
    }
    if empty.len() != header.len() {
        return None;
    }
    let parts = cut(lines, how.threads.min(lines.len() / WORTH_A_THREAD).max(1));
    let pieces: Vec<Vec<Piece<'_>>> = thread::scope(|scope| {
        let read = |&part, lines| read_part(part, lines, how, empty.clone());
        let (first, others) = parts.split_first()?;
        let others: Vec<_> = others
            .iter()
            .map(|part| scope.spawn(move || read(part, about(part).min(how.most))))
            .collect();
        let others = others
            .into_iter()
            .map(|piece| piece.join().unwrap_or_else(|panic| resume_unwind(panic)));
        // The others are added to the first.
        std::iter::once(read(first, about(lines).min(how.most)))
            .chain(others)
            .collect::<Option<_>>()
    })?;
    Some(join(header.len(), pieces))
}

/// Cuts lines into parts of about the same size.
fn cut(lines: &[u8], parts: usize) -> Vec<&[u8]> {
    let (mut rest, mut cut) = (lines, Vec::with_capacity(parts));
    for left in (2..=parts).rev() {
        let about = rest.len() / left;
        let end = memchr(b'\n', &rest[about..]).map_or(rest.len(), |end| about + end + 1);
        let (part, after) = rest.split_at(end);
        cut.push(part);
        rest = after;
    }
    cut.push(rest);
    cut
}

/// Estimates the number of lines, rather too high than too low.
fn about(lines: &[u8]) -> usize {
    let (seen, end) = memchr_iter(b'\n', lines)
        .take(MEASURED)
        .enumerate()
        .last()
        .map_or((1, lines.len()), |(last, end)| (last + 1, end + 1));
    let lines = lines.len() / end.div_ceil(seen).max(1) + 1;
    lines + lines / 8
}

/// Reads some lines, with room for `lines` of them.
fn read_part<'a>(part: &'a [u8], lines: usize, how: How, mut pieces: Vec<Piece<'a>>) -> Option<Vec<Piece<'a>>> {
    let part = std::str::from_utf8(part).ok()?;
    for piece in &mut pieces {
        match piece {
            Piece::Numbers(numbers) => numbers.reserve_exact(lines),
            Piece::Text(text) => text.reserve_exact(lines),
        }
    }
    let mut rest = part;
    while !rest.is_empty() {
        let end = read_line(rest, how.delimiter, &mut pieces)?;
        if end > how.longest {
            return None;
        }
        rest = &rest[end..];
    }
    Some(pieces)
}

/// Reads the first line of the rest of a part and says where the next begins.
fn read_line<'a>(rest: &'a str, delimiter: u8, pieces: &mut [Piece<'a>]) -> Option<usize> {
    let (last, others) = pieces.split_last_mut()?;
    let mut at = 0;
    for piece in others {
        at += piece.take(&rest[at..], delimiter)?;
        if rest.as_bytes().get(at) != Some(&delimiter) {
            return None;
        }
        at += 1;
    }
    at += last.take(&rest[at..], delimiter)?;
    match rest.as_bytes()[at..] {
        [] => Some(at),
        [b'\n', ..] | [b'\r'] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}

impl<'a> Piece<'a> {
    /// Takes the first cell of the rest of a part and says where it ends; none where it is quoted, or text in a column of numbers.
    fn take(&mut self, rest: &'a str, delimiter: u8) -> Option<usize> {
        // Most cells are nothing but a number: read without looking for their end first, to the same bits as `std` reads.
        if let Self::Numbers(numbers) = self
            && let Ok((number, end)) = fast_float2::parse_partial::<f64, _>(rest)
            && rest
                .as_bytes()
                .get(end)
                .is_none_or(|next| *next == delimiter || *next == b'\n')
            && number.is_finite()
        {
            numbers.push(number);
            return Some(end);
        }
        let end = memchr2(delimiter, b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let (cell, after) = rest.split_at(end);
        // Before the end of a line or of the file it belongs to that end.
        let cell = match cell.strip_suffix('\r') {
            Some(cell) if !after.starts_with(char::from(delimiter)) => cell,
            _ => cell,
        };
        self.push(cell)?;
        Some(cell.len())
    }

    fn push(&mut self, cell: &'a str) -> Option<()> {
        match self {
            Self::Numbers(numbers) => numbers.push(number::plain(cell)?),
            Self::Text(_) if memchr(b'"', cell.as_bytes()).is_some() => return None,
            Self::Text(text) => text.push((!cell.is_empty()).then_some(cell)),
        }
        Some(())
    }
}

fn join(columns: usize, parts: Vec<Vec<Piece<'_>>>) -> Vec<Cells<'_>> {
    let mut pieces: Vec<Vec<Piece<'_>>> = vec![Vec::with_capacity(parts.len()); columns];
    for part in parts {
        for (column, piece) in pieces.iter_mut().zip(part) {
            column.push(piece);
        }
    }
    pieces.into_iter().map(column).collect()
}

fn column(pieces: Vec<Piece<'_>>) -> Cells<'_> {
    let (mut numbers, mut text) = (Vec::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Numbers(more) if numbers.is_empty() => numbers = more,
            Piece::Numbers(more) => numbers.extend(more),
            Piece::Text(more) if text.is_empty() => text = more,
            Piece::Text(more) => text.extend(more),
        }
    }
    if text.is_empty() {
        Cells::Numbers(numbers)
    } else {
        Cells::Text(Text::Lent(text))
    }
}
