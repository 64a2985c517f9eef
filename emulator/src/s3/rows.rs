//! The rows of S3: what is stored for buckets, objects, uploads and parts.

use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use s3s::dto::{ETag, NotificationConfiguration, Timestamp};
use s3s::s3_error;
use serde::{Deserialize, Serialize};

use super::checksums::Sums;
use super::error::Error;
use super::stored_headers::StoredHeaders;
use crate::blobs::{self, Blob};

pub(super) type Name = &'static str;
/// Bucket and key. Keys are bytes, so that listings are in UTF-8 byte order and can skip all keys with one prefix.
pub(super) type Key = (Name, &'static [u8]);
pub(super) type UploadKey = (Name, &'static [u8], u64);
pub(super) type PartKey = (u64, u16);
pub(super) type Row = &'static [u8];

pub(super) const BUCKETS: TableDefinition<'_, Name, Row> = TableDefinition::new("s3.buckets");
pub(super) const OBJECTS: TableDefinition<'_, Key, Row> = TableDefinition::new("s3.objects");
pub(super) const BODIES: TableDefinition<'_, u64, Row> = TableDefinition::new("s3.bodies");
pub(super) const UPLOADS: TableDefinition<'_, UploadKey, Row> = TableDefinition::new("s3.uploads");
pub(super) const PARTS: TableDefinition<'_, PartKey, Row> = TableDefinition::new("s3.parts");
const META: TableDefinition<'_, Name, u64> = TableDefinition::new("s3.meta");

/// A bucket and its notifications.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) created_s: i64,
    pub(super) notification: NotificationConfiguration,
}

/// An object: everything but its bytes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Object {
    /// Rises with every write to the store; doubles as the sequencer of events.
    pub(super) id: u64,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified_s: i64,
    pub(super) pieces: Vec<Piece>,
    #[serde(default, skip_serializing_if = "Sums::is_empty")]
    pub(super) sums: Sums,
    /// The upload in parts that made it, so that its completion can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) upload: Option<u64>,
    #[serde(flatten)]
    pub(super) about: StoredHeaders,
}

/// A multipart upload under way.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) initiated_s: i64,
    /// The checksum algorithm that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) algorithm: Option<String>,
    /// Whether that checksum is to be that of the whole object (`FULL_OBJECT`) and not a checksum of the parts'
    /// checksums.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) whole: bool,
    #[serde(flatten)]
    pub(super) about: StoredHeaders,
}

/// An uploaded part.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UploadedPart {
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) modified_s: i64,
    pub(super) pieces: Vec<Piece>,
    #[serde(default, skip_serializing_if = "Sums::is_empty")]
    pub(super) sums: Sums,
}

/// Where a stretch of bytes is stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Piece {
    /// In a row of its own.
    Row { id: u64, size: u64 },
    /// In a file.
    Blob { name: String, size: u64 },
}

impl Piece {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Row { size, .. } | Self::Blob { size, .. } => *size,
        }
    }
}

/// Received bytes that no row names yet.
pub(super) enum Content {
    Small(Vec<u8>),
    Large(Blob, u64),
}

impl UploadedPart {
    pub(super) fn tag(&self) -> ETag {
        ETag::Strong(self.etag.clone())
    }

    pub(super) fn modified(&self) -> Timestamp {
        seconds(self.modified_s)
    }
}

impl Object {
    pub(super) fn tag(&self) -> ETag {
        ETag::Strong(self.etag.clone())
    }

    pub(super) fn modified(&self) -> Timestamp {
        seconds(self.modified_s)
    }
}

/// Returns UTC seconds as the protocol's type.
pub(super) fn seconds(second: i64) -> Timestamp {
    let since = std::time::Duration::from_secs(second.unsigned_abs());
    Timestamp::from(std::time::SystemTime::UNIX_EPOCH + since)
}

/// Reads a row.
pub(super) fn parse<'a, T: Deserialize<'a>>(row: &'a [u8]) -> Result<T, Error> {
    Ok(serde_json::from_slice(row)?)
}

/// All tables of one write transaction, with the time at which it runs.
pub(super) struct Rows<'t> {
    pub(super) transaction: &'t WriteTransaction,
    pub(super) now_ms: i64,
    pub(super) buckets: Table<'t, Name, Row>,
    pub(super) objects: Table<'t, Key, Row>,
    bodies: Table<'t, u64, Row>,
    pub(super) uploads: Table<'t, UploadKey, Row>,
    pub(super) parts: Table<'t, PartKey, Row>,
    meta: Table<'t, Name, u64>,
    /// Blobs to remove after the commit.
    pub(super) freed: Vec<String>,
    /// ARNs of queues to wake after the commit.
    pub(super) announced: Vec<String>,
}

impl<'t> Rows<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction, now_ms: i64) -> Result<Self, Error> {
        Ok(Self {
            transaction,
            now_ms,
            buckets: transaction.open_table(BUCKETS)?,
            objects: transaction.open_table(OBJECTS)?,
            bodies: transaction.open_table(BODIES)?,
            uploads: transaction.open_table(UPLOADS)?,
            parts: transaction.open_table(PARTS)?,
            meta: transaction.open_table(META)?,
            freed: Vec::new(),
            announced: Vec::new(),
        })
    }

    pub(super) fn now_s(&self) -> i64 {
        self.now_ms.div_euclid(1000)
    }

    pub(super) fn bucket(&self, name: &str) -> Result<Bucket, Error> {
        bucket(&self.buckets, name)
    }

    pub(super) fn put_bucket(&mut self, name: &str, bucket: &Bucket) -> Result<(), Error> {
        self.buckets.insert(name, serde_json::to_vec(bucket)?.as_slice())?;
        Ok(())
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> Result<Option<Object>, Error> {
        object(&self.objects, bucket, key)
    }

    /// Makes an object visible and frees what it replaces.
    pub(super) fn put_object(&mut self, bucket: &str, key: &str, object: &Object) -> Result<(), Error> {
        let row = serde_json::to_vec(object)?;
        let replaced = self.object(bucket, key)?;
        self.objects.insert((bucket, key.as_bytes()), row.as_slice())?;
        replaced.map_or(Ok(()), |replaced| self.free(&replaced.pieces))
    }

    pub(super) fn delete_object(&mut self, bucket: &str, key: &str, object: &Object) -> Result<(), Error> {
        self.objects.remove((bucket, key.as_bytes()))?;
        self.free(&object.pieces)
    }

    /// Returns the next number of the store.
    pub(super) fn number(&mut self) -> Result<u64, Error> {
        let number = self.meta.get("number")?.map_or(0, |last| last.value()) + 1;
        self.meta.insert("number", number)?;
        Ok(number)
    }

    /// Stores received bytes and returns where they are.
    pub(super) fn store(&mut self, content: Content) -> Result<Vec<Piece>, Error> {
        match content {
            Content::Small(bytes) if bytes.is_empty() => Ok(Vec::new()),
            Content::Small(bytes) => self.store_row(&bytes).map(|piece| vec![piece]),
            Content::Large(blob, size) => Ok(vec![Piece::Blob {
                name: blob.keep(self.transaction)?,
                size,
            }]),
        }
    }

    /// Returns pieces with the same bytes for a second owner.
    pub(super) fn share(&mut self, pieces: &[Piece]) -> Result<Vec<Piece>, Error> {
        let shared = pieces.iter().map(|piece| match piece {
            Piece::Row { id, .. } => {
                let bytes = self
                    .bodies
                    .get(id)?
                    .map(|bytes| bytes.value().to_vec())
                    .unwrap_or_default();
                self.store_row(&bytes)
            }
            Piece::Blob { name, .. } => {
                blobs::retain(self.transaction, name)?;
                Ok(piece.clone())
            }
        });
        shared.collect()
    }

    pub(super) fn free(&mut self, pieces: &[Piece]) -> Result<(), Error> {
        for piece in pieces {
            match piece {
                Piece::Row { id, .. } => drop(self.bodies.remove(id)?),
                Piece::Blob { name, .. } => {
                    if blobs::release(self.transaction, name)? {
                        self.freed.push(name.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn store_row(&mut self, bytes: &[u8]) -> Result<Piece, Error> {
        let id = self.number()?;
        self.bodies.insert(id, bytes)?;
        Ok(Piece::Row {
            id,
            size: bytes.len() as u64,
        })
    }
}

/// Returns a bucket, or the refusal when it does not exist.
pub(super) fn bucket(buckets: &impl ReadableTable<Name, Row>, name: &str) -> Result<Bucket, Error> {
    match buckets.get(name)? {
        Some(row) => parse(row.value()),
        None => Err(s3_error!(NoSuchBucket, "the bucket `{name}` does not exist").into()),
    }
}

/// Returns an object, or `None` when it does not exist.
pub(super) fn object(objects: &impl ReadableTable<Key, Row>, bucket: &str, key: &str) -> Result<Option<Object>, Error> {
    objects
        .get((bucket, key.as_bytes()))?
        .map(|row| parse(row.value()))
        .transpose()
}
