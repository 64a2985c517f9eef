use std::{collections::BTreeMap, path::PathBuf};

use contract::overrides::TABLE;

use super::{ConfigError, Problem};

/// Our prefix: a variable that has it and no home is a typo.
const PREFIX: &str = "FLITS__";

/// Where configuration comes from, in the order in which a later one wins: a file, the environment, a command line.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Path, text and origin of every key that is set.
    pub(super) values: Vec<(String, String, String)>,
    /// What could not be read.
    pub(super) problems: Vec<Problem>,
    /// The environment, for defaults that the host names and for the predecessor's overrides.
    environment: BTreeMap<String, String>,
}

/// What the host says about itself.
pub(super) struct Defaults {
    pub(super) owner: String,
    pub(super) memory: u64,
    pub(super) threads: usize,
    pub(super) scratch: PathBuf,
}

impl Sources {
    /// Adds a TOML file's text.
    #[must_use]
    pub fn file(mut self, name: &str, text: &str) -> Self {
        match text.parse::<toml::Table>() {
            Ok(table) => self.flatten("", &toml::Value::Table(table), name),
            Err(error) => self.refuse("", name, error.message().to_owned()),
        }
        self
    }

    /// Adds an environment.
    #[must_use]
    pub fn environment(mut self, environment: BTreeMap<String, String>) -> Self {
        for (name, value) in &environment {
            if let Some(path) = name.strip_prefix(PREFIX) {
                let path = path.split("__").map(str::to_lowercase).collect::<Vec<_>>().join(".");
                self.values.push((path, value.clone(), name.clone()));
            }
        }
        self.environment = environment;
        self
    }

    /// Adds a default that every other source wins over.
    #[must_use]
    pub fn fallback(mut self, path: &str, value: &str) -> Self {
        self.values
            .insert(0, (path.to_owned(), value.to_owned(), "default".to_owned()));
        self
    }

    /// Adds what a command line sets, for example `host.max_attempts` and `50`.
    #[must_use]
    pub fn set(mut self, path: &str, value: &str) -> Self {
        self.values
            .push((path.to_owned(), value.to_owned(), "--set".to_owned()));
        self
    }

    /// Reads the sources of this process: `file`, or the one that `FLITS_CONFIG` names, and the environment.
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

    /// Gives the predecessor's names that are set.
    pub(super) fn overrides(&self) -> BTreeMap<String, String> {
        let known = |name: &&String| TABLE.iter().any(|row| row.name == name.as_str());
        let names = self.environment.keys().filter(known);
        names
            .map(|name| (name.clone(), self.environment[name].clone()))
            .collect()
    }

    /// Gives the defaults that depend on the host.
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

    /// Writes nested tables as dotted paths.
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

/// Says where the Lambda Runtime API is, when this process stands in Lambda.
#[must_use]
pub(crate) fn lambda_api() -> Option<String> {
    process_environment().remove("AWS_LAMBDA_RUNTIME_API")
}

/// The variable by which whoever starts a function as a process of its own says that it holds the function's standard
/// input open for as long as it lives.
pub const PARENT: &str = "FLITS_PARENT_HOLDS_STDIN";

/// Returns whether this process is to end when its standard input does.
#[must_use]
pub(crate) fn ends_with_parent() -> bool {
    process_environment().contains_key(PARENT)
}

/// Reads the environment; what is not Unicode is none of ours.
#[expect(
    clippy::disallowed_methods,
    reason = "the one reader of the environment; everybody else gets values"
)]
fn process_environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
