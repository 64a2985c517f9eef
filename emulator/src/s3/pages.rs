//! Listings by pages: how large one may be, and where the next one begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::{S3Result, s3_error};

/// The most entries of one page, as on AWS.
const LARGEST_PAGE: i32 = 1000;

/// Reads how many entries a page may have.
pub(super) fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.unwrap_or(LARGEST_PAGE);
    usize::try_from(asked.min(LARGEST_PAGE)).map_err(|_| s3_error!(InvalidArgument, "max-keys of {asked}, at least 0"))
}

/// Returns the token of the page that begins after an entry.
pub(super) fn seal(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// Reads the entry after which a page begins.
pub(super) fn unseal(token: &str) -> S3Result<String> {
    let last = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    last.ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not one of this server"))
}
