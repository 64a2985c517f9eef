//! Checks that an operation supports everything that a request asks for. Everything else is refused, so nothing is
//! silently ignored, not even a header that the protocol will only get in the future.

use http::{HeaderMap, StatusCode, Uri};
use s3s::{S3Result, s3_error};

use super::checksums;
use super::error::coded;
use super::operations::OPERATIONS;
use super::parameters::pairs;
use crate::settings::ACCOUNT;

/// Headers that every operation takes: those of the signature, of the client and of the owner.
const ALWAYS: [&str; 8] = [
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-user-agent",
    "x-amz-api-version",
    "x-amz-expected-bucket-owner",
    "x-amz-request-payer",
    "x-amz-sdk-checksum-algorithm",
];

/// Parameters of signatures, and the one with which SDKs name the operation.
const SIGNATURE: [&str; 4] = ["x-id", "awsaccesskeyid", "signature", "expires"];

/// Refuses a request that asks for something, or for a value, that its operation does not support.
pub(super) fn check(operation: &str, headers: &HeaderMap, uri: &Uri) -> S3Result<()> {
    let Some(known) = OPERATIONS.iter().find(|known| known.name == operation) else {
        return Err(s3_error!(
            NotImplemented,
            "the operation `{operation}` is not supported"
        ));
    };
    for (name, value) in headers {
        let name = name.as_str();
        if !asks_for_something(name) {
            continue;
        }
        let value = value.to_str().unwrap_or_default();
        check_value(name, value)?;
        if !ALWAYS.contains(&name) && !among(known.headers, name) {
            return Err(s3_error!(
                NotImplemented,
                "the header `{name}` of {operation} is not supported"
            ));
        }
    }
    for (name, _) in pairs(uri.query().unwrap_or_default()) {
        let lower = name.to_ascii_lowercase();
        // Headers in a presigned address were copied to the headers before.
        let other = lower.starts_with("x-amz-") || SIGNATURE.contains(&lower.as_str());
        if !other && !among(known.queries, &name) {
            return Err(s3_error!(
                NotImplemented,
                "the parameter `{name}` of {operation} is not supported"
            ));
        }
    }
    Ok(())
}

/// Returns whether a header asks for something. Other headers describe the request or are stored with the object.
fn asks_for_something(name: &str) -> bool {
    name.starts_with("x-amz-") || name.starts_with("if-") || matches!(name, "range" | "content-md5")
}

fn among(known: &[&str], name: &str) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        // Only algorithms that are computed here are supported.
        Some(checksums::PREFIX) => name.strip_prefix(checksums::PREFIX).is_some_and(checksums::is_known),
        Some(beginning) => name.starts_with(beginning),
        None => *known == name,
    })
}

/// Refuses values that are not supported, with the code that AWS has for each.
fn check_value(name: &str, value: &str) -> S3Result<()> {
    let kept = match name {
        "x-amz-expected-bucket-owner" | "x-amz-source-expected-bucket-owner" => {
            if value == ACCOUNT {
                return Ok(());
            }
            return Err(s3_error!(
                AccessDenied,
                "the owner of all buckets is {ACCOUNT}, not `{value}`"
            ));
        }
        "x-amz-acl" => {
            // Every object is readable by its one owner anyway. Some clients send the header empty.
            if matches!(value, "" | "private" | "bucket-owner-full-control") {
                return Ok(());
            }
            return Err(no_acls());
        }
        "x-amz-storage-class" => return storage_class(value),
        "x-amz-sdk-checksum-algorithm" | "x-amz-checksum-algorithm" => return algorithm(value),
        "x-amz-trailer" => return trailer(value),
        "x-amz-bucket-object-lock-enabled" | "x-amz-skip-destination-validation" => value.eq_ignore_ascii_case("false"),
        "x-amz-object-ownership" => value == "BucketOwnerEnforced",
        "x-amz-optional-object-attributes" => value == "RestoreStatus",
        "x-amz-checksum-mode" => value.eq_ignore_ascii_case("enabled"),
        "x-amz-api-version" => value == "2006-03-01",
        "x-amz-request-payer" => value == "requester",
        "x-amz-tagging" => value.is_empty(),
        "x-amz-metadata-directive" | "x-amz-tagging-directive" => matches!(value, "COPY" | "REPLACE"),
        "x-amz-bypass-governance-retention" => return Err(no_lock()),
        _ if name.starts_with("x-amz-object-lock-") => return Err(no_lock()),
        _ if name.starts_with("x-amz-grant-") => return Err(no_acls()),
        _ => true,
    };
    if kept {
        return Ok(());
    }
    Err(s3_error!(
        NotImplemented,
        "the header `{name}` cannot be `{value}` here"
    ))
}

fn no_acls() -> s3s::S3Error {
    let mut error = coded("AccessControlListNotSupported", StatusCode::BAD_REQUEST);
    error.set_message("the bucket does not allow ACLs");
    error
}

fn no_lock() -> s3s::S3Error {
    s3_error!(InvalidRequest, "the bucket is missing an object lock configuration")
}

fn storage_class(value: &str) -> S3Result<()> {
    const OTHERS: [&str; 10] = [
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
        "FSX_OPENZFS",
        "GLACIER",
        "GLACIER_IR",
        "INTELLIGENT_TIERING",
        "ONEZONE_IA",
        "OUTPOSTS",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
    ];
    match value {
        "STANDARD" => Ok(()),
        other if OTHERS.contains(&other) => Err(s3_error!(
            NotImplemented,
            "objects are stored as STANDARD here, not as `{other}`"
        )),
        unknown => Err(s3_error!(InvalidStorageClass, "`{unknown}` is no storage class")),
    }
}

fn algorithm(value: &str) -> S3Result<()> {
    if checksums::is_known(value) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidRequest,
        "the checksum algorithm `{value}` is not one of CRC32, CRC32C, CRC64NVME, SHA1, SHA256"
    ))
}

fn trailer(value: &str) -> S3Result<()> {
    match value.trim().to_ascii_lowercase().strip_prefix("x-amz-checksum-") {
        Some(name) => algorithm(name),
        None => Err(s3_error!(InvalidRequest, "the trailer `{value}` is no checksum")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_known_to_its_operation_or_refused() {
        for (operation, header, uri, fine) in [
            ("PutObject", "x-amz-meta-any", "/b/k", true),
            ("PutObject", "x-amz-tomorrow", "/b/k", false),
            ("PutObject", "x-amz-checksum-xxhash64", "/b/k", false),
            ("PutObject", "x-amz-copy-source", "/b/k", false),
            ("PutObject", "x-other", "/b/k?x-id=PutObject&X-Amz-Signature=0", true),
            ("GetObject", "if-range", "/b/k", false),
            ("GetObject", "if-match", "/b/k?response-content-type=a%2Fb", true),
            ("GetObject", "host", "/b/k?tomorrow", false),
            (
                "ListObjectsV2",
                "host",
                "/b?list-type=2&prefix=&fetch%2Downer=true",
                true,
            ),
            ("PutBucketPolicy", "host", "/b?policy", false),
        ] {
            let name = http::HeaderName::from_static(header);
            let headers = HeaderMap::from_iter([(name, http::HeaderValue::from_static("x"))]);
            let checked = check(operation, &headers, &uri.parse().unwrap());
            assert_eq!(checked.is_ok(), fine, "{operation} {header} {uri}: {checked:?}");
        }
    }
}
