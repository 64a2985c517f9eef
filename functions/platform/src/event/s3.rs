//! S3 notifications, as AWS, MinIO, moto and versitygw send them.

use std::{borrow::Cow, collections::BTreeMap};

use contract::EventId;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

/// The name of the user metadata that holds the digest of an upload's resolved spec, without `x-amz-meta-`.
pub const SPEC_METADATA: &str = "flits-spec";

/// One object that was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// The name of the bucket, which need not be ours.
    pub bucket: String,
    /// The key, percent-decoded and with spaces for `+`.
    pub key: String,
    /// The version id; `None` when the bucket keeps no versions.
    pub version: Option<String>,
    /// The `ETag` without quotes; `None` when the store does not send it.
    pub etag: Option<String>,
    /// The spec that the object's metadata names. `None` when the store sends no metadata; then the metadata of the
    /// newest object counts.
    pub spec: Option<String>,
    /// What distinguishes this event from later ones about the same key.
    pub event: EventId,
}

/// Why a record is not one of an S3 notification.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A field is missing or has another type.
    #[error("body is not an S3 notification: record {record} is misshapen")]
    Shape {
        /// The number of the record, from 0.
        record: usize,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The decoded key is not UTF-8.
    #[error("record {record} has the key `{key}`, which is not UTF-8 once decoded")]
    Key {
        /// The number of the record, from 0.
        record: usize,
        /// The key as it was sent.
        key: String,
    },
}

/// The fields that are read. Other fields are ignored, because third-party events grow.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_name: String,
    event_time: Option<String>,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    version_id: Option<String>,
    e_tag: Option<String>,
    sequencer: Option<String>,
    /// Only some stores send it: MinIO and our emulator.
    user_metadata: Option<BTreeMap<String, String>>,
}

/// Returns the notification that a store sends when an object is created, for one that has to be sent again.
///
/// With the `etag` of a version, the event is about that version only, otherwise about the newest one. `time` is the time
/// of the event, RFC 3339 UTC: later than that of the object's last event, it asks for the same walk once more.
#[must_use]
pub fn notification(bucket: &str, key: &str, etag: Option<&str>, time: &str) -> String {
    let key = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string();
    let mut object = json!({"key": key});
    if let Some(etag) = etag {
        object["eTag"] = etag.into();
    }
    json!({"Records": [{
        "eventSource": "flits", "eventName": "ObjectCreated:Put", "eventTime": time,
        "s3": {"bucket": {"name": bucket}, "object": object},
    }]})
    .to_string()
}

/// The kinds of creation that bring new bytes. `ObjectCreated:PutTagging` does not, and MinIO sends it too.
const CREATED: [&str; 4] = ["Put", "Post", "Copy", "CompleteMultipartUpload"];

/// Returns the objects that the records say were created, in their order.
pub(super) fn created(records: &[Value]) -> Result<Vec<Created>, RecordError> {
    let mut found = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let misshapen = |source| RecordError::Shape { record: number, source };
        let record = Record::deserialize(record).map_err(misshapen)?;
        // AWS and moto write `ObjectCreated:Put`, MinIO writes `s3:ObjectCreated:Put`.
        let name = record.event_name.strip_prefix("s3:").unwrap_or(&record.event_name);
        let kind = name.strip_prefix("ObjectCreated:");
        let Object {
            key,
            version_id,
            e_tag,
            sequencer,
            user_metadata,
        } = record.s3.object;
        // Consoles write a key that ends in a slash for an empty folder.
        if kind.is_none_or(|kind| !CREATED.contains(&kind)) || key.ends_with('/') || key.ends_with("%2F") {
            continue;
        }
        let decoded = decode(&key).ok_or_else(|| RecordError::Key {
            record: number,
            key: key.clone(),
        })?;
        found.push(Created {
            bucket: record.s3.bucket.name,
            key: decoded,
            version: version_id.filter(|id| !id.is_empty() && id != "null"),
            // versitygw keeps the quotes of the header.
            etag: e_tag
                .map(|etag| etag.trim_matches('"').to_owned())
                .filter(|etag| !etag.is_empty()),
            spec: user_metadata.and_then(named_spec),
            event: EventId {
                sequencer: sequencer.filter(|text| !text.is_empty()),
                time: record.event_time.filter(|text| !text.is_empty()),
            },
        });
    }
    Ok(found)
}

/// Returns the spec that the user metadata names. Stores differ in the case of names and in whether they keep the
/// prefix.
fn named_spec(metadata: BTreeMap<String, String>) -> Option<String> {
    let is_spec = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.strip_prefix("x-amz-meta-").unwrap_or(&name) == SPEC_METADATA
    };
    metadata
        .into_iter()
        .find(|(name, _)| is_spec(name))
        .map(|(_, value)| value)
}

/// Decodes a key as in a form: `+` is a space, `%XX` a byte; `None` when the result is not UTF-8. Stores differ in
/// whether they encode `/`, so keys are compared only after this.
fn decode(key: &str) -> Option<String> {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}
