//! A session on a directory: as the process that serves it, or as a client of that process.

use std::path::PathBuf;

use emulator::Emulator;
use platform::Platform;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    gateway::Serving,
    lock::{self, Address, Lock},
};

/// The ports of a served directory, and its servers where this process holds the lock.
pub struct Session {
    /// Store, queue and clock.
    pub platform: Platform,
    /// Where the servers of the directory are, and their credentials; `None` for servers that stand elsewhere.
    pub address: Option<Address>,
    pub(super) dir: PathBuf,
    pub(super) holder: Option<Holder>,
}

/// What the process that serves a directory keeps.
pub(super) struct Holder {
    pub(super) emulator: Emulator,
    pub(super) pump: Option<Pumping>,
    pub(super) gateway: Option<Serving>,
    /// Dropped last: the next holder must find the servers gone.
    pub(super) _lock: Lock,
}

/// A running pump.
pub(super) struct Pumping {
    pub(super) stop: CancellationToken,
    pub(super) done: JoinHandle<()>,
}

impl Session {
    /// Returns whether this process serves the directory.
    pub(crate) fn is_holder(&self) -> bool {
        self.holder.is_some()
    }

    /// Returns whether the process that served this session is gone: another one has the lock, or none has.
    pub(crate) fn is_lost(&self) -> bool {
        self.holder.is_none() && self.address.is_some() && lock::address(&self.dir).ok().flatten() != self.address
    }

    /// Stops what this process serves. Running functions stop at a checkpoint and send themselves on.
    pub async fn close(self) {
        let Some(Holder {
            emulator,
            pump,
            gateway,
            _lock,
        }) = self.holder
        else {
            return;
        };
        // First, so that nothing new begins.
        if let Some(gateway) = gateway {
            gateway.stop().await;
        }
        if let Some(Pumping { stop, done }) = pump {
            stop.cancel();
            if let Err(error) = done.await {
                tracing::error!(%error, "the pump ended by itself");
            }
        }
        emulator.stop().await;
    }
}
