//! The HTTP face of a directory: gateway, forecasts on request, and events for every stage.

use std::net::SocketAddr;

use anyhow::Context as _;
use platform::{
    Platform, Stop,
    http::{self, HttpConfig, Inbox},
};
use tokio::task::JoinHandle;

use crate::functions;

/// A gateway that is being served.
pub(super) struct Serving {
    /// Its URL, such as `http://127.0.0.1:4568`.
    pub(super) url: String,
    stop: Stop,
    done: JoinHandle<()>,
}

impl Serving {
    /// Opens the port and serves.
    pub(super) async fn start(address: SocketAddr, config: HttpConfig, platform: &Platform) -> anyhow::Result<Self> {
        let config = HttpConfig {
            address: Some(address.ip()),
            port: address.port(),
            ..config
        };
        let stop = Stop::never();
        let inbox = Inbox::new(functions::all(), platform, config.time, &stop);
        let face = gateway::face(platform)
            .and(infer::face(platform))
            .and(http::events(inbox));
        let router = face.guarded(&config, platform);
        let listener = http::listen(&config)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let url = format!("http://{}", listener.local_addr()?);
        let (serving, platform) = (stop.clone(), platform.clone());
        let done = tokio::spawn(async move { http::serve(listener, router, &config, &serving, &platform).await });
        Ok(Self { url, stop, done })
    }

    /// Stops; requests under way may end.
    pub(super) async fn stop(self) {
        self.stop.ask();
        if let Err(error) = self.done.await {
            tracing::error!(%error, "the gateway ended by itself");
        }
    }
}
