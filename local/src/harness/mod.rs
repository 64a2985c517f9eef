//! One directory and its servers: the process that holds the lock runs the emulator and the pump, all others are its
//! clients. Where servers stand elsewhere, every process is a client of those.

mod config;
mod elsewhere;
mod gateway;
mod lock;
mod options;
mod session;
mod setup;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use contract::Stage;
use emulator::{Emulator, Settings, private};
use platform::{Clock as _, Platform, aws::SystemClock};
use tokio_util::sync::CancellationToken;

pub(crate) use self::config::isolated;
pub use self::{
    elsewhere::{QueueUrl, Servers, StoreUrl, UrlError},
    lock::Address,
    options::Options,
    session::Session,
};
use self::{
    gateway::Serving,
    lock::Lock,
    session::{Holder, Pumping},
};
use crate::{
    functions,
    pump::{self, InProcess, Invoker, Isolated, Polls, Pump, Workers},
};

/// How often a client checks whether the directory is served yet.
const LOOK: Duration = Duration::from_millis(20);

/// The bucket of every directory.
const BUCKET: &str = "flits";
/// The region of every directory.
const REGION: &str = "us-east-1";

/// Opens sessions on one directory.
pub struct Harness {
    options: Options,
}

impl Harness {
    /// Makes a harness; nothing is opened yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Serves the directory, or becomes a client of the process that serves it. Waits while another process starts or
    /// stops to serve it.
    ///
    /// # Errors
    /// When the directory cannot be used or a setting is wrong.
    pub async fn session(&self) -> anyhow::Result<Session> {
        if let Some(servers) = &self.options.elsewhere {
            return Ok(Session {
                platform: servers.config(&self.options.host)?.connect_to_read().await?,
                address: None,
                dir: self.options.dir.clone(),
                holder: None,
            });
        }
        let clock = SystemClock::new();
        loop {
            if let Some(lock) = Lock::try_take(&self.options.dir)? {
                return self.hold(lock).await;
            }
            if let Some(address) = lock::address(&self.options.dir)? {
                let platform = config::of(&self.options, &address)?.connect().await?;
                return Ok(Session {
                    platform,
                    address: Some(address),
                    dir: self.options.dir.clone(),
                    holder: None,
                });
            }
            clock.sleep(LOOK).await;
        }
    }

    async fn hold(&self, lock: Lock) -> anyhow::Result<Session> {
        let Options { dir, addresses, .. } = &self.options;
        let scratch = config::scratch(dir);
        private::folder(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let (access_key, secret_key) = (random(10)?, random(20)?);
        let settings = Settings::new(REGION, &access_key, &secret_key);
        let emulator = Emulator::start(dir, *addresses, settings).await?;
        setup::bucket_and_queues(&emulator).await?;
        let mut address = Address {
            pid: std::process::id(),
            epoch: emulator.epoch(),
            s3: emulator.s3_url.clone(),
            sqs: emulator.sqs_url.clone(),
            http: None,
            access_key,
            secret_key,
            region: REGION.to_owned(),
            bucket: BUCKET.to_owned(),
        };
        let config = config::of(&self.options, &address)?;
        let platform = config.connect().await?;
        let gateway = match self.options.gateway {
            Some(at) => Some(Serving::start(at, config.http, &platform).await?),
            None => None,
        };
        address.http = gateway.as_ref().map(|gateway| gateway.url.clone());
        let pump = if self.options.pump {
            Some(self.pump(&address, &platform)?)
        } else {
            None
        };
        lock.publish(&address)?;
        Ok(Session {
            platform,
            address: Some(address),
            dir: dir.clone(),
            holder: Some(Holder {
                emulator,
                pump,
                gateway,
                _lock: lock,
            }),
        })
    }

    fn pump(&self, address: &Address, platform: &Platform) -> anyhow::Result<Pumping> {
        let invoker: Arc<dyn Invoker> = if self.options.isolated {
            let environment = config::environment(&self.options, address, platform)?;
            let commands = config::commands(&self.options)?;
            Arc::new(Isolated::new(commands, environment, platform.clock.clone())?)
        } else {
            Arc::new(InProcess::new(functions::batches(platform), platform.clock.clone()))
        };
        let pump = Pump {
            stages: Stage::ALL.to_vec(),
            queue: platform.queue.clone(),
            polls: Polls::Left,
            invoker,
            deaths: pump::deaths(platform.clone()),
            workers: Workers::of_cores(platform.host.threads),
            deadline: platform.host.deadline,
            region: address.region.clone(),
            clock: platform.clock.clone(),
        };
        let stop = CancellationToken::new();
        let done = tokio::spawn(pump.run(stop.clone()));
        Ok(Pumping { stop, done })
    }
}

/// Returns some random bytes as hexadecimal digits.
fn random(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
    Ok(hex::encode(random))
}
