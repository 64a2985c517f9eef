//! Answers that do not come, and answers that come late.

use std::{sync::Arc, time::Duration};

use contract::{Message, Stage};
use platform::{
    Clock as _, Delivery, Outcome, Stop, StoreError, documents, driver,
    memory::{Fault, Faults, How, When, World},
};

use crate::rig::{Rig, Step, train};

/// Asks for a create whose answer is lost, and says what lies there afterwards.
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

/// The store takes the claim at once and answers half a minute later: for everybody else the lease began with the write.
#[tokio::test]
async fn a_lease_counts_from_the_question_and_not_from_its_answer() {
    let mut rig = Rig::new().await;
    rig.platform.store = slow(&rig, "create jobs/");
    let seen = Arc::new(std::sync::Mutex::new(None));
    let work = train({
        let seen = seen.clone();
        move |job, _| {
            *seen.lock().unwrap() = job.stop.remaining();
            Step::Finish
        }
    });
    rig.run(&work, &rig.message).await;
    let left = seen.lock().unwrap().unwrap();
    // Two thirds of two minutes, less the half minute that the answer took.
    assert!(left <= Duration::from_secs(51), "{left:?} of the lease are left");
}

/// Renewals too: a renewal whose answer takes long counts from when it was asked for.
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
            Step::Take(Duration::from_mins(3), forecast::Progress { epoch: 0, batch: 0 })
        }
    });
    rig.run(&work, &rig.message).await;
    // 80 s hold from the question; an answer that takes 30 s leaves 50.
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

/// Work that does not stop at its deadline, and a second worker who waits for the job.
#[tokio::test]
async fn a_lease_is_not_renewed_beyond_the_deadline() {
    let rig = Rig::new().await;
    // It looks at nothing and takes as long as it likes.
    let deaf = train(|_, before| {
        if before == 0 {
            Step::Deaf(Duration::from_hours(1))
        } else {
            Step::Finish
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

/// A store whose answers to some requests come half a minute after their effects.
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
    let work = train(move |_, before| if before < 3 { Step::Give(wait()) } else { Step::Finish });
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
