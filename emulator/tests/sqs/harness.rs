//! A server on a port of its own, with a clock that tests move, and a client.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use aws_sdk_sqs::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    error::{ProvideErrorMetadata, SdkError},
    types::{Message, QueueAttributeName},
};
use emulator::{Addresses, Emulator, Faults, Settings, sqs::Queues};
use tempfile::TempDir;

pub(crate) const ACCESS_KEY: &str = "TESTKEY";
pub(crate) const SECRET_KEY: &str = "test-secret";

/// A running server. Its clock is the system's plus what the test added.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) queues: Arc<Queues>,
    pub(crate) endpoint: String,
    _emulator: Emulator,
    ahead_ms: Arc<AtomicI64>,
    _dir: Option<TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with_faults(Faults::none()).await
    }

    pub(crate) async fn with_faults(faults: Faults) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Self::open(dir.path(), faults).await;
        Self {
            _dir: Some(dir),
            ..server
        }
    }

    pub(crate) async fn open(dir: &Path, faults: Faults) -> Self {
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&ahead_ms);
        let settings = Settings {
            now: Arc::new(move || system_ms() + clock.load(Ordering::SeqCst)),
            faults,
            ..Settings::new("eu-west-1", ACCESS_KEY, SECRET_KEY)
        };
        let emulator = Emulator::start(dir, Addresses::default(), settings).await.unwrap();
        let (queues, endpoint) = (Arc::clone(emulator.queues()), emulator.sqs_url.clone());
        let client = client(&endpoint, ACCESS_KEY, SECRET_KEY);
        Self {
            client,
            queues,
            endpoint,
            _emulator: emulator,
            ahead_ms,
            _dir: None,
        }
    }

    /// Moves the server's clock. By less than 15 minutes in all, or signatures are too old.
    pub(crate) fn advance_s(&self, seconds: i64) {
        self.ahead_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        system_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }

    /// Creates a queue and returns its URL.
    pub(crate) async fn queue(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let mut create = self.client.create_queue().queue_name(name);
        for (name, value) in attributes {
            create = create.attributes(QueueAttributeName::from(*name), *value);
        }
        create.send().await.unwrap().queue_url.unwrap()
    }

    pub(crate) async fn send(&self, url: &str, body: &str) -> String {
        let sent = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .send()
            .await;
        sent.unwrap().message_id.unwrap()
    }

    /// Receives up to ten messages that are there now.
    pub(crate) async fn receive(&self, url: &str) -> Vec<Message> {
        let ask = self.client.receive_message().queue_url(url).max_number_of_messages(10);
        ask.message_system_attribute_names("All".into())
            .send()
            .await
            .unwrap()
            .messages
            .unwrap_or_default()
    }

    /// Receives the one message that is there now.
    pub(crate) async fn receive_one(&self, url: &str) -> Message {
        let mut messages = self.receive(url).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0)
    }

    /// Returns how many messages are visible, in flight, delayed.
    pub(crate) async fn counts(&self, url: &str) -> [u32; 3] {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let ask = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()));
        let given = ask.send().await.unwrap().attributes.unwrap();
        names.map(|name| given[&name].parse().unwrap())
    }
}

pub(crate) fn client(endpoint: &str, access_key: &str, secret_key: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "test"));
    Client::from_conf(config.build())
}

/// Returns the code that an operation was refused with.
pub(crate) fn code<T, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    outcome: Result<T, SdkError<E, R>>,
) -> String {
    match outcome {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.code().unwrap_or("no code").to_owned(),
    }
}

pub(crate) fn handle(message: &Message) -> &str {
    message.receipt_handle.as_deref().unwrap()
}

pub(crate) fn attribute<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.attributes.as_ref()?.get(&name.into()).map(String::as_str)
}

pub(crate) fn bodies(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.body.as_deref().unwrap())
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the SDK signs with the system's time, so the server's clock is built on it"
)]
fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}
