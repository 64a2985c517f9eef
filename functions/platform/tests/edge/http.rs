//! Events over HTTP: what is handed over, worked on, put aside, refused and counted.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::SqsEvent;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use contract::{Dead, Stage};
use futures_util::future::join_all;
use platform::{
    ErasedWork, Platform, Queue as _, Secret, Stop, Store as _,
    event::Body as EventBody,
    http::{self, Face, HttpConfig, Inbox, Tokens},
};
use serde_json::{Value, json};
use testing::memory::{Fault, Faults, How, When};
use tower::ServiceExt as _;

use crate::support::{Counting, House, notification};

const KEY: &str = "raw/cell/a.csv";
const TOKEN: &str = "an open sesame";

/// A house with an HTTP face before it.
struct Door {
    house: House,
    work: Arc<Counting>,
    router: Router,
}

/// An answer as a client reads it.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    body: String,
}

impl Door {
    fn new() -> Self {
        Self::with(&HttpConfig::default(), |platform| platform)
    }

    fn with(config: &HttpConfig, change: impl FnOnce(Platform) -> Platform) -> Self {
        let house = House::new();
        let platform = change(house.platform.clone());
        let work = Arc::new(Counting::default());
        let erased: Arc<dyn ErasedWork> = work.clone();
        let inbox = Inbox::new([erased], &platform, config.time, &Stop::never());
        let router = http::events(inbox).guarded(config, &platform);
        Self { house, work, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer {
            status,
            retry_after,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn post(&self, headers: &[(&str, &str)], body: impl Into<String>) -> Answer {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.into())).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// The messages on the queue of `preprocess`.
    fn queued(&self) -> Vec<String> {
        self.house.world.queue.bodies(Stage::Preprocess)
    }

    fn worked(&self) -> usize {
        self.work.worked.load(std::sync::atomic::Ordering::Relaxed)
    }

    async fn dead(&self) -> Vec<Dead> {
        let mut dead = Vec::new();
        for key in self
            .house
            .world
            .store
            .keys()
            .iter()
            .filter(|key| key.starts_with("dead/"))
        {
            let object = self.house.world.store.get(key, 1 << 20).await.unwrap();
            dead.push(serde_json::from_slice(&object.bytes).unwrap());
        }
        dead
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn event(kind: &str) -> Vec<(&str, &str)> {
    vec![
        JSON,
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "/test"),
        ("ce-type", kind),
    ]
}

#[tokio::test]
async fn a_notification_is_handed_over_in_every_form_and_never_worked_on_in_the_request() {
    let door = Door::new();
    let whole = notification("flits", KEY, "e").to_string();
    let record: Value = serde_json::from_str(&whole).unwrap();
    let record = record["Records"][0].to_string();
    let structured = json!({"specversion": "1.0", "id": "1", "source": "/s", "type": "com.example.put",
        "data": serde_json::from_str::<Value>(&whole).unwrap()});
    let batch = json!([structured, structured]).to_string();
    for (what, headers, body, messages) in [
        ("bare", vec![JSON], whole.clone(), 1),
        ("one record", vec![JSON], record.clone(), 1),
        ("binary", event("com.amazonaws.s3.objectcreated"), whole.clone(), 1),
        ("binary, one record", event("com.example.put"), record, 1),
        (
            "structured",
            vec![("content-type", "application/cloudevents+json")],
            structured.to_string(),
            1,
        ),
        (
            "batched",
            vec![("content-type", "application/cloudevents-batch+json")],
            batch,
            2,
        ),
    ] {
        let before = door.queued().len();
        let answer = door.post(&headers, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{what}: {answer:?}");
        let queued = door.queued();
        assert_eq!(queued.len() - before, messages, "{what}");
        let Ok(EventBody::Uploads(uploads)) = EventBody::parse(queued.last().unwrap()) else {
            panic!("{what}: {queued:?}")
        };
        assert_eq!(uploads[0].key, KEY, "{what}");
    }
    assert_eq!(door.worked(), 0);
}

#[tokio::test]
async fn a_broker_gets_no_body_because_it_would_take_it_for_an_event() {
    let door = Door::new();
    let body = notification("flits", KEY, "e").to_string();
    assert_eq!(door.post(&event("com.example.put"), body.clone()).await.body, "");
    assert!(door.post(&[JSON], body).await.body.contains("handed-over"));
}

#[tokio::test]
async fn a_job_of_this_stage_runs_in_the_request_and_once() {
    let door = Door::new();
    door.house.put(KEY, "a,b").await;
    let body = door.house.notification(KEY).await.to_string();
    for _ in 0..3 {
        let answer = door.post(&event("flits.preprocess.v1"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    assert_eq!(door.worked(), 1);
    assert!(
        door.queued().is_empty(),
        "what came from a queue does not go back to it"
    );
    let metrics = door.get("/metrics").await.body;
    assert!(
        metrics.contains(r#"flits_jobs_total{outcome="committed",stage="preprocess"} 1"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"flits_jobs_total{outcome="reused",stage="preprocess"} 2"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn what_can_never_be_accepted_is_kept_with_its_reason_and_acknowledged() {
    for (what, headers, body, reason) in [
        ("no JSON", vec![JSON], "not json".to_owned(), "not JSON"),
        ("a foreign body", vec![JSON], "{}".to_owned(), "neither a message"),
        (
            "a foreign type",
            event("com.example.other"),
            "{}".to_owned(),
            "an event of type `com.example.other`",
        ),
        (
            "an unknown stage",
            event("flits.cook.v1"),
            "{}".to_owned(),
            "none of `flits.{stage}.v1`",
        ),
        (
            "another stage",
            event("flits.train.v1"),
            "{}".to_owned(),
            "the event is for `train`, here is `preprocess`",
        ),
        (
            "another bucket",
            vec![JSON],
            notification("other", KEY, "e").to_string(),
            "only `flits` is allowed",
        ),
        (
            "a key that is no text",
            vec![JSON],
            notification("flits", "%FF", "e").to_string(),
            "not UTF-8",
        ),
    ] {
        let door = Door::new();
        let answer = door.post(&headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{what}: {answer:?}");
        let [dead] = door
            .dead()
            .await
            .try_into()
            .unwrap_or_else(|dead| panic!("{what}: {dead:?}"));
        assert!(dead.reason.contains(reason), "{what}: {}", dead.reason);
        assert_eq!(dead.body, body, "{what}");
        assert!(door.queued().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn what_newer_code_sent_comes_again() {
    let door = Door::new();
    let newer = json!({"version": 99}).to_string();
    for (what, headers) in [("type", event("flits.preprocess.v2")), ("message", vec![JSON])] {
        let answer = door.post(&headers, newer.clone()).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{what}: {answer:?}");
        assert!(answer.retry_after.is_some(), "{what}");
    }
    assert!(door.dead().await.is_empty());
}

#[tokio::test]
async fn a_test_event_of_a_store_is_acknowledged() {
    let door = Door::new();
    let answer = door
        .post(&[JSON], r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#)
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert!(door.queued().is_empty() && door.dead().await.is_empty());
}

#[tokio::test]
async fn a_queue_that_is_down_makes_the_sender_try_again() {
    let faults = Faults::new(Some(Fault {
        at: 0,
        when: When::Before,
        how: How::TimeOut,
    }));
    let door = Door::with(&HttpConfig::default(), |platform| Platform {
        outbox: faults.queue(platform.queue.clone()),
        ..platform
    });
    let body = notification("flits", KEY, "e").to_string();
    let answer = door.post(&[JSON], body.clone()).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    assert_eq!(door.post(&[JSON], body).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_malformed_request_is_told_which_field_is_wrong() {
    let door = Door::new();
    let without_id: Vec<_> = event("x").into_iter().filter(|(name, _)| *name != "ce-id").collect();
    for (headers, status, param) in [
        (without_id, 400, "ce-id"),
        (vec![("content-type", "text/plain")], 415, "Content-Type"),
        (vec![("content-type", "application/cloudevents+json")], 400, "body"),
    ] {
        let answer = door.post(&headers, "[").await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(error["error"]["param"], param, "{error}");
    }
    let other = door.get("/nothing").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    assert!(other.body.contains("there is no route `/nothing`"));
}

#[tokio::test]
async fn a_body_above_the_bound_is_refused_with_the_bound() {
    let config = HttpConfig {
        body: 100,
        ..HttpConfig::default()
    };
    let door = Door::with(&config, |platform| platform);
    let answer = door.post(&[JSON], "x".repeat(101)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("at most 100 bytes"), "{}", answer.body);
}

#[tokio::test]
async fn large_bodies_at_once_are_told_to_come_back_before_they_fill_the_memory() {
    let config = HttpConfig {
        body: 64 << 20,
        ..HttpConfig::default()
    };
    let house = House::new();
    let (inside, release) = (
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(tokio::sync::Notify::new()),
    );
    let hold = {
        let (inside, release) = (inside.clone(), release.clone());
        move || {
            let (inside, release) = (inside.clone(), release.clone());
            async move {
                inside.notify_one();
                release.notified().await;
            }
        }
    };
    let face = Face {
        quick: Router::new().route("/hold", axum::routing::post(hold)),
        ..Face::default()
    };
    let router = face.guarded(&config, &house.platform);
    let ask = |length: &str| {
        let request = Request::post("/hold")
            .header("content-length", length)
            .body(Body::empty());
        router.clone().oneshot(request.unwrap())
    };
    let first = tokio::spawn(ask("30000000"));
    inside.notified().await;
    assert_eq!(ask("30000000").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    release.notify_one();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
    release.notify_one();
    assert_eq!(ask("30000000").await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn only_health_is_open_without_a_token_and_every_refusal_is_counted() {
    let (old, new) = (Secret::new(TOKEN.to_owned()), Secret::new("a newer sesame".to_owned()));
    let config = HttpConfig {
        tokens: Tokens::new([&old, &new]),
        ..HttpConfig::default()
    };
    let door = Door::with(&config, |platform| platform);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(door.get(path).await.status, StatusCode::OK, "{path}");
    }
    let body = notification("flits", KEY, "e").to_string();
    for wrong in [None, Some("Bearer an open sesam"), Some("Basic x")] {
        let mut headers = vec![JSON];
        headers.extend(wrong.map(|wrong| ("authorization", wrong)));
        let answer = door.post(&headers, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong:?}: {answer:?}");
    }
    assert!(door.queued().is_empty());
    for right in ["Bearer an open sesame", "Bearer a newer sesame"] {
        let answer = door.post(&[JSON, ("authorization", right)], body.clone()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{right}");
    }
    assert_eq!(door.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    let metrics = door.house.platform.metrics.text(0);
    assert!(
        metrics.contains(r#"flits_http_refusals_total{reason="token"} 4"#),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"flits_http_requests_total{code="401",route="/"} 3"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn more_requests_than_allowed_are_told_to_come_back() {
    let config = HttpConfig {
        requests: 1,
        ..HttpConfig::default()
    };
    let house = House::new();
    let (holds, held) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let (holds, held) = (Arc::new(holds), Arc::new(held));
    let (inside, release) = (holds.clone(), held.clone());
    let slow = move || {
        let (inside, release) = (inside.clone(), release.clone());
        async move {
            inside.notify_one();
            release.notified().await;
        }
    };
    let face = Face {
        quick: Router::new().route("/slow", axum::routing::get(slow)),
        ..Face::default()
    };
    let router = face.guarded(&config, &house.platform);
    let ask = || {
        router
            .clone()
            .oneshot(Request::get("/slow").body(Body::empty()).unwrap())
    };
    let first = tokio::spawn(ask());
    holds.notified().await;
    let refused = join_all([ask(), ask()]).await;
    for answer in refused {
        assert_eq!(answer.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    held.notify_one();
    assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_broken_off() {
    let house = House::new();
    let config = HttpConfig {
        time: Duration::from_secs(2),
        ..HttpConfig::default()
    };
    let face = Face {
        quick: Router::new().route("/never", axum::routing::get(std::future::pending::<()>)),
        ..Face::default()
    };
    let router = face.guarded(&config, &house.platform);
    let answer = router.oneshot(Request::get("/never").body(Body::empty()).unwrap());
    assert_eq!(answer.await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    let metrics = house.platform.metrics.text(0);
    assert!(
        metrics.contains(r#"flits_http_refusals_total{reason="time"} 1"#),
        "{metrics}"
    );
}

/// What was handed over over HTTP is worked on like any message of the queue.
#[tokio::test]
async fn what_was_handed_over_becomes_a_job() {
    let door = Door::new();
    door.house.put(KEY, "a,b").await;
    let body = door.house.notification(KEY).await.to_string();
    assert_eq!(door.post(&[JSON], body).await.status, StatusCode::ACCEPTED);
    let queue = &door.house.world.queue;
    let [delivered] = queue
        .receive(Stage::Preprocess, 10, Duration::ZERO)
        .await
        .unwrap()
        .try_into()
        .unwrap();
    let record = json!({"messageId": delivered.id, "receiptHandle": delivered.handle, "body": delivered.body});
    let batch: SqsEvent = serde_json::from_value(json!({"Records": [record]})).unwrap();
    let response = platform::serve::handle_batch(&*door.work, batch, &door.house.stop(), &door.house.platform).await;
    assert!(response.batch_item_failures.is_empty());
    assert_eq!(door.worked(), 1);
}
