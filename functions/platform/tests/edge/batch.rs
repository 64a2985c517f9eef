//! Batches as a host passes them on: what is acknowledged, what comes again, what is recorded.

use std::time::Duration;

use contract::{
    Dataset, Digest, FailedStage, FailureKind, PartId, PreprocessTask, SampleFacts, SampleTask, Stage, spec,
};
use platform::{ErasedWork, Outbox as _, Queue as _, Retry, event::Invocation, serve::handle_batch};
use serde_json::json;
use testing::{
    memory::{Fault, Faults, How, When},
    stage::job,
};

use crate::support::{House, Spoilt, batch, ids, notification};

#[tokio::test]
async fn bad_records_in_a_batch_of_ten_fail_nobody_else() {
    let house = House::new();
    let mut bodies = Vec::new();
    for dataset in ["a", "b", "c", "d"] {
        let key = format!("raw/{dataset}/x.csv");
        house.put(&key, dataset).await;
        bodies.push(house.notification(&key).await);
    }
    bodies.insert(1, json!("this is not JSON"));
    bodies.insert(
        3,
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "flits"}),
    );
    bodies.insert(4, notification("somebody-elses", "raw/a/x.csv", "e"));
    bodies.insert(5, notification("flits", "raw/../x.csv", "e"));
    bodies.insert(6, json!({"version": 1, "job": "?"}));
    bodies.push(json!({"hello": "world"}));
    assert_eq!(bodies.len(), 10);

    let response = house.deliver(&bodies).await;
    assert_eq!(
        ids(&response),
        [""; 0],
        "everything is acknowledged: nothing of it can end differently"
    );
    assert_eq!(house.worked(), 4);
    let failures = house.failures().await;
    assert_eq!(failures.len(), 5);
    for failure in &failures {
        assert_eq!(
            (failure.stage, failure.kind),
            (FailedStage::Receive, FailureKind::Event),
            "{failure:?}"
        );
    }
    let bucket = failures
        .iter()
        .find(|failure| failure.value.as_deref() == Some("somebody-elses"))
        .unwrap();
    assert_eq!(bucket.bound.as_deref(), Some("flits"));
}

#[tokio::test]
async fn a_poisonous_record_is_given_back_alone_until_it_is_exhausted() {
    let house = House::new();
    house.put("raw/poison/x.csv", "1").await;
    house.put("raw/good/x.csv", "1").await;
    let bodies = [
        house.notification("raw/poison/x.csv").await,
        house.notification("raw/good/x.csv").await,
    ];
    for attempt in 0..5 {
        let response = house.deliver(&bodies).await;
        if attempt < 4 {
            assert_eq!(ids(&response), ["m0"], "attempt {attempt}");
        }
        house.world.clock.advance(Duration::from_mins(10));
    }
    house.deliver(&bodies).await;
    let response = house.deliver(&bodies).await;
    assert_eq!(ids(&response), [""; 0]);
    assert_eq!(house.failure().await.kind, FailureKind::Exhausted);
    assert_eq!(house.worked(), 1);
}

#[tokio::test]
async fn a_record_without_an_id_gives_the_whole_batch_back_untouched() {
    let house = House::new();
    house.put("raw/a/x.csv", "1").await;
    let mut event = batch(&[house.notification("raw/a/x.csv").await, json!("not JSON")]);
    event.records[1].message_id = None;
    let response = handle_batch(&house.work, event, &house.stop(), &house.platform).await;
    assert_eq!(ids(&response), ["", "m0"], "an empty id fails a whole batch on Lambda");
    assert_eq!((house.worked(), house.failures().await.len()), (0, 0));
}

#[tokio::test]
async fn a_store_that_is_silent_once_is_asked_again_later() {
    let mut house = House::new();
    house.put("raw/a/x.csv", "1").await;
    let faults = Faults::new(Some(Fault {
        at: 0,
        when: When::Before,
        how: How::TimeOut,
    }));
    house.platform.store = faults.store(house.world.store.clone());
    assert!(!house.upload("raw/a/x.csv").await);
    assert!(house.upload("raw/a/x.csv").await);
    assert_eq!((house.worked(), house.failures().await.len()), (1, 0));
}

#[tokio::test]
async fn without_time_left_nothing_is_begun() {
    let house = House::new();
    house.put("raw/a/x.csv", "1").await;
    let stop = house.stop();
    stop.ask();
    let response = house
        .deliver_until(&[house.notification("raw/a/x.csv").await], &stop)
        .await;
    assert_eq!(ids(&response), ["m0"]);
    assert_eq!(
        house.faults.operations(),
        ["extend preprocess"],
        "it is only shown again"
    );
}

/// A batch of which only some records were begun: the others are visible to other workers at once.
#[tokio::test]
async fn records_that_were_not_begun_are_visible_at_once() {
    let house = House::new();
    let bodies: Vec<String> = (0..3).map(|i| format!("body {i}")).collect();
    house.world.queue.send(Stage::Preprocess, &bodies).await.unwrap();
    let received = house
        .world
        .queue
        .receive(Stage::Preprocess, 10, Duration::ZERO)
        .await
        .unwrap();
    let mut event = batch(&[json!("body 0"), json!("body 1"), json!("body 2")]);
    for (record, delivered) in event.records.iter_mut().zip(&received) {
        record.receipt_handle = Some(delivered.handle.clone());
    }
    let stop = house.stop();
    stop.ask();
    let response = handle_batch(&house.work, event, &stop, &house.platform).await;
    assert_eq!(ids(&response), ["m0", "m1", "m2"]);
    let seen = house
        .world
        .queue
        .receive(Stage::Preprocess, 10, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(seen.len(), 3);
}

/// A message of newer code, on a queue that this code still reads.
#[tokio::test]
async fn a_message_of_newer_code_is_given_back_and_nothing_is_noted() {
    let house = House::new();
    let digest = Digest::of(b"any").hex();
    let task = json!({"dataset": "cell", "part": [0, 1], "spec": digest, "salt": "", "inputs": []});
    let message = |version: u32, recipe: u32| {
        json!({"version": version, "recipe": recipe, "job": digest, "hop": 0, "trace": "t",
               "stage": {"preprocess": task}})
    };
    let mut wider = message(1, 1);
    wider["budget"] = json!(7);
    for (what, body) in [
        ("a later version", json!({"version": 99, "anything": "else"})),
        ("a later recipe", message(1, 1_000)),
        ("a field that is not known", wider),
    ] {
        for _ in 0..3 {
            let response = house.deliver(std::slice::from_ref(&body)).await;
            assert_eq!(ids(&response), ["m0"], "{what}");
        }
        assert_eq!(house.failures().await, [], "{what}");
    }
}

/// A body that makes the handler itself panic, outside of any stage and its ledger.
#[tokio::test]
async fn a_message_whose_handling_panics_is_noted_when_it_came_too_often() {
    let mut house = House::new();
    house.spoil(Spoilt::Panics);
    house.put("raw/cell/a.csv", "1").await;
    let body = house.notification("raw/cell/a.csv").await;
    for deliveries in 1..=6 {
        let mut event = batch(std::slice::from_ref(&body));
        let count = deliveries.to_string();
        event.records[0]
            .attributes
            .insert("ApproximateReceiveCount".to_owned(), count);
        let response = handle_batch(&house.work, event, &house.stop(), &house.platform).await;
        let expected: &[&str] = if deliveries <= 5 { &["m0"] } else { &[] };
        assert_eq!(ids(&response), expected, "delivery {deliveries}");
    }
    let failure = house.failure().await;
    assert_eq!(failure.kind, FailureKind::Exhausted);
    assert!(failure.message.contains("panicked 6 times"), "{}", failure.message);
}

#[tokio::test]
async fn the_same_batch_again_works_nothing_again() {
    let house = House::new();
    house.put("raw/a/x.csv", "1").await;
    for _ in 0..3 {
        assert!(house.upload("raw/a/x.csv").await);
    }
    assert_eq!(house.worked(), 1);
    let downloads = house
        .faults
        .operations()
        .into_iter()
        .filter(|operation| operation.starts_with("download"));
    assert_eq!(downloads.count(), 1, "the receipt stands for the bytes");
}

#[tokio::test]
async fn one_event_is_a_batch_a_notification_or_a_message() {
    let example = include_str!("../fixtures/example-sqs-event.json");
    let invocation = Invocation::parse(example).unwrap();
    assert!(invocation.queued);
    assert_eq!(
        invocation.event.records[0].receipt_handle.as_deref(),
        Some("MessageReceiptHandle")
    );
    for (name, text) in [
        ("AWS", include_str!("../fixtures/example-s3-event.json")),
        ("MinIO", include_str!("../fixtures/minio-webhook.json")),
        ("a message", r#"{"version":1}"#),
    ] {
        let invocation = Invocation::parse(text).unwrap();
        assert!(!invocation.queued && invocation.event.records.len() == 1, "{name}");
        let house = House::new();
        let response = handle_batch(&house.work, invocation.event, &house.stop(), &house.platform).await;
        assert_eq!(ids(&response), [""; 0], "{name}");
        // Another bucket, or a body that is not a message, is recorded as a failure.
        assert_eq!(house.failures().await.len(), 1, "{name}");
    }
    assert!(Invocation::parse("not JSON").is_err());
    assert!(Invocation::parse(r#"{"Records": [{"body": 5}]}"#).is_err());
}

#[tokio::test]
async fn a_stage_takes_no_task_and_no_manifest_of_another_stage() {
    let house = House::new();
    let work: &dyn ErasedWork = &house.work;
    let (spec, digest) = (spec::resolve(&[]).unwrap(), Digest::of(b"x"));
    let dataset: Dataset = "cell".parse().unwrap();
    let (part, salt) = (PartId::WHOLE, String::new());
    let cleaning = PreprocessTask {
        dataset: dataset.clone(),
        part,
        spec: digest,
        salt: salt.clone(),
        inputs: Vec::new(),
    };
    let cutting = SampleTask {
        dataset,
        part,
        spec: digest,
        salt,
        clean: digest,
    };
    let cut = SampleFacts {
        cut: digest,
        rows: 1,
        columns: 1,
        sampled_rows: 1,
        holdout_rows: 0,
        lengths: None,
    };
    let (cleaning, cut) = (job(cleaning.into(), &spec), cut.into());
    let foreign = work.conclude(&cleaning, &cut, &house.platform).await.unwrap_err();
    assert_eq!(
        (
            foreign.to_string().as_str(),
            foreign.class().retry,
            foreign.class().kind
        ),
        (
            "the manifest of this work names no outputs of `preprocess`",
            Retry::Never,
            FailureKind::Store
        )
    );
    let misrouted = work
        .work(&job(cutting.into(), &spec), &house.platform)
        .await
        .unwrap_err();
    assert_eq!(misrouted.to_string(), "message for `sample` reached `preprocess`");
    assert_eq!(house.worked(), 0);
}
