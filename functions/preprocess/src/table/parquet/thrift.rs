//! Walks Thrift's compact protocol without allocating memory: what a footer or a page header announces is compared with
//! the bytes that are there, before a reader trusts it.
//!
//! # Source
//! apache/thrift, `doc/specs/thrift-compact-protocol.md`.

/// The deepest nesting of structs, lists and maps. Parquet's own is seven.
const DEEPEST: usize = 32;

/// The type of a field or an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Bool,
    Byte,
    Integer,
    Double,
    Binary,
    List,
    Map,
    Struct,
    Uuid,
}

/// The beginning of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Field {
    /// Its number in the struct, and its type.
    Of(i16, Kind),
    /// The struct ends here.
    End,
}

/// A cursor over encoded bytes. Every method returns `None` when the bytes are not Thrift or end too early.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The number of elements that lists of structs have announced so far: a reader allocates memory for each.
    pub(super) announced: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            announced: 0,
        }
    }

    /// Returns the number of bytes that were walked.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn take(&mut self, count: usize) -> Option<()> {
        (count <= self.left()).then(|| self.at += count)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Reads an integer of any width.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
    }

    /// Reads the beginning of the next field of a struct.
    pub(super) fn field(&mut self, last: &mut i16) -> Option<Field> {
        let header = self.byte()?;
        if header == 0 {
            return Some(Field::End);
        }
        let id = match header >> 4 {
            0 => i16::try_from(self.integer()?).ok()?,
            more => last.checked_add(i16::from(more))?,
        };
        *last = id;
        // The header of a boolean field already holds its value.
        let kind = match header & 0x0f {
            1 | 2 => Kind::Bool,
            kind => kind_of(kind)?,
        };
        Some(Field::Of(id, kind))
    }

    /// Reads the beginning of a list: the type and the number of its elements. The number is never larger than the
    /// number of bytes left, because each element takes at least one.
    pub(super) fn list(&mut self) -> Option<(Kind, usize)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            few => usize::from(few),
        };
        if count == 0 {
            return Some((Kind::Byte, 0));
        }
        let kind = kind_of(header & 0x0f)?;
        if kind == Kind::Struct {
            self.announced = self.announced.saturating_add(count as u64);
        }
        (count <= self.left()).then_some((kind, count))
    }

    /// Walks over a field.
    pub(super) fn skip(&mut self, kind: Kind) -> Option<()> {
        match kind {
            // The value is in the header of the field.
            Kind::Bool => Some(()),
            kind => self.walk(kind, DEEPEST),
        }
    }

    fn walk(&mut self, kind: Kind, deeper: usize) -> Option<()> {
        let deeper = deeper.checked_sub(1)?;
        match kind {
            Kind::Bool | Kind::Byte => self.take(1),
            Kind::Integer => self.varint().map(drop),
            Kind::Double => self.take(8),
            Kind::Uuid => self.take(16),
            Kind::Binary => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length)
            }
            Kind::List => {
                let (kind, count) = self.list()?;
                (0..count).try_for_each(|_| self.walk(kind, deeper))
            }
            Kind::Map => self.walk_map(deeper),
            Kind::Struct => {
                let mut last = 0;
                while let Field::Of(_, kind) = self.field(&mut last)? {
                    if kind != Kind::Bool {
                        self.walk(kind, deeper)?;
                    }
                }
                Some(())
            }
        }
    }

    fn walk_map(&mut self, deeper: usize) -> Option<()> {
        let count = usize::try_from(self.varint()?).ok()?;
        if count == 0 {
            return Some(());
        }
        if count > self.left() {
            return None;
        }
        let kinds = self.byte()?;
        let (key, value) = (kind_of(kinds >> 4)?, kind_of(kinds & 0x0f)?);
        (0..count).try_for_each(|_| {
            self.walk(key, deeper)?;
            self.walk(value, deeper)
        })
    }
}

fn kind_of(nibble: u8) -> Option<Kind> {
    Some(match nibble {
        1 | 2 => Kind::Bool,
        3 => Kind::Byte,
        4..=6 => Kind::Integer,
        7 => Kind::Double,
        8 => Kind::Binary,
        9 | 10 => Kind::List,
        11 => Kind::Map,
        12 => Kind::Struct,
        13 => Kind::Uuid,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_that_announces_more_than_there_is_ends_the_walk() {
        // A list of 2^35 structs in seven bytes.
        let bytes = [0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
        assert_eq!(Cursor::new(&bytes).list(), None);
        assert_eq!(Cursor::new(&[0x2c, 0, 0]).list(), Some((Kind::Struct, 2)));
    }

    #[test]
    fn structs_that_lie_too_deep_end_the_walk() {
        let nested = |depth: usize| [vec![0x1c; depth], vec![0; depth + 1]].concat();
        let walk = |bytes: &[u8]| Cursor::new(bytes).skip(Kind::Struct);
        assert_eq!(walk(&nested(DEEPEST - 1)), Some(()));
        assert_eq!(walk(&nested(DEEPEST)), None);
        assert_eq!(walk(&nested(100_000)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_pass_their_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut cursor = Cursor::new(&bytes);
            let _ = cursor.skip(Kind::Struct);
            prop_assert!(cursor.position() <= bytes.len());
        }
    }
}
