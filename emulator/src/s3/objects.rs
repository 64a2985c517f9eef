//! Putting and deleting objects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, ETagCondition,
    PutObjectInput, PutObjectOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::body;
use super::checksums::{Expected, Sums};
use super::conditions::WriteCondition;
use super::error::Error;
use super::events::{ObjectEvent, Principal, announce};
use super::rows::{Object, Piece, Rows};
use super::store::Store;
use super::stored_headers::StoredHeaders;

/// The longest key, in bytes of UTF-8.
const LONGEST_KEY: usize = 1024;

/// The most keys that one request may delete, as on AWS.
const MOST_DELETED: usize = 1000;

pub(super) async fn put(store: &Store, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
    let principal = Principal::of(&request);
    let expected = Expected::of(&request.headers, request.trailing_headers);
    let PutObjectInput {
        bucket,
        key,
        body,
        metadata,
        if_match,
        if_none_match,
        ..
    } = request.input;
    check_key(&key)?;
    store.snapshot()?.bucket(&bucket)?;
    let received = body::receive(store.blobs(), body, expected).await?;
    let (sums, about) = (received.sums.wire(), StoredHeaders::of(&request.headers, metadata));
    let etag = hex::encode(received.md5);
    let written = Written {
        etag,
        size: received.size,
        sums: received.sums,
        about,
    };
    let condition = WriteCondition {
        if_match,
        if_none_match,
    };
    let object = store
        .change(move |rows| {
            rows.bucket(&bucket)?;
            condition.check(rows.object(&bucket, &key)?.as_ref())?;
            let pieces = rows.store(received.content)?;
            let object = written.object(rows, pieces)?;
            rows.put_object(&bucket, &key, &object)?;
            announce_created(rows, "ObjectCreated:Put", &principal, &bucket, &key, &object)?;
            Ok(object)
        })
        .await?;
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(object.tag()),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..Default::default()
    }))
}

pub(super) async fn delete(
    store: &Store,
    request: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let principal = Principal::of(&request);
    let DeleteObjectInput {
        bucket,
        key,
        if_match,
        version_id,
        ..
    } = request.input;
    refuse_version(version_id.as_deref())?;
    let condition = WriteCondition {
        if_match,
        if_none_match: None,
    };
    store
        .change(move |rows| remove(rows, &principal, &bucket, &key, &condition))
        .await?;
    Ok(S3Response::with_status(
        DeleteObjectOutput::default(),
        http::StatusCode::NO_CONTENT,
    ))
}

/// Deletes many objects in one transaction; the answer names each by itself.
pub(super) async fn delete_many(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let principal = Principal::of(&request);
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    if delete.objects.len() > MOST_DELETED {
        let count = delete.objects.len();
        return Err(s3_error!(
            MalformedXML,
            "{count} keys to delete, at most {MOST_DELETED} are allowed"
        ));
    }
    let quiet = delete.quiet.unwrap_or(false);
    let change = move |rows: &mut Rows<'_>| {
        rows.bucket(&bucket)?;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in delete.objects {
            let if_match = object.e_tag.map(ETagCondition::ETag);
            let condition = WriteCondition {
                if_match,
                if_none_match: None,
            };
            let removed = refuse_version(object.version_id.as_deref())
                .and_then(|()| refuse_conditions(object.size.is_some() || object.last_modified_time.is_some()))
                .map_err(Error::from)
                .and_then(|()| remove(rows, &principal, &bucket, &object.key, &condition));
            match removed {
                Ok(()) => deleted.push(DeletedObject {
                    key: Some(object.key),
                    ..Default::default()
                }),
                Err(Error::Refused(refusal)) => errors.push(s3s::dto::Error {
                    code: Some(refusal.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: refusal.message().map(str::to_owned),
                    version_id: object.version_id,
                }),
                Err(other) => return Err(other),
            }
        }
        Ok((deleted, errors))
    };
    let (deleted, errors) = store.change(change).await?;
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: Some(deleted).filter(|_| !quiet),
        errors: Some(errors),
        request_charged: None,
    }))
}

/// Deletes an object. Deleting a missing one succeeds without an event.
fn remove(
    rows: &mut Rows<'_>,
    principal: &Principal,
    bucket: &str,
    key: &str,
    condition: &WriteCondition,
) -> Result<(), Error> {
    rows.bucket(bucket)?;
    let current = rows.object(bucket, key)?;
    condition.check(current.as_ref())?;
    let Some(object) = current else { return Ok(()) };
    rows.delete_object(bucket, key, &object)?;
    let sequencer = rows.number()?;
    announce(rows, &principal.event("ObjectRemoved:Delete", bucket, key, sequencer))
}

/// The properties of a new object, without its number, time and bytes.
pub(super) struct Written {
    pub(super) etag: String,
    pub(super) size: u64,
    pub(super) sums: Sums,
    pub(super) about: StoredHeaders,
}

impl Written {
    pub(super) fn object(self, rows: &mut Rows<'_>, pieces: Vec<Piece>) -> Result<Object, Error> {
        let Self {
            etag,
            size,
            sums,
            about,
        } = self;
        Ok(Object {
            id: rows.number()?,
            size,
            etag,
            modified_s: rows.now_s(),
            pieces,
            sums,
            upload: None,
            about,
        })
    }
}

pub(super) fn announce_created(
    rows: &mut Rows<'_>,
    name: &'static str,
    principal: &Principal,
    bucket: &str,
    key: &str,
    object: &Object,
) -> Result<(), Error> {
    let event = principal.event(name, bucket, key, object.id);
    announce(
        rows,
        &ObjectEvent {
            object: Some(object),
            ..event
        },
    )
}

pub(super) fn check_key(key: &str) -> S3Result<()> {
    if key.len() > LONGEST_KEY {
        return Err(s3_error!(
            KeyTooLongError,
            "a key of {} bytes, at most {LONGEST_KEY} are allowed",
            key.len()
        ));
    }
    Ok(())
}

/// Refuses conditions on size or time, which AWS has for directory buckets only.
fn refuse_conditions(asked: bool) -> S3Result<()> {
    if asked {
        return Err(s3_error!(
            NotImplemented,
            "an object is deleted under a condition on its ETag alone, not on its size or time"
        ));
    }
    Ok(())
}

pub(super) fn refuse_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("null") => Ok(()),
        Some(version) => Err(s3_error!(
            NoSuchVersion,
            "objects have one version here, not `{version}`"
        )),
    }
}

pub(super) fn missing(key: &str) -> S3Error {
    s3_error!(NoSuchKey, "the key `{key}` does not exist")
}
