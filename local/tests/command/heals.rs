//! Objects that were lost after an upload, and uploads that no job begins with: `flits run` ends with a forecast or
//! with the reason.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Stdio},
    time::Duration,
};

use flits::harness::{Harness, Options, Session};
use serde_json::Value;

use crate::{
    flits::{Workspace, csv, objects, result, worked},
    isolated::binaries,
};

const RUN: [&str; 3] = ["load.csv", "--spec", "spec.toml"];

impl Workspace {
    pub(crate) async fn session(&self) -> Session {
        let harness = Harness::new(Options::new(&self.path(".flits")));
        harness.session().await.unwrap()
    }

    /// Deletes the objects with the wanted keys and texts, as retention or a person does. Returns how many.
    pub(crate) async fn take_away(&self, prefix: &str, mut wanted: impl FnMut(&str, &str) -> bool) -> usize {
        let objects = self.objects(prefix).await;
        let session = self.session().await;
        let mut taken = 0;
        for (key, bytes) in objects {
            if wanted(&key, &String::from_utf8_lossy(&bytes)) {
                session.platform.store.delete(&key).await.unwrap();
                taken += 1;
            }
        }
        session.close().await;
        taken
    }
}

/// A command that is killed if it does not end by itself.
struct Bounded(Child);

impl Bounded {
    /// Waits for at most a minute; a command that hangs fails its test.
    fn result(mut self) -> Value {
        let mut out = self.0.stdout.take().unwrap();
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut text = Vec::new();
            out.read_to_end(&mut text).unwrap();
            let _ = send.send(text);
        });
        let Ok(stdout) = receive.recv_timeout(Duration::from_mins(1)) else {
            self.0.kill().unwrap();
            panic!("the command hangs");
        };
        let status = self.0.wait().unwrap();
        let result = result(&std::process::Output {
            status,
            stdout,
            stderr: Vec::new(),
        });
        assert_eq!(status.success(), result["ok"] == true, "{result}");
        result
    }
}

impl Workspace {
    fn spawn(&self, arguments: &[&str]) -> Bounded {
        let mut all = vec!["run"];
        all.extend(arguments);
        all.push("--json");
        Bounded(self.command(&all).stdout(Stdio::piped()).spawn().unwrap())
    }

    fn run_bounded(&self, arguments: &[&str]) -> Value {
        self.spawn(arguments).result()
    }
}

#[tokio::test]
async fn a_deleted_ledger_is_healed_by_the_same_upload() {
    let workspace = Workspace::new();
    let first = workspace.run_bounded(&RUN);
    let taken = workspace
        .take_away("jobs/", |_, text| {
            text.contains(r#""stage":"train""#) && text.contains(r#""member":"gru""#)
        })
        .await;
    assert_eq!(taken, 1);
    let again = workspace.run_bounded(&RUN);
    assert_eq!(
        (&again["forecast"], &again["scores"]),
        (&first["forecast"], &first["scores"])
    );
    // What ended in the second of the upload may count as work of this run, so only the job that lost its ledger is asked.
    let trained = worked(&again).into_iter().filter(|stage| stage == "train gru");
    assert_eq!(trained.count(), 0, "its work was there and was adopted");
}

#[tokio::test]
async fn outputs_that_are_gone_are_made_again_by_the_same_upload() {
    let workspace = Workspace::new();
    let first = workspace.run_bounded(&RUN);
    let before = workspace.results().await;
    // What the design lets retention delete (clean parts, cuts, some ledgers), and what should never be deleted.
    for prefix in ["rounds/", "clean/", "samples/", "models/", "forecasts/"] {
        assert!(
            workspace
                .take_away(prefix, |key, _| !key.ends_with("latest.json"))
                .await
                > 0,
            "{prefix}"
        );
        let again = workspace.run_bounded(&RUN);
        assert_eq!(again["ok"], true, "without {prefix}: {again}");
        assert_eq!(workspace.results().await, before, "without {prefix}, to the last byte");
        assert_eq!(again["forecast"], first["forecast"]);
    }
}

#[tokio::test]
async fn data_that_retention_took_away_are_made_again_for_another_spec() {
    let workspace = Workspace::new();
    workspace.run_bounded(&RUN);
    assert_eq!(workspace.take_away("clean/", |_, _| true).await, 1);
    let more = workspace.run_bounded(&["load.csv", "--spec", "spec.toml", "--set", "promote.margin=0.02"]);
    assert_eq!(more["ok"], true, "{more}");
    assert!(worked(&more).contains(&"preprocess".to_owned()), "{:?}", worked(&more));
}

/// The bound is that of the serving process; the client does not know it.
#[tokio::test]
async fn an_upload_above_the_cap_of_whoever_serves_ends_with_the_bound() {
    let workspace = Workspace::new();
    let mut server = workspace.up(&["--set", "host.max_upload=1024"]);
    let refused = workspace.run_bounded(&RUN);
    assert_eq!(refused["failed"][0]["bound"], "at most 1024 bytes", "{refused}");
    let again = workspace.run_bounded(&RUN);
    assert_eq!(again["failed"][0]["bound"], "at most 1024 bytes", "again too: {again}");
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(workspace.run_bounded(&RUN)["ok"], true, "whoever serves now takes it");
}

/// No function runs in this directory, so the first upload waits in its queue while a second one replaces it.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_replaced_before_it_is_received_ends_with_that_reason() {
    let workspace = Workspace::new();
    let session = workspace.session().await;
    let waiting = workspace.spawn(&RUN);
    let uploaded = async {
        while session.platform.store.head("raw/load/load.csv").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), uploaded).await.unwrap();
    workspace.write("load.csv", csv(90));
    assert!(
        workspace
            .output(&["upload", "load.csv", "--spec", "spec.toml"])
            .status
            .success()
    );
    let ended = waiting.result();
    let lost = ended["lost"].as_str().unwrap_or_default();
    assert!(
        lost.contains("a later upload took the place of `raw/load/load.csv`"),
        "{ended}"
    );
    session.close().await;
    assert_eq!(workspace.run_bounded(&RUN)["ok"], true);
}

/// No function runs while they are made: when the first event is read, the second upload's spec is already stored.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_under_two_specs_begin_twice() {
    let workspace = Workspace::new();
    for margin in ["0.02", "0.03"] {
        let set = format!("promote.margin={margin}");
        let uploaded = workspace.output(&["upload", "load.csv", "--spec", "spec.toml", "--set", &set]);
        assert!(uploaded.status.success());
    }
    let mut server = workspace.up(&[]);
    let session = workspace.session().await;
    let decided = async {
        while objects(session.platform.store.as_ref(), "rounds/")
            .await
            .keys()
            .filter(|key| key.ends_with("decision.json"))
            .count()
            < 2
        {
            tokio::task::yield_now().await;
        }
    };
    let both = tokio::time::timeout(Duration::from_mins(1), decided).await;
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(both.is_ok(), "one of them never began");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_works_is_said_after_half_a_minute() {
    let workspace = Workspace::new();
    let session = workspace.session().await;
    let mut waiting = workspace.spawn(&RUN);
    let out = BufReader::new(waiting.0.stdout.take().unwrap());
    let mut said = None;
    for line in out.lines().map_while(Result::ok) {
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "waiting" {
            said = Some(event);
            break;
        }
    }
    waiting.0.kill().unwrap();
    waiting.0.wait().unwrap();
    session.close().await;
    assert_eq!(said.unwrap()["for"][0], "preprocess (no function has begun)");
}

/// After its cause is fixed, a person retries it.
#[tokio::test]
async fn a_failed_dataset_or_job_is_tried_again_when_a_person_asks() {
    let workspace = Workspace::new();
    if !binaries() {
        return;
    }
    let killed = [
        "load.csv",
        "--spec",
        "spec.toml",
        "--isolated",
        "--set",
        "host.command.train=false",
        "--set",
        "host.max_attempts=1",
    ];
    let failed = workspace.run_bounded(&killed);
    assert_eq!(failed["ok"], false, "{failed}");
    let jobs: Vec<&str> = failed["failed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["job"].as_str().unwrap())
        .collect();
    assert_eq!(jobs.len(), 4, "naive, seasonal-naive, linear and gru: {failed}");
    let retry = |what: &str| {
        let output = workspace.output(&["retry", what, "--json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        result(&output)["retried"].as_array().unwrap().clone()
    };
    let one = retry(&jobs[0][..12]);
    assert_eq!((one.len(), one[0]["job"].as_str()), (1, Some(jobs[0])));
    assert_eq!(retry("load").len(), 3, "those that are left");
    let status = String::from_utf8(workspace.output(&["status", "load"]).stdout).unwrap();
    assert_eq!(
        status.matches("of train waits for a worker, attempt 0").count(),
        4,
        "{status}"
    );
    let nothing = workspace.output(&["retry", "load"]);
    let said = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(
        !nothing.status.success() && said.contains("nothing has failed"),
        "{said}"
    );
    let retried = workspace.run_bounded(&RUN);
    assert_eq!(retried["ok"], true, "{retried}");
    assert_eq!(retried["scores"].as_object().unwrap().len(), 4);
    let status = String::from_utf8(workspace.output(&["status", "load"]).stdout).unwrap();
    assert!(!status.contains("failed"), "{status}");
}
