//! Queue names and attributes, checked against the service's bounds.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{error::Error, message::MAX_BYTES};

/// A queue as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Queue {
    /// Never used again after the queue is deleted, so old receipt handles stay invalid.
    pub(super) id: u64,
    /// When the queue was created, UTC seconds.
    pub(super) created_s: i64,
    /// When attributes were last set, UTC seconds.
    pub(super) modified_s: i64,
    pub(super) delay_s: u32,
    pub(super) maximum_bytes: u32,
    pub(super) retention_s: u32,
    pub(super) wait_s: u32,
    pub(super) visibility_s: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redrive: Option<Redrive>,
    /// Attributes that have no effect here and are returned as they were set, such as `Policy`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) inert: BTreeMap<String, String>,
}

/// The queue that takes messages that were received too often, and how often that is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawRedrive", rename_all = "camelCase")]
pub(super) struct Redrive {
    pub(super) dead_letter_target_arn: String,
    pub(super) max_receive_count: u32,
}

/// AWS takes the count as a number or as text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawRedrive {
    dead_letter_target_arn: String,
    max_receive_count: serde_json::Value,
}

impl TryFrom<RawRedrive> for Redrive {
    type Error = String;

    fn try_from(raw: RawRedrive) -> Result<Self, String> {
        let text = raw
            .max_receive_count
            .as_str()
            .map_or_else(|| raw.max_receive_count.to_string(), str::to_owned);
        match text.parse() {
            Ok(max_receive_count @ 1..=1000) => Ok(Self {
                dead_letter_target_arn: raw.dead_letter_target_arn,
                max_receive_count,
            }),
            _ => Err(format!("maxReceiveCount {text} is not a whole number from 1 to 1000")),
        }
    }
}

/// Attributes that are stored and returned when their value changes nothing: this server has one user, who may do
/// everything, and no encryption of its own.
const INERT: [&str; 5] = [
    "Policy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
];

impl Queue {
    /// Makes a queue with the service's defaults.
    pub(super) fn new(id: u64, now_s: i64) -> Self {
        Self {
            id,
            created_s: now_s,
            modified_s: now_s,
            delay_s: 0,
            maximum_bytes: u32::try_from(MAX_BYTES).expect("1 MiB fits"),
            retention_s: 345_600,
            wait_s: 0,
            visibility_s: 30,
            redrive: None,
            inert: BTreeMap::new(),
        }
    }

    /// Sets one attribute.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        match name {
            "DelaySeconds" => self.delay_s = number(name, value, 0..=900)?,
            "MaximumMessageSize" => self.maximum_bytes = number(name, value, 1024..=1_048_576)?,
            "MessageRetentionPeriod" => self.retention_s = number(name, value, 60..=1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait_s = number(name, value, 0..=20)?,
            "VisibilityTimeout" => self.visibility_s = number(name, value, 0..=43_200)?,
            "RedrivePolicy" => self.redrive = redrive(value)?,
            "FifoQueue" | "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => {
                return Err(fifo(name, value));
            }
            _ if INERT.contains(&name) => {
                check_inert(name, value)?;
                self.inert.insert(name.to_owned(), value.to_owned());
            }
            _ => return Err(Error::AttributeName(name.to_owned())),
        }
        Ok(())
    }

    /// Returns the attributes that are stored, by name.
    pub(super) fn stored(&self) -> BTreeMap<String, String> {
        let numbers = [
            ("DelaySeconds", i64::from(self.delay_s)),
            ("MaximumMessageSize", i64::from(self.maximum_bytes)),
            ("MessageRetentionPeriod", i64::from(self.retention_s)),
            ("ReceiveMessageWaitTimeSeconds", i64::from(self.wait_s)),
            ("VisibilityTimeout", i64::from(self.visibility_s)),
            ("CreatedTimestamp", self.created_s),
            ("LastModifiedTimestamp", self.modified_s),
        ];
        let mut all = self.inert.clone();
        all.extend(numbers.map(|(name, value)| (name.to_owned(), value.to_string())));
        if let Some(redrive) = &self.redrive {
            let json = serde_json::to_string(redrive).expect("two plain fields are JSON");
            all.insert("RedrivePolicy".to_owned(), json);
        }
        all
    }

    /// Finds the first of the given attributes that has another value here.
    pub(super) fn differs(&self, given: &BTreeMap<String, String>) -> Result<Option<String>, Error> {
        let mut wanted = self.clone();
        for (name, value) in given {
            wanted.set(name, value)?;
            if wanted != *self {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }
}

/// Returns whether a request can ask for an attribute of this name.
pub(super) fn is_known(name: &str) -> bool {
    const COUNTED: [&str; 6] = [
        "All",
        "QueueArn",
        "RedrivePolicy",
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ];
    COUNTED.contains(&name) || INERT.contains(&name) || Queue::new(0, 0).stored().contains_key(name)
}

/// Checks the name of a queue.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let refuse = |reason: &str| Error::Parameter {
        parameter: "QueueName",
        value: format!("`{name}`"),
        reason: reason.to_owned(),
    };
    if name.strip_suffix(".fifo").is_some() {
        return Err(refuse(
            "first-in-first-out queues are not supported by this server; use a standard queue",
        ));
    }
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if plain && (1..=80).contains(&name.len()) {
        return Ok(());
    }
    Err(refuse("it must be 1 to 80 characters of [A-Za-z0-9_-]"))
}

/// Returns the queue's name at the end of a queue URL or ARN.
pub(super) fn last_segment(text: &str) -> &str {
    text.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default()
}

fn number(name: &str, value: &str, bounds: RangeInclusive<u32>) -> Result<u32, Error> {
    value
        .parse()
        .ok()
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| Error::AttributeValue {
            name: name.to_owned(),
            value: value.to_owned(),
            reason: format!("it must be a whole number from {} to {}", bounds.start(), bounds.end()),
        })
}

/// Reads a redrive policy. An empty text removes it.
fn redrive(value: &str) -> Result<Option<Redrive>, Error> {
    if value.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(value)
        .map(Some)
        .map_err(|problem| Error::AttributeValue {
            name: "RedrivePolicy".to_owned(),
            value: value.to_owned(),
            reason: problem.to_string(),
        })
}

/// Refuses a value that would have an effect on another server and has none here.
fn check_inert(name: &str, value: &str) -> Result<(), Error> {
    let refuse = |reason: &str| {
        Err(Error::AttributeValue {
            name: name.to_owned(),
            value: value.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let document = || serde_json::from_str::<serde_json::Value>(value).ok();
    match name {
        _ if value.is_empty() => Ok(()),
        "Policy" => match document() {
            None => refuse("it is not JSON"),
            Some(policy) if denies(&policy) => refuse("its one user may do everything here, so nothing can be denied"),
            Some(_) => Ok(()),
        },
        "RedriveAllowPolicy" => match document() {
            Some(policy) if policy["redrivePermission"] == "allowAll" => Ok(()),
            _ => refuse("all queues may redrive to all others here"),
        },
        "SqsManagedSseEnabled" if value == "false" => Ok(()),
        _ => refuse("queues are not encrypted here"),
    }
}

/// Returns whether a policy contains a statement that does not allow.
fn denies(policy: &serde_json::Value) -> bool {
    let statements = match &policy["Statement"] {
        serde_json::Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    statements
        .iter()
        .any(|statement| !statement.is_null() && statement["Effect"] != "Allow")
}

fn fifo(name: &str, value: &str) -> Error {
    Error::Parameter {
        parameter: "Attributes",
        value: format!("{name}={value}"),
        reason: "first-in-first-out queues are not supported by this server".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_keep_the_bounds_of_the_service() {
        for (name, value, fine) in [
            ("DelaySeconds", "900", true),
            ("DelaySeconds", "901", false),
            ("DelaySeconds", "-1", false),
            ("DelaySeconds", "1.5", false),
            ("VisibilityTimeout", "43200", true),
            ("VisibilityTimeout", "43201", false),
            ("MessageRetentionPeriod", "59", false),
            ("MessageRetentionPeriod", "1209600", true),
            ("MaximumMessageSize", "1048576", true),
            ("MaximumMessageSize", "1048577", false),
            ("ReceiveMessageWaitTimeSeconds", "21", false),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"a","maxReceiveCount":"3"}"#,
                true,
            ),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"a","maxReceiveCount":0}"#,
                false,
            ),
            ("RedrivePolicy", "nonsense", false),
            ("RedrivePolicy", "", true),
            ("Policy", "{}", true),
            ("FifoQueue", "true", false),
            ("Colour", "red", false),
        ] {
            assert_eq!(Queue::new(1, 0).set(name, value).is_ok(), fine, "{name}={value}");
        }
    }

    #[test]
    fn names_are_plain_and_never_fifo() {
        for (name, fine) in [
            ("flits-train", true),
            ("A_1", true),
            ("", false),
            ("a.b", false),
            ("a.fifo", false),
            (&"x".repeat(80), true),
            (&"x".repeat(81), false),
        ] {
            assert_eq!(check_name(name).is_ok(), fine, "{name}");
        }
    }
}
