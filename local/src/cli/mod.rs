//! The `flits` command.

pub mod args;
mod axis;
pub mod doctor;
pub mod fate;
pub mod generate;
pub mod inspect;
pub mod outcome;
pub mod plot;
pub mod progress;
pub mod request;
pub mod result;
pub mod retry;
pub mod run;
pub mod up;
pub mod watch;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use contract::{Dataset, spec, text};
use platform::config::{Config, Sources};

use crate::harness::{Harness, Options, Session};
use args::{Cli, Command, ConfigArgs, DirArgs};

/// Runs one command line and gives its exit code.
///
/// # Errors
/// When the command cannot be done on this machine; what a user's data or spec did wrong is printed and is no error.
pub async fn main(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run(args) => return Box::pin(run::run(&args)).await,
        Command::Upload(args) => return run::upload(&args).await,
        Command::Up(args) => up::up(&args).await?,
        Command::Status(args) => {
            let session = reading(&args.place).await?;
            let done = inspect::status(
                session.platform.store.as_ref(),
                args.dataset.as_deref(),
                args.place.json,
            )
            .await;
            return close(session, done).await;
        }
        Command::Scores(args) => {
            let dataset: Dataset = args.dataset.parse()?;
            let session = reading(&args.place).await?;
            let done = inspect::scores(session.platform.store.as_ref(), &dataset, args.place.json).await;
            return close(session, done).await;
        }
        Command::Forecast(args) => {
            let dataset: Dataset = args.dataset.parse()?;
            let session = reading(&args.place).await?;
            let done = inspect::forecast(session.platform.store.as_ref(), &dataset, args.csv, args.place.json).await;
            return close(session, done).await;
        }
        Command::Retry(args) => return retry::retry(&args).await,
        Command::Doctor(args) => return doctor::doctor(&args).await,
        Command::Config(args) => config(&args)?,
        Command::Generate(args) => {
            for path in generate::generate(&args)? {
                print(&path.display().to_string());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints lines to standard output, none of which commands a terminal; a reader that went away is no error.
pub(crate) fn print(lines: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text::screen(lines));
}

/// Starts logging: only what went wrong where a person watches one upload, more for who asks with `FLITS__LOG__FILTER`.
pub fn logs(cli: &Cli) {
    let filter = match cli.command {
        // The embedded S3 answers refusals to its client; its protocol crate logs them as errors of ours.
        Command::Up(_) => "info,s3s=off",
        // A failed job is printed with its result.
        _ => "error,s3s=off,platform::driver=off",
    };
    let started = Sources::of_process(None)
        .map(|sources| sources.fallback("log.filter", filter))
        .and_then(Config::read)
        .map_err(anyhow::Error::from)
        .and_then(|config| Ok(platform::logging::start(&config.log, false)?));
    if let Err(error) = started {
        eprintln!("flits: {}", text::lines(&format!("{error:#}")));
    }
}

/// Opens a directory to look at it: without running any function.
async fn reading(place: &DirArgs) -> anyhow::Result<Session> {
    anyhow::ensure!(
        place.dir.is_dir(),
        "`{}` does not exist; begin with `flits run FILE`",
        place.dir.display()
    );
    Harness::new(Options::new(&place.dir)).session().await
}

async fn close(session: Session, done: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    session.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// Prints the resolved spec and the host's settings.
fn config(args: &ConfigArgs) -> anyhow::Result<()> {
    let pairs = args
        .spec
        .sets
        .iter()
        .map(|set| spec::parse_set(set))
        .collect::<Result<Vec<_>, _>>()?;
    let mut sources = Sources::of_process(None)?;
    for (path, value) in spec::split_host(pairs).1 {
        sources = sources.set(&format!("host.{path}"), &value);
    }
    let host = Config::read(sources)?;
    let environment = host.host.overrides.clone().into_iter().collect();
    let spec = spec::resolve(&request::layers(&args.spec, environment)?)?;
    if args.json {
        progress::print_json(&spec);
    } else {
        print(&format!(
            "# The resolved spec: --spec, {{dataset}}.toml and --set change it.\n{}",
            toml_text(&spec)?
        ));
        print(&format!(
            "# The host: FLITS__SECTION__KEY and --set host.* change it.\n{}",
            host.effective()
        ));
    }
    Ok(())
}

fn toml_text(spec: &contract::Spec) -> anyhow::Result<String> {
    toml::to_string(spec).context("the spec is no TOML")
}
