//! One directory, served: whoever holds its lock runs the embedded servers and the pump, everybody else is a client.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use contract::{Stage, spec};
use emulator::{Addresses, Emulator, Settings, private};
use platform::{
    Clock as _, Platform,
    aws::SystemClock,
    config::{Config, Sources},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    functions,
    lock::{self, Address, Lock},
    pump::{self, Commands, Environment, InProcess, Invoker, Isolated, Pump, Workers},
};

/// How often a client looks whether the directory is served yet.
const LOOK: Duration = Duration::from_millis(20);
/// Leases of local owners: a process that dies takes its epoch with it, so only a stuck one waits so long.
const LEASE: &str = "3s";
/// How long a received message is hidden before its handler says how long it needs.
const VISIBILITY_S: u32 = 60;
/// The ledger bounds attempts; only what no ledger could be found for comes back so often.
const MAX_RECEIVES: u32 = 1_000;
/// Where functions keep files for the time of one invocation.
const SCRATCH: &str = "scratch";
const BUCKET: &str = "flits";
const REGION: &str = "us-east-1";

/// How a directory is to be served.
#[derive(Debug, Clone)]
pub struct Options {
    dir: PathBuf,
    /// `host.*` settings, without their prefix.
    host: Vec<(String, String)>,
    isolated: bool,
    pump: bool,
    addresses: Addresses,
}

/// Opens sessions on one directory.
pub struct Harness {
    options: Options,
}

/// The ports of a served directory, and its servers where this process holds the lock.
pub struct Session {
    /// Store, queue and clock.
    pub platform: Platform,
    /// Where the servers are.
    pub address: Address,
    dir: PathBuf,
    holder: Option<Holder>,
}

struct Holder {
    embedded: Emulator,
    pump: Option<Pumping>,
    /// Dropped last: the next holder must find the servers gone.
    _lock: Lock,
}

/// A pump at work.
struct Pumping {
    stop: CancellationToken,
    done: JoinHandle<()>,
}

impl Options {
    /// Serves a directory without a pump, in process.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            host: Vec::new(),
            isolated: false,
            pump: false,
            addresses: Addresses::default(),
        }
    }

    /// Takes the `host.*` settings of a command line; others are left to the spec.
    ///
    /// # Errors
    /// When one is not `path=value`.
    pub fn sets(mut self, sets: &[String]) -> anyhow::Result<Self> {
        let pairs = sets
            .iter()
            .map(|set| spec::parse_set(set))
            .collect::<Result<Vec<_>, _>>()?;
        self.host = spec::split_host(pairs).1;
        Ok(self)
    }

    /// Runs the functions.
    #[must_use]
    pub fn pumping(mut self) -> Self {
        self.pump = true;
        self
    }

    /// Runs each function as a process of its own.
    #[must_use]
    pub fn isolated(mut self, isolated: bool) -> Self {
        self.isolated = isolated;
        self
    }

    /// Serves on given loopback addresses.
    #[must_use]
    pub fn on(mut self, addresses: Addresses) -> Self {
        self.addresses = addresses;
        self
    }
}

impl Harness {
    /// Makes a harness; nothing is opened yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Serves the directory, or becomes a client of whoever does. Waits while a holder starts or ends.
    ///
    /// # Errors
    /// When the directory cannot be used or a setting is wrong.
    pub async fn session(&self) -> anyhow::Result<Session> {
        let clock = SystemClock::new();
        loop {
            if let Some(lock) = Lock::try_take(&self.options.dir)? {
                return self.hold(lock).await;
            }
            if let Some(address) = lock::address(&self.options.dir)? {
                let platform = self.config(&address)?.connect().await;
                return Ok(Session {
                    platform,
                    address,
                    dir: self.options.dir.clone(),
                    holder: None,
                });
            }
            clock.sleep(LOOK).await;
        }
    }

    async fn hold(&self, lock: Lock) -> anyhow::Result<Session> {
        let Options { dir, addresses, .. } = &self.options;
        let scratch = dir.join(SCRATCH);
        private::folder(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        let (access_key, secret_key) = (random(10)?, random(20)?);
        let settings = Settings::new(REGION, &access_key, &secret_key);
        let embedded = Emulator::start(dir, *addresses, settings).await?;
        set_up(&embedded).await?;
        let address = Address {
            pid: std::process::id(),
            epoch: embedded.epoch(),
            s3: embedded.s3_url.clone(),
            sqs: embedded.sqs_url.clone(),
            access_key,
            secret_key,
            region: REGION.to_owned(),
            bucket: BUCKET.to_owned(),
        };
        let platform = self.config(&address)?.connect().await;
        let pump = if self.options.pump {
            Some(self.pump(&address, &platform)?)
        } else {
            None
        };
        lock.publish(&address)?;
        Ok(Session {
            platform,
            address,
            dir: dir.clone(),
            holder: Some(Holder {
                embedded,
                pump,
                _lock: lock,
            }),
        })
    }

    fn pump(&self, address: &Address, platform: &Platform) -> anyhow::Result<Pumping> {
        let invoker: Arc<dyn Invoker> = if self.options.isolated {
            let environment = self.environment(address, platform)?;
            Arc::new(Isolated::new(self.commands()?, environment, platform.clock.clone())?)
        } else {
            Arc::new(InProcess::new(functions::batches(platform), platform.clock.clone()))
        };
        let pump = Pump {
            queue: platform.queue.clone(),
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

    /// The configuration of a function that runs here.
    fn config(&self, address: &Address) -> anyhow::Result<Config> {
        let mut sources = Sources::of_process(None)?.fallback("host.lease", LEASE);
        for (path, value) in self.settings(address) {
            sources = sources.set(&path, &value);
        }
        for (path, value) in self.options.host.iter().filter(|(path, _)| !is_command(path)) {
            sources = sources.set(&format!("host.{path}"), value);
        }
        Ok(Config::read(sources)?)
    }

    fn settings(&self, address: &Address) -> Vec<(String, String)> {
        let scratch = self.options.dir.join(SCRATCH).display().to_string();
        let owner = format!("local/{}", address.epoch);
        let mut settings = vec![
            ("host.owner".to_owned(), owner),
            ("host.scratch".to_owned(), scratch),
            ("store.bucket".to_owned(), address.bucket.clone()),
        ];
        for (section, endpoint) in [("store", &address.s3), ("queue", &address.sqs)] {
            for (name, value) in [
                ("endpoint", endpoint),
                ("region", &address.region),
                ("access_key", &address.access_key),
                ("secret_key", &address.secret_key),
            ] {
                settings.push((format!("{section}.{name}"), value.clone()));
            }
        }
        settings
    }

    /// The same configuration as environment variables, for functions in processes of their own.
    fn environment(&self, address: &Address, platform: &Platform) -> anyhow::Result<Environment> {
        let variable = |path: &str| format!("FLITS__{}", path.replace('.', "__").to_uppercase());
        let host = self.options.host.iter().filter(|(path, _)| !is_command(path));
        let host = host.map(|(path, value)| (format!("host.{path}"), value.clone()));
        let lease = ("host.lease".to_owned(), LEASE.to_owned());
        let all = std::iter::once(lease).chain(self.settings(address)).chain(host);
        let logs = self.options.dir.join("logs");
        private::folder(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
        Ok(Environment {
            variables: all.map(|(path, value)| (variable(&path), value)).collect(),
            memory_mib: u32::try_from(platform.host.memory >> 20).unwrap_or(u32::MAX),
            region: address.region.clone(),
            logs,
        })
    }

    /// The binaries beside this one, and `host.command.{stage}` or `host.command.{stage}-{model}` where they are set.
    fn commands(&self) -> anyhow::Result<Commands> {
        let here = std::env::current_exe().context("cannot find the directory of this program")?;
        let mut commands = Commands::beside(here.parent().map(Path::to_owned).unwrap_or_default());
        for (path, value) in &self.options.host {
            if let Some(key) = path.strip_prefix(COMMAND) {
                commands.set(key, value)?;
            }
        }
        Ok(commands)
    }
}

impl Session {
    /// Says whether this process serves the directory.
    #[must_use]
    pub fn is_holder(&self) -> bool {
        self.holder.is_some()
    }

    /// Says whether the process that served this session is gone: another one has the lock, or nobody has.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.holder.is_none() && lock::address(&self.dir).ok().flatten().as_ref() != Some(&self.address)
    }

    /// Ends what this process serves: running functions stop at a checkpoint and send themselves on.
    pub async fn close(self) {
        let Some(Holder { embedded, pump, _lock }) = self.holder else {
            return;
        };
        if let Some(Pumping { stop, done }) = pump {
            stop.cancel();
            if let Err(error) = done.await {
                tracing::error!(%error, "the pump ended by itself");
            }
        }
        embedded.stop().await;
    }
}

/// Ctrl-C and SIGTERM.
pub struct Interrupt {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupt {
    /// Begins to listen; from now on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for either.
    pub async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Makes bucket and queues, once: what is there stays as it is.
async fn set_up(embedded: &Emulator) -> anyhow::Result<()> {
    let queues = embedded.queues();
    for stage in Stage::ALL {
        let (name, dead) = (format!("flits-{stage}"), format!("flits-{stage}-dlq"));
        queues.create(&dead, BTreeMap::new()).await?;
        let redrive = serde_json::json!({
            "deadLetterTargetArn": queues.arn(&dead), "maxReceiveCount": MAX_RECEIVES,
        });
        let attributes = [
            ("VisibilityTimeout", VISIBILITY_S.to_string()),
            ("RedrivePolicy", redrive.to_string()),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
        queues.create(&name, attributes.into()).await?;
    }
    let uploads = queues.arn(&format!("flits-{}", Stage::Preprocess));
    embedded
        .objects()
        .ensure_bucket(BUCKET, contract::keys::RAW, &uploads)
        .await?;
    Ok(())
}

const COMMAND: &str = "command.";

fn is_command(path: &str) -> bool {
    path.starts_with(COMMAND)
}

/// Gives some random bytes as hexadecimal digits.
fn random(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| anyhow!("the system gives no randomness: {error}"))?;
    Ok(hex::encode(random))
}
