//! One upload on every host gives the same bytes: in this process, in processes of their own, over HTTP with CloudEvents,
//! and with `--drain`.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use contract::Stage;
use flits::harness::{Harness, Options, Session};
use platform::bucket;

use crate::{flits::Workspace, isolated::binaries};

/// Longer than any walk of these tests takes.
const AGES: Duration = Duration::from_mins(3);
const TOKEN: &str = "a token for the test";

/// The harness's servers without a pump, and an upload whose event waits in the queue of `preprocess`.
struct Bare {
    workspace: Workspace,
    session: Session,
}

impl Bare {
    async fn new() -> Self {
        let workspace = Workspace::new();
        let session = Harness::new(Options::new(&workspace.path(".flits")))
            .session()
            .await
            .unwrap();
        let upload = workspace
            .command(&["upload", "load.csv", "--spec", "spec.toml"])
            .output();
        let upload = tokio::task::spawn_blocking(move || upload).await.unwrap().unwrap();
        assert!(upload.status.success(), "{}", String::from_utf8_lossy(&upload.stderr));
        Self { workspace, session }
    }

    /// Returns a function's binary with the addresses of the servers in its environment.
    fn function(&self, stage: Stage) -> Command {
        let beside = Path::new(env!("CARGO_BIN_EXE_flits")).parent().unwrap();
        let address = self.session.address.as_ref().unwrap();
        let mut command = Command::new(beside.join(stage.name()));
        command
            .env("FLITS__STORE__ENDPOINT", &address.s3)
            .env("FLITS__QUEUE__ENDPOINT", &address.sqs)
            .env("FLITS__STORE__BUCKET", &address.bucket)
            // Its race would leave a note beside the objects that are compared.
            .env("FLITS__STORE__CHECKED", "true")
            .env("FLITS__HOST__POLL", "1s")
            .env("FLITS__HOST__SCRATCH", self.workspace.dir.path())
            .stdin(Stdio::null());
        for section in ["STORE", "QUEUE"] {
            command
                .env(format!("FLITS__{section}__ACCESS_KEY"), &address.access_key)
                .env(format!("FLITS__{section}__SECRET_KEY"), &address.secret_key);
        }
        command
    }

    async fn is_done(&self) -> bool {
        let store = self.session.platform.store.as_ref();
        bucket::latest(store, &"load".parse().unwrap()).await.unwrap().is_some()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_host_leaves_the_same_objects() {
    if !binaries() {
        return;
    }
    let here = Workspace::new();
    assert_eq!(here.run(&["load.csv", "--spec", "spec.toml"])["ok"], true);
    let expected = here.results().await;
    assert!(expected.keys().any(|key| key.starts_with("forecasts/")), "{expected:?}");

    let isolated = Workspace::new();
    assert_eq!(
        isolated.run(&["load.csv", "--spec", "spec.toml", "--isolated"])["ok"],
        true
    );
    assert_eq!(isolated.results().await, expected, "in processes of their own");

    assert_eq!(drained().await, expected, "drained");
    assert_eq!(over_http().await, expected, "over HTTP");
}

/// Events that wait for their delivery.
type Events = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

type Results = BTreeMap<String, contract::Digest>;

/// `preprocess` takes one mounted event, then each function empties its queue and ends, as often as there is something to do.
async fn drained() -> Results {
    let bare = Bare::new().await;
    let began = Instant::now();
    let event = serde_json::json!({"specversion": "1.0", "id": "1", "source": "/test", "type": "flits.preprocess.v1",
        "data": notification("raw/load/load.csv")});
    let mounted = bare.workspace.write("event", event.to_string());
    let job = bare.function(Stage::Preprocess).env("K_EVENT_PATH", mounted).output();
    let ended = tokio::task::spawn_blocking(move || job).await.unwrap().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(
        String::from_utf8_lossy(&ended.stdout).contains("committed"),
        "{ended:?}"
    );
    while !bare.is_done().await {
        assert!(began.elapsed() < AGES, "it takes too long");
        for stage in Stage::ALL {
            let mut command = bare.function(stage);
            let url = queue_url(&bare, stage);
            let child = command.args(["--drain", &url]).stderr(Stdio::piped()).spawn().unwrap();
            let ended = tokio::task::spawn_blocking(move || child.wait_with_output())
                .await
                .unwrap()
                .unwrap();
            assert!(
                ended.status.success(),
                "{stage}: {}",
                String::from_utf8_lossy(&ended.stderr)
            );
        }
    }
    let Bare { workspace, session } = bare;
    session.close().await;
    workspace.results().await
}

fn queue_url(bare: &Bare, stage: Stage) -> String {
    format!(
        "{}/{}/flits-{stage}",
        bare.session.address.as_ref().unwrap().sqs,
        emulator::ACCOUNT
    )
}

/// Returns the record of a store about a new object.
fn notification(key: &str) -> serde_json::Value {
    serde_json::json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "flits"}, "object": {"key": key}}})
}

/// Each function listens on a port; what it sends goes to a broker, which posts it to the next one.
async fn over_http() -> Results {
    let bare = Bare::new().await;
    let broker = Broker::start().await;
    let mut functions: BTreeMap<Stage, Child> = BTreeMap::new();
    for stage in Stage::ALL {
        functions.insert(stage, broker.launch(stage, &bare));
    }
    broker.upload("load/load.csv").await;
    let (began, mut killed) = (Instant::now(), false);
    while !bare.is_done().await {
        assert!(began.elapsed() < AGES, "it takes too long");
        // In the middle of its first requests, `train` is killed and started again.
        let victim = functions
            .get_mut(&Stage::Train)
            .filter(|_| !killed && broker.waits_for(Stage::Train));
        let Some(child) = victim else {
            broker.deliver().await;
            continue;
        };
        let ((), ended) = tokio::join!(broker.deliver(), async { child.kill().and_then(|()| child.wait()) });
        assert!(!ended.unwrap().success());
        functions.insert(Stage::Train, broker.launch(Stage::Train, &bare));
        killed = true;
    }
    assert!(killed, "the walk has a `train`");
    for mut child in functions.into_values() {
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "SIGTERM is a good end");
    }
    let Bare { workspace, session } = bare;
    session.close().await;
    workspace.results().await
}

/// A broker in memory: it takes CloudEvents, and delivers each until it is accepted.
struct Broker {
    url: String,
    client: reqwest::Client,
    waiting: Events,
    routes: Mutex<BTreeMap<String, String>>,
}

impl Broker {
    async fn start() -> Self {
        let waiting: Events = Arc::default();
        let take = async |State(waiting): State<Events>, headers: HeaderMap, body: Bytes| {
            assert_eq!(headers["ce-team"], "test", "overrides are on every event");
            waiting.lock().unwrap().push((headers, body));
            StatusCode::ACCEPTED
        };
        let router = Router::new().route("/", post(take)).with_state(waiting.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            client: reqwest::Client::new(),
            waiting,
            routes: Mutex::default(),
        }
    }

    /// Starts a function that listens on a port and sends to this broker.
    fn launch(&self, stage: Stage, bare: &Bare) -> Child {
        let mut command = bare.function(stage);
        command
            .env("PORT", "0")
            .env("K_SINK", &self.url)
            .env("K_CE_OVERRIDES", r#"{"extensions":{"team":"test"}}"#)
            .env("FLITS__HTTP__ADDRESS", "127.0.0.1")
            .env("FLITS__HTTP__TOKEN", TOKEN)
            .env("FLITS__HOST__LEASE", "3s")
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        self.route(stage, &mut child);
        child
    }

    fn waits_for(&self, stage: Stage) -> bool {
        let kind = format!("flits.{stage}.v1");
        let waiting = self.waiting.lock().unwrap();
        waiting.iter().any(|(headers, _)| headers["ce-type"] == kind.as_str())
    }

    /// Learns where a function listens from its log, and lets the rest of the log go.
    fn route(&self, stage: Stage, child: &mut Child) {
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = log
            .by_ref()
            .map(Result::unwrap)
            .find(|line| line.contains("listening"))
            .unwrap();
        let address = line
            .split("address=")
            .nth(1)
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .to_owned();
        std::thread::spawn(move || log.for_each(drop));
        let url = format!("http://{address}/");
        self.routes.lock().unwrap().insert(format!("flits.{stage}.v1"), url);
    }

    /// Posts the notification of an upload to `preprocess`, which hands it over to this broker.
    async fn upload(&self, file: &str) {
        let url = self.routes.lock().unwrap()["flits.preprocess.v1"].clone();
        let record = notification(&format!("raw/{file}"));
        let answer = self
            .client
            .post(url)
            .bearer_auth(TOKEN)
            .header("content-type", "application/json");
        let answer = answer.body(record.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 202);
    }

    /// Delivers what waits, all at once; what is not accepted waits on.
    async fn deliver(&self) {
        let events: Vec<(HeaderMap, Bytes)> = std::mem::take(&mut *self.waiting.lock().unwrap());
        if events.is_empty() {
            tokio::task::yield_now().await;
        }
        let posts = events.into_iter().map(|(headers, body)| async move {
            let kind = headers["ce-type"].to_str().unwrap();
            let url = self.routes.lock().unwrap()[kind].clone();
            let mut request = self.client.post(url).bearer_auth(TOKEN).body(body.clone());
            for (name, value) in headers
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("ce-") || *name == "content-type")
            {
                request = request.header(name, value);
            }
            // An error means that the function was killed.
            let answered = request.send().await.ok().map(|answer| answer.status().as_u16());
            if !matches!(answered, Some(200 | 202)) {
                assert!(matches!(answered, None | Some(503)), "{kind}: {answered:?}");
                self.waiting.lock().unwrap().push((headers, body));
            }
        });
        futures_util::future::join_all(posts).await;
    }
}
