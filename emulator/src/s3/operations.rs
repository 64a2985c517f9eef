//! What each operation of S3 supports; everything else is refused.

/// The headers and parameters that one operation supports besides those that all do.
pub(super) struct Operation {
    pub(super) name: &'static str,
    /// Headers of the protocol and conditional headers of HTTP. A name that ends with `*` is a prefix.
    pub(super) headers: &'static [&'static str],
    pub(super) queries: &'static [&'static str],
}

const fn operation(
    name: &'static str,
    headers: &'static [&'static str],
    queries: &'static [&'static str],
) -> Operation {
    Operation { name, headers, queries }
}

const BODY: &[&str] = &["content-md5", "x-amz-checksum-*"];
const READ: &[&str] = &[
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "range",
    "x-amz-checksum-mode",
];
const READ_QUERIES: &[&str] = &["response-*", "partNumber", "versionId"];

/// All operations that are offered.
pub(super) const OPERATIONS: [Operation; 23] = [
    operation(
        "ListBuckets",
        &[],
        &["prefix", "max-buckets", "continuation-token", "bucket-region"],
    ),
    operation(
        "CreateBucket",
        &[
            "content-md5",
            "x-amz-checksum-*",
            "x-amz-acl",
            "x-amz-bucket-object-lock-enabled",
            "x-amz-object-ownership",
        ],
        &[],
    ),
    operation("HeadBucket", &[], &[]),
    operation("DeleteBucket", &[], &[]),
    operation("GetBucketLocation", &[], &["location"]),
    operation("GetBucketVersioning", &[], &["versioning"]),
    operation("GetBucketNotificationConfiguration", &[], &["notification"]),
    operation(
        "PutBucketNotificationConfiguration",
        &["content-md5", "x-amz-checksum-*", "x-amz-skip-destination-validation"],
        &["notification"],
    ),
    operation(
        "ListObjects",
        &["x-amz-optional-object-attributes"],
        &["prefix", "delimiter", "marker", "max-keys", "encoding-type"],
    ),
    operation(
        "ListObjectsV2",
        &["x-amz-optional-object-attributes"],
        &[
            "list-type",
            "prefix",
            "delimiter",
            "start-after",
            "continuation-token",
            "max-keys",
            "encoding-type",
            "fetch-owner",
        ],
    ),
    operation(
        "ListMultipartUploads",
        &[],
        &[
            "uploads",
            "prefix",
            "key-marker",
            "upload-id-marker",
            "max-uploads",
            "encoding-type",
        ],
    ),
    operation("ListParts", &[], &["uploadId", "max-parts", "part-number-marker"]),
    operation("GetObject", READ, READ_QUERIES),
    operation("HeadObject", READ, READ_QUERIES),
    operation(
        "PutObject",
        &[
            "content-md5",
            "if-match",
            "if-none-match",
            "x-amz-acl",
            "x-amz-checksum-*",
            "x-amz-decoded-content-length",
            "x-amz-meta-*",
            "x-amz-storage-class",
            "x-amz-tagging",
            "x-amz-trailer",
        ],
        &[],
    ),
    operation(
        "CopyObject",
        &[
            "if-match",
            "if-none-match",
            "x-amz-acl",
            "x-amz-checksum-algorithm",
            "x-amz-copy-source",
            "x-amz-copy-source-if-*",
            "x-amz-meta-*",
            "x-amz-metadata-directive",
            "x-amz-source-expected-bucket-owner",
            "x-amz-storage-class",
            "x-amz-tagging",
            "x-amz-tagging-directive",
        ],
        &[],
    ),
    operation("DeleteObject", &["if-match"], &["versionId"]),
    operation("DeleteObjects", BODY, &["delete"]),
    operation(
        "CreateMultipartUpload",
        &[
            "x-amz-acl",
            "x-amz-checksum-algorithm",
            "x-amz-checksum-type",
            "x-amz-meta-*",
            "x-amz-storage-class",
            "x-amz-tagging",
        ],
        &["uploads"],
    ),
    operation(
        "UploadPart",
        &[
            "content-md5",
            "x-amz-checksum-*",
            "x-amz-decoded-content-length",
            "x-amz-trailer",
        ],
        &["partNumber", "uploadId"],
    ),
    operation(
        "UploadPartCopy",
        &[
            "x-amz-copy-source",
            "x-amz-copy-source-if-*",
            "x-amz-copy-source-range",
            "x-amz-source-expected-bucket-owner",
        ],
        &["partNumber", "uploadId"],
    ),
    operation(
        "CompleteMultipartUpload",
        &[
            "content-md5",
            "if-match",
            "if-none-match",
            "x-amz-checksum-*",
            "x-amz-checksum-type",
            "x-amz-mp-object-size",
        ],
        &["uploadId"],
    ),
    operation("AbortMultipartUpload", &[], &["uploadId"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_servers_names_every_operation() {
        let page = include_str!("../../README.md");
        for Operation { name, .. } in OPERATIONS {
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
