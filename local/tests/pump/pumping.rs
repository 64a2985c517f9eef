//! The pump on queues in memory, with an invoker whose answers come from the test.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contract::Stage;
use flits::pump::{Batch, Deadline, InProcess, InvokeError, Invoker, Polls, Pump, Workers};
use platform::{Clock, Delivered, Outbox, Queue, QueueError};
use testing::memory::{Limits, MemoryClock, MemoryQueue};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// One invocation that waits for the test's answer.
struct Call {
    stage: Stage,
    bodies: Vec<String>,
    answer: oneshot::Sender<Result<Vec<usize>, InvokeError>>,
}

/// Passes every invocation to the test; an answer lists the positions of the messages that failed.
struct Scripted(mpsc::UnboundedSender<Call>);

#[async_trait]
impl Invoker for Scripted {
    async fn invoke(&self, stage: Stage, event: SqsEvent, _: &Deadline) -> Result<SqsBatchResponse, InvokeError> {
        let bodies = event
            .records
            .iter()
            .map(|record| record.body.clone().unwrap())
            .collect();
        let (answer, answered) = oneshot::channel();
        self.0.send(Call { stage, bodies, answer }).ok().unwrap();
        let mut response = SqsBatchResponse::default();
        for failed in answered.await.unwrap()? {
            response.add_failure(event.records[failed].message_id.clone().unwrap());
        }
        Ok(response)
    }
}

struct Bench {
    clock: Arc<MemoryClock>,
    queue: Arc<MemoryQueue>,
    calls: mpsc::UnboundedReceiver<Call>,
    pump: Pump,
}

impl Bench {
    fn new(workers: usize) -> Self {
        let clock = Arc::new(MemoryClock::new());
        let queue = Arc::new(MemoryQueue::new(clock.clone(), Limits::default()));
        let (asked, calls) = mpsc::unbounded_channel();
        let pump = Pump {
            queue: queue.clone(),
            polls: Polls::Left,
            invoker: Arc::new(Scripted(asked)),
            // When a death cannot be counted, the messages are given back.
            deaths: Arc::new(|_, _| Arc::new(|_, _| Box::pin(async { panic!("nobody counts here") }))),
            stages: Stage::ALL.to_vec(),
            workers: Workers::each(workers),
            deadline: Duration::from_mins(1),
            region: "eu-west-1".to_owned(),
            clock: clock.clone(),
        };
        Self {
            clock,
            queue,
            calls,
            pump,
        }
    }

    async fn send(&self, stage: Stage, bodies: &[&str]) {
        let bodies: Vec<_> = bodies.iter().map(|&body| body.to_owned()).collect();
        self.queue.send(stage, &bodies).await.unwrap();
    }

    fn start(&self) -> (CancellationToken, JoinHandle<()>) {
        let stop = CancellationToken::new();
        (stop.clone(), tokio::spawn(self.pump.clone().run(stop)))
    }

    async fn call(&mut self) -> Call {
        patient(self.calls.recv()).await.unwrap()
    }
}

/// A queue that cannot be reached so often.
struct Away {
    queue: Arc<MemoryQueue>,
    times: AtomicUsize,
}

#[async_trait]
impl Outbox for Away {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        self.queue.send(stage, bodies).await
    }
}

#[async_trait]
impl Queue for Away {
    async fn receive(&self, stage: Stage, max: usize, wait: Duration) -> Result<Vec<Delivered>, QueueError> {
        let left = self.times.fetch_update(Relaxed, Relaxed, |times| times.checked_sub(1));
        if left.is_ok() {
            return Err(QueueError::Unavailable {
                queue: stage.to_string(),
                source: "away".into(),
            });
        }
        self.queue.receive(stage, max, wait).await
    }

    async fn delete(&self, stage: Stage, handle: &str) -> Result<(), QueueError> {
        self.queue.delete(stage, handle).await
    }

    async fn extend(&self, stage: Stage, handle: &str, visibility: Duration) -> Result<(), QueueError> {
        self.queue.extend(stage, handle, visibility).await
    }
}

/// Ends a test that would hang.
async fn patient<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("it happens soon")
}

#[tokio::test]
async fn what_a_batch_does_not_list_as_failed_is_deleted() {
    let mut bench = Bench::new(1);
    bench.send(Stage::Eval, &["a", "b", "c"]).await;
    let (stop, pump) = bench.start();
    let call = bench.call().await;
    assert_eq!(
        (call.stage, call.bodies.as_slice()),
        (Stage::Eval, ["a", "b", "c"].map(String::from).as_slice())
    );
    call.answer.send(Ok(vec![1])).ok().unwrap();
    stop.cancel();
    patient(pump).await.unwrap();
    assert_eq!(bench.queue.bodies(Stage::Eval), ["b"]);
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_is_kept_and_comes_again_after_a_second() {
    let mut bench = Bench::new(1);
    bench.send(Stage::Sample, &["a", "b"]).await;
    let (stop, pump) = bench.start();
    let call = bench.call().await;
    call.answer
        .send(Err(InvokeError::Panicked("on purpose".to_owned())))
        .ok()
        .unwrap();
    stop.cancel();
    patient(pump).await.unwrap();
    assert_eq!(bench.queue.next_visible(), Some(Duration::from_secs(1)));

    bench.clock.advance(Duration::from_secs(1));
    let (stop, pump) = bench.start();
    let again = bench.call().await;
    assert_eq!(again.bodies, ["a", "b"]);
    again.answer.send(Ok(vec![])).ok().unwrap();
    stop.cancel();
    patient(pump).await.unwrap();
    assert!(bench.queue.bodies(Stage::Sample).is_empty());
}

#[tokio::test]
async fn train_takes_one_message_for_each_of_its_workers_and_no_more() {
    let mut bench = Bench::new(2);
    bench.send(Stage::Train, &["a", "b", "c"]).await;
    let (stop, pump) = bench.start();
    let (first, second) = (bench.call().await, bench.call().await);
    assert_eq!([first.bodies.as_slice(), second.bodies.as_slice()].concat(), ["a", "b"]);
    assert!(bench.calls.try_recv().is_err(), "a third fit runs beside two workers");
    first.answer.send(Ok(vec![])).ok().unwrap();
    let third = bench.call().await;
    assert_eq!(third.bodies, ["c"]);
    second.answer.send(Ok(vec![])).ok().unwrap();
    third.answer.send(Ok(vec![])).ok().unwrap();
    stop.cancel();
    patient(pump).await.unwrap();
    assert!(bench.queue.bodies(Stage::Train).is_empty());
}

#[tokio::test]
async fn stages_do_not_wait_for_each_other() {
    let mut bench = Bench::new(1);
    bench.send(Stage::Train, &["long"]).await;
    let (stop, pump) = bench.start();
    let long = bench.call().await;
    bench.send(Stage::Infer, &["short"]).await;
    let short = bench.call().await;
    assert_eq!(short.stage, Stage::Infer);
    short.answer.send(Ok(vec![])).ok().unwrap();
    long.answer.send(Ok(vec![])).ok().unwrap();
    stop.cancel();
    patient(pump).await.unwrap();
}

#[tokio::test]
async fn stopping_waits_for_what_runs_and_leaves_the_rest_in_the_queue() {
    let mut bench = Bench::new(1);
    bench.send(Stage::Train, &["running", "waiting"]).await;
    let (stop, pump) = bench.start();
    let call = bench.call().await;
    stop.cancel();
    tokio::task::yield_now().await;
    assert!(!pump.is_finished());
    call.answer.send(Ok(vec![])).ok().unwrap();
    patient(pump).await.unwrap();
    assert_eq!(bench.queue.bodies(Stage::Train), ["waiting"]);
}

#[tokio::test]
async fn a_queue_that_is_away_is_asked_after_doubling_pauses() {
    let mut bench = Bench::new(1);
    bench.pump.stages = vec![Stage::Sample];
    bench.pump.queue = Arc::new(Away {
        queue: bench.queue.clone(),
        times: AtomicUsize::new(5),
    });
    bench.send(Stage::Sample, &["a"]).await;
    let (stop, pump) = bench.start();
    let mut call = None;
    for _ in 0..60 {
        // The pump sees the time that has passed.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        call = bench.calls.try_recv().ok();
        if call.is_some() {
            break;
        }
        bench.clock.advance(Duration::from_secs(1));
    }
    let call = call.expect("the queue is asked again");
    assert_eq!(bench.clock.monotonic(), Duration::from_secs(1 + 2 + 4 + 8 + 8));
    assert_eq!(call.bodies, ["a"]);
    call.answer.send(Ok(vec![])).ok().unwrap();
    stop.cancel();
    patient(pump).await.unwrap();
}

#[tokio::test]
async fn a_stop_awaits_polls_where_they_would_hide_a_message_and_gives_it_back() {
    let mut bench = Bench::new(1);
    bench.pump.polls = Polls::Awaited(Duration::from_secs(5));
    let (stop, pump) = bench.start();
    // The polls begin.
    while bench.clock.sleepers() < Stage::ALL.len() {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    tokio::task::yield_now().await;
    assert!(!pump.is_finished());
    bench.send(Stage::Sample, &["late"]).await;
    bench.clock.advance(Duration::from_secs(5));
    patient(pump).await.unwrap();
    assert!(bench.calls.try_recv().is_err(), "it is not worked on");
    assert_eq!(bench.queue.bodies(Stage::Sample), ["late"]);
    assert_eq!(bench.queue.next_visible(), Some(Duration::from_secs(5 + 1)));
}

#[tokio::test]
async fn after_a_stop_no_poll_begins() {
    let bench = Bench::new(1);
    bench.send(Stage::Train, &["waiting"]).await;
    let polled = platform::serve::poll(&*bench.queue, (Stage::Train, 1, Duration::ZERO), async {}).await;
    assert!(matches!(polled, Ok(None)), "{polled:?}");
    assert_eq!(
        bench.queue.next_visible(),
        Some(Duration::ZERO),
        "nobody has received it"
    );
}

/// Runs one batch of one stage in this process.
async fn in_process(handler: Batch, stop: CancellationToken) -> Result<SqsBatchResponse, InvokeError> {
    let clock: Arc<dyn Clock> = Arc::new(MemoryClock::new());
    let invoker = InProcess::new(BTreeMap::from([(Stage::Eval, handler)]), clock);
    let deadline = Deadline::after(Duration::from_mins(1), stop);
    patient(invoker.invoke(Stage::Eval, SqsEvent::default(), &deadline)).await
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_own_invocation_only() {
    let handler: Batch = Arc::new(|_, _| Box::pin(async { panic!("on purpose") }));
    let ended = in_process(handler, CancellationToken::new()).await;
    assert!(matches!(ended, Err(InvokeError::Panicked(_))));
}

#[tokio::test]
async fn a_running_handler_hears_that_it_should_stop_and_still_answers() {
    let stop = CancellationToken::new();
    let asking = stop.clone();
    let handler: Batch = Arc::new(move |_, stop| {
        asking.cancel();
        Box::pin(async move {
            while !stop.should_stop() {
                tokio::task::yield_now().await;
            }
            let mut response = SqsBatchResponse::default();
            response.add_failure("unfinished");
            response
        })
    });
    let response = in_process(handler, stop).await.unwrap();
    assert_eq!(response.batch_item_failures[0].item_identifier, "unfinished");
}
