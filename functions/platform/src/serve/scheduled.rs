//! A function that a schedule starts: it takes any JSON event, has no queue, and answers with JSON.

use std::{io::Write as _, process::ExitCode, sync::Arc};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::{Arguments, once};
use crate::{
    config::{self, Config},
    host::Platform,
    logging,
};

/// Serves a function that a schedule starts: on Lambda until the host ends, elsewhere once, with the event of the command
/// line or an empty one. An error makes the host try again.
///
/// # Errors
/// When the configuration is wrong, the event cannot be read, or outside of Lambda the function fails.
pub async fn serve_scheduled<F>(run: impl Fn(Value, Arc<Platform>) -> F) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<Value>>,
{
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let on_lambda = config::lambda_api().is_some();
    let config = Config::load(arguments.config)?;
    logging::start(&config.log, on_lambda)?;
    let platform = Arc::new(config.connect().await);
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
    let event = match &arguments.event {
        Some(file) => serde_json::from_str(&once::read(Some(file))?)?,
        None => json!({}),
    };
    let answer = run(event, platform).await?;
    writeln!(std::io::stdout().lock(), "{answer}")?;
    Ok(ExitCode::SUCCESS)
}
