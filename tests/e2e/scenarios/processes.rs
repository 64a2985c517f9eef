//! The hosts whose functions are processes: `flits pump --isolated` on servers that speak S3 and SQS.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_sqs::{
    config::{Credentials, Region},
    types::QueueAttributeName::{
        ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible, VisibilityTimeout,
    },
};
use bytes::Bytes;
use contract::Stage;
use flits::harness::{Harness, Options, Session};
use platform::{
    Platform, Secret,
    aws::{Access, Endpoint, SqsQueue, SystemClock, connect_queue, connect_store, https_client},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::host::{Host, Hosts, Pace, Running};

const REGION: &str = "us-east-1";
/// For how long a received message is hidden before its function says how long it needs.
const HIDDEN_S: &str = "1";
/// How often the queues are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How many epochs of `gru` last longer than three hurried invocations; the second number is for a machine that is several
/// times as fast.
pub(crate) const EPOCHS: [u32; 2] = [8_000, 60_000];

/// Makes hosts on the embedded servers.
pub(crate) struct Embedded {
    binaries: PathBuf,
}

/// Servers that speak S3 and SQS.
pub(crate) struct Servers {
    pub(crate) s3: String,
    pub(crate) sqs: String,
    /// The credentials of both.
    pub(crate) access: Access,
}

/// Servers, and functions that are processes.
pub(crate) struct Processes {
    servers: Servers,
    platform: Platform,
    queues: Queues,
    binaries: PathBuf,
    dir: TempDir,
    /// The embedded servers, where they are the servers.
    _session: Option<Session>,
}

/// The queues of all stages, as an operator sees them.
struct Queues {
    client: aws_sdk_sqs::Client,
    urls: BTreeMap<Stage, String>,
}

/// `flits pump` with its functions.
struct Pumping {
    pump: Child,
    /// The file in which the fit of `gru` says its process id.
    fit: PathBuf,
    log: PathBuf,
}

/// Returns the directory of the binaries of this build, if all that are needed were built.
pub(crate) fn binaries() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let binaries = here.ancestors().nth(2).unwrap();
    let mut all = Stage::ALL.map(Stage::name).to_vec();
    all.push("flits");
    let built = all.iter().all(|name| binaries.join(name).is_file());
    built.then(|| binaries.to_owned())
}

impl Embedded {
    /// Returns `None` where the binaries of the functions were not built.
    pub(crate) fn find() -> Option<Self> {
        binaries().map(|binaries| Self { binaries })
    }
}

#[async_trait]
impl Hosts for Embedded {
    async fn fresh(&self) -> Box<dyn Host> {
        let dir = tempfile::tempdir().unwrap();
        let harness = Harness::new(Options::new(&dir.path().join("served")));
        let session = harness.session().await.unwrap();
        let address = session.address.clone().unwrap();
        let servers = Servers {
            s3: address.s3,
            sqs: address.sqs,
            access: Access {
                key: address.access_key,
                secret: Secret::new(address.secret_key),
            },
        };
        Box::new(Processes {
            _session: Some(session),
            ..Processes::on(servers, &self.binaries, dir).await
        })
    }

    fn epochs(&self) -> &[u32] {
        &EPOCHS
    }
}

impl Processes {
    /// Returns a host on servers that have a bucket and queues.
    pub(crate) async fn on(servers: Servers, binaries: &Path, dir: TempDir) -> Self {
        let endpoint = |url: &str| Endpoint {
            url: Some(url.to_owned()),
            region: Some(REGION.to_owned()),
        };
        let (host, access) = (testing::host(), Some(&servers.access));
        let store = connect_store(&host.bucket, &endpoint(&servers.s3), access)
            .await
            .unwrap();
        let queue = connect_queue(&endpoint(&servers.sqs), access, BTreeMap::new())
            .await
            .unwrap();
        let clock = Arc::new(SystemClock::new());
        Self {
            queues: Queues::of(&servers, &queue).await,
            platform: Platform::new(Arc::new(store), Arc::new(queue), clock, host),
            servers,
            binaries: binaries.to_owned(),
            dir,
            _session: None,
        }
    }

    /// Returns the command that runs the functions.
    fn pump(&self, stages: &[Stage], pace: Pace, fit: &Path) -> Command {
        let stages: Vec<&str> = stages.iter().map(|stage| stage.name()).collect();
        let train = self.binaries.join("train");
        // A shell, which says its process id and becomes the function.
        let gru = format!("sh -c 'echo $$ >\"{}\"; exec \"{}\"'", fit.display(), train.display());
        let mut command = Command::new(self.binaries.join("flits"));
        command
            .args(["pump", "--isolated", "--json", "--workers", "2"])
            .args(["--stage", &stages.join(",")])
            .args(["--store", &format!("{}/{}", self.servers.s3, self.platform.host.bucket)])
            .args(["--queue", &self.servers.sqs])
            .args(["--set", "host.lease=2s", "--set", "host.max_attempts=50"])
            .args(["--set", "host.poll=1s"])
            .args(["--set", &format!("host.command.train-gru={gru}")])
            // `flits setup` has raced the writers of a server, and the embedded one is raced by `tests/ports`.
            .env("FLITS__STORE__CHECKED", "true")
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            // So that a scenario that fails ends its functions.
            .kill_on_drop(true);
        if pace == Pace::Hurried {
            command.args(["--set", "host.deadline=1s"]);
        }
        let Access { key, secret } = &self.servers.access;
        for server in ["STORE", "QUEUE"] {
            command
                .env(format!("FLITS__{server}__REGION"), REGION)
                .env(format!("FLITS__{server}__ACCESS_KEY"), key)
                .env(format!("FLITS__{server}__SECRET_KEY"), secret.expose());
        }
        command
    }
}

#[async_trait]
impl Host for Processes {
    fn platform(&self) -> &Platform {
        &self.platform
    }

    async fn put(&self, key: &str, bytes: Bytes) {
        self.platform.store.put(key, bytes).await.unwrap();
    }

    async fn waiting(&self, stage: Stage) -> usize {
        self.queues.waiting(stage).await
    }

    async fn start(&self, stages: &[Stage], pace: Pace) -> Box<dyn Running> {
        let (fit, log) = (self.dir.path().join("gru.pid"), self.dir.path().join("pump.log"));
        let out = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = self.pump(stages, pace, &fit);
        let mut pump = command.stdout(Stdio::piped()).stderr(out).spawn().unwrap();
        let mut lines = BufReader::new(pump.stdout.as_mut().unwrap()).lines();
        let pumps = lines.next_line().await.unwrap().is_some();
        let pumping = Pumping { pump, fit, log };
        assert!(pumps, "it does not start: {}", pumping.log());
        Box::new(pumping)
    }

    async fn pause(&self) {
        self.platform.clock.sleep(LOOK).await;
    }
}

impl Queues {
    async fn of(servers: &Servers, queue: &SqsQueue) -> Self {
        let Access { key, secret } = &servers.access;
        let credentials = Credentials::new(key, secret.expose(), None, None, "tests");
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version_latest()
            .region(Region::new(REGION))
            .http_client(https_client())
            .endpoint_url(&servers.sqs)
            .credentials_provider(credentials);
        let client = aws_sdk_sqs::Client::from_conf(config.build());
        let mut urls = BTreeMap::new();
        for stage in Stage::ALL {
            let url = queue.url(stage).await.unwrap();
            let shorten = client.set_queue_attributes().queue_url(&url);
            shorten.attributes(VisibilityTimeout, HIDDEN_S).send().await.unwrap();
            urls.insert(stage, url);
        }
        Self { client, urls }
    }

    async fn waiting(&self, stage: Stage) -> usize {
        let counts = [ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible];
        let asked = self.client.get_queue_attributes().queue_url(&self.urls[&stage]);
        let answer = asked.set_attribute_names(Some(counts.to_vec())).send().await.unwrap();
        let attributes = answer.attributes().unwrap();
        let count = |name| attributes[name].parse::<usize>().unwrap();
        counts.iter().map(count).sum()
    }
}

impl Pumping {
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

#[async_trait]
impl Running for Pumping {
    async fn kill(&mut self) {
        // Without a file the fit has not begun, which the ledger says too.
        if let Ok(fit) = std::fs::read_to_string(&self.fit) {
            signal(fit.trim(), "-KILL");
        }
    }

    async fn stop(mut self: Box<Self>) {
        let pump = self.pump.id().expect("it was not waited for");
        signal(&pump.to_string(), "-TERM");
        let ended = self.pump.wait().await.unwrap();
        assert!(ended.success(), "{ended}: {}", self.log());
    }
}

/// Sends a signal to a process, which may be gone.
fn signal(process: &str, signal: &str) {
    std::process::Command::new("kill")
        .args([signal, process])
        .status()
        .unwrap();
}
