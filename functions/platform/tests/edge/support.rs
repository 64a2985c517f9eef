//! A world in memory with a `preprocess` that only counts.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use bytes::Bytes;
use contract::{CleanFacts, Digest, Failure, Next, PartId, PreprocessTask, Report, keys};
use platform::{
    Class, Classify, Downloaded, ETag, Host, Job, Listed, Object, ObjectMeta, Platform, Stop, Store, StoreError, Work,
    Worked, ports::Clock, serve::handle_batch,
};
use serde_json::{Value, json};
use series::{Frequency, TimeAxis};
use testing::memory::{Faults, MemoryStore, World};

/// A `preprocess` that only counts how often it worked, and panics on data that says so.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) worked: AtomicUsize,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Never(Infallible);

impl Classify for Never {
    fn class(&self) -> Class {
        match self.0 {}
    }
}

#[async_trait]
impl Work for Counting {
    type Task = PreprocessTask;
    type Made = CleanFacts;
    type Error = Never;

    async fn work(&self, job: &Job<PreprocessTask>, platform: &Platform) -> Result<Worked<CleanFacts>, Never> {
        assert_ne!(job.task.dataset.as_str(), "poison", "this dataset kills its worker");
        self.worked.fetch_add(1, Ordering::Relaxed);
        let clean = Digest::of(b"clean");
        let key = keys::clean(&job.task.dataset, PartId::WHOLE, clean);
        platform.store.put(&key, Bytes::from_static(b"clean")).await.unwrap();
        let axis = TimeAxis {
            start: 0,
            frequency: Frequency::Seconds(60),
            len: 1,
        };
        Ok(Worked::Done(CleanFacts {
            clean,
            rows: 1,
            columns: 1,
            test_start: None,
            axis,
            report: Report::default(),
        }))
    }

    async fn conclude(
        &self,
        _job: &Job<PreprocessTask>,
        _made: &CleanFacts,
        _platform: &Platform,
    ) -> Result<Next, Never> {
        Ok(Next::nothing())
    }
}

/// What happens when an upload is looked at.
#[derive(Clone, Copy)]
pub(crate) enum Spoilt {
    /// The store panics.
    Panics,
    /// The store refuses access.
    Denied,
    /// The object is replaced right after the look.
    Replaced,
}

/// A store that works, except for uploads.
struct SpoiltStore(Arc<MemoryStore>, Spoilt);

#[async_trait]
impl Store for SpoiltStore {
    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        self.0.get(key, cap).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        let meta = self.0.head(key).await;
        match self.1 {
            _ if !key.starts_with("raw/") => meta,
            Spoilt::Panics => panic!("nobody can look at `{key}`"),
            Spoilt::Denied => Err(StoreError::Denied {
                key: key.to_owned(),
                source: "no rights".into(),
            }),
            Spoilt::Replaced => {
                self.put(key, Bytes::from_static(b"replaced")).await?;
                meta
            }
        }
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.0.put(key, bytes).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.0.create(key, bytes).await
    }

    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        self.0.swap(key, bytes, seen).await
    }

    async fn upload(&self, key: &str, file: &Path, metadata: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        self.0.upload(key, file, metadata).await
    }

    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError> {
        self.0.download(key, seen, file, cap).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError> {
        self.0.list(prefix, after, max).await
    }
}

/// The world, and a platform on it whose operations are counted.
pub(crate) struct House {
    pub(crate) world: World,
    pub(crate) platform: Platform,
    pub(crate) faults: Arc<Faults>,
    pub(crate) work: Counting,
    pub(crate) scratch: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let faults = Faults::new(None);
        let scratch = tempfile::tempdir().unwrap();
        let host = Host {
            max_upload: 1000,
            scratch: scratch.path().to_owned(),
            ..testing::host()
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
            work: Counting::default(),
            scratch,
        }
    }

    /// Spoils the uploads in the store.
    pub(crate) fn spoil(&mut self, how: Spoilt) {
        self.platform.store = Arc::new(SpoiltStore(self.world.store.clone(), how));
    }

    /// Puts an object without a notification.
    pub(crate) async fn put(&self, key: &str, text: &str) {
        self.world.store.put(key, text.to_owned().into()).await.unwrap();
    }

    /// Returns the notification that the store sends about an object's newest version.
    pub(crate) async fn notification(&self, key: &str) -> Value {
        let etag = self
            .world
            .store
            .head(key)
            .await
            .map_or("gone".to_owned(), |meta| meta.etag.as_str().to_owned());
        let encoded = key.replace('+', "%2B").replace(' ', "+");
        notification("flits", &encoded, &etag)
    }

    /// Delivers bodies as one batch, with the ids `m0`, `m1`, …
    pub(crate) async fn deliver(&self, bodies: &[Value]) -> SqsBatchResponse {
        self.deliver_until(bodies, &self.stop()).await
    }

    pub(crate) async fn deliver_until(&self, bodies: &[Value], stop: &Stop) -> SqsBatchResponse {
        handle_batch(&self.work, batch(bodies), stop, &self.platform).await
    }

    /// Delivers the notification of one object. Returns whether it is acknowledged.
    pub(crate) async fn upload(&self, key: &str) -> bool {
        let body = self.notification(key).await;
        self.deliver(&[body]).await.batch_item_failures.is_empty()
    }

    pub(crate) fn stop(&self) -> Stop {
        let clock = self.platform.clock.clone();
        Stop::at(clock, self.world.clock.monotonic() + Duration::from_mins(10))
    }

    pub(crate) fn worked(&self) -> usize {
        self.work.worked.load(Ordering::Relaxed)
    }

    /// Returns all documents under `failed/`, in key order.
    pub(crate) async fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        for key in self.world.store.keys().iter().filter(|key| key.starts_with("failed/")) {
            let object = self.world.store.get(key, 1 << 20).await.unwrap();
            failures.push(serde_json::from_slice(&object.bytes).unwrap());
        }
        failures
    }

    /// Returns the only failure.
    pub(crate) async fn failure(&self) -> Failure {
        let failures = self.failures().await;
        let [failure] = failures.as_slice() else {
            panic!("{failures:#?}")
        };
        failure.clone()
    }

    pub(crate) fn scratch_files(&self) -> usize {
        std::fs::read_dir(Path::new(self.scratch.path())).unwrap().count()
    }
}

pub(crate) fn notification(bucket: &str, encoded_key: &str, etag: &str) -> Value {
    let object = json!({"key": encoded_key, "eTag": etag, "size": 1});
    json!({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": object}}]})
}

/// Returns a batch as SQS passes it to Lambda. A JSON string stands for its text, so that a body need not be JSON.
pub(crate) fn batch(bodies: &[Value]) -> SqsEvent {
    let record = |(i, body): (usize, &Value)| {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        json!({"messageId": format!("m{i}"), "receiptHandle": format!("h{i}"), "body": text,
               "attributes": {"ApproximateReceiveCount": "1"}})
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}

pub(crate) fn ids(response: &SqsBatchResponse) -> Vec<&str> {
    response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect()
}
