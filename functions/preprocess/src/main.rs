//! The function `preprocess`. The same binary runs on every host.

use std::process::ExitCode;

use preprocess::Preprocess;

fn main() -> anyhow::Result<ExitCode> {
    if let Some(code) = preprocess::child() {
        return Ok(code);
    }
    platform::run(platform::serve(Preprocess::default()))
}
