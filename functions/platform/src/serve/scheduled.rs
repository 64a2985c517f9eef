//! A function that a schedule starts: it takes any JSON event, has no queue, and answers with JSON.

use std::{io::Write as _, process::ExitCode, sync::Arc};

use axum::{Json, Router, http::HeaderMap, routing::post};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{
    arguments::{Arguments, Asked},
    face, once, stop_on_signals,
};
use crate::{
    config::{self, Config, Place},
    event::Posted,
    host::Platform,
    http::{Face, Payload, Refusal},
    logging,
    stop::Stop,
    threads::run_blocking,
};

/// Serves a function that a schedule starts: on Lambda until the host ends, elsewhere once, with the event of the command
/// line or an empty one. An error makes the host try again.
///
/// # Errors
/// When the configuration is wrong, the event cannot be read, or outside of Lambda the function fails.
pub async fn serve_scheduled<R, F>(run: R) -> anyhow::Result<ExitCode>
where
    R: Fn(Value, Arc<Platform>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<Value>>,
{
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let place = config::place();
    let on_lambda = place == Place::Lambda;
    let config = Config::load(arguments.config)?;
    let _logging = logging::start(&config.log, on_lambda)?;
    let platform = Arc::new(config.connect().await?);
    if on_lambda {
        let handle = |event: LambdaEvent<Value>| {
            let answer = run(event.payload, platform.clone());
            async { answer.await.map_err(Error::from) }
        };
        lambda_runtime::run(service_fn(handle))
            .await
            .map_err(anyhow::Error::from_boxed)?;
        return Ok(ExitCode::SUCCESS);
    }
    if place == Place::Http && arguments.asked == Asked::Nothing {
        let ending = Stop::never();
        stop_on_signals(&ending);
        let face = face_of(run, platform.clone());
        face::serve(face, &config.http, &ending, &platform).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let event = match &arguments.asked {
        Asked::Event(file) => serde_json::from_str(&once::read(file.as_deref())?)?,
        Asked::Nothing => json!({}),
        Asked::Drain(_) => anyhow::bail!("a schedule has no queue to drain"),
    };
    let answer = run(event, platform).await?;
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the face of a function that a schedule posts events to, such as a Knative `PingSource`.
fn face_of<R, F>(run: R, platform: Arc<Platform>) -> Face
where
    R: Fn(Value, Arc<Platform>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = anyhow::Result<Value>>,
{
    let take = move |headers: HeaderMap, Payload(body): Payload| {
        let (run, platform) = (run.clone(), platform.clone());
        async move {
            let data = match Posted::read(&headers, &body) {
                Ok(Posted::Bare(text)) => text,
                Ok(Posted::Events(events)) => events.into_iter().next().map_or(String::new(), |event| event.data),
                Err(error) => return Err(Refusal::bad(error.to_string()).missing("body")),
            };
            let event = serde_json::from_str(&data).unwrap_or_else(|_| json!({}));
            // On a thread of its own: its future need not be one that moves between threads.
            let runtime = Handle::current();
            let answer = run_blocking(move || runtime.block_on(run(event, platform))).await;
            answer
                .map(Json)
                .map_err(|error| Refusal::unavailable(format!("{error:#}")))
        }
    };
    Face {
        quick: Router::new().route("/", post(take)),
        ..Face::default()
    }
}
