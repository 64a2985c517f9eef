//! Listing uploads in parts that are under way, and their parts.

use s3s::dto::{
    ChecksumAlgorithm, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload,
};
use s3s::{S3Response, S3Result};

use super::encode::Encode;
use super::error::Error;
use super::multipart::{find, kind, parse_id, text, uploaded};
use super::pages::page_size;
use super::rows::{Upload, UploadedPart, parse, seconds};
use super::store::{Snapshot, Store};

/// The most entries of one page, as on AWS.
const LARGEST_PAGE: i32 = 1000;

pub(super) fn list_parts(store: &Store, input: ListPartsInput) -> S3Result<S3Response<ListPartsOutput>> {
    let id = parse_id(&input.upload_id)?;
    let max = input.max_parts.unwrap_or(LARGEST_PAGE).clamp(0, LARGEST_PAGE);
    let after = u16::try_from(input.part_number_marker.unwrap_or(0)).unwrap_or(u16::MAX);
    let snapshot = store.snapshot()?;
    let upload = find(&snapshot.uploads()?, &input.bucket, &input.key, id)?;
    let mut parts = uploaded(&snapshot.parts()?, id)?;
    parts.retain(|(number, _)| *number > after);
    let more = parts.len() > usize::try_from(max).unwrap_or(0);
    parts.truncate(usize::try_from(max).unwrap_or(0));
    let last = parts.last().map(|(number, _)| i32::from(*number));
    Ok(S3Response::new(ListPartsOutput {
        checksum_type: upload.algorithm.as_ref().map(|_| kind(&upload)),
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        is_truncated: Some(more),
        next_part_number_marker: last.filter(|_| more),
        part_number_marker: input.part_number_marker,
        max_parts: Some(max),
        parts: Some(parts.into_iter().map(|(number, part)| listed(number, &part)).collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..Default::default()
    }))
}

/// Lists uploads under way by key, and by their start where they have the same key.
pub(super) fn list_uploads(
    store: &Store,
    input: ListMultipartUploadsInput,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    let max = page_size(input.max_uploads)?;
    let snapshot = store.snapshot()?;
    snapshot.bucket(&input.bucket)?;
    let mut found = under_way(&snapshot, &input.bucket, input.prefix.as_deref().unwrap_or_default())?;
    if let Some(key) = input.key_marker.as_deref().filter(|key| !key.is_empty()) {
        // A marker without an upload id stands for all uploads of its key.
        let marker = input.upload_id_marker.as_deref().filter(|id| !id.is_empty());
        let after = (key, marker.map_or(Ok(u64::MAX), parse_id)?);
        found.retain(|(key, id, _)| (key.as_str(), *id) > after);
    }
    let more = found.len() > max;
    found.truncate(max);
    let encode = Encode::of(input.encoding_type.as_ref());
    let last = found.last().filter(|_| more);
    Ok(S3Response::new(ListMultipartUploadsOutput {
        next_key_marker: last.map(|(key, ..)| encode.text(key.clone())),
        next_upload_id_marker: last.map(|(_, id, _)| text(*id)),
        uploads: Some(found.into_iter().map(|upload| entry(upload, &encode)).collect()),
        is_truncated: Some(more),
        max_uploads: i32::try_from(max).ok(),
        prefix: input.prefix.map(|prefix| encode.text(prefix)),
        key_marker: input.key_marker.map(|key| encode.text(key)),
        upload_id_marker: input.upload_id_marker,
        encoding_type: input.encoding_type,
        bucket: Some(input.bucket),
        ..Default::default()
    }))
}

/// The key, the number and the row of an upload under way.
type UnderWay = (String, u64, Upload);

fn under_way(snapshot: &Snapshot, bucket: &str, prefix: &str) -> Result<Vec<UnderWay>, Error> {
    let mut found = Vec::new();
    for row in snapshot.uploads()?.range((bucket, prefix.as_bytes(), 0)..)? {
        let (at, upload) = row?;
        let (of, key, id) = at.value();
        if of != bucket || !key.starts_with(prefix.as_bytes()) {
            break;
        }
        found.push((String::from_utf8_lossy(key).into_owned(), id, parse(upload.value())?));
    }
    Ok(found)
}

fn entry((key, id, upload): UnderWay, encode: &Encode) -> MultipartUpload {
    let kind = upload.algorithm.as_ref().map(|_| kind(&upload));
    MultipartUpload {
        initiated: Some(seconds(upload.initiated_s)),
        key: Some(encode.text(key)),
        upload_id: Some(text(id)),
        checksum_type: kind,
        checksum_algorithm: upload.algorithm.map(ChecksumAlgorithm::from),
        ..Default::default()
    }
}

fn listed(number: u16, part: &UploadedPart) -> s3s::dto::Part {
    let sums = part.sums.wire();
    s3s::dto::Part {
        e_tag: Some(part.tag()),
        last_modified: Some(part.modified()),
        part_number: Some(i32::from(number)),
        size: i64::try_from(part.size).ok(),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
    }
}
