//! What a sweep sends, for which ledgers and uploads, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::time::Duration;

use bytes::Bytes;
use contract::{
    Digest, FailedStage, FailureKind, Message, Next, PartId, SampleTask, Scored, Spec, Stage, Task, TrainTask,
    canonical, identity, keys,
};
use platform::{
    Platform, Store as _,
    event::{Body, Created},
    ledger::{Ledger, Nonce, State, Trigger},
    walk,
};
use sweep::{Asked, Swept, sweep};
use testing::{
    memory::World,
    stage::{dataset, name, platform, spec},
};

const USUAL: Asked = Asked { deep: false };
const DEEP: Asked = Asked { deep: true };

/// A world with a resolved spec and no job.
struct Scene {
    world: World,
    platform: Platform,
    spec: Spec,
}

impl Scene {
    async fn new() -> Self {
        let (world, spec) = (World::new(), spec(""));
        let key = keys::resolved(&dataset(), spec.digest());
        world.store.put(&key, canonical(&spec).unwrap().into()).await.unwrap();
        Self {
            platform: platform(&world),
            world,
            spec,
        }
    }

    fn train(&self) -> Message {
        let task = TrainTask {
            dataset: dataset(),
            part: PartId::WHOLE,
            spec: self.spec.digest(),
            salt: String::new(),
            cut: Digest::of(b"the cut"),
            round: Digest::of(b"the round"),
            member: name("gru"),
            refit_of: None,
        };
        Message::new(Task::Train(task), &self.spec, "a-walk")
    }

    fn sample(&self, clean: &[u8]) -> SampleTask {
        SampleTask {
            dataset: dataset(),
            part: PartId::WHOLE,
            spec: self.spec.digest(),
            salt: String::new(),
            clean: Digest::of(clean),
        }
    }

    /// Returns the ledger of a `train` job as its worker left it.
    fn ledger(&self, state: State) -> Ledger {
        let message = self.train();
        let identity = identity::identify(&message.stage, &self.spec);
        Ledger {
            version: 1,
            job: identity.job,
            work: identity.work,
            stage: FailedStage::Stage(Stage::Train),
            state,
            token: 1,
            nonce: Nonce::fresh(),
            owner: "host/a".to_owned(),
            lease_s: 120,
            attempt: 0,
            hop: 0,
            progress: None,
            waiting_since: None,
            checkpoint: None,
            result: None,
            failure: None,
            next: None,
            sent: false,
            trigger: Some(Trigger::Message(Box::new(message))),
            started: 0,
            seconds: 0.0,
        }
    }

    async fn put(&self, ledger: &Ledger) {
        let key = keys::ledger(ledger.job);
        self.world.store.put(&key, ledger.to_json().into()).await.unwrap();
    }

    fn pass(&self, minutes: u64) {
        self.world.clock.advance(Duration::from_mins(minutes));
    }

    async fn sweep(&self, asked: Asked) -> Swept {
        sweep(&asked, &self.platform).await.unwrap()
    }

    /// Returns the messages in the queue of a stage.
    fn sent(&self, stage: Stage) -> Vec<Message> {
        let bodies = self.world.queue.bodies(stage);
        bodies
            .iter()
            .map(|body| Message::parse(body.as_bytes()).unwrap())
            .collect()
    }

    /// Returns the uploads whose events are in the queue.
    fn events(&self) -> Vec<Created> {
        let bodies = self.world.queue.bodies(Stage::Preprocess);
        let created = bodies.iter().flat_map(|body| match Body::parse(body).unwrap() {
            Body::Uploads(created) => created,
            other => panic!("{other:?}"),
        });
        created.collect()
    }
}

#[tokio::test]
async fn a_job_without_a_worker_gets_its_message_again() {
    for (what, state, lease_s, minutes, asked, read, sent) in [
        ("too young", State::Running, 120, 4, USUAL, 0, 0),
        ("its lease is over", State::Running, 120, 6, USUAL, 1, 1),
        ("its lease holds", State::Running, 1200, 6, USUAL, 1, 0),
        ("its lease holds, deep", State::Running, 1200, 6, DEEP, 1, 0),
        ("given back", State::Released, 120, 6, USUAL, 1, 1),
        ("too old", State::Released, 120, 21, USUAL, 0, 0),
        ("all ages", State::Released, 120, 21, DEEP, 1, 1),
    ] {
        let scene = Scene::new().await;
        let ledger = Ledger {
            lease_s,
            hop: 3,
            ..scene.ledger(state)
        };
        scene.put(&ledger).await;
        scene.pass(minutes);
        let swept = scene.sweep(asked).await;
        assert_eq!((swept.listed, swept.read, swept.taken_over), (1, read, sent), "{what}");
        let expected = Message {
            hop: 3,
            ..scene.train()
        };
        assert_eq!(scene.sent(Stage::Train), vec![expected; sent], "{what}");
        let stored = walk::ledger(&*scene.world.store, ledger.job).await.unwrap();
        assert_eq!(stored, Some(ledger), "{what}: a sweep claims nothing");
    }
}

#[tokio::test]
async fn a_job_with_too_many_attempts_fails_as_it_would_with_a_worker() {
    let scene = Scene::new().await;
    let ledger = Ledger {
        attempt: 5,
        ..scene.ledger(State::Running)
    };
    scene.put(&ledger).await;
    scene.pass(6);
    let swept = scene.sweep(USUAL).await;
    assert_eq!((swept.failed, swept.taken_over), (1, 0), "{swept:?}");
    let failure = walk::failure(&*scene.world.store, ledger.job).await.unwrap().unwrap();
    assert_eq!(
        (failure.kind, failure.member),
        (FailureKind::Exhausted, Some(name("gru")))
    );
    assert!(
        failure.message.contains("`host.max_attempts` is 5"),
        "{}",
        failure.message
    );
    let evals = scene.sent(Stage::Eval);
    let [
        Message {
            stage: Task::Eval(eval),
            ..
        },
    ] = evals.as_slice()
    else {
        panic!("{evals:?}")
    };
    assert!(
        matches!(&eval.scored, Scored::Failed(why) if why.contains("gave up")),
        "{eval:?}"
    );
    let stored = walk::ledger(&*scene.world.store, ledger.job).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.sent), (State::Failed, true));
    scene.pass(6);
    assert_eq!(scene.sweep(USUAL).await.failed, 0, "only once");
}

#[tokio::test]
async fn what_was_not_sent_is_sent_once_and_under_the_trace_of_its_walk() {
    for (what, trigger, trace) in [
        ("ours", true, "a-walk".to_owned()),
        (
            "earlier code's",
            false,
            Scene::new().await.train().job.hex()[..32].to_owned(),
        ),
    ] {
        let scene = Scene::new().await;
        let next = Next::one(Task::Sample(scene.sample(b"clean")));
        let mut ledger = Ledger {
            next: Some(next),
            ..scene.ledger(State::Committed)
        };
        ledger.trigger = ledger.trigger.filter(|_| trigger);
        scene.put(&ledger).await;
        for resent in [1, 0] {
            scene.pass(6);
            assert_eq!(scene.sweep(USUAL).await.resent, resent, "{what}");
        }
        let expected = Message::new(Task::Sample(scene.sample(b"clean")), &scene.spec, &trace);
        assert_eq!(scene.sent(Stage::Sample), [expected], "{what}");
    }
}

#[tokio::test]
async fn a_deep_sweep_sends_again_what_reached_no_worker() {
    let scene = Scene::new().await;
    let next = Next {
        recipe: Some(Stage::Sample.recipe()),
        ..Next::one(Task::Sample(scene.sample(b"clean")))
    };
    let ledger = Ledger {
        next: Some(next.clone()),
        sent: true,
        ..scene.ledger(State::Committed)
    };
    scene.put(&ledger).await;
    scene.pass(10);
    assert_eq!(scene.sweep(DEEP).await.resent, 0, "a queue may be long");
    scene.pass(11);
    assert_eq!(scene.sweep(USUAL).await.resent, 0, "too old for a usual one");
    assert_eq!(scene.sweep(DEEP).await.resent, 1);
    // An earlier recipe names the job otherwise, so nobody knows whether it was done.
    let earlier = Next {
        recipe: Some(Stage::Sample.recipe() - 1),
        ..next
    };
    scene
        .put(&Ledger {
            next: Some(earlier),
            ..ledger
        })
        .await;
    scene.pass(21);
    assert_eq!(scene.sweep(DEEP).await.resent, 0);
    assert_eq!(scene.sent(Stage::Sample).len(), 1);
}

#[tokio::test]
async fn a_ledger_that_cannot_be_read_or_helped_does_not_stop_the_others() {
    let scene = Scene::new().await;
    let damaged = keys::ledger(Digest::of(b"damaged"));
    scene.world.store.put(&damaged, Bytes::from_static(b"{")).await.unwrap();
    let newer = keys::ledger(Digest::of(b"newer"));
    scene
        .world
        .store
        .put(&newer, Bytes::from_static(b"{\"version\": 9}"))
        .await
        .unwrap();
    let mut earlier = Ledger {
        job: Digest::of(b"earlier"),
        trigger: None,
        ..scene.ledger(State::Released)
    };
    scene.put(&earlier).await;
    // Its spec is gone, so what comes next cannot be written out.
    earlier.job = Digest::of(b"no spec");
    earlier.state = State::Committed;
    earlier.next = Some(Next::one(Task::Sample(SampleTask {
        spec: Digest::of(b"gone"),
        ..scene.sample(b"clean")
    })));
    scene.put(&earlier).await;
    scene.put(&scene.ledger(State::Released)).await;
    scene.pass(6);
    let swept = scene.sweep(USUAL).await;
    assert_eq!((swept.skipped, swept.taken_over, swept.read), (4, 1, 5), "{swept:?}");
}

#[tokio::test]
async fn an_upload_without_a_receipt_begins() {
    let scene = Scene::new().await;
    let store = &scene.world.store;
    let put = async |key: &str| store.put(key, Bytes::from_static(b"time,a\n")).await.unwrap();
    let lost = put("raw/cell/a b+c.csv").await;
    put("raw/cell/a_test.csv").await;
    put("raw/cell/").await;
    let received = put("raw/cell/received.csv").await;
    let receipt = identity::receipt("flits", "raw/cell/received.csv", received.as_str(), 7);
    put(&keys::receipt(receipt)).await;
    let refused = put("raw/cell/refused.csv").await;
    let event = Ledger {
        job: identity::receive_job("flits", "raw/cell/refused.csv", refused.as_str(), b""),
        sent: true,
        ..scene.ledger(State::Failed)
    };
    scene.put(&event).await;
    assert_eq!(scene.sweep(USUAL).await.uploads, 0, "too young");
    scene.pass(6);
    let swept = scene.sweep(USUAL).await;
    assert_eq!((swept.listed, swept.uploads), (6, 1), "{swept:?}");
    let events = scene.events();
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    let about = (event.bucket.as_str(), event.key.as_str(), event.etag.as_deref());
    assert_eq!(about, ("flits", "raw/cell/a b+c.csv", Some(lost.as_str())));
    // Beside the store's own event of that second, it is no new upload.
    let real = contract::EventId {
        sequencer: Some("0A".to_owned()),
        time: event.event.time.as_ref().map(|time| time.replace(".000Z", ".123Z")),
    };
    assert!(!event.event.is_after(&real), "{:?}", event.event);
    scene.pass(20);
    assert_eq!(scene.sweep(USUAL).await.uploads, 0, "too old");
    assert_eq!(
        scene.sweep(DEEP).await.uploads,
        2,
        "and the one whose receipt led to no job"
    );
    scene.pass(3 * 24 * 60);
    assert_eq!(
        scene.sweep(DEEP).await.uploads,
        1,
        "its job may be one of an earlier recipe"
    );
}
