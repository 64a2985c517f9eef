//! The bytes of objects, streamed to clients and copies.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use futures_util::{Stream, stream};
use redb::ReadableTable;
use s3s::s3_error;
use tokio::task::{JoinHandle, spawn_blocking};

use super::error::Error;
use super::rows::{Piece, Row};
use crate::blobs::{Blobs, Pin};

/// Bytes of a file that are read at once.
const CHUNK: u64 = 256 << 10;

/// The bytes of an object, found in one snapshot and kept readable.
pub(super) struct ObjectBytes {
    pieces: VecDeque<Stretch>,
    ahead: Option<Ahead>,
    _pin: Pin,
}

enum Stretch {
    Memory(Bytes),
    File(Unread),
}

/// The bytes that are read in advance.
enum Ahead {
    Memory(Bytes),
    /// With the rest of the file, unless it is read to its end.
    File(JoinHandle<io::Result<(Bytes, Option<Unread>)>>),
}

/// A stretch of a file that is still to be read.
enum Unread {
    Named { path: PathBuf, range: Range<u64> },
    Open { file: File, left: u64 },
}

impl ObjectBytes {
    /// Finds the bytes of a range of an object.
    pub(super) fn find(
        blobs: &Blobs,
        bodies: &impl ReadableTable<u64, Row>,
        pieces: &[Piece],
        range: &Range<u64>,
        pin: Pin,
    ) -> Result<Self, Error> {
        let (mut found, mut start) = (VecDeque::new(), 0);
        for piece in pieces {
            let end = start + piece.size();
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                found.push_back(stretch(blobs, bodies, piece, from - start..to - start)?);
            }
            start = end;
        }
        Ok(Self {
            pieces: found,
            ahead: None,
            _pin: pin,
        })
    }

    /// Returns the bytes in order. The next ones are read while the client takes the ones before; no thread waits for a
    /// slow client.
    pub(super) fn stream(mut self) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static {
        self.read_ahead();
        stream::try_unfold(self, |mut source| async move {
            Ok(source.next().await?.map(|bytes| (bytes, source)))
        })
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let bytes = match self.ahead.take() {
            None => return Ok(None),
            Some(Ahead::Memory(bytes)) => bytes,
            Some(Ahead::File(read)) => {
                let (bytes, rest) = read.await.map_err(io::Error::other)??;
                if let Some(rest) = rest {
                    self.pieces.push_front(Stretch::File(rest));
                }
                bytes
            }
        };
        self.read_ahead();
        Ok(Some(bytes))
    }

    fn read_ahead(&mut self) {
        self.ahead = self.pieces.pop_front().map(|stretch| match stretch {
            Stretch::Memory(bytes) => Ahead::Memory(bytes),
            Stretch::File(unread) => Ahead::File(spawn_blocking(move || unread.read())),
        });
    }
}

impl Unread {
    /// Reads the next bytes, blocking. Also returns what is left to read, or `None` at the end.
    fn read(self) -> io::Result<(Bytes, Option<Self>)> {
        let (mut file, left) = match self {
            Self::Open { file, left } => (file, left),
            Self::Named { path, range } => {
                let mut file = File::open(path)?;
                file.seek(io::SeekFrom::Start(range.start))?;
                (file, range.end - range.start)
            }
        };
        let wanted = left.min(CHUNK);
        let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(0));
        (&mut file).take(wanted).read_to_end(&mut bytes)?;
        let left = left - bytes.len() as u64;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((bytes.into(), (left > 0).then_some(Self::Open { file, left })))
    }
}

fn stretch(
    blobs: &Blobs,
    bodies: &impl ReadableTable<u64, Row>,
    piece: &Piece,
    range: Range<u64>,
) -> Result<Stretch, Error> {
    match piece {
        Piece::Blob { name, .. } => Ok(Stretch::File(Unread::Named {
            path: blobs.path(name),
            range,
        })),
        Piece::Row { id, .. } => {
            let row = bodies.get(id)?;
            let whole = row.as_ref().map_or(&[][..], |row| row.value());
            let ends = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            let bytes = ends.and_then(|(start, end)| whole.get(start..end));
            let bytes = bytes.ok_or_else(|| s3_error!(InternalError, "the row of a body is missing or short"))?;
            Ok(Stretch::Memory(Bytes::copy_from_slice(bytes)))
        }
    }
}
