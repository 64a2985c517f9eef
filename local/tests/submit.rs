//! Uploads from the command line on stores in memory: which job they begin, and the reason for those that begin none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf, sync::Arc, time::Duration};

use contract::{Failure, FailureKind, JobId, spec::Choice};
use flits::submit::{Submission, SubmitError, prepare};
use platform::{
    Host, Platform, Stop, Store,
    ledger::{Ledger, State},
    serve::handle_batch,
    walk,
};
use preprocess::Preprocess;
use serde_json::{Value, json};
use testing::memory::{Faults, World};

/// A platform in memory whose operations are counted, and a directory for files.
struct House {
    world: World,
    platform: Platform,
    faults: Arc<Faults>,
    files: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let (world, faults) = (World::new(), Faults::new(None));
        let files = tempfile::tempdir().unwrap();
        let host = Host {
            owner: "test".to_owned(),
            bucket: "flits".to_owned(),
            deadline: Duration::from_mins(15),
            lease: Duration::from_mins(2),
            memory: 1 << 30,
            threads: 2,
            poll: std::time::Duration::from_secs(1),
            max_attempts: 5,
            max_upload: 1000,
            scratch: files.path().to_owned(),
            overrides: BTreeMap::new(),
        };
        let platform = Platform::new(
            faults.store(world.store.clone()),
            faults.queue(world.queue.clone()),
            world.clock.clone(),
            host,
        );
        Self {
            world,
            platform,
            faults,
            files,
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn submission(&self, name: &str) -> Submission {
        Submission {
            dataset: "cell".to_owned(),
            file: self.write(name, &hours(0..30)),
            test: None,
            spec: None,
            set: Vec::new(),
            force: false,
        }
    }

    /// Returns the event that the store sends of an object's newest version.
    async fn event(&self, key: &str) -> Value {
        let etag = self.world.store.head(key).await.unwrap().etag;
        let encoded = key.replace('+', "%2B").replace(' ', "+");
        let object = json!({"key": encoded, "eTag": etag.as_str(), "size": 1});
        json!({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "flits"}, "object": object}}]})
    }

    /// Hands an event to `preprocess`; returns whether it is acknowledged.
    async fn deliver(&self, event: &Value) -> bool {
        let record = json!({"messageId": "m", "receiptHandle": "h", "body": event.to_string(),
                            "attributes": {"ApproximateReceiveCount": "1"}});
        let batch = serde_json::from_value(json!({"Records": [record]})).unwrap();
        let response = handle_batch(&Preprocess::default(), batch, &Stop::never(), &self.platform).await;
        response.batch_item_failures.is_empty()
    }

    async fn ledger(&self, job: JobId) -> Option<Ledger> {
        walk::ledger(self.platform.store.as_ref(), job).await.unwrap()
    }

    async fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        for key in self.world.store.keys().iter().filter(|key| key.starts_with("failed/")) {
            let object = self.world.store.get(key, 1 << 20).await.unwrap();
            failures.push(serde_json::from_slice(&object.bytes).unwrap());
        }
        failures
    }
}

/// Writes one row for each hour of a day and those after it.
fn hours(range: std::ops::Range<u32>) -> String {
    range.fold("time,a\n".to_owned(), |mut text, hour| {
        let (day, time) = (1 + hour / 24, hour % 24);
        writeln!(text, "2024-03-{day:02} {time:02}:00:00,{hour}").unwrap();
        text
    })
}

#[tokio::test]
async fn a_submission_names_the_job_that_its_notification_will_start() {
    let house = House::new();
    let mut handed = house.submission("a b+c.csv");
    handed.test = Some(house.write("whatever.csv", &hours(30..36)));
    handed.set = vec![("window.context".to_owned(), "24".to_owned())];
    let prepared = prepare(&handed, &house.platform).await.unwrap();
    let key = prepared.upload.key();
    assert_eq!(key, "raw/cell/a b+c.csv");
    assert!(!house.world.store.keys().contains(&key), "nothing is uploaded yet");
    prepared.upload(&house.platform).await.unwrap();
    assert!(prepared.spec.split.holdout.is_test_file() && prepared.spec.window.context == Choice::Given(24));
    let operations = house.faults.operations();
    let uploads: Vec<_> = operations
        .iter()
        .filter(|operation| operation.starts_with("upload"))
        .collect();
    assert_eq!(
        uploads,
        ["upload raw/cell/a b+c_test.csv", "upload raw/cell/a b+c.csv"],
        "the test file first"
    );
    let event = house.event(&key).await;
    assert!(house.deliver(&event).await);
    let ledger = house.ledger(prepared.first.job).await;
    assert_eq!(
        ledger.map(|ledger| ledger.state),
        Some(State::Committed),
        "the function computes the same job: {:?}",
        house.failures().await
    );
}

#[tokio::test]
async fn the_same_submission_again_is_the_same_job_unless_it_is_forced() {
    let house = House::new();
    let mut handed = house.submission("a.csv");
    let first = prepare(&handed, &house.platform).await.unwrap();
    let again = prepare(&handed, &house.platform).await.unwrap();
    assert_eq!(first.first.job, again.first.job);
    handed.force = true;
    let forced = prepare(&handed, &house.platform).await.unwrap();
    assert_ne!(first.first.job, forced.first.job);
}

#[tokio::test]
async fn a_refused_submission_is_written_down_and_uploads_nothing() {
    let house = House::new();
    let good = house.submission("a.csv");
    let wrong_spec = Submission {
        set: vec![("window.context".to_owned(), "none".to_owned())],
        ..good.clone()
    };
    let test_name = Submission {
        file: house.write("a_test.csv", "1"),
        ..good.clone()
    };
    let large = Submission {
        file: house.write("large.csv", &"x".repeat(2000)),
        ..good.clone()
    };
    for (case, handed, kind) in [
        ("spec", &wrong_spec, FailureKind::Spec),
        ("name", &test_name, FailureKind::Event),
        ("size", &large, FailureKind::Data),
    ] {
        for attempt in ["first", "again"] {
            let Err(SubmitError::Refused(refused)) = prepare(handed, &house.platform).await else {
                panic!("{case}")
            };
            assert_eq!(refused.0.kind, kind, "{case} {attempt}: {refused}");
            assert!(house.failures().await.contains(&refused.0), "{case} {attempt}");
        }
    }
    assert!(!house.world.store.keys().iter().any(|key| key.starts_with("raw/")));
    let missing = Submission {
        file: "/nowhere/a.csv".into(),
        ..good
    };
    assert!(matches!(
        prepare(&missing, &house.platform).await,
        Err(SubmitError::File { .. })
    ));
}

/// Two uploads of the same data under two specs, before anybody looked at the first.
#[tokio::test]
async fn the_spec_that_an_event_names_counts_and_not_that_of_a_later_upload() {
    let house = House::new();
    let mut jobs = Vec::new();
    let mut events = Vec::new();
    for (number, context) in ["12", "24"].into_iter().enumerate() {
        let mut handed = house.submission("a.csv");
        handed.set = vec![("window.context".to_owned(), context.to_owned())];
        let prepared = prepare(&handed, &house.platform).await.unwrap();
        prepared.upload(&house.platform).await.unwrap();
        let mut event = house.event(&prepared.upload.key()).await;
        let object = &mut event["Records"][0]["s3"]["object"];
        object["userMetadata"] = json!({"X-Amz-Meta-Flits-Spec": prepared.first.stage.spec().hex()});
        object["sequencer"] = json!(format!("{number:016X}"));
        events.push(event);
        jobs.push(prepared.first.job);
    }
    // One after the other: side by side, both would clean the data before either has left its result.
    for event in &events {
        assert!(house.deliver(event).await);
    }
    let mut worked = 0;
    for job in jobs {
        let ledger = house.ledger(job).await.expect("each of them begins");
        assert_eq!(ledger.state, State::Committed, "{:?}", house.failures().await);
        worked += usize::from(!ledger.result.unwrap().adopted);
    }
    assert_eq!(worked, 1, "the same data are cleaned once");
}
