//! CloudEvents 1.0 over HTTP: binary, structured and batched.
//!
//! # Source
//! CloudEvents 1.0.2, "HTTP Protocol Binding", section 3, and "JSON Event Format", sections 3 and 4.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, header};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The only version of the specification that there is.
const VERSION: &str = "1.0";
/// The largest number of events in one batch.
const MAX_BATCH: usize = 1_000;

/// One event: what it is about, and its data as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloudEvent {
    /// The id, unique for its source.
    pub id: String,
    /// Who sent it, a URI.
    pub source: String,
    /// What happened, such as `flits.train.v1`.
    pub kind: String,
    /// The data; empty when there are none.
    pub data: String,
}

/// What a request brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Posted {
    /// CloudEvents, in their order.
    Events(Vec<CloudEvent>),
    /// A JSON body that is no CloudEvent, such as the notification of a store.
    Bare(String),
}

/// Why a request brings no event.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CloudError {
    /// An attribute that every event has is missing or empty.
    #[error("the CloudEvent has no `{attribute}`")]
    Missing {
        /// The attribute, as a header has it or a member of JSON.
        attribute: &'static str,
    },
    /// A version of the specification that is not known.
    #[error("`specversion` is `{have}`, `{VERSION}` is read")]
    Version {
        /// The version of the event.
        have: String,
    },
    /// A content type that cannot hold an event.
    #[error(
        "content type `{have}` is none of `application/json`, `application/cloudevents+json` and `application/cloudevents-batch+json`"
    )]
    ContentType {
        /// The content type of the request.
        have: String,
    },
    /// The JSON is not an event.
    #[error("the body is not a CloudEvent in JSON: {why}")]
    Shape {
        /// What the parser says.
        why: String,
    },
    /// Too many events at once.
    #[error("the batch has {have} events, at most {MAX_BATCH} are taken")]
    Batch {
        /// How many events there are.
        have: usize,
    },
    /// The data are not text.
    #[error("the data of event `{id}` are not {form}")]
    Data {
        /// The event's id.
        id: String,
        /// What they should be.
        form: &'static str,
    },
}

/// A structured event. Other members are extensions, which nothing here reads.
#[derive(Deserialize)]
struct Structured<'a> {
    #[serde(borrow, default)]
    specversion: Cow<'a, str>,
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    data_base64: Option<String>,
}

impl Posted {
    /// Reads a request.
    ///
    /// # Errors
    /// When the content type holds no event, or an attribute that every event has is missing.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, CloudError> {
        let content = text(headers, header::CONTENT_TYPE.as_str());
        let media = content
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match media.as_str() {
            "application/cloudevents+json" => Ok(Self::Events(vec![CloudEvent::structured(body)?])),
            "application/cloudevents-batch+json" => {
                let events: Vec<&RawValue> = serde_json::from_slice(body).map_err(misshapen)?;
                if events.len() > MAX_BATCH {
                    return Err(CloudError::Batch { have: events.len() });
                }
                let events = events
                    .into_iter()
                    .map(|event| CloudEvent::structured(event.get().as_bytes()));
                Ok(Self::Events(events.collect::<Result<_, _>>()?))
            }
            _ if is_binary(headers) => Ok(Self::Events(vec![CloudEvent::binary(headers, body)?])),
            // MinIO and `curl --json` say so. A media type with `+json` is JSON too.
            media if media == "application/json" || media.ends_with("+json") => {
                match String::from_utf8(body.to_vec()) {
                    Ok(text) => Ok(Self::Bare(text)),
                    Err(_) => Err(CloudError::Shape {
                        why: "it is not UTF-8".to_owned(),
                    }),
                }
            }
            _ => Err(CloudError::ContentType {
                have: content.into_owned(),
            }),
        }
    }
}

impl CloudEvent {
    /// Reads one event in the JSON format, as a mounted file or a body in the structured mode has it.
    ///
    /// # Errors
    /// When it is not JSON, or an attribute that every event has is missing.
    pub fn structured(json: &[u8]) -> Result<Self, CloudError> {
        let event: Structured = serde_json::from_slice(json).map_err(misshapen)?;
        for (attribute, value) in [
            ("specversion", &event.specversion),
            ("id", &event.id),
            ("source", &event.source),
            ("type", &event.kind),
        ] {
            if value.is_empty() {
                return Err(CloudError::Missing { attribute });
            }
        }
        check_version(&event.specversion)?;
        let id = event.id.into_owned();
        let data = match (event.data_base64, event.data) {
            (Some(packed), _) => {
                let bytes = BASE64_STANDARD.decode(packed).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                text.ok_or_else(|| CloudError::Data {
                    id: id.clone(),
                    form: "UTF-8 in base64",
                })?
            }
            (None, Some(data)) => inner(data.get()),
            (None, None) => String::new(),
        };
        Ok(Self {
            id,
            source: event.source.into_owned(),
            kind: event.kind.into_owned(),
            data,
        })
    }

    fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Self, CloudError> {
        let attribute = |name: &'static str| {
            let value = text(headers, name);
            let value = percent_decode_str(&value).decode_utf8_lossy().into_owned();
            (!value.is_empty())
                .then_some(value)
                .ok_or(CloudError::Missing { attribute: name })
        };
        check_version(&attribute("ce-specversion")?)?;
        let id = attribute("ce-id")?;
        let Ok(data) = std::str::from_utf8(body) else {
            return Err(CloudError::Data { id, form: "UTF-8" });
        };
        Ok(Self {
            source: attribute("ce-source")?,
            kind: attribute("ce-type")?,
            data: data.to_owned(),
            id,
        })
    }
}

/// Returns whether a request claims to be an event in the binary mode.
fn is_binary(headers: &HeaderMap) -> bool {
    ["ce-specversion", "ce-type", "ce-id", "ce-source"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// Returns data in JSON as the text of a body. A text that holds JSON is unpacked: some senders quote it.
fn inner(data: &str) -> String {
    match serde_json::from_str::<String>(data) {
        Ok(text) => text,
        Err(_) => data.to_owned(),
    }
}

fn check_version(have: &str) -> Result<(), CloudError> {
    if have == VERSION {
        return Ok(());
    }
    Err(CloudError::Version { have: have.to_owned() })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Cow<'a, str> {
    headers
        .get(name)
        .map_or(Cow::Borrowed(""), |value| String::from_utf8_lossy(value.as_bytes()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is the argument of `map_err`")]
fn misshapen(error: serde_json::Error) -> CloudError {
    CloudError::Shape { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    http::HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    const BINARY: [(&str, &str); 5] = [
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.someevent"),
        ("ce-id", "1234-1234-1234"),
        ("ce-source", "/mycontext/subcontext"),
        ("content-type", "application/json; charset=utf-8"),
    ];

    fn event(kind: &str, source: &str, id: &str, data: &str) -> CloudEvent {
        CloudEvent {
            id: id.to_owned(),
            source: source.to_owned(),
            kind: kind.to_owned(),
            data: data.to_owned(),
        }
    }

    /// The events of the specification's examples.
    #[test]
    fn one_event_is_the_same_in_every_mode() {
        let expected = event(
            "com.example.someevent",
            "/mycontext/subcontext",
            "1234-1234-1234",
            r#"{"a":1}"#,
        );
        let binary = Posted::read(&headers(&BINARY), br#"{"a":1}"#).unwrap();
        assert_eq!(binary, Posted::Events(vec![expected.clone()]));

        let json = r#"{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext/subcontext",
            "id":"1234-1234-1234","time":"2018-04-05T17:31:00Z","comexampleextension1":"value",
            "datacontenttype":"application/json","data":{"a":1}}"#;
        let structured = headers(&[("content-type", "application/cloudevents+json; charset=utf-8")]);
        assert_eq!(
            Posted::read(&structured, json.as_bytes()).unwrap(),
            Posted::Events(vec![expected.clone()])
        );

        let packed = r#"{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext/subcontext",
            "id":"1234-1234-1234","data_base64":"eyJhIjoxfQ=="}"#;
        let batch = headers(&[("content-type", "application/cloudevents-batch+json")]);
        let both = format!("[{json},{packed}]");
        assert_eq!(
            Posted::read(&batch, both.as_bytes()).unwrap(),
            Posted::Events(vec![expected.clone(), expected])
        );
        assert_eq!(Posted::read(&batch, b"[]").unwrap(), Posted::Events(Vec::new()));
    }

    #[test]
    fn attributes_in_headers_are_percent_decoded() {
        let mut all = headers(&BINARY);
        all.insert("ce-id", http::HeaderValue::from_static("Euro%20%E2%82%AC"));
        let Posted::Events(events) = Posted::read(&all, b"").unwrap() else {
            panic!()
        };
        assert_eq!((events[0].id.as_str(), events[0].data.as_str()), ("Euro €", ""));
    }

    #[test]
    fn data_may_be_a_text_that_holds_json() {
        let json = r#"{"specversion":"1.0","type":"t","source":"s","id":"i","data":"{\"Records\":[]}"}"#;
        assert_eq!(
            CloudEvent::structured(json.as_bytes()).unwrap().data,
            r#"{"Records":[]}"#
        );
    }

    #[test]
    fn a_plain_notification_is_no_event() {
        let minio = headers(&[("content-type", "application/json")]);
        assert_eq!(Posted::read(&minio, b"{}").unwrap(), Posted::Bare("{}".to_owned()));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let read = |pairs: &[(&'static str, &'static str)], body: &str| {
            Posted::read(&headers(pairs), body.as_bytes()).unwrap_err().to_string()
        };
        for name in ["ce-specversion", "ce-id", "ce-source", "ce-type"] {
            let without: Vec<_> = BINARY.into_iter().filter(|(other, _)| *other != name).collect();
            assert_eq!(read(&without, "{}"), format!("the CloudEvent has no `{name}`"));
        }
        let structured = [("content-type", "application/cloudevents+json")];
        for (body, expected) in [
            (r#"{"specversion":"1.0","type":"t","source":"s"}"#, "has no `id`"),
            (
                r#"{"specversion":"0.3","type":"t","source":"s","id":"1"}"#,
                "`specversion` is `0.3`",
            ),
            (
                r#"{"specversion":"1.0","type":"t","source":"s","id":"1","data_base64":"*"}"#,
                "UTF-8 in base64",
            ),
            ("[", "not a CloudEvent in JSON"),
        ] {
            let error = read(&structured, body);
            assert!(error.contains(expected), "{body}: {error}");
        }
        let many = format!("[{}1]", "1,".repeat(MAX_BATCH));
        assert!(read(&[("content-type", "application/cloudevents-batch+json")], &many).contains("1001 events"));
        for media in ["text/plain", ""] {
            assert!(
                read(&[("content-type", media)], "{}").contains("content type `"),
                "{media}"
            );
        }
    }
}
