//! The configuration of a host, read once and checked as a whole. Sources, later ones win: defaults, a TOML file,
//! `FLITS__SECTION__KEY` in the environment, the command line.
//!
//! This is the only place that reads the environment. An unknown key is an error in every source, and all problems are
//! reported together. Nothing here is part of a digest: what decides results stands in the spec.

mod environment;
mod fields;
mod units;

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use contract::Stage;

pub use environment::{PARENT, Sources};
pub(crate) use environment::{Place, ends_with_parent, place};

use self::fields::Fields;
use crate::{
    aws::{self, Access, Endpoint, NoQueues, SystemClock},
    host::{Host, Platform},
    http::{HttpConfig, Tokens},
    ports::{Queue, Store},
    race::ProvenStore,
    secret::Secret,
    sink::{Sink, SinkConfig},
};

/// The effective configuration: the merged and checked values of all sources.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// The server of the bucket.
    pub store: StoreConfig,
    /// The server of the queues, and their URLs.
    pub queue: QueueConfig,
    /// The limits of this host, the bucket and the predecessor's overrides.
    pub host: Host,
    /// What an HTTP face allows.
    pub http: HttpConfig,
    /// Where events go instead of to the queues; `None` for the queues.
    pub sink: Option<SinkConfig>,
    /// Which events are logged, and in which form.
    pub log: LogConfig,
}

/// The server of the bucket (`store.*`). The bucket's name stands in [`Host::bucket`].
#[derive(Clone, PartialEq, Debug)]
pub struct StoreConfig {
    /// The server; AWS when its URL is `None`.
    pub endpoint: Endpoint,
    /// Fixed credentials; `None` for the SDK's usual chain.
    pub access: Option<Access>,
    /// Whether conditional writes are known to work. Otherwise they are tried before the first one; AWS needs no trial.
    pub checked: bool,
}

/// The server of the queues (`queue.*`).
#[derive(Clone, PartialEq, Debug)]
pub struct QueueConfig {
    /// The server; AWS when its URL is `None`.
    pub endpoint: Endpoint,
    /// Fixed credentials; `None` for the SDK's usual chain.
    pub access: Option<Access>,
    /// The URLs of queues that are not named `flits-{stage}`.
    pub urls: BTreeMap<Stage, String>,
}

/// Which events are logged, and in which form (`log.*`).
#[derive(Clone, PartialEq, Debug)]
pub struct LogConfig {
    /// A filter in the syntax of `tracing-subscriber`, for example `info` or `platform=debug`.
    pub filter: String,
    /// The form of a log line.
    pub format: LogFormat,
    /// The OTLP endpoint to which spans are sent; `None` to send none.
    pub traces: Option<String>,
}

/// The form of a log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// JSON on Lambda, plain lines elsewhere.
    Auto,
    /// One JSON object per line.
    Json,
    /// Plain lines for people.
    Human,
}

/// One problem of the configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The key, for example `host.lease`.
    pub path: String,
    /// The source that set it, for example a file's name or a variable; `not set` when none did.
    pub from: String,
    /// What is wrong, with the allowed range.
    pub message: String,
}

/// All problems of the configuration.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError {
    /// The problems, in the order of their paths.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} problem(s)", self.problems.len())?;
        self.problems
            .iter()
            .try_for_each(|p| write!(f, "\n  {} ({}): {}", p.path, p.from, p.message))
    }
}

/// The usual filter of the log. Without a region or credentials the SDK asks the network for them, and warns at length where
/// nobody answers; what is missing is said by the request that needs it.
const QUIET: &str = "info,aws_config=error";
const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;
/// The shortest bearer token, in characters; a shorter one could be guessed.
const SHORTEST_TOKEN: usize = 16;

impl Config {
    /// Reads the configuration of this process: `file`, or the file that `FLITS_CONFIG` names, and then the
    /// environment.
    ///
    /// # Errors
    /// With all problems of all sources at once.
    pub fn load(file: Option<PathBuf>) -> Result<Self, ConfigError> {
        Self::read(Sources::of_process(file)?)
    }

    /// Reads the configuration from `sources`.
    ///
    /// # Errors
    /// With all problems of all sources at once.
    pub fn read(sources: Sources) -> Result<Self, ConfigError> {
        let defaults = sources.defaults();
        let overrides = sources.overrides();
        let mut fields = Fields::merge(sources);
        let config = Self {
            store: StoreConfig {
                endpoint: endpoint(&mut fields, "store"),
                access: access(&mut fields, "store"),
                checked: fields.flag("store.checked").unwrap_or(false),
            },
            queue: QueueConfig {
                endpoint: endpoint(&mut fields, "queue"),
                access: access(&mut fields, "queue"),
                urls: urls(&mut fields),
            },
            host: Host {
                bucket: fields.text("store.bucket").unwrap_or_else(|| "flits".to_owned()),
                owner: fields.text("host.owner").unwrap_or(defaults.owner),
                deadline: fields
                    .duration("host.deadline", SECOND, 86_400 * SECOND)
                    .unwrap_or(900 * SECOND),
                lease: fields
                    .duration("host.lease", SECOND, 3600 * SECOND)
                    .unwrap_or(120 * SECOND),
                memory: fields
                    .bytes("host.memory", 64 * MIB, 1 << 44)
                    .unwrap_or(defaults.memory),
                threads: fields.count("host.threads", 1, 1024).unwrap_or(defaults.threads),
                poll: fields.duration("host.poll", SECOND, 20 * SECOND).unwrap_or(5 * SECOND),
                max_attempts: fields.count("host.max_attempts", 1, 1000).unwrap_or(5),
                max_upload: fields.bytes("host.max_upload", 1024, 1 << 32).unwrap_or(512 * MIB),
                scratch: fields.text("host.scratch").map_or(defaults.scratch, PathBuf::from),
                overrides,
            },
            http: http(&mut fields),
            sink: sink(&mut fields),
            log: LogConfig {
                filter: fields.text("log.filter").unwrap_or_else(|| QUIET.to_owned()),
                format: log_format(&mut fields),
                traces: fields.url("log.traces"),
            },
        };
        fields.finish()?;
        Ok(config)
    }

    /// Returns the platform on S3, SQS and the sink if there is one. Opens no connection yet.
    ///
    /// # Errors
    /// When the region of AWS is not known, or the system gives no TLS certificates for the sink.
    pub async fn connect(&self) -> anyhow::Result<Platform> {
        let QueueConfig { endpoint, access, urls } = &self.queue;
        let queue = aws::connect_queue(endpoint, access.as_ref(), urls.clone()).await?;
        self.connect_with(Arc::new(queue)).await
    }

    /// Returns the platform for reading the store. Where it is not known where the queues are, they answer with that.
    ///
    /// # Errors
    /// As [`Config::connect`].
    pub async fn connect_to_read(&self) -> anyhow::Result<Platform> {
        let QueueConfig { endpoint, access, urls } = &self.queue;
        match aws::connect_queue(endpoint, access.as_ref(), urls.clone()).await {
            Ok(queue) => self.connect_with(Arc::new(queue)).await,
            Err(why) => self.connect_with(Arc::new(NoQueues(why))).await,
        }
    }

    async fn connect_with(&self, queue: Arc<dyn Queue>) -> anyhow::Result<Platform> {
        let Self { store, host, sink, .. } = self;
        let s3 = aws::connect_store(&host.bucket, &store.endpoint, store.access.as_ref()).await?;
        let proven: Arc<dyn Store> = match &store.endpoint.url {
            Some(url) if !store.checked => Arc::new(ProvenStore::new(Arc::new(s3), url.clone())),
            _ => Arc::new(s3),
        };
        let clock = Arc::new(SystemClock::new());
        let mut platform = Platform::new(proven, queue, clock, host.clone());
        if let Some(sink) = sink {
            platform.outbox = Arc::new(Sink::new(sink.clone())?);
        }
        Ok(platform)
    }

    /// Returns the effective configuration as a TOML file that sets the same values. Secrets are left out.
    #[must_use]
    pub fn effective(&self) -> String {
        let Self {
            store,
            queue,
            host,
            http,
            sink,
            log,
        } = self;
        let text = |value: &str| toml::Value::String(value.to_owned());
        let number = |value: u64| toml::Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
        let server = |endpoint: &Endpoint, access: Option<&Access>| {
            let mut table = toml::Table::new();
            table.extend(endpoint.url.as_deref().map(|url| ("endpoint".to_owned(), text(url))));
            table.extend(
                endpoint
                    .region
                    .as_deref()
                    .map(|region| ("region".to_owned(), text(region))),
            );
            if let Some(Access { key, secret }) = access {
                table.insert("access_key".to_owned(), text(key));
                table.insert("secret_key".to_owned(), text(&format!("{secret:?}")));
            }
            table
        };
        let checked = store.checked;
        let mut store = server(&store.endpoint, store.access.as_ref());
        store.insert("checked".to_owned(), toml::Value::Boolean(checked));
        store.insert("bucket".to_owned(), text(&host.bucket));
        let mut queues = server(&queue.endpoint, queue.access.as_ref());
        if !queue.urls.is_empty() {
            let urls = queue
                .urls
                .iter()
                .map(|(stage, url)| (stage.name().to_owned(), text(url)));
            queues.insert("urls".to_owned(), toml::Value::Table(urls.collect()));
        }
        let host: [(&str, toml::Value); 9] = [
            ("owner", text(&host.owner)),
            ("deadline", text(&units::write_duration(host.deadline))),
            ("lease", text(&units::write_duration(host.lease))),
            ("poll", text(&units::write_duration(host.poll))),
            ("memory", number(host.memory)),
            ("threads", number(host.threads as u64)),
            ("max_attempts", number(u64::from(host.max_attempts))),
            ("max_upload", number(host.max_upload)),
            ("scratch", text(&host.scratch.to_string_lossy())),
        ];
        let format = match log.format {
            LogFormat::Auto => "auto",
            LogFormat::Json => "json",
            LogFormat::Human => "human",
        };
        let traces = log.traces.iter().map(|url| ("traces", text(url)));
        let log = [("filter", text(&log.filter)), ("format", text(format))];
        let log = log.into_iter().chain(traces);
        let mut face = toml::Table::new();
        face.extend(
            http.address
                .map(|address| ("address".to_owned(), text(&address.to_string()))),
        );
        face.extend([
            ("port".to_owned(), number(u64::from(http.port))),
            ("body".to_owned(), number(http.body)),
            ("time".to_owned(), text(&units::write_duration(http.time))),
            ("pace".to_owned(), text(&units::write_duration(http.pace))),
            ("requests".to_owned(), number(http.requests as u64)),
            ("connections".to_owned(), number(http.connections as u64)),
        ]);
        let mut out = toml::Table::new();
        out.extend(sink.iter().map(|sink| ("url".to_owned(), text(&sink.url))));
        let named = |(name, value): (&str, toml::Value)| (name.to_owned(), value);
        let sections = [
            ("store", store),
            ("queue", queues),
            ("host", host.into_iter().map(named).collect()),
            ("http", face),
            ("sink", out),
            ("log", log.map(named).collect()),
        ];
        let whole: toml::Table = sections
            .into_iter()
            .map(|(name, table)| (name.to_owned(), toml::Value::Table(table)))
            .collect();
        whole.to_string()
    }
}

fn endpoint(fields: &mut Fields, section: &str) -> Endpoint {
    Endpoint {
        url: fields.url(&format!("{section}.endpoint")),
        region: fields.text(&format!("{section}.region")),
    }
}

fn access(fields: &mut Fields, section: &str) -> Option<Access> {
    let (key_path, secret_path) = (format!("{section}.access_key"), format!("{section}.secret_key"));
    match (fields.text(&key_path), fields.text(&secret_path).map(Secret::new)) {
        (Some(key), Some(secret)) => Some(Access { key, secret }),
        (None, None) => None,
        (Some(_), None) => fields.problem(&secret_path, format!("is missing, but `{key_path}` is set")),
        (None, Some(_)) => fields.problem(&key_path, format!("is missing, but `{secret_path}` is set")),
    }
}

fn urls(fields: &mut Fields) -> BTreeMap<Stage, String> {
    let url = |stage: Stage| Some((stage, fields.url(&format!("queue.urls.{stage}"))?));
    Stage::ALL.into_iter().filter_map(url).collect()
}

fn http(fields: &mut Fields) -> HttpConfig {
    let usual = HttpConfig::default();
    let address = fields.address("http.address");
    let names = ["http.token", "http.token_next"];
    let tokens: Vec<Secret> = names
        .iter()
        .filter_map(|name| fields.text(name).map(Secret::new))
        .collect();
    if let Some(short) = tokens.iter().find(|token| token.expose().len() < SHORTEST_TOKEN) {
        let have = short.expose().len();
        fields.problem::<()>(
            names[0],
            format!("has {have} characters, at least {SHORTEST_TOKEN} are needed"),
        );
    }
    if tokens.is_empty() && address.is_some_and(|address: IpAddr| !address.is_loopback()) {
        let why = "is not loopback, so `http.token` must be set".to_owned();
        fields.problem::<()>("http.address", why);
    }
    HttpConfig {
        address,
        port: fields.count("http.port", 0, 65_535).unwrap_or(usual.port),
        tokens: Tokens::new(&tokens),
        token: tokens.first().cloned(),
        body: fields.bytes("http.body", 1024, 512 * MIB).unwrap_or(usual.body),
        time: fields
            .duration("http.time", SECOND, 3600 * SECOND)
            .unwrap_or(usual.time),
        pace: fields.duration("http.pace", SECOND, 600 * SECOND).unwrap_or(usual.pace),
        requests: fields.count("http.requests", 1, 100_000).unwrap_or(usual.requests),
        connections: fields
            .count("http.connections", 1, 1_000_000)
            .unwrap_or(usual.connections),
    }
}

fn sink(fields: &mut Fields) -> Option<SinkConfig> {
    let extensions = fields.text("sink.overrides").unwrap_or_default();
    let url = fields.url("sink.url")?;
    match SinkConfig::extensions(&extensions) {
        Ok(extensions) => Some(SinkConfig::new(url, extensions)),
        Err(why) => fields.problem("sink.overrides", why),
    }
}

fn log_format(fields: &mut Fields) -> LogFormat {
    match fields.text("log.format").as_deref() {
        None | Some("auto") => LogFormat::Auto,
        Some("json") => LogFormat::Json,
        Some("human") => LogFormat::Human,
        Some(other) => {
            let message = format!("`{other}` is not one of `auto`, `json`, `human`");
            fields.problem("log.format", message).unwrap_or(LogFormat::Auto)
        }
    }
}

#[cfg(test)]
mod tests;
