//! Checks the columns' chunks and pages before they are unpacked: what they announce must fit the file, the rows and
//! the memory.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::{
    refuse::{damaged, height},
    thrift::{Cursor, Field, Kind},
    wanted::Wanted,
};
use crate::{
    limits::{self, Limits},
    raw::File,
    refusal::Refusal,
};

/// How many times larger a file may become when it is unpacked. Measurements usually shrink to a tenth or a hundredth.
const GROWS: u64 = 1_000;

/// An unpacked size that is always allowed, in bytes.
const FEW: u64 = 64 << 20;

/// What one page announces.
#[derive(Default)]
struct Page {
    header: usize,
    packed: u64,
    unpacked: u64,
    values: u64,
    /// Whether the page is a dictionary, whose values are not rows.
    dictionary: bool,
}

/// Checks all chunks of the columns that are read. `end` is the offset at which the footer begins.
///
/// # Errors
/// When they are damaged, have another number of rows than the footer says, or unpack to more than is read.
pub(super) fn check(
    file: &File,
    meta: &ParquetMetaData,
    wanted: &[Wanted],
    end: u64,
    limits: &Limits,
) -> Result<(), Refusal> {
    let bound = (limits.bytes() / 4).min(FEW.max(file.bytes.len() as u64 * GROWS));
    let mut unpacked = 0_u64;
    for group in meta.row_groups() {
        for column in wanted {
            let Some(leaf) = column.leaf else { continue };
            let chunk = group.columns().get(leaf);
            let chunk = chunk.ok_or_else(|| damaged(file, "a row group lacks a column"))?;
            if chunk.num_values() != group.num_rows() {
                return Err(height(file, &column.name, chunk.num_values(), group.num_rows()));
            }
            let pages = pages(file, chunk, end);
            let pages = pages.ok_or_else(|| damaged(file, format!("a page of column `{}` is damaged", column.name)))?;
            let rows = pages.iter().filter(|page| !page.dictionary);
            let rows = rows.fold(0_u64, |sum, page| sum.saturating_add(page.values));
            if i64::try_from(rows) != Ok(chunk.num_values()) {
                return Err(height(file, &column.name, rows, group.num_rows()));
            }
            let declared = u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX);
            let of_pages = pages.iter().fold(0_u64, |sum, page| sum.saturating_add(page.unpacked));
            unpacked = unpacked.saturating_add(declared.max(of_pages));
            limits::check(&file.name, unpacked, "bytes of unpacked pages", bound)?;
        }
    }
    Ok(())
}

/// Returns the pages of a chunk; `None` when they are damaged or reach beyond it.
fn pages(file: &File, chunk: &ColumnChunkMetaData, end: u64) -> Option<Vec<Page>> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let start = u64::try_from(start).ok().filter(|start| *start >= 4)?;
    let stop = start.checked_add(u64::try_from(chunk.compressed_size()).ok()?)?;
    if stop > end {
        return None;
    }
    let mut rest = file
        .bytes
        .get(usize::try_from(start).ok()?..usize::try_from(stop).ok()?)?;
    let mut pages = Vec::new();
    while !rest.is_empty() {
        let page = page(rest)?;
        rest = rest.get(page.header..)?.get(usize::try_from(page.packed).ok()?..)?;
        pages.push(page);
    }
    Some(pages)
}

/// Reads the header of a page. Its fields 2 and 3 are its sizes, and one of 5, 7 and 8 has the number of its values.
fn page(bytes: &[u8]) -> Option<Page> {
    let (mut cursor, mut last, mut page) = (Cursor::new(bytes), 0, Page::default());
    let (mut packed, mut unpacked) = (None, None);
    while let Field::Of(id, kind) = cursor.field(&mut last)? {
        match (id, kind) {
            (2, Kind::Integer) => unpacked = Some(u64::try_from(cursor.integer()?).ok()?),
            (3, Kind::Integer) => packed = Some(u64::try_from(cursor.integer()?).ok()?),
            (5 | 7 | 8, Kind::Struct) => {
                page.dictionary = id == 7;
                page.values = values(&mut cursor)?;
            }
            _ => cursor.skip(kind)?,
        }
    }
    (page.packed, page.unpacked, page.header) = (packed?, unpacked?, cursor.position());
    // Each value of a dictionary takes at least one byte.
    (!page.dictionary || page.values <= page.unpacked).then_some(page)
}

/// Reads a data or dictionary header, whose field 1 is the number of its values.
fn values(cursor: &mut Cursor<'_>) -> Option<u64> {
    let (mut last, mut values) = (0, None);
    while let Field::Of(id, kind) = cursor.field(&mut last)? {
        if (id, kind) == (1, Kind::Integer) {
            values = Some(u64::try_from(cursor.integer()?).ok()?);
        } else {
            cursor.skip(kind)?;
        }
    }
    values
}
