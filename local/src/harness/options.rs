//! How a directory is to be served.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use contract::spec;
use emulator::Addresses;

use super::Servers;

/// The prefix of `host.*` settings that say how a function is started.
const COMMAND: &str = "command.";

/// How a directory is to be served.
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) dir: PathBuf,
    /// Servers that stand elsewhere, to be used instead of those of the directory.
    pub(super) elsewhere: Option<Servers>,
    /// `host.*` settings, without their prefix.
    pub(super) host: Vec<(String, String)>,
    /// The commands of functions, by stage or by stage and model.
    pub(super) commands: Vec<(String, String)>,
    pub(super) isolated: bool,
    pub(super) pump: bool,
    pub(super) addresses: Addresses,
    /// The address of the gateway; `None` to serve none.
    pub(super) gateway: Option<SocketAddr>,
}

impl Options {
    /// Serves a directory on any free ports and runs no functions.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            elsewhere: None,
            host: Vec::new(),
            commands: Vec::new(),
            isolated: false,
            pump: false,
            addresses: Addresses::default(),
            gateway: None,
        }
    }

    /// Uses servers that stand elsewhere, if any are named. Functions run where those servers are served.
    #[must_use]
    pub fn elsewhere(mut self, servers: Option<Servers>) -> Self {
        self.elsewhere = servers;
        self
    }

    /// Takes the `host.*` settings of a command line; others belong to the spec and are ignored.
    ///
    /// # Errors
    /// When one is not `path=value`.
    pub fn sets(mut self, sets: &[String]) -> anyhow::Result<Self> {
        let pairs = sets
            .iter()
            .map(|set| spec::parse_set(set))
            .collect::<Result<Vec<_>, _>>()?;
        (self.host, self.commands) = (Vec::new(), Vec::new());
        for (path, value) in spec::split_host(pairs).1 {
            match path.strip_prefix(COMMAND) {
                Some(key) => self.commands.push((key.to_owned(), value)),
                None => self.host.push((path, value)),
            }
        }
        Ok(self)
    }

    /// Returns the `host.*` settings that configure functions, without their prefix.
    pub(crate) fn host(&self) -> &[(String, String)] {
        &self.host
    }

    /// Runs the functions too.
    #[must_use]
    pub fn pumping(mut self) -> Self {
        self.pump = true;
        self
    }

    /// Sets whether each function runs in a process of its own.
    #[must_use]
    pub fn isolated(mut self, isolated: bool) -> Self {
        self.isolated = isolated;
        self
    }

    /// Serves the gateway too, on a loopback address.
    #[must_use]
    pub(crate) fn with_gateway(mut self, address: SocketAddr) -> Self {
        self.gateway = Some(address);
        self
    }

    /// Serves on given loopback addresses.
    #[must_use]
    pub fn on(mut self, addresses: Addresses) -> Self {
        self.addresses = addresses;
        self
    }
}
