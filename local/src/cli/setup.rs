//! `flits setup`: what functions need on servers that stand elsewhere.

use std::process::ExitCode;

use platform::{
    aws::setup::{Found, Step},
    config::Config,
    error::chain,
    race::{WRITERS, race},
};

use super::{
    args::SetupArgs,
    print::{print, print_json},
};
use crate::harness::Servers;

/// Rounds of racing writers. With fewer, a store that fails only under load would pass.
const ROUNDS: usize = 40;

/// Sets up the servers, or looks at them. The exit code is a failure when something is missing or wrong in the end.
///
/// # Errors
/// When a setting is wrong, a server does not answer, or it refuses a request.
pub(super) async fn setup(args: &SetupArgs) -> anyhow::Result<ExitCode> {
    let servers = Servers {
        store: args.servers.store.clone(),
        queue: args.servers.queue.clone(),
    };
    let config = servers.config(&[])?;
    let mut steps = config.set_up(args.notify.as_deref(), !args.check).await?;
    if !args.check {
        steps.push(conditional_writes(&config).await?);
    }
    for step in &steps {
        tell(step, args.json);
    }
    let well = steps.iter().all(|step| step.found.is_well());
    if args.json {
        print_json(&serde_json::json!({"event": "result", "ok": well}));
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has writers race on the new store: one that lets two of them win cannot be used.
async fn conditional_writes(config: &Config) -> anyhow::Result<Step> {
    let (found, detail) = match race(&config.connect().await?.store, ROUNDS).await {
        Ok(()) => (
            Found::Right,
            format!("{ROUNDS} rounds of {WRITERS} racing writers had one winner each"),
        ),
        Err(error) => (Found::Wrong, chain(&error)),
    };
    Ok(Step {
        what: "conditional writes".to_owned(),
        found,
        detail,
    })
}

fn tell(step: &Step, json: bool) {
    let Step { what, found, detail } = step;
    if json {
        return print_json(&serde_json::json!({"event": "step", "what": what, "found": found, "detail": detail}));
    }
    let word = match found {
        Found::Right => "right",
        Found::Made => "made",
        Found::Changed => "changed",
        Found::Missing => "MISSING",
        Found::Wrong => "WRONG",
        Found::NotOffered => "note",
    };
    print(&format!("{word:8} {what:28} {detail}"));
}
