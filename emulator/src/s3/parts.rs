//! One part of an upload: sent by the client, or copied from an object.

use std::ops::Range;

use s3s::dto::{
    CopyPartResult, StreamingBlob, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::body::{self, Received};
use super::checksums::Expected;
use super::conditions::ReadCondition;
use super::contents::ObjectBytes;
use super::error::Error;
use super::objects::missing;
use super::rows::{Rows, Upload, UploadedPart, parse};
use super::store::Store;
use super::{copies, multipart};

const LAST_PART: u16 = 10_000;

/// The upload and the number of a part.
struct PartTarget {
    bucket: String,
    key: String,
    upload: u64,
    number: u16,
}

impl PartTarget {
    fn of(bucket: String, key: String, upload: &str, number: i32) -> S3Result<Self> {
        let known = u16::try_from(number)
            .ok()
            .filter(|number| (1..=LAST_PART).contains(number));
        Ok(Self {
            number: known.ok_or_else(|| s3_error!(InvalidArgument, "part {number}, from 1 to {LAST_PART}"))?,
            upload: multipart::parse_id(upload)?,
            bucket,
            key,
        })
    }

    /// Finds the upload, so that a missing one is refused before the body is received.
    fn find(&self, store: &Store) -> Result<Upload, Error> {
        let snapshot = store.snapshot()?;
        snapshot.bucket(&self.bucket)?;
        multipart::find(&snapshot.uploads()?, &self.bucket, &self.key, self.upload)
    }
}

pub(super) async fn put(store: &Store, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
    let expected = Expected::of(&request.headers, request.trailing_headers);
    let input = request.input;
    let target = PartTarget::of(input.bucket, input.key, &input.upload_id, input.part_number)?;
    let upload = target.find(store)?;
    let expected = expected.also(upload.algorithm.as_deref());
    let received = body::receive(store.blobs(), input.body, expected).await?;
    let part = keep(store, target, received).await?;
    let sums = part.sums.wire();
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(part.tag()),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        ..Default::default()
    }))
}

/// Copies bytes of an object into a part of an upload. They are read and written as if the client had sent them.
pub(super) async fn copy(store: &Store, input: UploadPartCopyInput) -> S3Result<S3Response<UploadPartCopyOutput>> {
    let target = PartTarget::of(input.bucket, input.key, &input.upload_id, input.part_number)?;
    let algorithm = target.find(store)?.algorithm;
    let (from_bucket, from_key) = copies::original(input.copy_source)?;
    let Some((object, snapshot, pin)) = store.object(&from_bucket, &from_key)? else {
        return Err(missing(&from_key));
    };
    let source = ReadCondition {
        matching: input.copy_source_if_match,
        none_matching: input.copy_source_if_none_match,
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    source.check(&object).map_err(copies::not_a_304)?;
    let range = match input.copy_source_range {
        None => 0..object.size,
        Some(range) => within(&range, object.size)?,
    };
    let source = ObjectBytes::find(store.blobs(), &snapshot.bodies()?, &object.pieces, &range, pin)?;
    drop(snapshot);
    let bytes = StreamingBlob::wrap(source.stream());
    let received = body::receive(
        store.blobs(),
        Some(bytes),
        Expected::nothing().also(algorithm.as_deref()),
    )
    .await?;
    let part = keep(store, target, received).await?;
    let sums = part.sums.wire();
    let result = CopyPartResult {
        e_tag: Some(part.tag()),
        last_modified: Some(part.modified()),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
    };
    Ok(S3Response::new(UploadPartCopyOutput {
        copy_part_result: Some(result),
        ..Default::default()
    }))
}

/// Stores a received body as a part. It replaces an earlier part of the same number.
async fn keep(store: &Store, target: PartTarget, received: Received) -> Result<UploadedPart, Error> {
    let change = move |rows: &mut Rows<'_>| {
        rows.bucket(&target.bucket)?;
        multipart::find(&rows.uploads, &target.bucket, &target.key, target.upload)?;
        let part = UploadedPart {
            size: received.size,
            etag: hex::encode(received.md5),
            modified_s: rows.now_s(),
            pieces: rows.store(received.content)?,
            sums: received.sums,
        };
        let at = (target.upload, target.number);
        let replaced = rows.parts.insert(at, serde_json::to_vec(&part)?.as_slice())?;
        let replaced: Option<UploadedPart> = replaced.map(|row| parse(row.value())).transpose()?;
        if let Some(replaced) = replaced {
            rows.free(&replaced.pieces)?;
        }
        Ok(part)
    };
    store.change(change).await
}

/// Reads the range of a copied part. Unlike the range of a read it must have two ends, both within the object.
fn within(text: &str, size: u64) -> S3Result<Range<u64>> {
    match s3s::dto::Range::parse(text) {
        Ok(s3s::dto::Range::Int {
            first,
            last: Some(last),
        }) if last < size => Ok(first..last + 1),
        Ok(s3s::dto::Range::Int { last: Some(_), .. }) => Err(s3_error!(
            InvalidRange,
            "the range `{text}` does not lie in the object, which has {size} bytes"
        )),
        _ => Err(s3_error!(
            InvalidArgument,
            "the range `{text}` is not of the form bytes=first-last"
        )),
    }
}
