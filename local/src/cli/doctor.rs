//! `flits doctor`: can this machine, directory and store do the work?

use std::{path::Path, process::ExitCode, sync::Arc};

use contract::Stage;
use platform::{
    Store,
    error::chain,
    race::{WRITERS, race},
};

use super::{
    args::DoctorArgs,
    print::{print, print_json},
};
use crate::{
    harness::{Harness, Options, Servers},
    pump::BUILD,
};

/// Rounds of the store check. With fewer, a store that fails only under load would pass.
const ROUNDS: usize = 40;

/// One line of the report.
struct Check {
    what: &'static str,
    /// What was found, or what is wrong and what to do.
    found: Result<String, String>,
    /// Whether the work cannot be done without it.
    needed: bool,
}

/// Checks and reports. The exit code is a failure when something that is needed is missing.
///
/// # Errors
/// When the directory cannot be used at all.
pub(super) async fn doctor(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let elsewhere = Servers::named(args.store.clone().flatten(), args.queue.clone());
    let options = Options::new(&args.dir).elsewhere(elsewhere);
    let session = Harness::new(options).session().await?;
    let store = session.platform.store.clone();
    let mut checks = Vec::new();
    if let Some(address) = &session.address {
        let served = if session.is_holder() {
            format!("{} is free; served it for this check", args.dir.display())
        } else {
            format!("{} is served by process {}", args.dir.display(), address.pid)
        };
        checks.push(Check {
            what: "directory",
            found: Ok(served),
            needed: true,
        });
    }
    checks.extend([
        Check {
            what: "store",
            found: answers(store.as_ref()).await,
            needed: true,
        },
        functions(),
    ]);
    if args.store.is_some() {
        checks.push(Check {
            what: "conditional writes",
            found: conditional_writes(store).await,
            needed: true,
        });
    }
    session.close().await;
    let healthy = checks.iter().all(|check| check.found.is_ok() || !check.needed);
    for check in &checks {
        let (ok, text) = match &check.found {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        if args.json {
            print_json(
                &serde_json::json!({"event": "check", "what": check.what, "ok": ok, "needed": check.needed, "found": text}),
            );
        } else {
            let mark = if ok {
                "ok  "
            } else if check.needed {
                "FAIL"
            } else {
                "note"
            };
            print(&format!("{mark}  {:20} {text}", check.what));
        }
    }
    if args.json {
        print_json(&serde_json::json!({"event": "result", "ok": healthy}));
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn answers(store: &dyn Store) -> Result<String, String> {
    match store.list("", None, 1).await {
        Ok(_) => Ok("answers a signed request".to_owned()),
        Err(error) => Err(chain(&error)),
    }
}

/// Checks for the binaries that `--isolated` starts.
fn functions() -> Check {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(Path::to_owned))
        .unwrap_or_default();
    let missing: Vec<_> = Stage::ALL
        .iter()
        .map(|stage| stage.name())
        .filter(|name| !beside.join(name).is_file())
        .collect();
    let found = if missing.is_empty() {
        Ok(format!("all five stand in {}", beside.display()))
    } else {
        Err(format!("only `--isolated` needs them: {BUILD}"))
    };
    Check {
        what: "function binaries",
        found,
        needed: false,
    }
}

/// Races conditional writers.
async fn conditional_writes(store: Arc<dyn Store>) -> Result<String, String> {
    match race(&store, ROUNDS).await {
        Ok(()) => Ok(format!(
            "{ROUNDS} rounds of {WRITERS} racing writers had one winner each"
        )),
        Err(error) => Err(chain(&error)),
    }
}
