//! The function `eval`: one binary, which finds out at start where it stands.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: platform::Allocator = platform::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    platform::serve(eval::Eval).await
}
