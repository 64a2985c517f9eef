//! The hosts. The binary is the same everywhere and finds out at start where it runs.
//!
//! On Lambda, SQS batches come from the Runtime API; elsewhere one event is read from a file or from standard input.
//! Both paths handle each record in the same way, and so does the pump of the local harness, through [`handle_batch`].
//! What is not reported as failed is acknowledged.

mod batch;
mod lambda;
mod once;
mod scheduled;

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use crate::{
    config::{self, Config},
    logging, process,
    stop::Stop,
    work::ErasedWork,
};

pub use batch::handle_batch;
use batch::{Handled, handle_record};
pub use scheduled::serve_scheduled;

/// The parsed command line.
struct Arguments {
    config: Option<PathBuf>,
    event: Option<PathBuf>,
}

/// Serves one stage until the host ends: reads the configuration, starts logging, connects, and handles what arrives.
///
/// # Errors
/// When the configuration is wrong, or the event cannot be read.
pub async fn serve(work: impl ErasedWork) -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let on_lambda = config::lambda_api().is_some();
    if config::ends_with_parent() {
        process::end_with_parent();
    }
    let config = Config::load(arguments.config)?;
    logging::start(&config.log, on_lambda)?;
    let platform = Arc::new(config.connect().await);
    let work: Arc<dyn ErasedWork> = Arc::new(work);
    if on_lambda {
        lambda::serve(work, platform).await.map_err(anyhow::Error::from_boxed)?;
        return Ok(ExitCode::SUCCESS);
    }
    once::serve(work.as_ref(), arguments.event.as_deref(), &platform).await
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let mut parsed = Self {
            config: None,
            event: None,
        };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--config" => {
                    let file = arguments
                        .next()
                        .ok_or_else(|| anyhow::anyhow!("`--config` wants a file"))?;
                    parsed.config = Some(PathBuf::from(file));
                }
                "-" => parsed.event = None,
                flag if flag.starts_with('-') => {
                    anyhow::bail!("`{flag}` is not known; usage: [--config FILE] [EVENT_FILE | -]")
                }
                _ if parsed.event.is_some() => anyhow::bail!("`{argument}`: one event is read at a time"),
                file => parsed.event = Some(PathBuf::from(file)),
            }
        }
        Ok(parsed)
    }
}

/// Asks `stop` to stop when the process receives SIGTERM or Ctrl-C, so that fits save their progress.
fn stop_on_signals(stop: &Stop) {
    let stop = stop.clone();
    tokio::spawn(async move {
        match terminated().await {
            Ok(()) => stop.ask(),
            Err(error) => tracing::warn!(%error, "cannot listen for signals"),
        }
    });
}

#[cfg(unix)]
async fn terminated() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        pressed = tokio::signal::ctrl_c() => pressed,
    }
}

#[cfg(not(unix))]
async fn terminated() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
