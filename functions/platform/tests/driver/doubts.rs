//! Answers that are lost, and answers that come late.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use contract::{Manifest, Message, Produced, Scored, Stage, Task, TrainFacts, canonical, identity, keys};
use futures_util::FutureExt as _;
use platform::{
    Clock as _, Delivery, Downloaded, ETag, Listed, Object, ObjectMeta, Outcome, Stop, Store, StoreError, documents,
    driver,
};
use testing::memory::{Fault, Faults, How, MemoryStore, When, World};

use crate::rig::{Behaviour, Rig, train};

/// Creates a document with a lost answer. Returns the result and the keys in the store.
async fn create(when: When) -> (Result<String, StoreError>, Vec<String>) {
    let world = World::new();
    let faults = Faults::new(Some(Fault {
        at: 0,
        when,
        how: How::TimeOut,
    }));
    let store = faults.store(world.store.clone());
    let created = documents::create_or_adopt(store.as_ref(), "rounds/a.json", "mine".to_owned()).await;
    (created, world.store.keys())
}

#[tokio::test]
async fn a_create_in_doubt_is_done_only_where_the_document_lies() {
    let (created, keys) = create(When::After).await;
    assert_eq!((created.unwrap(), keys.len()), ("mine".to_owned(), 1));
    let (created, keys) = create(When::Before).await;
    assert!(matches!(created, Err(StoreError::Doubt { .. })), "{created:?}");
    assert_eq!(
        keys,
        Vec::<String>::new(),
        "nothing was written, and nobody says that it was"
    );
}

/// The store takes the claim at once and answers half a minute later. For all other workers the lease began with the
/// write.
#[tokio::test]
async fn a_lease_counts_from_the_question_and_not_from_its_answer() {
    let mut rig = Rig::new().await;
    rig.platform.store = slow(&rig, "create jobs/");
    let seen = Arc::new(std::sync::Mutex::new(None));
    let work = train({
        let seen = seen.clone();
        move |job, _| {
            *seen.lock().unwrap() = job.stop.remaining();
            Behaviour::Finish
        }
    });
    rig.run(&work, &rig.message).await;
    let left = seen.lock().unwrap().unwrap();
    // Two thirds of two minutes, minus the half minute that the answer took.
    assert!(left <= Duration::from_secs(51), "{left:?} of the lease are left");
}

/// The same holds for renewals: a renewal counts from when it was sent.
#[tokio::test]
async fn a_renewed_lease_counts_from_the_question() {
    let mut rig = Rig::new().await;
    rig.platform.store = slow(&rig, "swap jobs/");
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let work = train({
        let (seen, clock) = (seen.clone(), rig.world.clock.clone());
        move |job, _| {
            let (seen, clock, stop) = (seen.clone(), clock.clone(), job.stop.clone());
            tokio::spawn(async move {
                for _ in 0..40 {
                    clock.sleep(Duration::from_secs(4)).await;
                    seen.lock().unwrap().extend(stop.remaining());
                }
            });
            Behaviour::Take(Duration::from_mins(3), forecast::Progress { epoch: 0, batch: 0 })
        }
    });
    rig.run(&work, &rig.message).await;
    // It holds for 80 s from when it was sent. An answer that takes 30 s leaves 50 s.
    let renewed: Vec<_> = seen
        .lock()
        .unwrap()
        .windows(2)
        .filter(|pair| pair[1] > pair[0])
        .map(|pair| pair[1])
        .collect();
    assert!(!renewed.is_empty(), "it was renewed");
    assert!(
        renewed.iter().all(|left| *left <= Duration::from_secs(51)),
        "{renewed:?}"
    );
}

/// Work that does not stop at its deadline, and a second worker that waits for the job.
#[tokio::test]
async fn a_lease_is_not_renewed_beyond_the_deadline() {
    let rig = Rig::new().await;
    // It never asks whether to stop.
    let deaf = train(|_, before| {
        if before == 0 {
            Behaviour::Deaf(Duration::from_hours(1))
        } else {
            Behaviour::Finish
        }
    });
    let deadline = rig.world.clock.monotonic() + Duration::from_mins(10);
    let delivery = Delivery {
        handle: None,
        receive_count: 1,
        stop: Stop::at(rig.world.clock.clone(), deadline),
    };
    let first = driver::run(&deaf, rig.message.clone(), &delivery, &rig.platform);
    let second = async {
        rig.world.clock.sleep(Duration::from_mins(20)).await;
        let message: Message = rig.message.clone();
        driver::run(
            &deaf,
            message,
            &Delivery {
                stop: Stop::never(),
                ..delivery.clone()
            },
            &rig.platform,
        )
        .await
    };
    let (first, second) = rig.passing(async { tokio::join!(first, second) }).await;
    assert!(
        matches!(second, Outcome::Done { .. }),
        "its lease is over ten minutes after the deadline: {second:?}"
    );
    assert!(matches!(first, Outcome::GiveBack { .. }), "{first:?}");
    assert_eq!(rig.sent(Stage::Eval).len(), 1);
}

/// Returns a store whose answers to some requests come half a minute after their effects.
fn slow(rig: &Rig, operation: &'static str) -> Arc<dyn platform::Store> {
    let faults = Faults::slow(operation, Duration::from_secs(30), rig.world.clock.clone());
    faults.store(rig.world.store.clone())
}

/// The clock of a host that is set wrong.
struct Wrong(Arc<dyn platform::Clock>);

#[async_trait::async_trait]
impl platform::Clock for Wrong {
    fn now_s(&self) -> i64 {
        self.0.now_s() + 86_400
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    async fn sleep(&self, time: Duration) {
        self.0.sleep(time).await;
    }
}

#[tokio::test]
async fn a_host_whose_clock_is_wrong_waits_no_less_than_others() {
    let mut rig = Rig::new().await;
    let wait = || platform::Worked::Wait {
        after: Duration::from_secs(20),
        why: "the test file".to_owned(),
    };
    let work = train(move |_, before| {
        if before < 3 {
            Behaviour::Give(wait())
        } else {
            Behaviour::Finish
        }
    });
    let (right, wrong) = (rig.platform.clock.clone(), Arc::new(Wrong(rig.platform.clock.clone())));
    for clock in [right.clone(), wrong.clone() as Arc<dyn platform::Clock>, right] {
        rig.platform.clock = clock;
        let outcome = rig.run(&work, &rig.message).await;
        assert!(matches!(outcome, Outcome::GiveBack { .. }), "{outcome:?}");
        rig.world.clock.advance(Duration::from_secs(20));
    }
    rig.platform.clock = wrong;
    assert!(matches!(rig.run(&work, &rig.message).await, Outcome::Done { .. }));
}

/// A store on which the first swap of a ledger times out, and takes effect only when the second one comes.
struct Late {
    inner: Arc<MemoryStore>,
    pending: std::sync::Mutex<Option<(String, Bytes, ETag)>>,
    struck: std::sync::atomic::AtomicBool,
}

#[async_trait::async_trait]
impl Store for Late {
    async fn swap(&self, key: &str, bytes: Bytes, seen: &ETag) -> Result<ETag, StoreError> {
        if !self.struck.swap(true, std::sync::atomic::Ordering::SeqCst) {
            *self.pending.lock().unwrap() = Some((key.to_owned(), bytes, seen.clone()));
            return Err(StoreError::Doubt {
                key: key.to_owned(),
                source: "no answer".into(),
            });
        }
        let pending = self.pending.lock().unwrap().take();
        if let Some((key, bytes, seen)) = pending {
            self.inner.swap(&key, bytes, &seen).await.unwrap();
        }
        self.inner.swap(key, bytes, seen).await
    }

    async fn get(&self, key: &str, cap: u64) -> Result<Object, StoreError> {
        self.inner.get(key, cap).await
    }

    async fn head(&self, key: &str) -> Result<ObjectMeta, StoreError> {
        self.inner.head(key).await
    }

    async fn put(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.inner.put(key, bytes).await
    }

    async fn create(&self, key: &str, bytes: Bytes) -> Result<ETag, StoreError> {
        self.inner.create(key, bytes).await
    }

    async fn upload(&self, key: &str, file: &Path, about: &BTreeMap<String, String>) -> Result<ETag, StoreError> {
        self.inner.upload(key, file, about).await
    }

    async fn download(&self, key: &str, seen: &ETag, file: &Path, cap: u64) -> Result<Downloaded, StoreError> {
        self.inner.download(key, seen, file, cap).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>, max: usize) -> Result<Vec<Listed>, StoreError> {
        self.inner.list(prefix, after, max).await
    }
}

/// The refusal of the second try is the echo of the first, which came late.
#[tokio::test]
async fn a_commit_that_is_refused_by_its_own_first_try_is_a_commit() {
    let mut rig = Rig::new().await;
    rig.platform.store = Arc::new(Late {
        inner: rig.world.store.clone(),
        pending: std::sync::Mutex::default(),
        struck: std::sync::atomic::AtomicBool::new(false),
    });
    let work = train(|_, _| Behaviour::Finish);
    let outcome = rig.run(&work, &rig.message).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
    assert_eq!((work.works(), rig.sent(Stage::Eval).len()), (1, 1));
}

/// Another worker has finished the same work with other bytes: a fit on a GPU is equal only up to rounding.
#[tokio::test]
async fn who_finishes_second_adopts_what_the_first_one_left() {
    let rig = Rig::new().await;
    let theirs = contract::Digest::of(b"their model");
    let identity = identity::identify(&rig.message.stage, &rig.spec);
    let manifest = Manifest {
        work: identity.work,
        recipe: identity.recipe,
        outputs: match crate::rig::made() {
            Produced::Train(facts) => Produced::Train(TrainFacts {
                artifact: theirs,
                ..facts
            }),
            other => other,
        },
    };
    let work = train({
        let (store, manifest) = (rig.world.store.clone(), manifest.clone());
        move |_, _| {
            let body = canonical(&manifest).unwrap().into();
            let key = keys::work(manifest.work);
            store.put(&key, body).now_or_never().unwrap().unwrap();
            Behaviour::Finish
        }
    });
    rig.run(&work, &rig.message).await;
    assert_eq!(rig.manifest().await.unwrap().outputs, manifest.outputs);
    let Task::Eval(eval) = &rig.sent(Stage::Eval)[0].stage else {
        panic!("an eval follows a train")
    };
    assert_eq!(eval.scored, Scored::Artifact(theirs), "both say the same from here on");
}
