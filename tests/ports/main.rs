//! The port suites on memory and on the embedded servers, over loopback and with the adapters that functions use.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod servers;
mod sink;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use emulator::{Addresses, Emulator, Settings};
use platform::{
    Clock, Outbox as _, Queue, QueueError, Store, StoreError,
    aws::{Endpoint, SystemClock, connect_queue, connect_store},
};
use servers::{REGION, Server, access};
use testing::{
    memory::{Limits, MemoryClock, MemoryQueue, MemoryStore, World},
    ports::{QueueBench, queue_suite, store_suite},
};

/// Queues in memory.
struct Memory {
    clock: Arc<MemoryClock>,
}

#[async_trait]
impl QueueBench for Memory {
    async fn fresh(&self) -> Arc<dyn Queue> {
        let limits = Limits {
            visibility: self.visibility(),
            max_receive_count: 3,
            ..Limits::default()
        };
        Arc::new(MemoryQueue::new(self.clock.clone(), limits))
    }

    fn visibility(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn voids_old_handles(&self) -> bool {
        true
    }
}

/// The embedded servers, whose time tests advance: not by more than signatures may be off, a quarter of an hour.
struct Loopback {
    _embedded: Emulator,
    server: Server,
    ahead_ms: Arc<AtomicI64>,
    _dir: tempfile::TempDir,
}

impl Loopback {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let access = access();
        let mut settings = Settings::new(REGION, &access.key, access.secret.expose());
        let (system, ahead) = (SystemClock::new(), ahead_ms.clone());
        settings.now = Arc::new(move || system.now_s() * 1000 + ahead.load(Ordering::Relaxed));
        let embedded = Emulator::start(dir.path(), Addresses::default(), settings)
            .await
            .unwrap();
        let server = Server::new(&embedded.s3_url, &embedded.sqs_url);
        Self {
            _embedded: embedded,
            server,
            ahead_ms,
            _dir: dir,
        }
    }
}

#[async_trait]
impl QueueBench for Loopback {
    async fn fresh(&self) -> Arc<dyn Queue> {
        self.server.queues(self.visibility()).await
    }

    fn visibility(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn pass(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }

    fn voids_old_handles(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn the_store_in_memory_passes_the_suite() {
    store_suite(&MemoryStore::new(Arc::new(MemoryClock::new()))).await;
}

#[tokio::test]
async fn the_queue_in_memory_passes_the_suite() {
    queue_suite(&Memory {
        clock: Arc::new(MemoryClock::new()),
    })
    .await;
}

#[tokio::test]
async fn the_embedded_store_passes_the_suite() {
    let loopback = Loopback::start().await;
    store_suite(&*loopback.server.store("suite").await).await;
}

#[tokio::test]
async fn the_embedded_queue_passes_the_suite() {
    queue_suite(&Loopback::start().await).await;
}

#[tokio::test]
async fn of_forty_rounds_of_sixteen_racing_writers_each_has_one_winner() {
    let loopback = Loopback::start().await;
    let store = loopback.server.store("race").await;
    for round in 0..40 {
        let key = format!("race/{round}");
        let body = |n: u8| bytes::Bytes::from(vec![n; 300_000]);
        let writes = futures_util::future::join_all((0..16).map(|n| store.create(&key, body(n)))).await;
        assert_eq!(writes.iter().filter(|write| write.is_ok()).count(), 1, "round {round}");
        assert!(
            writes
                .iter()
                .filter_map(|w| w.as_ref().err())
                .all(|e| matches!(e, StoreError::Exists { .. }))
        );
    }
}

#[tokio::test]
async fn a_memory_world_keeps_one_time() {
    let world = World::new();
    world.store.put("a", bytes::Bytes::new()).await.unwrap();
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(world.store.head("a").await.unwrap().age_s(), 120);
}

#[tokio::test]
async fn a_queue_or_bucket_that_is_not_there_is_named() {
    let loopback = Loopback::start().await;
    let endpoint = |url: &str| Endpoint {
        url: Some(url.to_owned()),
        region: Some(REGION.to_owned()),
    };
    let queue = connect_queue(
        &endpoint(&loopback.server.sqs_url),
        Some(&access()),
        BTreeMap::default(),
    )
    .await
    .unwrap();
    let error = queue.send(contract::Stage::Eval, &["x".to_owned()]).await.unwrap_err();
    assert!(
        matches!(&error, QueueError::NoQueue { queue } if queue == "flits-eval"),
        "{error:?}"
    );
    let store = connect_store("nowhere", &endpoint(&loopback.server.s3_url), Some(&access()))
        .await
        .unwrap();
    let error = store.put("a", bytes::Bytes::new()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { .. }), "{error:?}");
}

#[tokio::test]
async fn wrong_credentials_are_denied() {
    let loopback = Loopback::start().await;
    loopback.server.store("secret").await;
    let mut wrong = access();
    wrong.secret = platform::Secret::new("wrong".to_owned());
    let endpoint = Endpoint {
        url: Some(loopback.server.s3_url.clone()),
        region: Some(REGION.to_owned()),
    };
    let store = connect_store("secret", &endpoint, Some(&wrong)).await.unwrap();
    let error = store.get("a", 1).await.unwrap_err();
    assert!(matches!(&error, StoreError::Denied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_gone_leaves_doubt_about_writes_and_none_about_reads() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let endpoint = Endpoint {
        url: Some(url),
        region: Some(REGION.to_owned()),
    };
    let store = connect_store("b", &endpoint, Some(&access())).await.unwrap();
    let (read, write) = (
        store.get("a", 1).await.unwrap_err(),
        store.create("a", bytes::Bytes::new()).await.unwrap_err(),
    );
    assert!(matches!(read, StoreError::Unavailable { .. }), "{read:?}");
    assert!(matches!(write, StoreError::Doubt { .. }), "{write:?}");
}
