//! The sink: an outbox over HTTP. It passes the suite of outboxes, and its events are CloudEvents.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use contract::Stage;
use platform::{
    Classify as _, Outbox, QueueError,
    sink::{Sink, SinkConfig},
};
use testing::ports::{Mailbox, OutboxBench, outbox_suite};

/// What arrived at a receiver: the headers and the body of each event.
type Arrived = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A receiver of events that answers each with one status.
struct Receiver {
    sink: Arc<Sink>,
    arrived: Arrived,
}

impl Receiver {
    async fn start(status: StatusCode) -> Self {
        let arrived = Arrived::default();
        let take = move |State(arrived): State<Arrived>, headers: HeaderMap, body: String| async move {
            arrived.lock().unwrap().push((headers, body));
            status
        };
        let router = Router::new().route("/", post(take)).with_state(arrived.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let extensions = BTreeMap::from([("team".to_owned(), "data €".to_owned())]);
        Self {
            sink: Arc::new(Sink::new(SinkConfig::new(url, extensions)).unwrap()),
            arrived,
        }
    }
}

struct Receivers;

#[async_trait]
impl OutboxBench for Receivers {
    async fn fresh(&self) -> Box<dyn Mailbox> {
        Box::new(Receiver::start(StatusCode::ACCEPTED).await)
    }
}

#[async_trait]
impl Mailbox for Receiver {
    fn outbox(&self) -> Arc<dyn Outbox> {
        self.sink.clone()
    }

    async fn arrived(&self, stage: Stage) -> Vec<String> {
        let kind = format!("flits.{stage}.v1");
        let arrived = self.arrived.lock().unwrap();
        let of_stage = arrived
            .iter()
            .filter(|(headers, _)| headers["ce-type"] == kind.as_str());
        let mut bodies: Vec<String> = of_stage.map(|(_, body)| body.clone()).collect();
        bodies.sort();
        bodies
    }
}

#[tokio::test]
async fn the_sink_passes_the_suite_of_outboxes() {
    outbox_suite(&Receivers).await;
}

#[tokio::test]
async fn every_event_has_the_attributes_that_receivers_need_and_an_id_of_its_own() {
    let receiver = Receiver::start(StatusCode::OK).await;
    let same = ["{}".to_owned(), "{}".to_owned()];
    receiver.sink.send(Stage::Eval, &same).await.unwrap();
    let arrived = receiver.arrived.lock().unwrap();
    for (headers, _) in arrived.iter() {
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-type", "flits.eval.v1"),
            ("ce-source", "flits"),
            ("content-type", "application/json"),
            ("ce-team", "data%20%E2%82%AC"),
        ] {
            assert_eq!(headers[name], value);
        }
    }
    let ids: HashSet<_> = arrived.iter().map(|(headers, _)| headers["ce-id"].clone()).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn a_sink_that_does_not_take_an_event_is_asked_again_later() {
    for status in [
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::FOUND,
        StatusCode::NOT_FOUND,
        StatusCode::FORBIDDEN,
    ] {
        let receiver = Receiver::start(status).await;
        let error = receiver.sink.send(Stage::Eval, &["{}".to_owned()]).await.unwrap_err();
        assert!(error.class().may_pass(), "{status}: {error}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let nobody = SinkConfig::new(format!("http://{free}"), BTreeMap::new());
    let error = Sink::new(nobody)
        .unwrap()
        .send(Stage::Eval, &["{}".to_owned()])
        .await
        .unwrap_err();
    assert!(
        matches!(error, QueueError::Unavailable { .. }) && error.class().may_pass(),
        "{error:?}"
    );
}
