//! Reading objects, whole or in part, and under conditions.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{Checksum, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob};
use s3s::{S3Error, S3Response, S3Result, s3_error};

use super::conditions::ReadCondition;
use super::contents::ObjectBytes;
use super::error::coded;
use super::objects::{missing, refuse_version};
use super::rows::{Object, Piece};
use super::store::Store;

pub(super) fn get(store: &Store, input: GetObjectInput) -> S3Result<S3Response<GetObjectOutput>> {
    refuse_version(input.version_id.as_deref())?;
    let Some((object, snapshot, pin)) = store.object(&input.bucket, &input.key)? else {
        return Err(missing(&input.key));
    };
    let condition = ReadCondition {
        matching: input.if_match,
        none_matching: input.if_none_match,
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    condition.check(&object)?;
    let wanted = Wanted::of(&object, input.range, input.part_number)?;
    let bodies = snapshot.bodies()?;
    let source = ObjectBytes::find(store.blobs(), &bodies, &object.pieces, &wanted.range, pin)?;
    let head = Head::of(&object, &wanted, input.checksum_mode.is_some());
    let output = GetObjectOutput {
        body: Some(StreamingBlob::wrap(source.stream())),
        ..head.into()
    };
    Ok(respond(output, &wanted))
}

pub(super) fn head(store: &Store, input: HeadObjectInput) -> S3Result<S3Response<HeadObjectOutput>> {
    refuse_version(input.version_id.as_deref())?;
    let found = store.snapshot()?.object(&input.bucket, &input.key)?;
    let Some(object) = found else {
        return Err(missing(&input.key));
    };
    let condition = ReadCondition {
        matching: input.if_match,
        none_matching: input.if_none_match,
        modified_since: input.if_modified_since,
        unmodified_since: input.if_unmodified_since,
    };
    condition.check(&object)?;
    let wanted = Wanted::of(&object, input.range, input.part_number)?;
    let head = Head::of(&object, &wanted, input.checksum_mode.is_some());
    let output = HeadObjectOutput::from(head);
    // The protocol crate does this for GET itself.
    let output = HeadObjectOutput {
        cache_control: input.response_cache_control.or(output.cache_control),
        content_disposition: input.response_content_disposition.or(output.content_disposition),
        content_encoding: input.response_content_encoding.or(output.content_encoding),
        content_language: input.response_content_language.or(output.content_language),
        content_type: input.response_content_type.or(output.content_type),
        expires: input.response_expires.or(output.expires),
        ..output
    };
    Ok(respond(output, &wanted))
}

/// The bytes of an object that a request asks for.
struct Wanted {
    range: Range<u64>,
    partial: bool,
    parts: Option<usize>,
}

impl Wanted {
    fn of(object: &Object, range: Option<s3s::dto::Range>, part: Option<i32>) -> S3Result<Self> {
        let whole = 0..object.size;
        match (range, part) {
            (None, None) => Ok(Self {
                range: whole,
                partial: false,
                parts: None,
            }),
            (Some(_), Some(_)) => Err(s3_error!(
                InvalidRequest,
                "a range and a part number exclude each other"
            )),
            (Some(range), None) => {
                let range = range.check(object.size).map_err(|_| unsatisfiable(object.size))?;
                Ok(Self {
                    range,
                    partial: true,
                    parts: None,
                })
            }
            (None, Some(part)) => Self::part(object, part),
        }
    }

    fn part(object: &Object, part: i32) -> S3Result<Self> {
        let parts = parts(object);
        let index = usize::try_from(part - 1).ok().filter(|index| *index < parts.len());
        let Some(index) = index else {
            return Err(coded("InvalidPartNumber", http::StatusCode::RANGE_NOT_SATISFIABLE));
        };
        let start = parts[..index].iter().sum();
        Ok(Self {
            range: start..start + parts[index],
            partial: true,
            parts: Some(parts.len()),
        })
    }
}

/// Returns the sizes of the parts in which an object was uploaded. The `ETag` of an upload in parts contains a dash,
/// and each part is one piece.
fn parts(object: &Object) -> Vec<u64> {
    if object.etag.contains('-') {
        object.pieces.iter().map(Piece::size).collect()
    } else {
        vec![object.size]
    }
}

fn unsatisfiable(size: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "the object has {size} bytes");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{size}")) {
        headers.insert(header::CONTENT_RANGE, range);
    }
    error.set_headers(headers);
    error
}

fn respond<T>(output: T, wanted: &Wanted) -> S3Response<T> {
    let mut response = S3Response::new(output);
    response.status = wanted.partial.then_some(http::StatusCode::PARTIAL_CONTENT);
    response
}

/// What the answers to GET and HEAD have in common.
struct Head {
    object: Object,
    length: i64,
    content_range: Option<String>,
    parts_count: Option<i32>,
    sums: Checksum,
}

impl Head {
    fn of(object: &Object, wanted: &Wanted, checksums: bool) -> Self {
        let Range { start, end } = wanted.range;
        // An empty part has no last byte to name.
        let named = wanted.partial && start < end;
        let content_range = named.then(|| format!("bytes {start}-{}/{}", end - 1, object.size));
        // Checksums are those of the whole object, so they do not fit a range of it.
        let sums = if checksums && !wanted.partial {
            object.sums.wire()
        } else {
            Checksum::default()
        };
        Self {
            length: i64::try_from(end - start).unwrap_or(i64::MAX),
            content_range,
            parts_count: wanted.parts.and_then(|parts| i32::try_from(parts).ok()),
            sums,
            object: object.clone(),
        }
    }
}

impl From<Head> for GetObjectOutput {
    fn from(head: Head) -> Self {
        let about = &head.object.about;
        Self {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: about.header(&header::CACHE_CONTROL),
            content_disposition: about.header(&header::CONTENT_DISPOSITION),
            content_encoding: about.header(&header::CONTENT_ENCODING),
            content_language: about.header(&header::CONTENT_LANGUAGE),
            content_length: Some(head.length),
            content_range: head.content_range,
            content_type: Some(about.content_type()),
            e_tag: Some(head.object.tag()),
            expires: about.expires(),
            last_modified: Some(head.object.modified()),
            metadata: about.metadata(),
            parts_count: head.parts_count,
            checksum_crc32: head.sums.checksum_crc32,
            checksum_crc32c: head.sums.checksum_crc32c,
            checksum_crc64nvme: head.sums.checksum_crc64nvme,
            checksum_sha1: head.sums.checksum_sha1,
            checksum_sha256: head.sums.checksum_sha256,
            checksum_type: head.sums.checksum_type,
            ..Default::default()
        }
    }
}

impl From<Head> for HeadObjectOutput {
    fn from(head: Head) -> Self {
        let about = &head.object.about;
        Self {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: about.header(&header::CACHE_CONTROL),
            content_disposition: about.header(&header::CONTENT_DISPOSITION),
            content_encoding: about.header(&header::CONTENT_ENCODING),
            content_language: about.header(&header::CONTENT_LANGUAGE),
            content_length: Some(head.length),
            content_range: head.content_range,
            content_type: Some(about.content_type()),
            e_tag: Some(head.object.tag()),
            expires: about.expires(),
            last_modified: Some(head.object.modified()),
            metadata: about.metadata(),
            parts_count: head.parts_count,
            checksum_crc32: head.sums.checksum_crc32,
            checksum_crc32c: head.sums.checksum_crc32c,
            checksum_crc64nvme: head.sums.checksum_crc64nvme,
            checksum_sha1: head.sums.checksum_sha1,
            checksum_sha256: head.sums.checksum_sha256,
            checksum_type: head.sums.checksum_type,
            ..Default::default()
        }
    }
}
