//! The function `sample`: one binary, which finds out at start where it stands.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    platform::run(platform::serve(sample::Sample))
}
