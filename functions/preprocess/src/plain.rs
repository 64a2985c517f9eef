//! Plain CSV, without quotes and with one record per line: its numbers are parsed in place, on several threads.
//!
//! A file that is not plain, or that has text in a column of numbers, is not read here. The reader of text reads it,
//! and names the cell.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError},
    thread,
};

use memchr::{memchr, memchr_iter, memchr2};

use crate::{
    number,
    raw::{Cells, Text},
};

/// With fewer bytes than this a second thread costs more than it saves.
const WORTH_A_THREAD: usize = 256 << 10;

/// The number of parts for each thread, so that none waits long for another.
const PARTS: usize = 6;

/// How a file is read.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) delimiter: u8,
    /// The longest line in bytes.
    pub(crate) longest: usize,
    pub(crate) threads: usize,
}

/// The buffer for the cells of one column in some adjacent lines.
enum Room<'r, 'a> {
    Numbers(&'r mut [f64]),
    Text(&'r mut [Option<&'a str>]),
}

/// Reads the lines after the header; `None` when they are not plain.
///
/// A column holds numbers when its first cell is one, unless `text` returns true for its name.
pub(crate) fn read<'a>(
    header: &[String],
    lines: &'a [u8],
    how: How,
    text: &dyn Fn(&str) -> bool,
) -> Option<Vec<Cells<'a>>> {
    let end = memchr(b'\n', lines).unwrap_or(lines.len());
    let first = std::str::from_utf8(&lines[..end]).ok()?;
    let threads = how.threads.min(lines.len() / WORTH_A_THREAD).max(1);
    let parts = cut(lines, if threads == 1 { 1 } else { threads * PARTS });
    let rows: Vec<usize> = parts.iter().map(|part| count_lines(part)).collect();
    let all: usize = rows.iter().sum();
    // Each cell ends with a byte of its own, so no memory is allocated for cells that cannot exist.
    if all.saturating_mul(header.len()) > lines.len() + 1 {
        return None;
    }
    let mut columns = Vec::with_capacity(header.len());
    for (name, cell) in header
        .iter()
        .zip(first.trim_end_matches('\r').split(char::from(how.delimiter)))
    {
        columns.push(if number::is_number(cell) && !text(name) {
            Cells::Numbers(vec![0.0; all])
        } else {
            Cells::Text(Text::Lent(vec![None; all]))
        });
    }
    if columns.len() != header.len() {
        return None;
    }
    let parts = Mutex::new(parts.into_iter().zip(share(&mut columns, &rows)));
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    let read_parts = || {
        while let Some((part, room)) = next() {
            read_part(part, how, room)?;
        }
        Some(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(read_parts)).collect();
        let here = read_parts();
        let others = others
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        others.fold(here, Option::and)
    })?;
    drop(parts);
    Some(columns)
}

/// Splits lines into parts of about the same size.
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

/// Returns the number of lines. The last one may have no line end.
pub(crate) fn count_lines(lines: &[u8]) -> usize {
    memchr_iter(b'\n', lines).count() + usize::from(!lines.is_empty() && !lines.ends_with(b"\n"))
}

/// Returns for each part the buffers of its rows, one per column.
fn share<'r, 'a>(columns: &'r mut [Cells<'a>], rows: &[usize]) -> Vec<Vec<Room<'r, 'a>>> {
    let mut shares: Vec<Vec<Room<'r, 'a>>> = rows.iter().map(|_| Vec::with_capacity(columns.len())).collect();
    for column in columns {
        match column {
            Cells::Numbers(numbers) => {
                let rooms = split(numbers, rows).map(Room::Numbers);
                shares.iter_mut().zip(rooms).for_each(|(share, room)| share.push(room));
            }
            Cells::Text(Text::Lent(text)) => {
                let rooms = split(text, rows).map(Room::Text);
                shares.iter_mut().zip(rooms).for_each(|(share, room)| share.push(room));
            }
            Cells::Text(Text::Held(_)) | Cells::Times(_) | Cells::Other { .. } => {}
        }
    }
    shares
}

fn split<'r, T>(mut rest: &'r mut [T], lengths: &[usize]) -> impl Iterator<Item = &'r mut [T]> {
    lengths.iter().map_while(move |&length| rest.split_off_mut(..length))
}

/// Reads the lines of a part, at most as many as fit into the buffers.
fn read_part<'a>(part: &'a [u8], how: How, mut room: Vec<Room<'_, 'a>>) -> Option<()> {
    let (mut rest, mut row) = (part, 0);
    while !rest.is_empty() {
        let end = read_line(rest, how.delimiter, &mut room, row)?;
        if end > how.longest {
            return None;
        }
        rest = &rest[end..];
        row += 1;
    }
    Some(())
}

/// Reads the first line of the rest of a part. Returns where the next one begins.
fn read_line<'a>(rest: &'a [u8], delimiter: u8, room: &mut [Room<'_, 'a>], row: usize) -> Option<usize> {
    let (last, others) = room.split_last_mut()?;
    let mut at = 0;
    for column in others {
        at += column.take(row, &rest[at..], delimiter)?;
        if rest.get(at) != Some(&delimiter) {
            return None;
        }
        at += 1;
    }
    at += last.take(row, &rest[at..], delimiter)?;
    match rest[at..] {
        [] => Some(at),
        [b'\n', ..] | [b'\r'] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    }
}

impl<'a> Room<'_, 'a> {
    /// Reads the first cell of the rest of a part. Returns where it ends; `None` when it is quoted, or is text in a
    /// column of numbers.
    fn take(&mut self, row: usize, rest: &'a [u8], delimiter: u8) -> Option<usize> {
        // Most cells are just a number. They are parsed without looking for their end first, to the same bits as `std`
        // does.
        if let Self::Numbers(numbers) = self
            && let Ok((number, end)) = fast_float2::parse_partial::<f64, _>(rest)
            && rest.get(end).is_none_or(|next| *next == delimiter || *next == b'\n')
            && number.is_finite()
        {
            *numbers.get_mut(row)? = number;
            return Some(end);
        }
        let end = memchr2(delimiter, b'\n', rest).unwrap_or(rest.len());
        let (cell, after) = rest.split_at(end);
        // A carriage return before the end of a line or of the file belongs to that end.
        let cell = match cell.strip_suffix(b"\r") {
            Some(cell) if !after.starts_with(&[delimiter]) => cell,
            _ => cell,
        };
        self.set(row, std::str::from_utf8(cell).ok()?)?;
        Some(cell.len())
    }

    fn set(&mut self, row: usize, cell: &'a str) -> Option<()> {
        match self {
            Self::Numbers(numbers) => *numbers.get_mut(row)? = number::plain(cell)?,
            Self::Text(_) if memchr(b'"', cell.as_bytes()).is_some() => return None,
            Self::Text(text) => *text.get_mut(row)? = (!cell.is_empty()).then_some(cell),
        }
        Some(())
    }
}
