use std::{collections::BTreeMap, path::PathBuf};

use contract::overrides::TABLE;

use super::{ConfigError, Problem};

/// Variables of hosts that set a key of ours. A variable with our prefix wins.
const HOSTS: [(&str, &str); 4] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "log.traces"),
    ("PORT", "http.port"),
    ("K_SINK", "sink.url"),
    ("K_CE_OVERRIDES", "sink.overrides"),
];

/// The prefix of our variables. One that has it but matches no key is reported as a typo.
const PREFIX: &str = "FLITS__";

/// The sources of the configuration. A later one wins: a file, the environment, the command line.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Path, text and origin of every key that is set.
    pub(super) values: Vec<(String, String, String)>,
    /// What could not be read.
    pub(super) problems: Vec<Problem>,
    /// The environment, for the host's defaults and for the predecessor's overrides.
    environment: BTreeMap<String, String>,
}

/// Defaults that depend on the host.
pub(super) struct Defaults {
    pub(super) owner: String,
    pub(super) memory: u64,
    pub(super) threads: usize,
    pub(super) scratch: PathBuf,
}

impl Sources {
    /// Adds the text of a TOML file; `name` is its origin in problems.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        match text.parse::<toml::Table>() {
            Ok(table) => self.flatten("", &toml::Value::Table(table), name),
            Err(error) => self.refuse("", name, error.message().to_owned()),
        }
        self
    }

    /// Adds environment variables: `FLITS__HOST__LEASE` sets `host.lease`.
    #[must_use]
    pub fn environment(mut self, environment: BTreeMap<String, String>) -> Self {
        for (name, path) in HOSTS {
            if let Some(value) = environment.get(name) {
                self.values.push((path.to_owned(), value.clone(), name.to_owned()));
            }
        }
        for (name, value) in &environment {
            if let Some(path) = name.strip_prefix(PREFIX) {
                let path = path.split("__").map(str::to_lowercase).collect::<Vec<_>>().join(".");
                self.values.push((path, value.clone(), name.clone()));
            }
        }
        self.environment = environment;
        self
    }

    /// Adds a default, which every other source overrides.
    #[must_use]
    pub fn fallback(mut self, path: &str, value: &str) -> Self {
        self.values
            .insert(0, (path.to_owned(), value.to_owned(), "default".to_owned()));
        self
    }

    /// Adds a setting of the command line, for example `host.max_attempts` and `50`.
    #[must_use]
    pub fn set(mut self, path: &str, value: &str) -> Self {
        self.values
            .push((path.to_owned(), value.to_owned(), "--set".to_owned()));
        self
    }

    /// Reads the sources of this process: `file`, or the file that `FLITS_CONFIG` names, and then the environment.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_process(file: Option<PathBuf>) -> Result<Self, ConfigError> {
        let environment = process_environment();
        let file = file.or_else(|| environment.get("FLITS_CONFIG").map(PathBuf::from));
        let mut sources = Self::default();
        if let Some(path) = file {
            let name = path.display().to_string();
            sources = match std::fs::read_to_string(&path) {
                Ok(text) => sources.file(&name, &text),
                Err(error) => {
                    let message = format!("cannot be read: {error}");
                    let problem = Problem {
                        path: "configuration file".to_owned(),
                        from: name,
                        message,
                    };
                    return Err(ConfigError {
                        problems: vec![problem],
                    });
                }
            };
        }
        Ok(sources.environment(environment))
    }

    /// Returns the predecessor's variables that are set.
    pub(super) fn overrides(&self) -> BTreeMap<String, String> {
        let known = |name: &&String| TABLE.iter().any(|row| row.name == name.as_str());
        let names = self.environment.keys().filter(known);
        names
            .map(|name| (name.clone(), self.environment[name].clone()))
            .collect()
    }

    /// Returns the defaults that depend on the host.
    pub(super) fn defaults(&self) -> Defaults {
        let named = |name: &str| self.environment.get(name).filter(|text| !text.is_empty());
        let stream = named("AWS_LAMBDA_LOG_STREAM_NAME").or_else(|| named("HOSTNAME"));
        let lambda_mib = named("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mib| mib.parse::<u64>().ok());
        Defaults {
            owner: stream
                .cloned()
                .unwrap_or_else(|| format!("process-{}", std::process::id())),
            memory: lambda_mib.unwrap_or(2048) << 20,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            scratch: named("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from),
        }
    }

    /// Adds a TOML value; a nested table becomes dotted paths.
    fn flatten(&mut self, path: &str, value: &toml::Value, from: &str) {
        let text = match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    let inner = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    self.flatten(&inner, value, from);
                }
                return;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            toml::Value::Datetime(_) | toml::Value::Array(_) => {
                return self.refuse(
                    path,
                    from,
                    format!("has the type {}, one plain value is read", value.type_str()),
                );
            }
        };
        self.values.push((path.to_owned(), text, from.to_owned()));
    }

    fn refuse(&mut self, path: &str, from: &str, message: String) {
        self.problems.push(Problem {
            path: path.to_owned(),
            from: from.to_owned(),
            message,
        });
    }
}

/// Where a process runs, as its environment says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// On AWS Lambda.
    Lambda,
    /// In a job that was started for one event, which is mounted at this path.
    Job(PathBuf),
    /// Behind HTTP.
    Http,
    /// Anywhere else.
    Plain,
}

/// Returns where this process runs.
#[must_use]
pub(crate) fn place() -> Place {
    let mut environment = process_environment();
    let is_set = |name: &str| environment.get(name).is_some_and(|value| !value.is_empty());
    if is_set("AWS_LAMBDA_RUNTIME_API") {
        Place::Lambda
    } else if is_set("K_EVENT_PATH") {
        Place::Job(environment.remove("K_EVENT_PATH").unwrap_or_default().into())
    } else if is_set("PORT") || is_set("K_SERVICE") {
        Place::Http
    } else {
        Place::Plain
    }
}

/// The variable that a parent sets when it starts a function as a child process: it promises to hold the function's
/// standard input open for as long as the parent lives.
pub const PARENT: &str = "FLITS_PARENT_HOLDS_STDIN";

/// Returns whether this process must end when its standard input ends.
#[must_use]
pub(crate) fn ends_with_parent() -> bool {
    process_environment().contains_key(PARENT)
}

/// Reads the environment. Variables that are not Unicode are not ours.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment; all other code gets values"
)]
fn process_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
