//! Checks the footer's shape, before any reader allocates memory for what it announces.

use super::{
    refuse::damaged,
    thrift::{Cursor, Field, Kind},
};
use crate::{
    limits::{self, Limits},
    raw::File,
    refusal::Refusal,
};

const MAGIC: &[u8; 4] = b"PAR1";

/// The length of the end of a file in bytes: the length of the footer, and the magic bytes.
const TAIL: usize = 8;

/// The deepest nesting of groups that is read: readers build their schema recursively.
const DEEPEST: usize = 64;

/// Memory that readers need for each struct in a list of the footer, in bytes: a column chunk is the largest.
const BYTES_OF_A_STRUCT: u64 = 1024;

/// Returns the bytes of the footer. Its lists are no longer than they can be, and its schema is neither too deep nor
/// too wide.
///
/// # Errors
/// When the footer is truncated or damaged, or announces more than is read.
pub(super) fn check<'a>(file: &'a File, limits: &Limits) -> Result<&'a [u8], Refusal> {
    let bytes = footer(&file.bytes).ok_or_else(|| damaged(file, "its footer is cut or damaged"))?;
    let shape = walk(bytes).ok_or_else(|| damaged(file, "its footer is damaged"))?;
    let structs = limits.bytes() / BYTES_OF_A_STRUCT;
    limits::check(
        &file.name,
        shape.announced,
        "schema elements and column chunks",
        structs,
    )?;
    limits::check(
        &file.name,
        shape.depth as u64,
        "levels of nested columns",
        DEEPEST as u64,
    )?;
    limits::check(&file.name, shape.leaves as u64, "columns", limits.columns as u64)?;
    Ok(bytes)
}

/// Returns the offset in the file at which the footer begins.
pub(super) fn start(file: &File, footer: &[u8]) -> u64 {
    (file.bytes.len() - TAIL - footer.len()) as u64
}

fn footer(file: &[u8]) -> Option<&[u8]> {
    let (rest, tail) = file.split_at_checked(file.len().checked_sub(TAIL)?)?;
    let (length, magic) = tail.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    // The first four bytes of the file are not part of the footer.
    (magic == MAGIC && length <= rest.len().checked_sub(MAGIC.len())?).then(|| &rest[rest.len() - length..])
}

/// What a footer announces.
#[derive(PartialEq, Eq, Debug)]
struct Shape {
    announced: u64,
    /// The number of columns with values of their own.
    leaves: usize,
    /// The depth of the deepest of them.
    depth: usize,
}

/// Walks the whole footer. Its field 2 is the schema.
fn walk(footer: &[u8]) -> Option<Shape> {
    let (mut cursor, mut last, mut schema) = (Cursor::new(footer), 0, None);
    while let Field::Of(id, kind) = cursor.field(&mut last)? {
        if (id, kind) == (2, Kind::List) {
            schema = Some(walk_schema(&mut cursor)?);
        } else {
            cursor.skip(kind)?;
        }
    }
    let (leaves, depth) = schema?;
    Some(Shape {
        announced: cursor.announced,
        leaves,
        depth,
    })
}

/// Walks the schema, a tree in depth-first order: each element says how many of the following ones are its children.
fn walk_schema(cursor: &mut Cursor<'_>) -> Option<(usize, usize)> {
    let (kind, count) = cursor.list()?;
    if kind != Kind::Struct {
        return None;
    }
    // The number of children that are still to come, for each level.
    let (mut open, mut leaves, mut depth) = (vec![1_u64], 0, 0);
    for _ in 0..count {
        while open.last() == Some(&0) {
            open.pop();
        }
        *open.last_mut()? -= 1;
        match children(cursor)? {
            0 => leaves += 1,
            children => {
                open.push(children);
                depth = depth.max(open.len() - 1);
            }
        }
    }
    // A root without children is a schema without columns.
    let whole = open.iter().all(|left| *left == 0);
    whole.then_some((if count == 1 { 0 } else { leaves }, depth))
}

/// Walks an element of the schema. Its field 5 is the number of its children.
fn children(cursor: &mut Cursor<'_>) -> Option<u64> {
    let (mut last, mut children) = (0, 0);
    while let Field::Of(id, kind) = cursor.field(&mut last)? {
        if (id, kind) == (5, Kind::Integer) {
            children = u64::try_from(cursor.integer()?).ok()?;
        } else {
            cursor.skip(kind)?;
        }
    }
    Some(children)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a footer of a schema whose elements have these numbers of children.
    fn schema(children: &[u8]) -> Vec<u8> {
        let count = u8::try_from(children.len()).unwrap();
        let mut bytes = vec![0x29, 0xfc, count];
        for children in children {
            // Field 5, an integer.
            bytes.extend([0x55, children << 1, 0]);
        }
        bytes.push(0);
        bytes
    }

    #[test]
    fn a_schema_is_as_deep_and_wide_as_its_tree() {
        for (children, expected) in [
            (&[3, 0, 0, 0][..], Some((3, 1))),
            (&[2, 0, 1, 1, 0], Some((2, 3))),
            (&[1, 1, 1, 1, 0], Some((1, 4))),
            (&[0], Some((0, 0))),
            (&[2, 0], None),
            (&[1, 0, 0], None),
            (&[63], None),
        ] {
            let found = walk(&schema(children)).map(|shape| (shape.leaves, shape.depth));
            assert_eq!(found, expected, "{children:?}");
        }
    }

    #[test]
    fn a_footer_lies_whole_between_the_magic_bytes() {
        let with = |length: u32, footer: &[u8]| [b"PAR1", footer, &length.to_le_bytes(), b"PAR1"].concat();
        assert_eq!(footer(&with(2, b"ab")), Some(&b"ab"[..]));
        assert_eq!(footer(&with(3, b"ab")), None);
        assert_eq!(footer(&with(u32::MAX, b"ab")), None);
        assert_eq!(footer(b"PAR1"), None);
        assert_eq!(footer(b"PAR1PAR1"), None);
    }
}
