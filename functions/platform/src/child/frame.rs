//! The wire format between parent and child: a count, then each part with its length before it. Lengths are 64-bit,
//! little-endian.

use std::io::{self, Read, Write};

use bytes::Bytes;

/// The largest number of parts in a message: a request and its files, or an answer and its outputs.
const MAX_PARTS: u64 = 16;

/// Returns the bytes before the first part (the count), and those before each part (its length).
pub(super) fn lengths(parts: &[Bytes]) -> (Vec<u8>, Vec<[u8; 8]>) {
    let number = |length: usize| (length as u64).to_le_bytes();
    let each = parts.iter().map(|part| number(part.len())).collect();
    (number(parts.len()).to_vec(), each)
}

/// Writes a message.
pub(super) fn write(to: &mut impl Write, parts: &[Bytes]) -> io::Result<()> {
    let (count, each) = lengths(parts);
    to.write_all(&count)?;
    for (length, part) in each.iter().zip(parts) {
        to.write_all(length)?;
        to.write_all(part)?;
    }
    to.flush()
}

/// Reads a message.
///
/// # Errors
/// When the other side ends too early, or announces more than `MAX_PARTS` parts.
pub(super) fn read(from: &mut impl Read) -> io::Result<Vec<Bytes>> {
    let count = number(from)?;
    if count > MAX_PARTS {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{count} parts, at most {MAX_PARTS} are read"),
        ));
    }
    (0..count).map(|_| part(from)).collect()
}

fn part(from: &mut impl Read) -> io::Result<Bytes> {
    let length = usize::try_from(number(from)?).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut part = vec![0; length];
    from.read_exact(&mut part)?;
    Ok(part.into())
}

fn number(from: &mut impl Read) -> io::Result<u64> {
    let mut number = [0; 8];
    from.read_exact(&mut number)?;
    Ok(u64::from_le_bytes(number))
}

/// Splits the bytes of a whole message into its parts; `None` when bytes are missing or left over.
pub(super) fn split(mut bytes: Bytes) -> Option<Vec<Bytes>> {
    let count = take_number(&mut bytes)?;
    let mut parts = Vec::new();
    for _ in 0..count {
        let length = usize::try_from(take_number(&mut bytes)?).ok()?;
        if length > bytes.len() {
            return None;
        }
        parts.push(bytes.split_to(length));
    }
    bytes.is_empty().then_some(parts)
}

fn take_number(bytes: &mut Bytes) -> Option<u64> {
    let number = *bytes.first_chunk::<8>()?;
    let _ = bytes.split_to(8);
    Some(u64::from_le_bytes(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_written_and_a_truncated_message_is_refused() {
        let parts = [Bytes::from_static(b"{}"), Bytes::new(), Bytes::from_static(b"PAR1")];
        let mut written = Vec::new();
        write(&mut written, &parts).unwrap();
        assert_eq!(read(&mut &written[..]).unwrap(), parts);
        assert_eq!(split(written.clone().into()).unwrap(), parts);
        for end in 0..written.len() {
            assert!(read(&mut &written[..end]).is_err(), "{end} bytes");
            assert_eq!(split(Bytes::copy_from_slice(&written[..end])), None, "{end} bytes");
        }
    }

    #[test]
    fn impossible_lengths_allocate_no_memory() {
        let huge = [1_u64.to_le_bytes(), u64::MAX.to_le_bytes()].concat();
        assert_eq!(split(huge.into()), None);
        assert!(read(&mut &u64::MAX.to_le_bytes()[..]).is_err());
    }
}
