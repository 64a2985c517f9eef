//! The function `sample`: one binary, which finds out at start where it stands.

use std::process::ExitCode;

/// Most of a function's memory is fresh: this one asks the system for less of it, and less often.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    platform::serve(sample::Sample).await
}
