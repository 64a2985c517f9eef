//! After a kill at any moment the same command continues and ends with the same digests.

use std::{
    io::Read as _,
    process::{Child, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::flits::{Workspace, result};

/// How many moments, spread over the time of the undisturbed run.
const MOMENTS: u32 = 50;
const RUN: [&str; 7] = [
    "run",
    "load.csv",
    "--spec",
    "spec.toml",
    "--json",
    "--set",
    "host.max_attempts=200",
];

#[tokio::test]
async fn a_run_that_is_killed_at_any_moment_ends_like_a_calm_one() {
    let calm = Workspace::new();
    let began = Instant::now();
    assert_eq!(result(&calm.output(&RUN))["ok"], true);
    let mut whole = began.elapsed();
    let expected = calm.results().await;
    let mut in_the_middle = 0;
    for moment in 0..MOMENTS {
        let workspace = Workspace::new();
        let child = workspace.command(&RUN).stdout(Stdio::piped()).spawn().unwrap();
        match kill_after(child, whole * moment / MOMENTS) {
            None => in_the_middle += 1,
            // The undisturbed run may have had to share the machine, so the remaining moments are taken from the time
            // of a new one.
            Some(ended) => whole = whole.min(ended),
        }
        let output = workspace.output(&RUN);
        assert_eq!(result(&output)["ok"], true, "killed at {moment}/{MOMENTS} of {whole:?}");
        assert_eq!(
            workspace.results().await,
            expected,
            "killed at {moment}/{MOMENTS} of {whole:?}"
        );
    }
    // A run that is faster than the ones before may end before its moment.
    assert!(
        in_the_middle > MOMENTS / 2,
        "only {in_the_middle} of {MOMENTS} kills hit a running command"
    );
}

/// Kills a command after some time with SIGKILL; gives the time that it took where it had ended before.
fn kill_after(mut child: Child, time: Duration) -> Option<Duration> {
    let began = Instant::now();
    let mut out = child.stdout.take().unwrap();
    let (ended, end) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        let _ = out.read_to_end(&mut text);
        let _ = ended.send(());
    });
    let ended = end.recv_timeout(time).ok().map(|()| began.elapsed());
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    ended
}

#[test]
fn ctrl_c_leaves_a_directory_that_the_same_command_goes_on_with() {
    let workspace = Workspace::new();
    let child = workspace.command(&RUN).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id().to_string();
    let waiting = thread::spawn(move || child.wait_with_output().unwrap());
    // As soon as the servers are up, there is something to interrupt.
    let begun = Instant::now();
    while !workspace.path(".flits/address.json").is_file() && begun.elapsed() < Duration::from_mins(1) {
        thread::yield_now();
    }
    std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .unwrap();
    let output = waiting.join().unwrap();
    assert!(matches!(output.status.code(), Some(130 | 0)), "{:?}", output.status);
    assert_eq!(result(&workspace.output(&RUN))["ok"], true);
}
