//! Uploads in parts. Completing one moves no bytes: the object takes over the pieces of its parts.

use redb::ReadableTable;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, ChecksumType, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput, CreateMultipartUploadOutput,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::assembly::{chosen, tag_of_tags, whole};
use super::checksums::is_linear;
use super::conditions::WriteCondition;
use super::error::Error;
use super::events::Principal;
use super::objects::{announce_created, check_key};
use super::rows::{Object, PartKey, Row, Rows, Upload, UploadKey, UploadedPart, parse};
use super::store::Store;
use super::stored_headers::StoredHeaders;

pub(super) async fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let CreateMultipartUploadInput {
        bucket,
        key,
        metadata,
        checksum_algorithm,
        checksum_type,
        ..
    } = request.input;
    check_key(&key)?;
    let algorithm = checksum_algorithm
        .as_ref()
        .map(|algorithm| algorithm.as_str().to_owned());
    let upload = Upload {
        initiated_s: 0,
        whole: is_whole(algorithm.as_deref(), checksum_type.as_ref())?,
        algorithm,
        about: StoredHeaders::of(&request.headers, metadata),
    };
    let answered = checksum_algorithm.as_ref().map(|_| kind(&upload));
    let (to, name) = (bucket.clone(), key.clone());
    let change = move |rows: &mut Rows<'_>| {
        rows.bucket(&to)?;
        let id = rows.number()?;
        let upload = Upload {
            initiated_s: rows.now_s(),
            ..upload
        };
        rows.uploads.insert(
            (to.as_str(), name.as_bytes(), id),
            serde_json::to_vec(&upload)?.as_slice(),
        )?;
        Ok(id)
    };
    let id = store.change(change).await?;
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(text(id)),
        checksum_type: answered,
        checksum_algorithm,
        ..Default::default()
    }))
}

/// Returns whether the checksum of an upload is to be that of the whole object. Not every algorithm has both kinds.
fn is_whole(algorithm: Option<&str>, kind: Option<&ChecksumType>) -> S3Result<bool> {
    let Some(algorithm) = algorithm else {
        return match kind {
            Some(_) => Err(s3_error!(InvalidRequest, "a checksum type needs a checksum algorithm")),
            None => Ok(false),
        };
    };
    // CRC64NVME is only defined for whole objects.
    let only_whole = algorithm.eq_ignore_ascii_case("crc64nvme");
    match kind.map(ChecksumType::as_str) {
        None => Ok(only_whole),
        Some(ChecksumType::COMPOSITE) if !only_whole => Ok(false),
        Some(ChecksumType::FULL_OBJECT) if is_linear(algorithm) => Ok(true),
        Some(kind) => Err(s3_error!(
            InvalidRequest,
            "the checksum algorithm {algorithm} has no type `{kind}`"
        )),
    }
}

/// Returns the kind of checksum that an upload will have.
pub(super) fn kind(upload: &Upload) -> ChecksumType {
    ChecksumType::from_static(if upload.whole {
        ChecksumType::FULL_OBJECT
    } else {
        ChecksumType::COMPOSITE
    })
}

pub(super) async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let principal = Principal::of(&request);
    let input = request.input;
    let id = parse_id(&input.upload_id)?;
    let named = input
        .multipart_upload
        .and_then(|upload| upload.parts)
        .unwrap_or_default();
    let condition = WriteCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
    };
    let expected = s3s::dto::Checksum {
        checksum_crc32: input.checksum_crc32,
        checksum_crc32c: input.checksum_crc32c,
        checksum_crc64nvme: input.checksum_crc64nvme,
        checksum_sha1: input.checksum_sha1,
        checksum_sha256: input.checksum_sha256,
        checksum_type: None,
    };
    let (size, asked) = (input.mpu_object_size, input.checksum_type);
    let (bucket, key) = (input.bucket.clone(), input.key.clone());
    let change = move |rows: &mut Rows<'_>| {
        rows.bucket(&bucket)?;
        let Some(upload) = search(&rows.uploads, &bucket, &key, id)? else {
            return repeated(rows, &bucket, &key, id, &named);
        };
        if let Some(asked) = asked.filter(|asked| *asked != kind(&upload)) {
            let (asked, kind) = (asked.as_str(), kind(&upload));
            return Err(s3_error!(
                InvalidRequest,
                "the checksum of the upload is {}, not {asked}",
                kind.as_str()
            )
            .into());
        }
        let parts = chosen(&uploaded(&rows.parts, id)?, &named)?;
        let written = whole(&parts, upload)?;
        if size.is_some_and(|size| u64::try_from(size) != Ok(written.size)) {
            return Err(s3_error!(InvalidRequest, "the parts have {} bytes together", written.size).into());
        }
        if !written.sums.agrees(&expected) {
            return Err(s3_error!(
                BadDigest,
                "the checksum of the whole did not match the one of its parts"
            )
            .into());
        }
        condition.check(rows.object(&bucket, &key)?.as_ref())?;
        let pieces = parts.iter().flat_map(|(_, part)| part.pieces.clone()).collect();
        let object = Object {
            upload: Some(id),
            ..written.object(rows, pieces)?
        };
        forget(rows, &bucket, &key, id, |number| {
            parts.iter().any(|(chosen, _)| *chosen == number)
        })?;
        rows.put_object(&bucket, &key, &object)?;
        announce_created(
            rows,
            "ObjectCreated:CompleteMultipartUpload",
            &principal,
            &bucket,
            &key,
            &object,
        )?;
        Ok(object)
    };
    let object: Object = store.change(change).await?;
    let sums = object.sums.wire();
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
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

pub(super) async fn abort(
    store: &Store,
    input: AbortMultipartUploadInput,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let id = parse_id(&input.upload_id)?;
    let change = move |rows: &mut Rows<'_>| {
        rows.bucket(&input.bucket)?;
        find(&rows.uploads, &input.bucket, &input.key, id)?;
        forget(rows, &input.bucket, &input.key, id, |_| false)
    };
    store.change(change).await?;
    Ok(S3Response::with_status(
        AbortMultipartUploadOutput::default(),
        http::StatusCode::NO_CONTENT,
    ))
}

/// Ends all uploads of a bucket that goes away.
pub(super) fn abort_all(rows: &mut Rows<'_>, bucket: &str) -> Result<(), Error> {
    let mut open = Vec::new();
    for row in rows.uploads.range((bucket, &[][..], 0)..)? {
        let (at, _) = row?;
        let (of, key, id) = at.value();
        if of != bucket {
            break;
        }
        open.push((String::from_utf8_lossy(key).into_owned(), id));
    }
    open.iter()
        .try_for_each(|(key, id)| forget(rows, bucket, key, *id, |_| false))
}

pub(super) fn find(
    uploads: &impl ReadableTable<UploadKey, Row>,
    bucket: &str,
    key: &str,
    id: u64,
) -> Result<Upload, Error> {
    search(uploads, bucket, key, id)?.ok_or_else(|| no_upload(&text(id)).into())
}

fn search(
    uploads: &impl ReadableTable<UploadKey, Row>,
    bucket: &str,
    key: &str,
    id: u64,
) -> Result<Option<Upload>, Error> {
    let row = uploads.get((bucket, key.as_bytes(), id))?;
    row.map(|row| parse(row.value())).transpose()
}

/// Finds the object that an upload became: a client that did not get the first answer completes it again. Its
/// conditions were checked the first time.
fn repeated(rows: &Rows<'_>, bucket: &str, key: &str, id: u64, named: &[CompletedPart]) -> Result<Object, Error> {
    let tags = named.iter().filter_map(|part| Some(part.e_tag.as_ref()?.value()));
    let tag = tag_of_tags(tags);
    rows.object(bucket, key)?
        .filter(|object| object.upload == Some(id) && object.etag == tag)
        .ok_or_else(|| no_upload(&text(id)).into())
}

pub(super) fn uploaded(parts: &impl ReadableTable<PartKey, Row>, id: u64) -> Result<Vec<(u16, UploadedPart)>, Error> {
    let rows = parts.range((id, 0)..=(id, u16::MAX))?.map(|row| {
        let (at, part) = row?;
        Ok((at.value().1, parse(part.value())?))
    });
    rows.collect()
}

/// Removes an upload and its parts. Parts for which `kept` is true keep their bytes: an object has taken them over.
fn forget(rows: &mut Rows<'_>, bucket: &str, key: &str, id: u64, kept: impl Fn(u16) -> bool) -> Result<(), Error> {
    rows.uploads.remove((bucket, key.as_bytes(), id))?;
    for (number, part) in uploaded(&rows.parts, id)? {
        rows.parts.remove((id, number))?;
        if !kept(number) {
            rows.free(&part.pieces)?;
        }
    }
    Ok(())
}

pub(super) fn text(id: u64) -> String {
    format!("{id:016x}")
}

pub(super) fn parse_id(text: &str) -> S3Result<u64> {
    u64::from_str_radix(text, 16).map_err(|_| no_upload(text))
}

fn no_upload(id: &str) -> S3Error {
    s3_error!(NoSuchUpload, "there is no upload `{id}` of this key")
}
