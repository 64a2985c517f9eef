//! Sends messages as CloudEvents to an HTTP sink: `K_SINK`, which a Knative binding sets.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use contract::{Digest, Message, Stage};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use crate::{
    error::{Cause, QueueError},
    ledger::Nonce,
    ports::Outbox,
    secret::Secret,
};

/// How long it may take to open a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How long one event may take unless the configuration says otherwise.
const TOTAL: Duration = Duration::from_secs(25);
/// How many events are under way at once.
const AT_ONCE: usize = 8;
/// The `source` of every event.
const SOURCE: &str = "flits";

/// Where events go, and the attributes that the environment adds to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SinkConfig {
    /// The URL of the sink.
    pub url: String,
    /// Extension attributes of every event, from `K_CE_OVERRIDES`.
    pub extensions: BTreeMap<String, String>,
    /// The bearer token of every request; a sink of Knative wants none.
    pub token: Option<Secret>,
    /// How long one event may take.
    pub time: Duration,
}

/// `K_CE_OVERRIDES`.
///
/// # Source
/// Knative, "Sink binding": the type `CloudEventOverrides`.
#[derive(Deserialize, Default)]
struct Overrides {
    #[serde(default)]
    extensions: BTreeMap<String, String>,
}

/// An outbox whose messages are CloudEvents, posted in the binary mode.
pub struct Sink {
    client: reqwest::Client,
    config: SinkConfig,
}

impl SinkConfig {
    /// Returns the configuration of a sink as Knative binds it.
    #[must_use]
    pub fn new(url: String, extensions: BTreeMap<String, String>) -> Self {
        Self {
            url,
            extensions,
            token: None,
            time: TOTAL,
        }
    }

    /// Reads the text of `K_CE_OVERRIDES`; an empty one adds nothing.
    ///
    /// # Errors
    /// When it is not JSON of that form, or a name is none of an attribute; the text says what is wrong.
    pub(crate) fn extensions(text: &str) -> Result<BTreeMap<String, String>, String> {
        if text.is_empty() {
            return Ok(BTreeMap::new());
        }
        let read: Overrides = serde_json::from_str(text).map_err(|error| error.to_string())?;
        // CloudEvents 1.0, "Naming conventions": lower-case letters and digits.
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match read.extensions.keys().find(|name| !is_name(name)) {
            Some(name) => Err(format!(
                "extension `{name}` is not made of lower-case letters and digits"
            )),
            None => Ok(read.extensions),
        }
    }
}

impl Sink {
    /// Makes a sink; no connection is opened yet.
    ///
    /// # Errors
    /// When the system gives no TLS certificates.
    pub fn new(config: SinkConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(config.time)
            // A sink that redirects would lose the body.
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { client, config })
    }

    async fn post(&self, stage: Stage, body: &str) -> Result<(), QueueError> {
        let unavailable = |source: Cause| QueueError::Unavailable {
            queue: self.config.url.clone(),
            source,
        };
        let mut request = self
            .client
            .post(&self.config.url)
            .header("ce-specversion", "1.0")
            .header("ce-id", id(body))
            .header("ce-source", SOURCE)
            .header("ce-type", format!("flits.{stage}.v1"))
            .header("content-type", "application/json");
        if let Some(token) = &self.config.token {
            request = request.bearer_auth(token.expose());
        }
        for (name, value) in &self.config.extensions {
            request = request.header(format!("ce-{name}"), encoded(value));
        }
        let answer = request.body(body.to_owned()).send().await;
        let answer = answer.map_err(|error| unavailable(Box::new(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let source: Cause = format!("it answered {status}").into();
        if matches!(status.as_u16(), 401 | 403) {
            let queue = self.config.url.clone();
            return Err(QueueError::Denied { queue, source });
        }
        Err(unavailable(source))
    }
}

#[async_trait]
impl Outbox for Sink {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        let posts: Vec<_> = bodies.iter().map(|body| self.post(stage, body)).collect();
        stream::iter(posts).buffer_unordered(AT_ONCE).try_collect().await
    }
}

/// Returns the id of an event: `{job}-{hop}-{nonce}`. It is never used twice, because some receivers drop events with
/// an id that they know.
fn id(body: &str) -> String {
    let nonce = Nonce::fresh();
    match Message::parse(body.as_bytes()) {
        Ok(message) => format!("{}-{}-{}", message.job, message.hop, nonce.as_str()),
        // A notification, which has no job yet.
        Err(_) => format!("{}-0-{}", Digest::of(body.as_bytes()), nonce.as_str()),
    }
}

/// Returns the value of an attribute as a header holds it.
///
/// # Source
/// CloudEvents 1.0.2, "HTTP Protocol Binding", section 3.1.3.2.
fn encoded(value: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');
    utf8_percent_encode(value, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_read_as_knative_writes_them() {
        let read = SinkConfig::extensions(r#"{"extensions":{"team":"data","tier":"1"}}"#).unwrap();
        assert_eq!(
            read,
            BTreeMap::from([
                ("team".to_owned(), "data".to_owned()),
                ("tier".to_owned(), "1".to_owned())
            ])
        );
        assert!(SinkConfig::extensions("").unwrap().is_empty());
        assert!(SinkConfig::extensions("{}").unwrap().is_empty());
        for bad in ["[", r#"{"extensions":{"not-one":"x"}}"#, r#"{"extensions":{"x":1}}"#] {
            assert!(SinkConfig::extensions(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_is_never_used_twice() {
        assert_ne!(id("{}"), id("{}"));
        assert!(id("{}").starts_with(&Digest::of(b"{}").hex()));
    }

    #[test]
    fn a_value_of_an_attribute_is_a_header() {
        assert_eq!(encoded("Euro € \"1%\""), "Euro%20%E2%82%AC%20%221%25%22");
    }
}
