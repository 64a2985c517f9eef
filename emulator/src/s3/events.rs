//! Event notifications: which queues are told of a change, and the event in the form that AWS gives it.

use std::fmt::Write as _;

use s3s::dto::{
    FilterRule, GetBucketNotificationConfigurationInput, GetBucketNotificationConfigurationOutput,
    NotificationConfiguration, PutBucketNotificationConfigurationInput, PutBucketNotificationConfigurationOutput,
    QueueConfiguration,
};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use serde_json::{Value, json};

use super::error::Error;
use super::rows::{Object, Rows};
use super::store::Store;
use crate::sqs;

/// The events that a queue can ask for, without the prefix `s3:`.
const EVENTS: [&str; 8] = [
    "ObjectCreated:*",
    "ObjectCreated:Put",
    "ObjectCreated:Post",
    "ObjectCreated:Copy",
    "ObjectCreated:CompleteMultipartUpload",
    "ObjectRemoved:*",
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
];

/// A change of an object that queues may ask to be told of.
pub(super) struct ObjectEvent<'a> {
    /// The name of the event without `s3:`.
    pub(super) name: &'static str,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    /// The new object; `None` after a deletion.
    pub(super) object: Option<&'a Object>,
    /// Rises with every change of the store.
    pub(super) sequencer: u64,
    /// The access key that asked for the change.
    pub(super) principal: &'a str,
    pub(super) region: &'a str,
}

/// Who changed an object, and in which region.
#[derive(Clone)]
pub(super) struct Principal {
    name: String,
    region: String,
}

impl Principal {
    pub(super) fn of<T>(request: &S3Request<T>) -> Self {
        let name = request
            .credentials
            .as_ref()
            .map_or("anonymous", |credentials| credentials.access_key.as_str());
        let region = request.region.as_ref().map_or("us-east-1", |region| region.as_str());
        Self {
            name: name.to_owned(),
            region: region.to_owned(),
        }
    }

    pub(super) fn event<'a>(
        &'a self,
        name: &'static str,
        bucket: &'a str,
        key: &'a str,
        sequencer: u64,
    ) -> ObjectEvent<'a> {
        ObjectEvent {
            name,
            bucket,
            key,
            object: None,
            sequencer,
            principal: &self.name,
            region: &self.region,
        }
    }
}

/// Puts an event into all queues that asked for it, in the transaction of the change.
pub(super) fn announce(rows: &mut Rows<'_>, event: &ObjectEvent<'_>) -> Result<(), Error> {
    let configuration = rows.bucket(event.bucket)?.notification;
    for queue in configuration.queue_configurations.unwrap_or_default() {
        if wants(&queue, event.name, event.key) {
            let body = record(event, queue.id.as_deref().unwrap_or_default(), rows.now_ms).to_string();
            send(rows, &queue.queue_arn, &body)?;
        }
    }
    Ok(())
}

/// An event for a queue that was deleted since is dropped, as AWS does it.
fn send(rows: &mut Rows<'_>, arn: &str, body: &str) -> Result<(), Error> {
    if sqs::enqueue(rows.transaction, arn, body, rows.now_ms)? {
        rows.announced.push(arn.to_owned());
    }
    Ok(())
}

fn wants(queue: &QueueConfiguration, name: &str, key: &str) -> bool {
    let asked = queue.events.iter().any(|event| {
        let event = event.as_ref().trim_start_matches("s3:");
        event == name || event.strip_suffix('*').is_some_and(|family| name.starts_with(family))
    });
    asked && rules(queue).iter().all(|rule| passes(rule, key))
}

fn rules(queue: &QueueConfiguration) -> &[FilterRule] {
    let key = queue.filter.as_ref().and_then(|filter| filter.key.as_ref());
    key.and_then(|key| key.filter_rules.as_deref()).unwrap_or_default()
}

fn passes(rule: &FilterRule, key: &str) -> bool {
    let value = rule.value.as_deref().unwrap_or_default();
    match name(rule).as_str() {
        "prefix" => key.starts_with(value),
        _ => key.ends_with(value),
    }
}

fn name(rule: &FilterRule) -> String {
    rule.name
        .as_ref()
        .map(|name| name.as_str().to_ascii_lowercase())
        .unwrap_or_default()
}

fn record(event: &ObjectEvent<'_>, configuration: &str, now_ms: i64) -> Value {
    let mut object = json!({ "key": form_encoded(event.key), "sequencer": format!("{:016X}", event.sequencer) });
    if let Some(there) = event.object {
        object["size"] = there.size.into();
        object["eTag"] = there.etag.as_str().into();
        // As MinIO sends it: when the event is read, the object may have other metadata and the same bytes.
        if let Some(metadata) = there.about.metadata() {
            let named = metadata
                .into_iter()
                .map(|(name, value)| (format!("X-Amz-Meta-{name}"), Value::from(value)));
            object["userMetadata"] = named.collect::<serde_json::Map<_, _>>().into();
        }
    }
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": rfc3339_ms(now_ms),
        "eventName": event.name,
        "userIdentity": { "principalId": event.principal },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": request_id(event.sequencer), "x-amz-id-2": "embedded" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": event.bucket,
                "ownerIdentity": { "principalId": event.principal },
                "arn": format!("arn:aws:s3:::{}", event.bucket),
            },
            "object": object,
        },
    }] })
}

fn test_event(bucket: &str, now_ms: i64, number: u64) -> Value {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": rfc3339_ms(now_ms),
        "Bucket": bucket,
        "RequestId": request_id(number),
        "HostId": "embedded",
    })
}

fn request_id(number: u64) -> String {
    format!("{number:016X}")
}

/// Encodes a key as AWS does in events: like a form, so a space becomes `+`, except that `/` stays.
fn form_encoded(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes all text"),
        }
    }
    encoded
}

fn rfc3339_ms(now_ms: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(now_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{moment:.3}")
}

/// Sets which queues are told of changes in a bucket, and sends each a test event.
pub(super) async fn put_configuration(
    store: &Store,
    request: S3Request<PutBucketNotificationConfigurationInput>,
) -> S3Result<S3Response<PutBucketNotificationConfigurationOutput>> {
    let PutBucketNotificationConfigurationInput {
        bucket,
        mut notification_configuration,
        ..
    } = request.input;
    check(store, &mut notification_configuration)?;
    let change = move |rows: &mut Rows<'_>| {
        let mut row = rows.bucket(&bucket)?;
        let number = rows.number()?;
        let body = test_event(&bucket, rows.now_ms, number).to_string();
        for queue in notification_configuration.queue_configurations.iter().flatten() {
            send(rows, &queue.queue_arn, &body)?;
        }
        row.notification = notification_configuration;
        rows.put_bucket(&bucket, &row)
    };
    store.change(change).await?;
    Ok(S3Response::new(PutBucketNotificationConfigurationOutput {}))
}

/// Answers with the queues that are told of changes in a bucket.
pub(super) fn get_configuration(
    store: &Store,
    input: &GetBucketNotificationConfigurationInput,
) -> S3Result<S3Response<GetBucketNotificationConfigurationOutput>> {
    let configuration = store.snapshot()?.bucket(&input.bucket)?.notification;
    Ok(S3Response::new(GetBucketNotificationConfigurationOutput {
        queue_configurations: configuration.queue_configurations,
        ..Default::default()
    }))
}

fn check(store: &Store, configuration: &mut NotificationConfiguration) -> S3Result<()> {
    let others = configuration.lambda_function_configurations.is_some()
        || configuration.topic_configurations.is_some()
        || configuration.event_bridge_configuration.is_some();
    if others {
        return Err(s3_error!(NotImplemented, "events go to queues only"));
    }
    for (index, queue) in configuration.queue_configurations.iter_mut().flatten().enumerate() {
        if let Some(event) = queue.events.iter().find(|event| !known(event.as_ref())) {
            return Err(s3_error!(
                InvalidArgument,
                "the event `{}` is not supported",
                event.as_ref()
            ));
        }
        if let Some(rule) = rules(queue)
            .iter()
            .find(|rule| !matches!(name(rule).as_str(), "prefix" | "suffix"))
        {
            return Err(s3_error!(
                InvalidArgument,
                "a filter is named `prefix` or `suffix`, not `{}`",
                name(rule)
            ));
        }
        if !store.has_queue(&queue.queue_arn)? {
            return Err(s3_error!(
                InvalidArgument,
                "unable to validate the destination `{}`",
                queue.queue_arn
            ));
        }
        queue.id.get_or_insert_with(|| format!("queue-{index}"));
    }
    Ok(())
}

fn known(event: &str) -> bool {
    event.strip_prefix("s3:").is_some_and(|event| EVENTS.contains(&event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_encoded_like_forms_with_slashes_left_alone() {
        for (key, expected) in [
            ("raw/a b+c.csv", "raw/a+b%2Bc.csv"),
            ("é=1&2%", "%C3%A9%3D1%262%25"),
            ("p/../x", "p/../x"),
            ("dir/", "dir/"),
        ] {
            assert_eq!(form_encoded(key), expected);
        }
    }

    #[test]
    fn event_times_have_milliseconds() {
        assert_eq!(rfc3339_ms(1_700_000_000_007), "2023-11-14T22:13:20.007Z");
        assert_eq!(rfc3339_ms(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
    }
}
