//! The elements of XML bodies. The protocol crate ignores unknown elements, so they are refused before it reads a body.

use quick_xml::Reader;
use quick_xml::events::Event;
use s3s::{S3Result, s3_error};

/// The elements that a body may contain, by the name of its root.
const KNOWN: [(&[u8], &[&str]); 4] = [
    (b"CreateBucketConfiguration", &["LocationConstraint"]),
    (
        b"Delete",
        &[
            "ETag",
            "Key",
            "LastModifiedTime",
            "Object",
            "Quiet",
            "Size",
            "VersionId",
        ],
    ),
    (
        b"CompleteMultipartUpload",
        &[
            "ChecksumCRC32",
            "ChecksumCRC32C",
            "ChecksumCRC64NVME",
            "ChecksumSHA1",
            "ChecksumSHA256",
            "ETag",
            "Part",
            "PartNumber",
        ],
    ),
    (
        b"NotificationConfiguration",
        &[
            "Event",
            "Filter",
            "FilterRule",
            "Id",
            "Name",
            "Queue",
            "QueueConfiguration",
            "S3Key",
            "Value",
        ],
    ),
];

/// Refuses a body with an element that its operation does not support. Bodies of other kinds, and those that are not
/// XML, are left to the operation.
pub(super) fn check(body: &[u8]) -> S3Result<()> {
    let mut reader = Reader::from_reader(body);
    let mut known: Option<&[&str]> = None;
    while let Ok(event) = reader.read_event() {
        let element = match &event {
            Event::Start(element) | Event::Empty(element) => element.local_name(),
            Event::Eof => break,
            _ => continue,
        };
        let Some(allowed) = known else {
            let Some((_, allowed)) = KNOWN.iter().find(|(root, _)| *root == element.as_ref()) else {
                return Ok(());
            };
            known = Some(allowed);
            continue;
        };
        if !allowed.iter().any(|name| name.as_bytes() == element.as_ref()) {
            let name = String::from_utf8_lossy(element.as_ref()).into_owned();
            return Err(s3_error!(NotImplemented, "the element `{name}` is not supported"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_holds_what_its_operation_looks_at_and_nothing_else() {
        for (body, fine) in [
            ("", true),
            ("no XML", true),
            ("<Other><Any/></Other>", true),
            (
                "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a</Key></Object></Delete>",
                true,
            ),
            (
                "<?xml version=\"1.0\"?>\n<a:Delete xmlns:a=\"x\"><a:Quiet>true</a:Quiet></a:Delete>",
                true,
            ),
            (
                "<Delete><Object><Key>a</Key><Colour>red</Colour></Object></Delete>",
                false,
            ),
            ("<Delete><Part/></Delete>", false),
            ("<CreateBucketConfiguration><Tags/></CreateBucketConfiguration>", false),
            (
                "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>",
                false,
            ),
        ] {
            assert_eq!(check(body.as_bytes()).is_ok(), fine, "{body}");
        }
    }
}
