//! The pump that posts messages to functions behind HTTP, on queues in memory and a function whose answers come from the
//! test.

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    routing::post,
};
use contract::Stage;
use flits::pump::{Addresses, Deadline, Invoker as _, Posting};
use platform::{Clock as _, Outbox as _, Queue as _, Secret, http::HttpConfig, serve::event_of};
use testing::memory::{Limits, MemoryClock, MemoryQueue};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

const STAGE: Stage = Stage::Eval;
/// More looks than anything needs that happens soon.
const LOOKS: usize = 100_000;

/// One request that waits for the test's answer.
struct Posted {
    path: String,
    headers: HeaderMap,
    body: String,
    answer: oneshot::Sender<StatusCode>,
}

struct Bench {
    clock: Arc<MemoryClock>,
    queue: Arc<MemoryQueue>,
    posted: mpsc::UnboundedReceiver<Posted>,
    posting: Arc<Posting>,
}

impl Bench {
    async fn new() -> Self {
        let clock = Arc::new(MemoryClock::new());
        let queue = Arc::new(MemoryQueue::new(clock.clone(), Limits::default()));
        let (asked, posted) = mpsc::unbounded_channel();
        let take =
            async |State(asked): State<mpsc::UnboundedSender<Posted>>, uri: Uri, headers: HeaderMap, body: String| {
                let (answer, answered) = oneshot::channel();
                let path = uri.path().to_owned();
                asked
                    .send(Posted {
                        path,
                        headers,
                        body,
                        answer,
                    })
                    .ok()
                    .unwrap();
                answered.await.unwrap()
            };
        let router = Router::new().route("/{stage}", post(take)).with_state(asked);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses: Addresses = format!("http://{}/{{stage}}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let http = HttpConfig {
            token: Some(Secret::new("a token for the test".to_owned())),
            ..HttpConfig::default()
        };
        let posting = Posting::new(&addresses, &[STAGE], &http, queue.clone(), clock.clone()).unwrap();
        Self {
            clock,
            queue,
            posted,
            posting: Arc::new(posting),
        }
    }

    /// Receives what is visible and has it invoked.
    async fn invoke(&self, stop: &CancellationToken) -> tokio::task::JoinHandle<(SqsEvent, SqsBatchResponse)> {
        let batch = self.queue.receive(STAGE, 10, Duration::ZERO).await.unwrap();
        let event = event_of(&batch);
        let (posting, deadline) = (
            self.posting.clone(),
            Deadline::after(Duration::from_mins(1), stop.clone()),
        );
        tokio::spawn(async move {
            let response = posting.invoke(STAGE, event.clone(), &deadline).await.unwrap();
            (event, response)
        })
    }

    async fn send(&self, bodies: &[&str]) {
        let bodies: Vec<_> = bodies.iter().map(|&body| body.to_owned()).collect();
        self.queue.send(STAGE, &bodies).await.unwrap();
    }

    async fn visible(&self) -> usize {
        self.queue.receive(STAGE, 10, Duration::ZERO).await.unwrap().len()
    }
}

#[tokio::test]
async fn each_message_is_an_event_of_its_stage_with_the_token() {
    let mut bench = Bench::new().await;
    bench.send(&["{\"a\": 1}", "{\"b\": 2}"]).await;
    let invoked = bench.invoke(&CancellationToken::new()).await;
    let mut bodies = Vec::new();
    for status in [StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE] {
        let posted = bench.posted.recv().await.unwrap();
        assert_eq!(posted.path, "/eval");
        for (name, value) in [
            ("ce-type", "flits.eval.v1"),
            ("ce-specversion", "1.0"),
            ("authorization", "Bearer a token for the test"),
        ] {
            assert_eq!(posted.headers[name], value);
        }
        bodies.push(posted.body);
        posted.answer.send(status).unwrap();
    }
    let (event, response) = invoked.await.unwrap();
    let failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|one| &one.item_identifier)
        .collect();
    let refused = event
        .records
        .iter()
        .find(|record| record.body.as_ref() == Some(&bodies[1]));
    assert_eq!(
        failed,
        [refused.unwrap().message_id.as_ref().unwrap()],
        "only what was refused comes again"
    );
    assert_eq!(bench.visible().await, 0, "not at once");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.visible().await, 1, "after a pause");
}

// A function behind HTTP has no handle, so nobody else hides the message while it works.
#[tokio::test]
async fn a_message_stays_hidden_for_as_long_as_its_function_works() {
    let mut bench = Bench::new().await;
    bench.send(&["{}"]).await;
    let invoked = bench.invoke(&CancellationToken::new()).await;
    let posted = bench.posted.recv().await.unwrap();
    for _ in 0..10 {
        let hidden_again = bench.clock.monotonic() + Duration::from_mins(1);
        soon(|| bench.queue.next_visible() >= Some(hidden_again)).await;
        bench.clock.advance(Duration::from_secs(45));
        assert_eq!(bench.visible().await, 0, "after {:?}", bench.clock.monotonic());
    }
    posted.answer.send(StatusCode::OK).unwrap();
    assert!(invoked.await.unwrap().1.batch_item_failures.is_empty());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_functions() {
    let mut bench = Bench::new().await;
    bench.send(&["{}"]).await;
    let stop = CancellationToken::new();
    let invoked = bench.invoke(&stop).await;
    let _working = bench.posted.recv().await.unwrap();
    stop.cancel();
    assert_eq!(
        invoked.await.unwrap().1.batch_item_failures.len(),
        1,
        "it is not acknowledged"
    );
}

/// Waits for something that another task does next.
async fn soon(holds: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it does not happen");
}
