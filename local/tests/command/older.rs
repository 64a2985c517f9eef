//! A directory of an earlier version, with rounds that have not ended, is continued to its end.

use std::{process::Command, time::Duration};

use flits::harness::{Harness, Options};
use serde_json::Value;

use crate::flits::Workspace;

const DIRECTORY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/directory-of-messages-1.tar.gz"
);

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

    let scores = |dataset: &str| -> Value {
        serde_json::from_slice(&workspace.output(&["scores", dataset, "--json"]).stdout).unwrap()
    };
    let stopped = scores("stopped");
    for one in [&stopped, &scores("killed"), &scores("queued")] {
        assert!(one["scores"]["gru"]["rmsse"].is_number(), "{one}");
    }

    // This version fits in another way, so the same upload is a new round, and the old one is no obstacle.
    let raw = workspace
        .objects("raw/stopped/")
        .await
        .remove("raw/stopped/stopped.csv")
        .unwrap();
    workspace.write("stopped.csv", &raw);
    let again = workspace.run(&["stopped.csv", "--spec", "spec.toml"]);
    assert_eq!(again["ok"], true, "{again}");
    let before = stopped["champion"]["generation"].as_u64().unwrap();
    assert!(again["champion"]["generation"].as_u64().unwrap() > before, "{again}");
}
