//! Notifications of stores on their way to the queue of `preprocess`: what is done with one, whoever brings it.
//!
//! Stores and brokers stop behind a notification that is refused for ever. So what can never be accepted is kept under
//! `dead/` with its reason, and counts as taken.

use contract::{Dead, Digest, Stage, keys};
use serde_json::{Value, json};

use crate::{
    class::Classify as _,
    documents,
    error::{StoreError, chain},
    event::{Body, Created},
    host::Platform,
};

/// The largest notification that is handed over as one message, in bytes; a larger one is divided by records.
const LARGEST_NOTIFICATION: usize = 200 << 10;
/// The largest message, in bytes; older servers take no more. No store sends a record of a tenth of it.
const LARGEST_MESSAGE: usize = 256 << 10;

/// What a body asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// It tells of uploads: these messages belong on the queue of `preprocess`.
    HandOver(Vec<String>),
    /// It is a job of this stage.
    Work(Stage),
    /// Nothing: it is a test event, or tells of no upload.
    Nothing,
}

/// Why a body is not acted on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It can never be accepted, for this reason.
    Never(String),
    /// Newer code can accept it.
    Later(String),
}

/// Decides what a body asks for where `bucket` is the only bucket that is allowed.
///
/// # Errors
/// When the body is nothing that this code can act on.
pub fn asked(body: &str, bucket: &str) -> Result<Asked, Unfit> {
    match Body::parse(body) {
        Ok(Body::Test) => Ok(Asked::Nothing),
        Ok(Body::Uploads(created)) => {
            if let Some(foreign) = created.iter().find(|created| created.bucket != bucket) {
                let have = &foreign.bucket;
                return Err(Unfit::Never(format!(
                    "the event is about bucket `{have}`, only `{bucket}` is allowed"
                )));
            }
            if !created.iter().any(is_upload) {
                return Ok(Asked::Nothing);
            }
            messages(body).map(Asked::HandOver)
        }
        Ok(Body::Message(message)) => Ok(Asked::Work(message.stage.stage())),
        Err(error) if error.class().may_pass() => Err(Unfit::Later(chain(&error))),
        Err(error) => Err(Unfit::Never(chain(&error))),
    }
}

/// Keeps a body that can never be accepted, with the reason, under the digest of its bytes.
///
/// # Errors
/// When the store does not take it. Then it must be kept again.
pub async fn bury(body: &str, reason: &str, platform: &Platform) -> Result<(), StoreError> {
    tracing::warn!(reason, "an event is put aside");
    let dead = Dead {
        reason: reason.to_owned(),
        body: body.to_owned(),
        at: series::rfc3339(platform.clock.now_s()),
    };
    let key = keys::dead(Digest::of(body.as_bytes()));
    platform.store.put(&key, documents::json(&key, &dead)?).await?;
    Ok(())
}

/// Returns whether an object is an upload. A rule without a prefix announces what stages write too; if that were handed
/// over, each refusal would be written and announced in its turn.
fn is_upload(created: &Created) -> bool {
    created.key.starts_with(keys::RAW)
}

/// Returns a notification as messages that every queue takes.
fn messages(notification: &str) -> Result<Vec<String>, Unfit> {
    // The two characters that JSON allows and SQS does not. In valid JSON they stand in strings only.
    let notification = notification
        .replace('\u{fffe}', r"\ufffe")
        .replace('\u{ffff}', r"\uffff");
    let messages = divided(notification);
    match messages.iter().find(|message| message.len() > LARGEST_MESSAGE) {
        Some(large) => Err(Unfit::Never(format!(
            "one record makes a message of {} bytes, at most {LARGEST_MESSAGE} are sent",
            large.len()
        ))),
        None => Ok(messages),
    }
}

/// Divides a notification that is too large for one message.
fn divided(notification: String) -> Vec<String> {
    if notification.len() <= LARGEST_NOTIFICATION {
        return vec![notification];
    }
    let value: Value = serde_json::from_str(&notification).unwrap_or_default();
    let one = |record: &Value| json!({"Records": [record]}).to_string();
    match value.get("Records").and_then(Value::as_array) {
        Some(records) => records.iter().map(one).collect(),
        // One record by itself.
        None => vec![notification],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: &str = "flits";

    fn record(bucket: &str, key: &str) -> Value {
        json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}})
    }

    fn never(body: &str) -> String {
        match asked(body, BUCKET) {
            Err(Unfit::Never(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_uploads_are_handed_over() {
        for (what, body, handed_over) in [
            ("an upload", json!({"Records": [record(BUCKET, "raw/d/a.csv")]}), true),
            ("one record by itself", record(BUCKET, "raw/d/a.csv"), true),
            (
                "what a stage wrote",
                json!({"Records": [record(BUCKET, "failed/1.json")]}),
                false,
            ),
            (
                "an upload among others",
                json!({"Records": [record(BUCKET, "failed/1.json"), record(BUCKET, "raw/d/a.csv")]}),
                true,
            ),
            ("no record", json!({"Records": []}), false),
            ("a test event", json!({"Event": "s3:TestEvent"}), false),
        ] {
            let body = body.to_string();
            let expected = if handed_over {
                Asked::HandOver(vec![body.clone()])
            } else {
                Asked::Nothing
            };
            assert_eq!(asked(&body, BUCKET), Ok(expected), "{what}");
        }
    }

    #[test]
    fn a_foreign_bucket_is_named_wherever_it_stands() {
        let body = json!({"Records": [record(BUCKET, "raw/d/a.csv"), record("other", "raw/d/a.csv")]}).to_string();
        assert_eq!(
            never(&body),
            "the event is about bucket `other`, only `flits` is allowed"
        );
    }

    #[test]
    fn what_newer_code_sent_is_not_given_up() {
        let newer = json!({"version": 99}).to_string();
        assert!(matches!(asked(&newer, BUCKET), Err(Unfit::Later(_))));
    }

    #[test]
    fn a_large_notification_becomes_messages_of_one_record() {
        let records: Vec<Value> = (0..3)
            .map(|number| {
                let mut record = record(BUCKET, &format!("raw/d/{number}"));
                record["padding"] = "x".repeat(100_000).into();
                record
            })
            .collect();
        let body = json!({"Records": records}).to_string();
        let Ok(Asked::HandOver(messages)) = asked(&body, BUCKET) else {
            panic!()
        };
        let parsed: Vec<Value> = messages
            .iter()
            .map(|message| serde_json::from_str(message).unwrap())
            .collect();
        assert_eq!(
            parsed,
            records
                .into_iter()
                .map(|record| json!({"Records": [record]}))
                .collect::<Vec<_>>()
        );
    }

    /// A single record was once divided into no message at all.
    #[test]
    fn a_large_record_by_itself_stays_one_message() {
        let mut record = record(BUCKET, "raw/d/1");
        record["padding"] = "x".repeat(LARGEST_NOTIFICATION).into();
        let body = record.to_string();
        assert_eq!(asked(&body, BUCKET), Ok(Asked::HandOver(vec![body.clone()])));
    }

    #[test]
    fn a_record_that_no_queue_takes_is_not_tried_for_ever() {
        let mut record = record(BUCKET, "raw/d/1");
        record["padding"] = "x".repeat(LARGEST_MESSAGE).into();
        let reason = never(&record.to_string());
        assert!(reason.contains("at most 262144 are sent"), "{reason}");
    }

    #[test]
    fn characters_that_no_queue_takes_are_escaped() {
        let body =
            json!({"Key": "flits/raw/\u{ffff}\u{fffe}", "Records": [record(BUCKET, "raw/d/%EF%BF%BF")]}).to_string();
        let Ok(Asked::HandOver(messages)) = asked(&body, BUCKET) else {
            panic!()
        };
        assert!(!messages[0].contains(['\u{fffe}', '\u{ffff}']), "{}", messages[0]);
        let (before, after): (Value, Value) = (
            serde_json::from_str(&body).unwrap(),
            serde_json::from_str(&messages[0]).unwrap(),
        );
        assert_eq!(before, after);
    }
}
