//! The front door: which uploads begin a walk, under which spec, and what happens to the others.

use std::{collections::BTreeMap, time::Duration};

use crate::support::{House, Spoilt, batch, ids, notification};
use contract::{FailedStage, FailureKind, Stage, spec::Choice};
use platform::Store;

#[tokio::test]
async fn a_key_with_a_space_and_a_plus_is_decoded_once() {
    let house = House::new();
    for key in ["raw/cell/a b+c.csv", "raw/cell/100%25.csv", "raw/cell/é/ü.csv"] {
        house.put(key, key).await;
        let etag = house.world.store.head(key).await.unwrap().etag;
        // As MinIO and moto write it: `/` is encoded too.
        let encoded: String = key
            .bytes()
            .map(|b| match b {
                b' ' => "+".to_owned(),
                b if b.is_ascii_alphanumeric() || b == b'.' => char::from(b).to_string(),
                b => format!("%{b:02X}"),
            })
            .collect();
        let response = house.deliver(&[notification("flits", &encoded, etag.as_str())]).await;
        assert!(response.batch_item_failures.is_empty());
    }
    assert_eq!(house.worked(), 3, "{:?}", house.failures().await);
}

#[tokio::test]
async fn an_event_of_a_replaced_or_deleted_object_starts_nothing() {
    let house = House::new();
    house.put("raw/cell/a.csv", "old").await;
    let old = house.notification("raw/cell/a.csv").await;
    house.put("raw/cell/a.csv", "new").await;
    assert!(
        house
            .deliver(std::slice::from_ref(&old))
            .await
            .batch_item_failures
            .is_empty()
    );
    assert_eq!(house.worked(), 0);
    house.world.store.remove("raw/cell/a.csv");
    assert!(house.deliver(&[old]).await.batch_item_failures.is_empty());
    assert_eq!((house.worked(), house.failures().await.len()), (0, 0));
}

#[tokio::test]
async fn the_datasets_spec_and_the_predecessors_environment_make_the_spec() {
    let mut house = House::new();
    house
        .put("specs/cell.toml", "[window]\ncontext = 24\nhorizon = 3")
        .await;
    house.platform.host.overrides = BTreeMap::from([("INPUT_SEQ_LEN".to_owned(), "12".to_owned())]);
    house.put("raw/cell/a.csv", "1").await;
    assert!(house.upload("raw/cell/a.csv").await);
    let keys = house.world.store.keys();
    let resolved = keys.iter().find(|key| key.starts_with("resolved/cell/")).unwrap();
    let spec: contract::Spec =
        serde_json::from_slice(&house.world.store.get(resolved, 1 << 20).await.unwrap().bytes).unwrap();
    assert_eq!(
        (spec.window.context, spec.window.horizon),
        (Choice::Given(12), Choice::Given(3))
    );
}

#[tokio::test]
async fn a_wrong_spec_fails_the_event_with_every_problem() {
    let house = House::new();
    house
        .put("specs/cell.toml", "[window]\ncontext = 0\n[promote]\nmetrik = \"x\"")
        .await;
    house.put("raw/cell/a.csv", "1").await;
    assert!(house.upload("raw/cell/a.csv").await);
    let failure = house.failure().await;
    assert_eq!((failure.stage, failure.kind), (FailedStage::Receive, FailureKind::Spec));
    assert_eq!(
        (failure.key.as_str(), failure.dataset.unwrap().as_str()),
        ("raw/cell/a.csv", "cell")
    );
    for part in ["window.context", "promote.metrik", "specs/cell.toml"] {
        assert!(failure.message.contains(part), "{part}: {}", failure.message);
    }
    // After the repair the same upload is another event, because its job is also named by the spec's text.
    house.put("specs/cell.toml", "").await;
    assert!(house.upload("raw/cell/a.csv").await);
    assert_eq!(house.worked(), 1);
}

#[tokio::test]
async fn an_upload_that_is_too_large_is_refused_with_the_bound() {
    let house = House::new();
    house.put("raw/cell/a.csv", &"x".repeat(1001)).await;
    assert!(house.upload("raw/cell/a.csv").await);
    let failure = house.failure().await;
    assert_eq!(
        (failure.kind, failure.bound.as_deref()),
        (FailureKind::Data, Some("at most 1000 bytes"))
    );
    assert!(
        !house
            .faults
            .operations()
            .iter()
            .any(|operation| operation.starts_with("download"))
    );
}

#[tokio::test]
async fn a_test_file_starts_no_round() {
    let house = House::new();
    house.put("raw/cell/a_test.csv", "1").await;
    assert!(house.upload("raw/cell/a_test.csv").await);
    assert_eq!((house.worked(), house.failures().await.len()), (0, 0));
}

#[tokio::test]
async fn data_waits_for_its_test_file_and_starts_once_it_is_there() {
    let house = House::new();
    house.put("specs/cell.toml", "[split]\nholdout = \"test-file\"").await;
    house.put("raw/cell/a.csv", "1").await;
    assert!(!house.upload("raw/cell/a.csv").await, "comes again");
    house.world.clock.advance(Duration::from_mins(1));
    assert!(!house.upload("raw/cell/a.csv").await, "comes again");
    house.put("raw/cell/a_test.csv", "2").await;
    house.world.clock.advance(Duration::from_mins(1));
    assert!(house.upload("raw/cell/a.csv").await);
    assert_eq!((house.worked(), house.failures().await.len()), (1, 0));
}

#[tokio::test]
async fn a_test_file_that_never_comes_is_named_when_the_wait_is_over() {
    let house = House::new();
    house
        .put("specs/cell.toml", "[split]\nholdout = \"test-file\"\nwait = \"10m\"")
        .await;
    house.put("raw/cell/a.csv", "1").await;
    let mut acknowledged = false;
    for _ in 0..20 {
        acknowledged = house.upload("raw/cell/a.csv").await;
        if acknowledged {
            break;
        }
        house.world.clock.advance(Duration::from_mins(1));
    }
    assert!(acknowledged);
    let failure = house.failure().await;
    assert_eq!(
        (failure.stage, failure.kind),
        (FailedStage::Receive, FailureKind::TimedOut)
    );
    assert!(failure.message.contains("raw/cell/a_test.csv"), "{}", failure.message);
    assert_eq!(house.worked(), 0);
}

/// The object is replaced between the look at it and its download.
#[tokio::test]
async fn the_receipt_of_one_version_is_never_written_from_the_bytes_of_another() {
    let mut house = House::new();
    house.put("raw/cell/a.csv", "old").await;
    let event = house.notification("raw/cell/a.csv").await;
    house.spoil(Spoilt::Replaced);
    let response = house.deliver(&[event]).await;
    assert_eq!(ids(&response), [""; 0], "the newer object has an event of its own");
    let receipts: Vec<_> = house
        .world
        .store
        .keys()
        .into_iter()
        .filter(|key| key.starts_with("uploads/"))
        .collect();
    assert_eq!((receipts, house.worked()), (Vec::new(), 0));
}

/// For example, permissions are missing: a person grants them, or the event is recorded as failed and no longer blocks
/// the queue.
#[tokio::test]
async fn an_event_that_cannot_be_received_is_given_up_after_some_attempts() {
    let mut house = House::new();
    house.put("raw/cell/a.csv", "1").await;
    house.spoil(Spoilt::Denied);
    let mut acknowledged = 0;
    for delivery in 0..12 {
        if house.upload("raw/cell/a.csv").await {
            acknowledged = delivery;
            break;
        }
        house.world.clock.advance(Duration::from_mins(6));
    }
    assert!((5..=7).contains(&acknowledged), "given up at delivery {acknowledged}");
    let failure = house.failure().await;
    assert_eq!(
        (failure.stage, failure.kind),
        (FailedStage::Receive, FailureKind::Exhausted)
    );
    assert!(failure.message.contains("refuses access"), "{}", failure.message);
}

/// The store answers again at the last attempt that the event has.
#[tokio::test]
async fn an_event_that_comes_through_at_its_last_attempt_is_not_noted_as_given_up() {
    let mut house = House::new();
    house.put("raw/cell/a.csv", "1").await;
    let whole = house.platform.store.clone();
    house.spoil(Spoilt::Denied);
    for _ in 0..6 {
        assert!(!house.upload("raw/cell/a.csv").await);
        house.world.clock.advance(Duration::from_mins(6));
    }
    house.platform.store = whole;
    let mut event = batch(&[house.notification("raw/cell/a.csv").await]);
    let count = "7".to_owned();
    event.records[0]
        .attributes
        .insert("ApproximateReceiveCount".to_owned(), count);
    platform::serve::handle_batch(&house.work, event, &house.stop(), &house.platform).await;
    assert_eq!((house.worked(), house.failures().await), (1, Vec::new()));
}

#[tokio::test]
async fn the_same_bytes_uploaded_again_are_judged_again() {
    let mut house = House::new();
    house.put("raw/cell/a.csv", &"x".repeat(1001)).await;
    assert!(house.upload("raw/cell/a.csv").await);
    let first = house.failure().await;
    house.world.clock.advance(Duration::from_secs(5));
    house.put("raw/cell/a.csv", &"x".repeat(1001)).await;
    assert!(house.upload("raw/cell/a.csv").await);
    let second = house.failure().await;
    assert_ne!(first.at, second.at, "whoever uploaded it sees that it was refused now");
    // The bound is raised, and the same bytes are uploaded once more.
    house.platform.host.max_upload = 2000;
    house.put("raw/cell/a.csv", &"x".repeat(1001)).await;
    assert!(house.upload("raw/cell/a.csv").await);
    assert_eq!(house.worked(), 1);
}

#[tokio::test]
async fn a_wait_that_ran_out_is_not_final_for_bytes_that_are_uploaded_again() {
    let house = House::new();
    house
        .put("specs/cell.toml", "[split]\nholdout = \"test-file\"\nwait = \"1m\"")
        .await;
    house.put("raw/cell/a.csv", "1").await;
    for _ in 0..3 {
        house.upload("raw/cell/a.csv").await;
        house.world.clock.advance(Duration::from_secs(40));
    }
    assert_eq!(house.failure().await.kind, FailureKind::TimedOut);
    house.put("raw/cell/a.csv", "1").await;
    assert!(!house.upload("raw/cell/a.csv").await, "it waits again");
    house.world.clock.advance(Duration::from_secs(40));
    assert!(!house.upload("raw/cell/a.csv").await, "from the beginning");
    house.put("raw/cell/a_test.csv", "2").await;
    assert!(house.upload("raw/cell/a.csv").await);
    assert_eq!(house.worked(), 1);
}

/// Events differ by what the store says about them, and by nothing else: neither the time nor the number of deliveries.
#[tokio::test]
async fn a_redelivered_event_makes_nothing_again_and_a_later_one_makes_what_is_lost() {
    let house = House::new();
    house.put("raw/cell/a.csv", "1").await;
    let event = async |sequencer: &str| {
        let mut event = house.notification("raw/cell/a.csv").await;
        event["Records"][0]["s3"]["object"]["sequencer"] = sequencer.into();
        event
    };
    for (sequencer, worked) in [("0A", 1), ("0A", 1), ("0B", 2), ("0B", 2), ("0A", 2), ("0C", 3)] {
        house.world.clock.advance(Duration::from_mins(10));
        assert_eq!(ids(&house.deliver(&[event(sequencer).await]).await), [""; 0]);
        assert_eq!(house.worked(), worked, "{sequencer}");
        let clean = house
            .world
            .store
            .keys()
            .into_iter()
            .find(|key| key.starts_with("clean/"));
        house.world.store.remove(&clean.unwrap_or_default());
    }
}

/// Another version or file has a receipt of its own, but its bytes are known.
#[tokio::test]
async fn known_bytes_in_another_file_walk_once_more() {
    let house = House::new();
    for file in ["raw/cell/a.csv", "raw/cell/b.csv"] {
        house.put(file, "1").await;
        let clean = house
            .world
            .store
            .keys()
            .into_iter()
            .find(|key| key.starts_with("clean/"));
        assert_eq!(clean.is_some(), file.ends_with("b.csv"));
        if let Some(clean) = clean {
            house.world.store.remove(&clean);
        }
        assert!(house.upload(file).await);
    }
    assert_eq!(house.worked(), 2, "what was lost since is made again");
    house.upload("raw/cell/b.csv").await;
    assert_eq!(house.worked(), 2, "and a redelivery makes nothing");
}

/// The ledger of an event that has waited does not look as if the event still waited.
#[tokio::test]
async fn a_wait_that_ended_well_leaves_nothing_open() {
    let house = House::new();
    house.put("specs/cell.toml", "[split]\nholdout = \"test-file\"").await;
    house.put("raw/cell/a.csv", "1").await;
    house.upload("raw/cell/a.csv").await;
    house.put("raw/cell/a_test.csv", "2").await;
    let mut event = batch(&[house.notification("raw/cell/a.csv").await]);
    event.records[0]
        .attributes
        .insert("ApproximateReceiveCount".to_owned(), "2".to_owned());
    platform::serve::handle_batch(&house.work, event, &house.stop(), &house.platform).await;
    for key in house.world.store.keys().iter().filter(|key| key.starts_with("jobs/")) {
        let bytes = house.world.store.get(key, 1 << 20).await.unwrap().bytes;
        let ledger = platform::ledger::Ledger::parse(&bytes).unwrap();
        assert_eq!(
            (ledger.state, ledger.waiting_since),
            (platform::ledger::State::Committed, None)
        );
    }
}

#[tokio::test]
async fn nothing_is_left_in_scratch_space() {
    let house = House::new();
    house.put("raw/cell/a.csv", "1").await;
    assert!(house.upload("raw/cell/a.csv").await);
    assert_eq!(house.scratch_files(), 0);
    assert!(house.world.queue.bodies(Stage::Sample).is_empty());
}
