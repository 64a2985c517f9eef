//! `flits pump`: runs functions on queues that stand elsewhere.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use contract::Stage;
use platform::{Platform, config::Config};
use tokio_util::sync::CancellationToken;

use super::{
    args::PumpArgs,
    health::Health,
    interrupt::{INTERRUPTED, Interrupt},
    print::{print, print_json},
};
use crate::{
    functions,
    harness::{Options, Servers, isolated},
    pump::{self, InProcess, Invoker, Polls, Posting, Pump, Workers},
};

/// Receives from the queues and runs the functions until Ctrl-C or SIGTERM, the second of which does not wait for what is
/// under way.
///
/// # Errors
/// When a setting is wrong, a binary is missing, or the port is not free.
pub(super) async fn pump(args: &PumpArgs) -> anyhow::Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let servers = Servers {
        store: args.servers.store.clone(),
        queue: args.servers.queue.clone(),
    };
    let options = Options::new(&args.dir)
        .elsewhere(Some(servers.clone()))
        .sets(&args.sets)?;
    let config = servers.config(options.host())?;
    let platform = config.connect().await?;
    let stages = args.stages();
    let pump = Pump {
        stages: stages.clone(),
        queue: platform.queue.clone(),
        polls: Polls::Awaited(platform.host.poll),
        invoker: invoker(args, &options, &stages, &config, &platform)?,
        deaths: pump::deaths(platform.clone()),
        workers: match args.workers {
            Some(count) => Workers::each(count.into()),
            None => Workers::of_cores(platform.host.threads),
        },
        deadline: platform.host.deadline,
        region: config
            .queue
            .endpoint
            .region
            .clone()
            .unwrap_or_else(|| "us-east-1".to_owned()),
        clock: platform.clock.clone(),
    };
    let stop = CancellationToken::new();
    let pumping = tokio::spawn(pump.run(stop.clone()));
    let health = Health::serve(&config, &platform).await?;
    tell(args, &stages, &config, health.as_ref().map(|health| health.address));
    interrupt.wait().await;
    if let Some(health) = &health {
        health.stop.ask();
    }
    stop.cancel();
    if !args.json {
        print("ends when what is under way has stopped; Ctrl-C again ends at once.");
    }
    tokio::select! {
        ended = pumping => ended.context("the pump ended by itself"),
        // What runs is killed with this process, and delivered again after its visibility time-out.
        () = interrupt.wait() => std::process::exit(i32::from(INTERRUPTED)),
    }
}

fn invoker(
    args: &PumpArgs,
    options: &Options,
    stages: &[Stage],
    config: &Config,
    platform: &Platform,
) -> anyhow::Result<Arc<dyn Invoker>> {
    let (queue, clock) = (platform.queue.clone(), platform.clock.clone());
    Ok(match &args.to {
        Some(addresses) => Arc::new(Posting::new(addresses, stages, &config.http, queue, clock)?),
        None if args.isolated => Arc::new(isolated(options, config, platform)?),
        None => Arc::new(InProcess::new(functions::batches(platform), clock)),
    })
}

fn tell(args: &PumpArgs, stages: &[Stage], config: &Config, health: Option<SocketAddr>) {
    let names: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
    let server = |url: &Option<String>| url.clone().unwrap_or_else(|| "AWS".to_owned());
    let (store, queue) = (server(&config.store.endpoint.url), server(&config.queue.endpoint.url));
    if args.json {
        return print_json(&serde_json::json!({
            "event": "pump", "stages": names, "store": store, "bucket": config.host.bucket, "queue": queue, "health": health,
        }));
    }
    print(&format!(
        "pumps {} from {queue} for bucket `{}` at {store}. Ctrl-C ends.",
        names.join(", "),
        config.host.bucket
    ));
}

impl PumpArgs {
    /// Returns the stages to pump: those that were asked for, else all.
    fn stages(&self) -> Vec<Stage> {
        match self.stages.as_slice() {
            [] => Stage::ALL.to_vec(),
            asked => asked.to_vec(),
        }
    }
}
