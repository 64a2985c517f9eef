//! Logs: events with fields, one JSON object per line where a machine reads them, plain lines where a person does.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogConfig, LogFormat};

/// A filter that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log filter `{filter}` is not one")]
pub struct FilterError {
    /// What was configured.
    filter: String,
    /// Why.
    #[source]
    source: tracing_subscriber::filter::ParseError,
}

/// Starts logging for this process, to standard error; standard output belongs to results. Later calls do nothing, so
/// that several functions can run in one process.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(config: &LogConfig, on_lambda: bool) -> Result<(), FilterError> {
    let unreadable = |source| FilterError {
        filter: config.filter.clone(),
        source,
    };
    let filter = EnvFilter::builder().parse(&config.filter).map_err(unreadable)?;
    let json = match config.format {
        LogFormat::Auto => on_lambda,
        LogFormat::Json => true,
        LogFormat::Human => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    // An error means that somebody logs already, which is what was asked for.
    let _ = if json {
        registry
            .with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr))
            .try_init()
    } else {
        let color = std::io::IsTerminal::is_terminal(&std::io::stderr());
        registry
            .with(
                fmt::layer()
                    .with_ansi(color)
                    .with_target(false)
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
    Ok(())
}
