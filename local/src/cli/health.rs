//! What commands that run until a signal serve beside their work: `/healthz`, `/readyz` and `/metrics`.

use std::net::SocketAddr;

use anyhow::Context as _;
use platform::{
    Platform, Stop,
    config::Config,
    http::{self, Face},
};

/// Where a command says how it is.
pub(super) struct Health {
    /// The address that is served.
    pub(super) address: SocketAddr,
    /// Ends the serving.
    pub(super) stop: Stop,
}

impl Health {
    /// Serves where a port is configured; returns `None` where none is.
    ///
    /// # Errors
    /// When the port is not free.
    pub(super) async fn serve(config: &Config, platform: &Platform) -> anyhow::Result<Option<Self>> {
        let http = config.http.clone();
        if http.port == 0 {
            return Ok(None);
        }
        let listener = http::listen(&http)
            .await
            .with_context(|| format!("cannot listen on port {}", http.port))?;
        let address = listener.local_addr()?;
        let (stop, platform) = (Stop::never(), platform.clone());
        let (ending, router) = (stop.clone(), Face::default().guarded(&http, &platform));
        tokio::spawn(async move { http::serve(listener, router, &http, &ending, &platform).await });
        Ok(Some(Self { address, stop }))
    }
}
