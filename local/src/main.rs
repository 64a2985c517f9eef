//! The `flits` command: see `flits --help`.

use std::process::ExitCode;

use clap::Parser as _;
use flits::cli::{self, Cli};

fn main() -> ExitCode {
    if let Some(code) = preprocess::child() {
        return code;
    }
    platform::run(flits())
}

async fn flits() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let _logging = cli::logs(&cli);
    Box::pin(cli::main(cli)).await
}
