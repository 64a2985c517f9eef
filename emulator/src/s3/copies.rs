//! Copies of objects, which share the bytes of their source.

use http::{HeaderMap, header};
use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, ETagCondition, MetadataDirective};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::conditions::{ReadCondition, WriteCondition};
use super::events::Principal;
use super::objects::{Written, announce_created, check_key, missing, refuse_version};
use super::rows::Rows;
use super::store::Store;
use super::stored_headers::StoredHeaders;

pub(super) async fn copy(store: &Store, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
    let principal = Principal::of(&request);
    // The protocol crate does not know conditions on the target of a copy; AWS has had them since 2025.
    let target = WriteCondition {
        if_match: condition(&request.headers, &header::IF_MATCH)?,
        if_none_match: condition(&request.headers, &header::IF_NONE_MATCH)?,
    };
    let input = request.input;
    check_key(&input.key)?;
    let (from_bucket, from_key) = original(input.copy_source)?;
    let source = ReadCondition {
        matching: input.copy_source_if_match,
        none_matching: input.copy_source_if_none_match,
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    let replaced = input
        .metadata_directive
        .is_some_and(|way| way.as_str() == MetadataDirective::REPLACE);
    let about = replaced.then(|| StoredHeaders::of(&request.headers, input.metadata));
    let algorithm = input.checksum_algorithm;
    let (bucket, key) = (input.bucket, input.key);
    if about.is_none() && *from_bucket == *bucket && *from_key == *key {
        return Err(s3_error!(
            InvalidRequest,
            "a copy onto itself must replace the metadata"
        ));
    }
    let change = move |rows: &mut Rows<'_>| {
        rows.bucket(&from_bucket)?;
        rows.bucket(&bucket)?;
        let original = rows
            .object(&from_bucket, &from_key)?
            .ok_or_else(|| missing(&from_key))?;
        source.check(&original).map_err(not_a_304)?;
        target.check(rows.object(&bucket, &key)?.as_ref())?;
        // A copy shares the bytes of its source and does not read them.
        if let Some(algorithm) = algorithm.filter(|algorithm| !original.sums.has(algorithm.as_str())) {
            let algorithm = algorithm.as_str();
            return Err(s3_error!(NotImplemented, "the source of the copy has no {algorithm} checksum").into());
        }
        let pieces = rows.share(&original.pieces)?;
        let about = about.unwrap_or(original.about);
        let written = Written {
            etag: original.etag,
            size: original.size,
            sums: original.sums,
            about,
        };
        let object = written.object(rows, pieces)?;
        rows.put_object(&bucket, &key, &object)?;
        announce_created(rows, "ObjectCreated:Copy", &principal, &bucket, &key, &object)?;
        Ok(object)
    };
    let object = store.change(change).await?;
    let sums = object.sums.wire();
    let result = CopyObjectResult {
        e_tag: Some(object.tag()),
        last_modified: Some(object.modified()),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
    };
    Ok(S3Response::new(CopyObjectOutput {
        copy_object_result: Some(result),
        ..Default::default()
    }))
}

/// Returns the bucket and the key of the source.
pub(super) fn original(source: CopySource) -> S3Result<(Box<str>, Box<str>)> {
    let CopySource::Bucket {
        bucket,
        key,
        version_id,
    } = source
    else {
        return Err(s3_error!(NotImplemented, "a copy is made from a bucket"));
    };
    refuse_version(version_id.as_deref())?;
    Ok((bucket, key))
}

/// Turns a 304 about the source of a copy into a failed precondition: 304 is for reads.
pub(super) fn not_a_304(error: S3Error) -> S3Error {
    if matches!(error.code(), S3ErrorCode::NotModified) {
        return s3_error!(
            PreconditionFailed,
            "the source of the copy is not the one that was asked for"
        );
    }
    error
}

fn condition(headers: &HeaderMap, name: &header::HeaderName) -> S3Result<Option<ETagCondition>> {
    let parsed = headers
        .get(name)
        .map(|value| ETagCondition::parse_http_header(value.as_bytes()))
        .transpose();
    parsed.map_err(|error| s3_error!(error, InvalidArgument, "the header `{name}` holds no ETag"))
}
