//! The `flits` command.

mod args;
mod bars;
mod config;
mod dlq;
mod doctor;
mod follow;
mod forecast;
mod generate;
mod health;
mod inspect;
mod interrupt;
mod lengths;
mod lineage;
mod open;
mod outcome;
mod pages;
mod plot;
mod print;
mod progress;
mod pump;
mod request;
mod result;
mod retry;
mod rollback;
mod run;
mod scores;
mod setup;
mod source;
mod status;
mod sweep;
mod up;
mod uploaded;
mod watch;

use std::process::ExitCode;

use contract::{Dataset, text};
use platform::{
    config::{Config, Sources},
    logging::{self, Logging},
};

pub use self::args::Cli;
use self::args::Command;

/// Runs one command line and returns its exit code.
///
/// # Errors
/// When the command cannot be done on this machine. What is wrong with a user's data or spec is printed and is no
/// error.
pub async fn main(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => return Box::pin(run::run(&args)).await,
        Command::Upload(args) => return run::upload(&args).await,
        Command::Inspect(args) => return inspect::inspect(&args).await,
        Command::Up(args) => up::up(&args).await?,
        Command::Setup(args) => return setup::setup(&args).await,
        Command::Pump(args) => pump::pump(&args).await?,
        Command::Status(args) => {
            let (only, json) = (args.dataset.as_deref(), args.at.json);
            return open::reading(&args.at, async |store| status::status(store, only, json).await).await;
        }
        Command::Scores(args) => {
            let (dataset, json) = (args.dataset.parse::<Dataset>()?, args.at.json);
            return open::reading(&args.at, async |store| scores::scores(store, &dataset, json).await).await;
        }
        Command::Forecast(args) => {
            let (dataset, csv, json) = (args.dataset.parse::<Dataset>()?, args.csv, args.at.json);
            let print = async |store: &dyn platform::Store| forecast::forecast(store, &dataset, csv, json).await;
            return open::reading(&args.at, print).await;
        }
        Command::Lineage(args) => {
            let (key, json) = (args.key, args.at.json);
            return open::reading(&args.at, async |store| lineage::lineage(store, &key, json).await).await;
        }
        Command::Retry(args) => return retry::retry(&args).await,
        Command::Sweep(args) => return sweep::sweep(&args).await,
        Command::Source(args) => source::source(args).await?,
        Command::Dlq(args) => return dlq::dlq(&args).await,
        Command::Rollback(args) => return rollback::rollback(&args).await,
        Command::Doctor(args) => return doctor::doctor(&args).await,
        Command::Config(args) => config::config(&args)?,
        Command::Generate(args) => {
            for path in generate::generate(&args)? {
                print::print(&path.display().to_string());
            }
        }
        Command::Completions(args) => pages::completions(args.shell)?,
        Command::Man(args) => pages::man(args.command.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts logging: the events of commands that run until a signal, and only errors of commands that print their own results.
/// `FLITS__LOG__FILTER` asks for more.
/// Hold what is returned as long as the process logs.
pub fn logs(cli: &Cli) -> Option<Logging> {
    let filter = match cli.command {
        // The S3 server answers refusals to its client; its protocol crate logs them as errors.
        Command::Up(_) | Command::Pump(_) | Command::Source(_) => "info,s3s=off,aws_config=error",
        // A failed job is printed with its result.
        _ => "error,s3s=off,platform::driver=off,aws_config=off",
    };
    let started = Sources::of_process(None)
        .map(|sources| sources.fallback("log.filter", filter))
        .and_then(Config::read)
        .map_err(anyhow::Error::from)
        .and_then(|config| logging::start(&config.log, false));
    match started {
        Ok(logging) => Some(logging),
        Err(error) => {
            eprintln!("flits: {}", text::lines(&format!("{error:#}")));
            None
        }
    }
}
