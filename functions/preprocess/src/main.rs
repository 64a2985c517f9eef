//! The function `preprocess`: one binary, which finds out at start where it stands.

use std::process::ExitCode;

use preprocess::Preprocess;

fn main() -> anyhow::Result<ExitCode> {
    if let Some(code) = preprocess::child() {
        return Ok(code);
    }
    platform::run(platform::serve(Preprocess::default()))
}
