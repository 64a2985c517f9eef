//! The `flits` command: see `flits --help`.

use std::process::ExitCode;

use clap::Parser as _;
use local::cli::{self, args::Cli};

/// As in the functions, which this process runs and serves.
#[global_allocator]
static ALLOCATOR: platform::Allocator = platform::Allocator;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    cli::logs(&cli);
    match Box::pin(cli::main(cli)).await {
        Ok(code) => code,
        Err(error) => {
            // The whole chain, once, at the edge.
            eprintln!("flits: {error:#}");
            ExitCode::FAILURE
        }
    }
}
