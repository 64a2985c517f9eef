//! A memory store and queue with the stage in front of them.

use contract::{
    CleanFacts, Dataset, EventId, Failure, Input, Manifest, Message, PartId, PreprocessTask, Produced, Stage, Task,
    canonical, keys,
    spec::{Layer, resolve},
};
use platform::{Delivery, Ended, Outcome, Platform, Stop, child::Program, event::Created, walk};
use preprocess::Preprocess;
use testing::memory::World;

pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) platform: Platform,
    work: Preprocess,
}

impl Bench {
    /// Returns a bench that reads uploads as a host does, in a child process.
    pub(crate) fn new() -> Self {
        Self::of(Preprocess::in_child(Program::at(env!("CARGO_BIN_EXE_preprocess"))))
    }

    pub(crate) fn of(work: Preprocess) -> Self {
        let world = World::new();
        let (store, queue, clock) = (world.store.clone(), world.queue.clone(), world.clock.clone());
        Self {
            platform: Platform::new(store, queue, clock, testing::host()),
            world,
            work,
        }
    }

    pub(crate) async fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        let bytes = bytes::Bytes::copy_from_slice(bytes.as_ref());
        self.platform.store.put(key, bytes).await.expect("memory takes it");
    }

    /// Receives the upload, as after a notification.
    pub(crate) async fn upload(&self, key: &str) -> Option<Outcome> {
        self.upload_until(key, Stop::never()).await
    }

    pub(crate) async fn upload_until(&self, key: &str, stop: Stop) -> Option<Outcome> {
        let created = Created {
            bucket: "flits".to_owned(),
            key: key.to_owned(),
            version: None,
            etag: None,
            spec: None,
            event: EventId::default(),
        };
        let delivery = Delivery {
            handle: None,
            receive_count: 1,
            stop,
        };
        platform::front::receive(&self.work, &created, &delivery, &self.platform).await
    }

    /// Receives an upload whose work is committed. Returns whether the work had been done before.
    pub(crate) async fn commit(&self, key: &str) -> bool {
        match self.upload(key).await {
            Some(Outcome::Done {
                ended: Ended::Committed { reused },
                ..
            }) => reused,
            other => panic!("{key}: {other:?}"),
        }
    }

    pub(crate) async fn failure(&self, key: &str) -> Failure {
        match self.upload(key).await {
            Some(Outcome::Done {
                job,
                ended: Ended::Failed(failure),
            }) => {
                let stored = walk::failure(&*self.platform.store, job).await.expect("memory answers");
                assert_eq!(stored, Some(*failure.clone()));
                *failure
            }
            other => panic!("{key}: {other:?}"),
        }
    }

    /// Delivers a job as the front door left it on another day, under a salt of its own.
    pub(crate) async fn deliver(&self, input: &Input, salt: &str) -> Ended {
        let layer = Layer::set([("salt".to_owned(), salt.to_owned())]);
        let spec = resolve(&[layer]).expect("a spec of the test");
        let dataset: Dataset = "cell".parse().expect("a dataset of the test");
        self.put(
            &keys::resolved(&dataset, spec.digest()),
            canonical(&spec).expect("a spec has JSON"),
        )
        .await;
        let stage = Task::Preprocess(PreprocessTask {
            dataset,
            part: PartId::WHOLE,
            spec: spec.digest(),
            salt: salt.to_owned(),
            inputs: vec![input.clone()],
        });
        let message = Message::new(stage, &spec, &"t".repeat(32));
        let delivery = Delivery {
            handle: None,
            receive_count: 1,
            stop: Stop::never(),
        };
        match platform::driver::run(&self.work, message, &delivery, &self.platform).await {
            Outcome::Done { ended, .. } => ended,
            given_back @ Outcome::GiveBack { .. } => panic!("{given_back:?}"),
        }
    }

    pub(crate) fn samples(&self) -> Vec<Message> {
        let bodies = self.world.queue.bodies(Stage::Sample);
        bodies
            .iter()
            .map(|body| Message::parse(body.as_bytes()).expect("a message of ours"))
            .collect()
    }

    pub(crate) async fn facts(&self) -> CleanFacts {
        match self.manifest().await.outputs {
            Produced::Preprocess(facts) => facts,
            other => panic!("facts of this stage, not {other:?}"),
        }
    }

    pub(crate) async fn manifest(&self) -> Manifest {
        let keys = self.world.store.keys();
        let key = keys.iter().find(|key| key.starts_with("work/")).expect("finished work");
        let found = platform::documents::read(&*self.platform.store, key).await;
        let (manifest, _) = found.expect("memory answers").expect("finished work");
        manifest
    }

    pub(crate) fn clean_parts(&self) -> usize {
        self.world
            .store
            .keys()
            .iter()
            .filter(|key| key.starts_with("clean/"))
            .count()
    }

    /// Returns all objects but the ledgers, which hold times and nonces.
    pub(crate) async fn everything_but_ledgers(&self) -> Vec<(String, bytes::Bytes)> {
        let mut all = Vec::new();
        for key in self
            .world
            .store
            .keys()
            .into_iter()
            .filter(|key| !key.starts_with("jobs/"))
        {
            let object = self.platform.store.get(&key, u64::MAX).await.expect("it is listed");
            all.push((key, object.bytes));
        }
        all
    }
}
