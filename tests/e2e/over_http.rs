//! A walk over HTTP while things break: every event is delivered several times and out of order, a proxy answers 503 or
//! loses answers, and workers are killed in the middle of a request.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use contract::Stage;
use platform::{
    Outbox, Platform, QueueError, Stop,
    http::{self, HttpConfig, Inbox},
};
use testing::memory::{Fault, Faults, How, When, World};
use tower::ServiceExt as _;

use crate::{
    counting::CountedStore,
    house::{platform, results, uploaded, work_alone},
};

/// How often each event is delivered at least.
const COPIES: usize = 3;
/// More deliveries than any walk needs.
const DELIVERIES: usize = 20_000;

/// One event that waits for its delivery.
#[derive(Clone)]
struct Waiting {
    stage: Stage,
    body: String,
}

/// A broker in memory. It delivers what was sent in an order that follows from a seed.
struct Broker {
    waiting: Mutex<VecDeque<Waiting>>,
    /// The event of the request that is not answered yet.
    under_way: Mutex<Option<Waiting>>,
    random: Mutex<u64>,
}

impl Broker {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            waiting: Mutex::default(),
            under_way: Mutex::default(),
            random: Mutex::new(seed | 1),
        })
    }

    /// Returns a number below `bound` (xorshift64).
    fn below(&self, bound: usize) -> usize {
        let mut random = self.random.lock().unwrap();
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        usize::try_from(*random % u64::try_from(bound).unwrap()).unwrap()
    }

    fn put(&self, event: Waiting) {
        self.waiting.lock().unwrap().push_back(event);
    }

    fn take(&self) -> Option<Waiting> {
        let len = self.waiting.lock().unwrap().len();
        let at = if len == 0 { return None } else { self.below(len) };
        let event = self.waiting.lock().unwrap().remove(at);
        (*self.under_way.lock().unwrap()).clone_from(&event);
        event
    }
}

#[async_trait]
impl Outbox for Broker {
    async fn send(&self, stage: Stage, bodies: &[String]) -> Result<(), QueueError> {
        for body in bodies {
            for _ in 0..COPIES {
                self.put(Waiting {
                    stage,
                    body: body.clone(),
                });
            }
        }
        Ok(())
    }
}

fn router(platform: &Platform) -> Router {
    let config = HttpConfig::default();
    let inbox = Inbox::new(flits::functions::all(), platform, config.time, &Stop::never());
    http::events(inbox).guarded(&config, platform)
}

/// Posts an event as a broker does, and returns the status.
async fn post(router: &Router, event: &Waiting) -> StatusCode {
    let request = Request::post("/")
        .header("content-type", "application/json")
        .header("ce-specversion", "1.0")
        .header("ce-id", "any")
        .header("ce-source", "broker")
        .header("ce-type", format!("flits.{}.v1", event.stage))
        .body(Body::from(event.body.clone()))
        .unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

/// Delivers until nothing waits. Every fourth delivery breaks: the proxy answers 503 for it, or the answer is lost after
/// the function has applied the event.
async fn deliver(world: &World, broker: &Broker, router: &Router) {
    for _ in 0..DELIVERIES {
        let Some(event) = broker.take() else {
            return;
        };
        match broker.below(8) {
            0 => broker.put(event),
            1 => {
                post(router, &event).await;
                broker.put(event);
            }
            _ => match post(router, &event).await {
                StatusCode::OK => {}
                StatusCode::SERVICE_UNAVAILABLE => {
                    broker.put(event);
                    world.clock.advance(Duration::from_millis(200));
                }
                other => panic!("{} was answered {other}", event.stage),
            },
        }
        broker.under_way.lock().unwrap().take();
    }
    panic!("the walk does not end");
}

async fn calm() -> World {
    let calm = uploaded().await;
    let queue = calm.queue.clone();
    work_alone(&calm, &platform(&calm, calm.store.clone(), queue, 1)).await;
    calm
}

/// Takes the notification of the upload out of the queue.
fn notification(world: &World) -> Waiting {
    let [body] = world.queue.bodies(Stage::Preprocess).try_into().unwrap();
    Waiting {
        stage: Stage::Preprocess,
        body,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_ends_once_whatever_happens_between_broker_and_functions() {
    let calm = results(&calm().await).await;
    for seed in 1..=4 {
        let world = uploaded().await;
        let broker = Broker::new(seed);
        let store = Arc::new(CountedStore::new(world.store.clone()));
        let platform = Platform {
            outbox: broker.clone(),
            ..platform(&world, store.clone(), world.queue.clone(), 1)
        };
        for _ in 0..COPIES {
            broker.put(notification(&world));
        }
        deliver(&world, &broker, &router(&platform)).await;
        assert_eq!(results(&world).await, calm, "seed {seed}");
        let commits = store.commits.lock().unwrap();
        let jobs = world.store.keys().iter().filter(|key| key.starts_with("jobs/")).count();
        assert_eq!(commits.len(), jobs, "seed {seed}: every job is committed");
        assert!(
            commits.values().all(|commits| *commits == 1),
            "seed {seed}: {commits:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_killed_in_a_request_is_taken_over() {
    let calm = results(&calm().await).await;
    for at in (0..150).step_by(10) {
        let world = uploaded().await;
        let broker = Broker::new(1);
        let faults = Faults::new(Some(Fault {
            at,
            when: When::After,
            how: How::Stop,
        }));
        let queue = world.queue.clone();
        let whole = Platform {
            outbox: broker.clone(),
            ..platform(&world, world.store.clone(), queue.clone(), 1)
        };
        let struck = Platform {
            outbox: broker.clone(),
            ..platform(&world, faults.store(world.store.clone()), queue, 1)
        };
        broker.put(notification(&world));
        let router_struck = router(&struck);
        tokio::select! {
            biased;
            // All requests of the killed process stop here.
            () = faults.stopped() => {}
            () = deliver(&world, &broker, &router_struck) => {}
        }
        // The broker got no answer to the request under way, so it delivers that event again.
        let unanswered = broker.under_way.lock().unwrap().take();
        broker.waiting.lock().unwrap().extend(unanswered);
        world.clock.advance(Duration::from_secs(5));
        deliver(&world, &broker, &router(&whole)).await;
        assert_eq!(results(&world).await, calm, "killed after operation {at}");
    }
}
