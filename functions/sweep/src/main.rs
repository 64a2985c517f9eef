//! The function `sweep`. The same binary runs on every host.

use std::process::ExitCode;

use serde_json::to_value;
use sweep::{Asked, sweep};

fn main() -> ExitCode {
    platform::run(platform::serve::serve_scheduled(|event, platform| async move {
        let swept = sweep(&Asked::of_event(&event)?, &platform).await?;
        tracing::info!(?swept, "swept");
        Ok(to_value(swept)?)
    }))
}
