//! A directory of an earlier version, with rounds that have not ended, is continued to its end.

use std::{process::Command, time::Duration};

use flits::harness::{Harness, Options};
use serde_json::Value;

use crate::flits::{Workspace, result};

const DIRECTORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/directory-of-messages-1.tar.gz"
);
/// The arguments with which the rounds were started; see the README of the fixture.
const SETTINGS: [&str; 4] = [
    "--set",
    "models.gru.epochs=6000",
    "--set",
    "models.gru.early_stopping=false",
];

#[tokio::test(flavor = "multi_thread")]
async fn rounds_that_an_earlier_version_began_end_as_if_nobody_had_stopped_them() {
    let workspace = Workspace::new();
    let unpacked = Command::new("tar")
        .args(["-xzf", DIRECTORY])
        .current_dir(workspace.dir.path())
        .status();
    assert!(unpacked.unwrap().success());
    let mut server = workspace.up(&[]);
    let session = Harness::new(Options::new(&workspace.path(".flits")))
        .session()
        .await
        .unwrap();
    let store = session.platform.store.clone();
    let all = async {
        for dataset in ["stopped", "killed", "queued"] {
            let latest = format!("forecasts/{dataset}/0-of-1/latest.json");
            while store.head(&latest).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_mins(2), all).await;
    server.kill().unwrap();
    server.wait().unwrap();
    session.close().await;
    assert!(
        ended.is_ok(),
        "a round does not end: {}",
        String::from_utf8_lossy(&workspace.output(&["status"]).stdout)
    );
    assert_eq!(workspace.objects("failed/").await.len(), 0, "nothing of it failed");

    // A directory of this version, in which the same upload is processed from the beginning.
    let raw = workspace
        .objects("raw/stopped/")
        .await
        .remove("raw/stopped/stopped.csv")
        .unwrap();
    let fresh = Workspace::new();
    fresh.write("stopped.csv", &raw);
    let arguments = [&["stopped.csv", "--spec", "spec.toml"][..], &SETTINGS].concat();
    let whole = fresh.run(&arguments);
    let scores: Value = serde_json::from_slice(&workspace.output(&["scores", "stopped", "--json"]).stdout).unwrap();
    assert_eq!(
        scores["scores"], whole["scores"],
        "gone on from its checkpoint, to the last bit"
    );
    assert_eq!(scores["champion"]["digest"], whole["champion"]["digest"]);

    // What was finished before is found and reused.
    workspace.write("stopped.csv", &raw);
    let mut again = vec!["run", "--json"];
    again.extend(arguments);
    let again = result(&workspace.output(&again));
    assert_eq!(
        (&again["ok"], &again["champion"]["digest"]),
        (&whole["ok"], &whole["champion"]["digest"])
    );
    let fitted = again["stages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|stage| stage["stage"] == "train" && stage["reused"] == false);
    assert_eq!(fitted.count(), 0, "{again}");
}
