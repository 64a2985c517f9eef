//! Looking at uploads in parts that are under way.

use s3s::dto::{
    ChecksumAlgorithm, ChecksumType, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput,
    ListPartsOutput, MultipartUpload,
};
use s3s::{S3Response, S3Result, s3_error};

use super::error::Error;
use super::multipart::{find, parse_id, text, uploaded};
use super::rows::{Part, Upload, parse, seconds};
use super::store::Store;

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
    let algorithm = upload.algorithm.map(ChecksumAlgorithm::from);
    Ok(S3Response::new(ListPartsOutput {
        checksum_type: algorithm
            .is_some()
            .then(|| ChecksumType::from_static(ChecksumType::COMPOSITE)),
        checksum_algorithm: algorithm,
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

/// Lists uploads under way, all on one page.
pub(super) fn list_uploads(
    store: &Store,
    input: ListMultipartUploadsInput,
) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
    if input.delimiter.is_some() || input.key_marker.as_deref().is_some_and(|marker| !marker.is_empty()) {
        return Err(s3_error!(
            NotImplemented,
            "uploads are listed on one page, without a delimiter"
        ));
    }
    store.snapshot()?.bucket(&input.bucket)?;
    let uploads = under_way(store, &input.bucket, input.prefix.as_deref().unwrap_or_default())?;
    Ok(S3Response::new(ListMultipartUploadsOutput {
        uploads: Some(uploads),
        is_truncated: Some(false),
        max_uploads: input.max_uploads,
        prefix: input.prefix,
        bucket: Some(input.bucket),
        ..Default::default()
    }))
}

fn under_way(store: &Store, bucket: &str, prefix: &str) -> Result<Vec<MultipartUpload>, Error> {
    let mut found = Vec::new();
    for row in store.snapshot()?.uploads()?.range((bucket, prefix.as_bytes(), 0)..)? {
        let (at, upload) = row?;
        let (of, key, id) = at.value();
        if of != bucket || !key.starts_with(prefix.as_bytes()) {
            break;
        }
        let upload: Upload = parse(upload.value())?;
        found.push(MultipartUpload {
            initiated: Some(seconds(upload.initiated_s)),
            key: Some(String::from_utf8_lossy(key).into_owned()),
            upload_id: Some(text(id)),
            ..Default::default()
        });
    }
    Ok(found)
}

fn listed(number: u16, part: &Part) -> s3s::dto::Part {
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
