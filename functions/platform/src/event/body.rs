//! The body of a record: one of our messages, an S3 notification, or the test event that S3 sends once.

use contract::{FailureKind, Message, MessageError, VERSION};
use serde_json::Value;

use super::s3::{self, Created, RecordError};
use crate::class::{Class, Classify};

/// The parsed body of a record.
#[derive(Clone, PartialEq, Debug)]
pub enum Body {
    /// A message of ours.
    Message(Box<Message>),
    /// Objects that were created, in the order of the notification.
    Uploads(Vec<Created>),
    /// The event that a store sends when a notification is set up. It is acknowledged.
    Test,
}

/// Why a body cannot be accepted: ever, or by this code.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The body is not JSON.
    #[error("body is not JSON")]
    Json(#[source] serde_json::Error),
    /// The body is JSON, but of no kind that this code knows.
    #[error(
        "body is neither a message (`version` at most {VERSION}) nor an S3 notification (`Records`) nor `s3:TestEvent`"
    )]
    Foreign,
    /// The body claims to be a message of ours, but cannot be parsed.
    #[error("body is not a message that this code reads")]
    Message(#[source] MessageError),
    /// The body claims to be an S3 notification, but cannot be parsed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Body {
    /// Parses the body of a record.
    ///
    /// # Errors
    /// When this code cannot accept it.
    pub fn parse(text: &str) -> Result<Self, BodyError> {
        let value: Value = serde_json::from_str(text).map_err(BodyError::Json)?;
        if let Some(records) = value.get("Records").and_then(Value::as_array) {
            return Ok(Self::Uploads(s3::created(records)?));
        }
        // What a CloudEvent of one object carries.
        if value.get("eventName").is_some() && value.get("s3").is_some() {
            return Ok(Self::Uploads(s3::created(&[value])?));
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

impl Classify for BodyError {
    fn class(&self) -> Class {
        match self {
            Self::Message(MessageError::Newer(_)) => Class::later(FailureKind::Event),
            Self::Record(RecordError::Key { key, .. }) => Class::never(FailureKind::Event).value(key),
            Self::Json(_)
            | Self::Foreign
            | Self::Message(MessageError::Size { .. } | MessageError::Shape(_))
            | Self::Record(RecordError::Shape { .. }) => Class::never(FailureKind::Event),
        }
    }
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
    fn a_test_event_is_no_upload() {
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
    fn a_single_record_is_a_notification_of_one() {
        let record = r#"{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"raw/d/1"}}}"#;
        let whole = format!(r#"{{"Records":[{record}]}}"#);
        assert_eq!(Body::parse(record).unwrap(), Body::parse(&whole).unwrap());
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
