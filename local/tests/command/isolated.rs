//! Functions as processes of their own: a model whose worker dies does not stop the round, and none outlives the command.

use std::path::Path;

use crate::flits::Workspace;

/// The function binaries are beside the command where the whole workspace was built.
pub(crate) fn binaries() -> bool {
    let beside = Path::new(env!("CARGO_BIN_EXE_flits")).parent().unwrap();
    let all = ["preprocess", "sample", "train", "eval", "infer"]
        .iter()
        .all(|name| beside.join(name).is_file());
    if !all {
        println!("SKIPPED: the function binaries are not built; `cargo build --workspace --bins` builds them");
    }
    all
}

#[test]
fn a_round_decides_without_the_model_that_diverges_and_the_one_that_is_always_killed() {
    if !binaries() {
        return;
    }
    let workspace = Workspace::new();
    let spec = std::fs::read_to_string(workspace.path("spec.toml")).unwrap();
    let wild = "[[models]]\nkind = \"lstm\"\nhidden = 3\nlayers = 1\nepochs = 20\nlr = 1e30\n";
    workspace.write("wild.toml", format!("{spec}{wild}"));
    let result = workspace.run(&[
        "load.csv",
        "--spec",
        "wild.toml",
        "--isolated",
        "--set",
        "host.max_attempts=1",
        "--set",
        "host.command.train-gru=sh -c 'kill -9 $$'",
    ]);
    assert_eq!(result["ok"], true, "{result}");
    let out = &result["out"];
    assert!(out["lstm"].as_str().unwrap().contains("NaN"), "{out}");
    assert!(out["gru"].as_str().unwrap().contains("SIGKILL"), "{out}");
    assert!(result["scores"]["linear"]["rmsse"].is_number(), "{result}");
    assert!(
        ["naive", "seasonal-naive", "linear"].contains(&result["champion"]["model"].as_str().unwrap()),
        "{result}"
    );
}

/// The ids of running processes whose parent is `parent`.
#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(|id| stat(*id).is_some_and(|(state, of)| state != "Z" && of == parent))
        .collect()
}

/// The state of a process and its parent.
#[cfg(target_os = "linux")]
fn stat(process: u32) -> Option<(String, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

#[cfg(target_os = "linux")]
#[test]
fn functions_die_with_a_command_that_is_killed() {
    use std::{
        process::Stdio,
        time::{Duration, Instant},
    };
    if !binaries() {
        return;
    }
    let workspace = Workspace::new();
    let endless = [
        "run",
        "load.csv",
        "--spec",
        "spec.toml",
        "--isolated",
        "--set",
        "models.gru.epochs=100000",
        "--set",
        "models.gru.early_stopping=false",
        // Long enough that a lost lease ends nothing here.
        "--set",
        "host.lease=600s",
    ];
    let mut command = workspace.command(&endless).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    let in_time = || assert!(began.elapsed() < Duration::from_mins(1), "it takes too long");
    let logs = workspace.path(".flits/logs/train.log");
    while !std::fs::read_to_string(&logs).is_ok_and(|log| log.contains("epoch finished")) {
        in_time();
        std::thread::yield_now();
    }
    let functions = children(command.id());
    assert!(!functions.is_empty(), "it trains in a process of its own");
    command.kill().unwrap();
    command.wait().unwrap();
    while functions
        .iter()
        .any(|id| stat(*id).is_some_and(|(state, _)| state != "Z"))
    {
        in_time();
        std::thread::yield_now();
    }
}
