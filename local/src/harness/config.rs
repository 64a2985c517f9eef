//! The configuration of functions that run here, as a value or as environment variables.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use emulator::private;
use platform::{
    Platform,
    config::{Config, Sources},
};

use super::{Address, Options, REGION, Servers};
use crate::pump::{Commands, Environment, Isolated};

/// The default lease of local owners. It may be short: leases of a process that died end with its epoch, so only one
/// that hangs is waited for.
const LEASE: &str = "3s";

/// Returns the directory in which functions keep files during an invocation.
pub(super) fn scratch(dir: &Path) -> PathBuf {
    dir.join("scratch")
}

/// Returns the configuration of a function that runs in this process.
pub(super) fn of(options: &Options, address: &Address) -> anyhow::Result<Config> {
    let mut sources = Sources::of_process(None)?.fallback("host.lease", LEASE);
    for (path, value) in settings(&options.dir, address) {
        sources = sources.set(&path, &value);
    }
    for (path, value) in &options.host {
        sources = sources.set(&format!("host.{path}"), value);
    }
    Ok(Config::read(sources)?)
}

/// Returns the same configuration as environment variables, for functions in processes of their own.
pub(super) fn environment(options: &Options, address: &Address, platform: &Platform) -> anyhow::Result<Environment> {
    let lease = ("host.lease".to_owned(), LEASE.to_owned());
    let settings = std::iter::once(lease).chain(settings(&options.dir, address));
    variables(settings, &address.region, options, platform)
}

/// Returns an invoker that runs functions in processes of their own, on servers that stand elsewhere.
///
/// # Errors
/// When a binary is missing, or the directory for logs cannot be made.
pub(crate) fn isolated(options: &Options, config: &Config, platform: &Platform) -> anyhow::Result<Isolated> {
    let settings = options.elsewhere.as_ref().map(Servers::settings).unwrap_or_default();
    let region = config.queue.endpoint.region.as_deref().unwrap_or(REGION);
    let environment = variables(settings.into_iter(), region, options, platform)?;
    Ok(Isolated::new(commands(options)?, environment, platform.clock.clone())?)
}

/// Returns settings and the `host.*` settings of a command line as environment variables.
fn variables(
    settings: impl Iterator<Item = (String, String)>,
    region: &str,
    options: &Options,
    platform: &Platform,
) -> anyhow::Result<Environment> {
    let variable = |path: &str| format!("FLITS__{}", path.replace('.', "__").to_uppercase());
    let host = options
        .host
        .iter()
        .map(|(path, value)| (format!("host.{path}"), value.clone()));
    let all = settings.chain(host);
    let logs = options.dir.join("logs");
    private::folder(&logs).with_context(|| format!("cannot create {}", logs.display()))?;
    Ok(Environment {
        variables: all.map(|(path, value)| (variable(&path), value)).collect(),
        memory_mib: u32::try_from(platform.host.memory >> 20).unwrap_or(u32::MAX),
        region: region.to_owned(),
        logs,
    })
}

/// Returns the commands of the functions: the binaries beside this one, except where `host.command.{stage}` or
/// `host.command.{stage}-{model}` is set.
pub(super) fn commands(options: &Options) -> anyhow::Result<Commands> {
    let here = std::env::current_exe().context("cannot find the directory of this program")?;
    let mut commands = Commands::beside(here.parent().map(Path::to_owned).unwrap_or_default());
    for (key, value) in &options.commands {
        commands.set(key, value)?;
    }
    Ok(commands)
}

fn settings(dir: &Path, address: &Address) -> Vec<(String, String)> {
    let owner = format!("local/{}", address.epoch);
    let mut settings = vec![
        ("host.owner".to_owned(), owner),
        ("host.scratch".to_owned(), scratch(dir).display().to_string()),
        ("store.bucket".to_owned(), address.bucket.clone()),
        ("store.checked".to_owned(), "true".to_owned()),
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
