//! What a queue's record carries: one of our messages, an S3 notification, or the test event that S3 sends once.

use std::collections::BTreeMap;

use contract::{EventId, Message, MessageError, VERSION};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use crate::front;

/// What stands in a record.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A message of ours.
    Message(Box<Message>),
    /// Objects that were created, in the order of the notification.
    Uploads(Vec<Created>),
    /// What a store sends when a notification is set up; acknowledged.
    Test,
}

/// One object that was created, its key decoded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version id, where the bucket keeps versions.
    pub version: Option<String>,
    /// The `ETag` without quotes; not every store sends it.
    pub etag: Option<String>,
    /// The spec that the object's metadata names, where the store sends metadata along. Without it the metadata of the
    /// newest object counts.
    pub spec: Option<String>,
    /// What tells this event from a later one about the same key.
    pub event: EventId,
}

/// A body that can never be accepted, or only by newer code.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Not JSON.
    #[error("body is not JSON")]
    Json(#[source] serde_json::Error),
    /// JSON of some other kind.
    #[error(
        "body is neither a message (`version` at most {VERSION}) nor an S3 notification (`Records`) nor `s3:TestEvent`"
    )]
    Foreign,
    /// Meant to be ours.
    #[error("body is not a message that this code reads")]
    Message(#[source] MessageError),
    /// Whatever it says, handling it panicked.
    #[error("handling it panicked {deliveries} times")]
    Panicked {
        /// How often it was delivered.
        deliveries: u32,
    },
    /// Meant to be a notification.
    #[error("body is not an S3 notification: record {record} is misshapen")]
    Record {
        /// Which record, from 0.
        record: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A key that is no text after decoding.
    #[error("record {record} has the key `{key}`, which is not UTF-8 once decoded")]
    Key {
        /// Which record, from 0.
        record: usize,
        /// The key as it was sent.
        key: String,
    },
}

/// The fields we read; third-party events grow, so others are let pass.
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
    /// Only some stores send it: MinIO, and the embedded one.
    user_metadata: Option<BTreeMap<String, String>>,
}

/// The kinds of creation that bring new bytes. `ObjectCreated:PutTagging` does not, and MinIO sends it too.
const CREATED: [&str; 4] = ["Put", "Post", "Copy", "CompleteMultipartUpload"];

impl Body {
    /// Reads a record's body.
    ///
    /// # Errors
    /// When it is nothing that this code can ever accept.
    pub fn parse(text: &str) -> Result<Self, BodyError> {
        let value: Value = serde_json::from_str(text).map_err(BodyError::Json)?;
        if let Some(records) = value.get("Records").and_then(Value::as_array) {
            return Ok(Self::Uploads(created(records)?));
        }
        if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
            return Ok(Self::Test);
        }
        if value.get("version").is_some() {
            let message = Message::parse(text.as_bytes()).map_err(BodyError::Message)?;
            return Ok(Self::Message(Box::new(message)));
        }
        Err(BodyError::Foreign)
    }
}

fn created(records: &[Value]) -> Result<Vec<Created>, BodyError> {
    let mut found = Vec::new();
    for (number, record) in records.iter().enumerate() {
        let misshapen = |source| BodyError::Record { record: number, source };
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
        // A key that ends in a slash is what consoles write for an empty folder.
        if kind.is_none_or(|kind| !CREATED.contains(&kind)) || key.ends_with('/') || key.ends_with("%2F") {
            continue;
        }
        let decoded = decode(&key).ok_or_else(|| BodyError::Key {
            record: number,
            key: key.clone(),
        })?;
        found.push(Created {
            bucket: record.s3.bucket.name,
            key: decoded,
            version: version_id.filter(|id| !id.is_empty() && id != "null"),
            // versitygw leaves the quotes of the header in.
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

/// Returns the spec that user metadata names. Stores differ in the case of names and in whether they have a prefix.
fn named_spec(metadata: BTreeMap<String, String>) -> Option<String> {
    let is_spec = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.strip_prefix("x-amz-meta-").unwrap_or(&name) == front::METADATA
    };
    metadata
        .into_iter()
        .find(|(name, _)| is_spec(name))
        .map(|(_, value)| value)
}

/// Decodes a key as a form does: `+` is a space, `%XX` a byte. Stores differ in whether they encode `/`, so the text is
/// only compared after this.
fn decode(key: &str) -> Option<String> {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWS: &str = include_str!("../../tests/fixtures/example-s3-event.json");
    const MINIO: &str = include_str!("../../tests/fixtures/minio-webhook.json");
    const MOTO: &str = include_str!("../../tests/fixtures/moto-put.json");
    const VERSITY: &str = include_str!("../../tests/fixtures/versitygw-put.json");
    const MOTO_TEST: &str = include_str!("../../tests/fixtures/moto-test-event.json");

    #[test]
    fn every_stores_notification_gives_the_same_facts() {
        for (store, text, bucket, key, etag) in [
            (
                "AWS",
                AWS,
                "sourcebucket",
                "Happy Face.jpg",
                "d41d8cd98f00b204e9800998ecf8427e",
            ),
            (
                "MinIO",
                MINIO,
                "evt",
                "raw/a b+c%é=1.csv",
                "e5ebd4c02cefbe7955977c67ada242b7",
            ),
            ("moto", MOTO, "lab", "raw/a b+c.csv", "5d41402abc4b2a76b9719d911017c592"),
            (
                "versitygw",
                VERSITY,
                "lab",
                "raw/cell/a.csv",
                "5d41402abc4b2a76b9719d911017c592",
            ),
        ] {
            let Body::Uploads(uploads) = Body::parse(text).unwrap() else {
                panic!("{store}")
            };
            let [upload] = uploads.as_slice() else {
                panic!("{store}: {uploads:?}")
            };
            let seen = (upload.bucket.as_str(), upload.key.as_str(), upload.etag.as_deref());
            assert_eq!(seen, (bucket, key, Some(etag)), "{store}");
        }
    }

    #[test]
    fn a_test_event_is_told_from_an_upload() {
        assert_eq!(Body::parse(MOTO_TEST).unwrap(), Body::Test);
    }

    #[test]
    fn only_what_brings_new_bytes_is_an_upload() {
        for (name, key, expected) in [
            ("ObjectCreated:Put", "raw/d/a.csv", 1),
            ("s3:ObjectCreated:Copy", "raw/d/a.csv", 1),
            ("ObjectCreated:CompleteMultipartUpload", "raw/d/a.csv", 1),
            ("s3:ObjectCreated:PutTagging", "raw/d/a.csv", 0),
            ("s3:ObjectRemoved:Delete", "raw/d/a.csv", 0),
            ("s3:ObjectRemoved:NoOP", "raw/d/a.csv", 0),
            ("s3:ObjectCreated:Put", "raw%2Fd%2F", 0),
            ("ObjectCreated:Put", "raw/d/", 0),
        ] {
            let record =
                serde_json::json!({"eventName": name, "s3": {"bucket": {"name": "b"}, "object": {"key": key}}});
            let body = serde_json::json!({"Records": [record]}).to_string();
            let Body::Uploads(uploads) = Body::parse(&body).unwrap() else {
                panic!("{name}")
            };
            assert_eq!(uploads.len(), expected, "{name} {key}");
        }
    }

    #[test]
    fn all_records_of_a_notification_are_read() {
        let record = |key: &str| serde_json::json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": key}}});
        let body = serde_json::json!({"Records": [record("raw/d/1"), record("raw/d/2"), record("raw/d/3")]});
        let Body::Uploads(uploads) = Body::parse(&body.to_string()).unwrap() else {
            panic!()
        };
        assert_eq!(
            uploads.iter().map(|u| u.key.as_str()).collect::<Vec<_>>(),
            ["raw/d/1", "raw/d/2", "raw/d/3"]
        );
    }

    #[test]
    fn what_can_never_be_accepted_says_why() {
        for (text, expected) in [
            ("", "body is not JSON"),
            ("not json", "body is not JSON"),
            ("{}", "body is neither"),
            ("[1]", "body is neither"),
            (r#"{"version": 1}"#, "body is not a message that this code reads"),
            (r#"{"Records": [{}]}"#, "record 0 is misshapen"),
            (
                r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"%FF"}}}]}"#,
                "not UTF-8 once decoded",
            ),
        ] {
            let error = Body::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
