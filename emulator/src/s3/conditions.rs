//! Conditional requests: whether a read or a write is to happen.

use http::{HeaderMap, HeaderValue, header};
use s3s::dto::{ETag, ETagCondition, Timestamp, TimestampFormat};
use s3s::{S3Error, S3Result, s3_error};

use super::rows::Object;

/// The condition under which an object is replaced or removed.
#[derive(Clone, Default)]
pub(super) struct WriteCondition {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
}

impl WriteCondition {
    /// Checks the condition against the current object. Call it inside the transaction that writes.
    pub(super) fn check(&self, current: Option<&Object>) -> S3Result<()> {
        match &self.if_none_match {
            Some(ETagCondition::Any) if current.is_some() => {
                return Err(s3_error!(PreconditionFailed, "an object with this key exists"));
            }
            Some(ETagCondition::ETag(_)) => {
                return Err(s3_error!(
                    NotImplemented,
                    "a write takes no other If-None-Match than `*`"
                ));
            }
            Some(ETagCondition::Any) | None => {}
        }
        let Some(wanted) = &self.if_match else { return Ok(()) };
        let current = current.ok_or_else(|| s3_error!(NoSuchKey, "the object to match does not exist"))?;
        if matches(wanted, current) {
            Ok(())
        } else {
            Err(s3_error!(
                PreconditionFailed,
                "the object has another ETag than If-Match names"
            ))
        }
    }
}

/// The condition under which an object is read.
#[derive(Default)]
pub(super) struct ReadCondition {
    pub(super) matching: Option<ETagCondition>,
    pub(super) none_matching: Option<ETagCondition>,
    pub(super) modified_since: Option<Timestamp>,
    pub(super) unmodified_since: Option<Timestamp>,
}

impl ReadCondition {
    /// Checks the condition as RFC 9110, section 13.2.2, says: an `ETag` goes before a date. A 304 carries the
    /// validators of the object.
    pub(super) fn check(&self, object: &Object) -> S3Result<()> {
        let failed = match (&self.matching, &self.unmodified_since) {
            (Some(wanted), _) => !matches(wanted, object),
            (None, Some(since)) => object.modified() > *since,
            (None, None) => false,
        };
        if failed {
            return Err(s3_error!(
                PreconditionFailed,
                "the object is not the one that was asked for"
            ));
        }
        let unchanged = match (&self.none_matching, &self.modified_since) {
            (Some(known), _) => matches(known, object),
            (None, Some(since)) => object.modified() <= *since,
            (None, None) => false,
        };
        if unchanged { Err(not_modified(object)) } else { Ok(()) }
    }
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(tag) | ETag::Weak(tag)) => *tag == object.etag,
    }
}

fn not_modified(object: &Object) -> S3Error {
    let mut error = s3_error!(NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(tag) = object.tag().to_http_header() {
        headers.insert(header::ETAG, tag);
    }
    let mut modified = Vec::new();
    if object
        .modified()
        .format(TimestampFormat::HttpDate, &mut modified)
        .is_ok()
        && let Ok(modified) = HeaderValue::from_bytes(&modified)
    {
        headers.insert(header::LAST_MODIFIED, modified);
    }
    error.set_headers(headers);
    error
}
