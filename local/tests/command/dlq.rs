//! `flits dlq`: what queues and hosts set aside is listed, stays where it is, and is put back when a person asks.

use std::time::Duration;

use contract::{Dead, Digest, Stage, canonical, keys};
use platform::Queue;
use serde_json::Value;

use crate::flits::Workspace;

/// More deliveries than a queue of a directory allows.
const RECEIVES: usize = 1_001;

impl Workspace {
    /// Uploads the file, and has its event received until the queue sets it aside. Returns the event.
    async fn set_aside(&self) -> String {
        let uploaded = self.output(&["upload", "load.csv", "--spec", "spec.toml"]);
        assert!(uploaded.status.success(), "{uploaded:?}");
        let session = self.session().await;
        let queue = session.platform.queue.clone();
        let mut body = String::new();
        for _ in 0..RECEIVES {
            for event in receive(&*queue).await {
                queue
                    .extend(Stage::Preprocess, &event.handle, Duration::ZERO)
                    .await
                    .unwrap();
                body = event.body;
            }
        }
        session.close().await;
        body
    }

    /// Stores a body that a host could not accept. Returns its id.
    async fn refused(&self, body: &str) -> String {
        let dead = Dead {
            reason: "not for us".to_owned(),
            body: body.to_owned(),
            at: "2026-01-01T00:00:00Z".to_owned(),
        };
        let digest = Digest::of(body.as_bytes());
        let session = self.session().await;
        let stored = session
            .platform
            .store
            .put(&keys::dead(digest), canonical(&dead).unwrap().into())
            .await;
        stored.unwrap();
        session.close().await;
        digest.hex()
    }

    fn dead(&self) -> Vec<Value> {
        let output = self.output(&["dlq", "list", "--json"]);
        let lines = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let result = lines.pop().unwrap();
        assert_eq!(
            (&result["event"], &result["dead"]),
            (&"result".into(), &lines.len().into())
        );
        lines
    }
}

async fn receive(queue: &dyn Queue) -> Vec<platform::Delivered> {
    queue.receive(Stage::Preprocess, 10, Duration::ZERO).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_set_aside_is_listed_and_put_back() {
    let workspace = Workspace::new();
    workspace.set_aside().await;
    for _ in 0..2 {
        let dead = workspace.dead();
        let [letter] = dead.as_slice() else { panic!("{dead:?}") };
        assert_eq!(
            (&letter["event"], &letter["stage"]),
            (&"dead".into(), &"preprocess".into()),
            "{letter}"
        );
        assert_eq!(letter["about"]["uploads"][0]["key"], "raw/load/load.csv");
        assert!(
            letter["at"].is_string() && letter["received"].as_u64() > Some(1_000),
            "{letter}"
        );
    }
    let id = workspace.dead()[0]["id"].as_str().unwrap().to_owned();
    let text = String::from_utf8(workspace.output(&["dlq", "list"]).stdout).unwrap();
    assert!(
        text.contains(&id) && text.contains("event of `flits/raw/load/load.csv`"),
        "{text}"
    );

    let (replayed, ok) = workspace.result(&["dlq", "replay", &id[..8]]);
    assert!(ok && replayed["replayed"][0]["id"] == id.as_str(), "{replayed}");
    assert_eq!(workspace.dead(), Vec::<Value>::new());
    workspace
        .up_until(async |store| store.head("forecasts/load/0-of-1/latest.json").await.is_ok())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_a_host_refused_is_put_back_where_a_stage_can_receive_it() {
    let workspace = Workspace::new();
    let event = workspace.set_aside().await;
    let (of_event, of_nothing) = (workspace.refused(&event).await, workspace.refused("<html>").await);
    let dead = workspace.dead();
    let of = |id: &str| dead.iter().find(|letter| letter["id"] == id).unwrap();
    assert_eq!((dead.len(), &of(&of_event)["stage"]), (3, &"preprocess".into()));
    assert_eq!(
        (&of(&of_nothing)["stage"], &of(&of_nothing)["why"]),
        (&Value::Null, &"not for us".into())
    );

    let (result, ok) = workspace.result(&["dlq", "replay", "--all"]);
    assert!(!ok && result["left"][0]["id"] == of_nothing.as_str(), "{result}");
    assert_eq!(result["replayed"].as_array().unwrap().len(), 2, "{result}");
    assert_eq!(workspace.dead().len(), 1, "what no stage can receive stays");
    let said = workspace.refusal(&["dlq", "replay", "0000"]);
    assert!(
        said.contains("no id of the 1 dead letters begins with `0000`"),
        "{said}"
    );
    assert!(workspace.refusal(&["dlq", "replay"]).contains("<ID>"));
}

/// The job failed for good, then its message was put back.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_failed_job_opens_it_again() {
    let workspace = Workspace::new();
    workspace.write("load.csv", "time,a\n2024-01-01,1\n2024-01-02,x\n2024-01-03,3\n");
    let failed = workspace.run(&["load.csv"]);
    assert_eq!(failed["failed"][0]["stage"], "preprocess", "{failed}");
    let job = failed["failed"][0]["job"].as_str().unwrap().to_owned();
    let ledgers = workspace.objects(&format!("jobs/{}/{job}", &job[..2])).await;
    let ledger: Value = serde_json::from_slice(ledgers.values().next().unwrap()).unwrap();
    workspace.refused(&ledger["trigger"]["message"].to_string()).await;

    let dead = workspace.dead();
    assert_eq!(
        (&dead[0]["about"]["job"], &dead[0]["about"]["dataset"]),
        (&job.as_str().into(), &"load".into())
    );
    let (result, ok) = workspace.result(&["dlq", "replay", "--all"]);
    assert!(ok && result["replayed"][0]["reopened"] == true, "{result}");
    let status = String::from_utf8(workspace.output(&["status"]).stdout).unwrap();
    assert!(
        status.contains("of preprocess waits for a worker, attempt 0"),
        "{status}"
    );
}
