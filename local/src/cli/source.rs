//! `flits source`: takes notifications from a broker and puts them onto the queue of `preprocess`.

use std::fs;

use anyhow::Context as _;

use super::args::{KafkaArgs, SourceArgs, SourceFrom};
use crate::source::Properties;

/// Takes notifications until Ctrl-C or SIGTERM.
///
/// # Errors
/// When the broker, the topic, the bucket or a setting cannot be used.
pub(super) async fn source(args: SourceArgs) -> anyhow::Result<()> {
    let SourceFrom::Kafka(args) = args.from;
    let properties = properties(&args)?;
    kafka(args, properties).await
}

/// Reads the properties of the file; those of the command line win.
fn properties(args: &KafkaArgs) -> anyhow::Result<Properties> {
    let mut properties = match &args.properties {
        Some(file) => {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            Properties::read(&text).with_context(|| format!("`{}` is not a file of properties", file.display()))?
        }
        None => Properties::default(),
    };
    for property in &args.property {
        properties.set(property.clone());
    }
    Ok(properties)
}

#[cfg(feature = "kafka")]
async fn kafka(args: KafkaArgs, properties: Properties) -> anyhow::Result<()> {
    use platform::Stop;

    use super::{health::Health, interrupt::Interrupt};
    use crate::{
        harness::Servers,
        source::kafka::{self, Options},
    };

    let mut interrupt = Interrupt::listen()?;
    let servers = Servers {
        store: args.servers.store,
        queue: args.servers.queue,
    };
    let config = servers.config(&[])?;
    let platform = config.connect().await?;
    // With another bucket than the topic's, each record would be put aside.
    let listed = platform.store.list(contract::keys::DEAD, None, 1).await;
    listed.with_context(|| format!("bucket `{}` cannot be used", platform.host.bucket))?;
    let options = Options {
        brokers: args.brokers,
        topic: args.topic,
        group: args.group,
        properties,
    };
    let health = Health::serve(&config, &platform).await?;
    let stop = Stop::never();
    let asking = stop.clone();
    tokio::spawn(async move {
        interrupt.wait().await;
        asking.ask();
    });
    let served = kafka::run(&options, &platform, &stop).await;
    if let Some(health) = health {
        health.stop.ask();
    }
    served
}

#[cfg(not(feature = "kafka"))]
#[expect(clippy::unused_async, reason = "the other one waits")]
async fn kafka(_: KafkaArgs, _: Properties) -> anyhow::Result<()> {
    anyhow::bail!(
        "this `flits` was built without the client of Kafka: build it with `cargo build -p flits --features kafka`"
    )
}
