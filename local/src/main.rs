//! The `flits` command: see `flits --help`.

use std::process::ExitCode;

use clap::Parser as _;
use contract::text;
use flits::cli::{self, Cli};

fn main() -> ExitCode {
    if let Some(code) = preprocess::child() {
        return code;
    }
    match platform::run(flits()) {
        Ok(code) => code,
        Err(error) => {
            // The one place that prints an error with all its causes.
            eprintln!("flits: {}", text::lines(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

async fn flits() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let _logging = cli::logs(&cli);
    Box::pin(cli::main(cli)).await
}
