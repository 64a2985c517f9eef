//! Connects to the brokers and checks at once what another try would not change.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use futures_util::FutureExt as _;
use platform::{error::chain, threads::run_blocking};
use rdkafka::{
    ClientConfig,
    config::RDKafkaLogLevel,
    consumer::{Consumer as _, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    metadata::MetadataTopic,
};

use super::{Options, context::Context};

/// How long the brokers may take to say whether there is the topic.
const ANSWER: Duration = Duration::from_secs(10);
/// How many events of the client are read to find out why no broker answered.
const EVENTS: usize = 100;

/// Settings that properties may change.
const DEFAULTS: [(&str, &str); 3] = [
    ("client.id", "flits"),
    // A new group begins with what is there: librdkafka would begin with what comes next.
    ("auto.offset.reset", "earliest"),
    // Read ahead of the hand-over; librdkafka would keep 64 MiB.
    ("queued.max.messages.kbytes", "16384"),
];

/// Joins the group.
///
/// # Errors
/// When a property is wrong, no broker answers, or the topic does not exist or may not be read.
pub(super) async fn connect(options: &Options) -> anyhow::Result<Arc<StreamConsumer<Context>>> {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Info);
    for (name, value) in DEFAULTS.into_iter().chain(options.properties.iter()) {
        config.set(name, value);
    }
    config
        .set("bootstrap.servers", &options.brokers)
        .set("group.id", &options.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    let consumer: StreamConsumer<Context> = config.create_with_context(Context::default()).map_err(told)?;
    let consumer = Arc::new(consumer);
    check(&consumer, options).await?;
    let topic = options.topic.as_str();
    consumer
        .subscribe(&[topic])
        .with_context(|| format!("cannot subscribe to topic `{topic}`"))?;
    Ok(consumer)
}

/// Returns why there is no client. The value of a property stays untold, since it may be a secret.
fn told(error: KafkaError) -> anyhow::Error {
    match error {
        KafkaError::ClientConfig(_, why, name, _) => anyhow!("property `{name}`: {why}"),
        error => error.into(),
    }
}

/// Checks that a broker answers and that the topic may be read.
async fn check(consumer: &Arc<StreamConsumer<Context>>, options: &Options) -> anyhow::Result<()> {
    let Options { brokers, topic, .. } = options;
    let (asking, name) = (consumer.clone(), topic.clone());
    match run_blocking(move || trouble_with(&name, &asking)).await {
        Ok(None | Some(RDKafkaErrorCode::LeaderNotAvailable)) => Ok(()),
        Ok(Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)) => {
            bail!("topic `{topic}` does not exist at `{brokers}`")
        }
        Ok(Some(code)) => {
            Err(anyhow::Error::new(code).context(format!("topic `{topic}` at `{brokers}` cannot be read")))
        }
        Err(error) => {
            // The reason arrives as an event, which only polling brings.
            for _ in 0..EVENTS {
                let _ = consumer.recv().now_or_never();
            }
            let why = consumer.context().trouble().unwrap_or_else(|| chain(&error));
            bail!("no broker of `{brokers}` answered within {} s: {why}", ANSWER.as_secs())
        }
    }
}

/// Asks the brokers what is wrong with a topic.
fn trouble_with(topic: &str, consumer: &StreamConsumer<Context>) -> KafkaResult<Option<RDKafkaErrorCode>> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    Ok(found.and_then(MetadataTopic::error).map(RDKafkaErrorCode::from))
}
