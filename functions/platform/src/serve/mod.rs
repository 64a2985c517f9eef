//! The hosts. The binary is the same everywhere and finds out at start where it runs.
//!
//! | Where | Seen by | Events |
//! | --- | --- | --- |
//! | AWS Lambda | `AWS_LAMBDA_RUNTIME_API` | SQS batches from the Runtime API, and requests to a function URL |
//! | a queue to empty | `--drain QUEUE` | SQS, until two polls were empty |
//! | a job for one event | `K_EVENT_PATH`, an event file, `-` | that event |
//! | HTTP | `PORT`, `K_SERVICE` | CloudEvents and notifications |
//! | anywhere else | | one event from standard input |
//!
//! All of them handle each record in the same way, and so does the pump of the local harness, through [`handle_batch`].
//! What is not reported as failed is acknowledged.

mod arguments;
mod drain;
mod face;
mod lambda;
mod once;
mod poll;
mod received;
mod scheduled;
mod url;

use std::{process::ExitCode, sync::Arc};

use self::arguments::{Arguments, Asked};
use crate::{
    config::{self, Config, Place},
    host::Platform,
    http::{self, Face, HttpConfig, Inbox},
    logging, process,
    stop::Stop,
    work::ErasedWork,
};

pub use crate::batch::handle_batch;
pub use poll::{give_back, poll};
pub use received::{event_of, succeeded};
pub use scheduled::serve_scheduled;

/// Serves one stage until the host ends: reads the configuration, starts logging, connects, and handles what arrives.
///
/// # Errors
/// When the configuration is wrong, or the event cannot be read.
pub async fn serve(work: impl ErasedWork) -> anyhow::Result<ExitCode> {
    serve_with(work, |_, _| Face::default()).await
}

/// Serves one stage as [`serve`] does. Over HTTP, and behind a function URL, it also serves the routes that `routes` makes.
///
/// # Errors
/// When the configuration is wrong, the event cannot be read, or the port is not free.
pub async fn serve_with(
    work: impl ErasedWork,
    routes: impl FnOnce(&Platform, &HttpConfig) -> Face + Send + Sync + 'static,
) -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let place = config::place();
    if config::ends_with_parent() {
        process::end_with_parent();
    }
    let mut sources = config::Sources::of_process(arguments.config)?;
    if let Asked::Drain(queue) = &arguments.asked
        && queue.contains("://")
    {
        sources = sources.set(&format!("queue.urls.{}", work.stage()), queue);
    }
    let config = Config::read(sources)?;
    let _logging = logging::start(&config.log, place == Place::Lambda)?;
    let platform = Arc::new(config.connect().await?);
    let work: Arc<dyn ErasedWork> = Arc::new(work);
    let ending = Stop::never();
    stop_on_signals(&ending);
    match (arguments.asked, place) {
        (_, Place::Lambda) => {
            let own = platform.clone();
            let face = move || routes(&own, &config.http).guarded(&config.http, &own);
            let served = lambda::serve(work, face, platform, ending).await;
            served.map_err(anyhow::Error::from_boxed)?;
            Ok(ExitCode::SUCCESS)
        }
        (Asked::Drain(_), _) => drain::drain(work.as_ref(), &ending, &platform).await,
        (Asked::Event(file), _) => once::serve(work.as_ref(), file.as_deref(), &ending, &platform).await,
        (Asked::Nothing, Place::Job(path)) => once::job(work.as_ref(), &path, &ending, &platform).await,
        (Asked::Nothing, Place::Http) => {
            let inbox = Inbox::new([work], &platform, config.http.time, &ending);
            let face = routes(&platform, &config.http).and(http::events(inbox));
            face::serve(face, &config.http, &ending, &platform).await?;
            Ok(ExitCode::SUCCESS)
        }
        (Asked::Nothing, Place::Plain) => once::serve(work.as_ref(), None, &ending, &platform).await,
    }
}

/// Serves the routes that `routes` makes over HTTP, without any stage, until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the configuration is wrong, or the port is not free.
pub async fn serve_face(routes: impl FnOnce(&Platform, &HttpConfig) -> Face) -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    anyhow::ensure!(arguments.asked == Asked::Nothing, "this program serves HTTP only");
    let config = Config::read(config::Sources::of_process(arguments.config)?)?;
    let _logging = logging::start(&config.log, false)?;
    let platform = config.connect().await?;
    let ending = Stop::never();
    stop_on_signals(&ending);
    let face = routes(&platform, &config.http);
    face::serve(face, &config.http, &ending, &platform).await?;
    Ok(ExitCode::SUCCESS)
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
