//! Behind HTTP: Knative, or any host that sets `PORT`.

use anyhow::Context as _;

use crate::{
    host::Platform,
    http::{self, Face, HttpConfig},
    stop::Stop,
};

/// Serves a face until a stop is asked for.
pub(super) async fn serve(face: Face, config: &HttpConfig, ending: &Stop, platform: &Platform) -> anyhow::Result<()> {
    let listener = http::listen(config)
        .await
        .with_context(|| format!("cannot listen on port {}", config.port))?;
    let address = listener.local_addr()?;
    if config.tokens.is_empty() {
        tracing::warn!(%address, "no `http.token` is set, so only this machine is answered");
    }
    tracing::info!(%address, "listening");
    http::serve(listener, face.guarded(config, platform), config, ending, platform).await;
    Ok(())
}
