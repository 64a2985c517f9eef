//! Events that never become work, and messages that no work can begin with.

use std::time::Duration;

use contract::{Digest, FailedStage, FailureKind, identity};
use platform::{
    Delivery, Ended, Outcome, Stop,
    driver::{EventJob, receive},
    ledger::State,
    walk,
};

use crate::rig::{Behaviour, Cause, Rig, Trouble, dataset, train};

fn event() -> EventJob {
    let job = identity::receive_job("flits", "raw/ours/a.csv", "v1", b"");
    EventJob {
        job,
        dataset: Some(dataset()),
        key: "raw/ours/a.csv".to_owned(),
        written: None,
    }
}

fn delivery() -> Delivery {
    Delivery {
        handle: None,
        receive_count: 1,
        stop: Stop::never(),
    }
}

#[tokio::test]
async fn an_event_that_is_refused_is_noted_once() {
    let rig = Rig::new().await;
    let error = Trouble::Lasting(Cause);
    let first = receive::fail(&event(), &error, &delivery(), &rig.platform).await;
    let failure = walk::failure(rig.world.store.as_ref(), event().job)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (failure.stage, failure.key.as_str()),
        (FailedStage::Receive, "raw/ours/a.csv")
    );
    let ended = Ended::Failed(Box::new(failure));
    assert_eq!(
        first,
        Outcome::Done {
            job: event().job,
            ended: ended.clone()
        }
    );
    let again = receive::fail(&event(), &error, &delivery(), &rig.platform).await;
    assert_eq!(
        again,
        Outcome::Done {
            job: event().job,
            ended
        }
    );
    let ledger = walk::ledger(rig.world.store.as_ref(), event().job)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((ledger.state, ledger.token, ledger.sent), (State::Failed, 1, true));
}

#[tokio::test]
async fn an_event_waits_for_as_long_as_it_may() {
    let rig = Rig::new().await;
    let wait = || {
        let missing = (Duration::from_secs(5), "test file `a_test.csv`".to_owned());
        let event = event();
        let platform = rig.platform.clone();
        async move { receive::wait(&event, missing, Duration::from_secs(30), &delivery(), &platform).await }
    };
    for _ in 0..6 {
        let outcome = wait().await;
        assert!(matches!(outcome, Outcome::GiveBack { .. }), "{outcome:?}");
        rig.world.clock.advance(Duration::from_secs(5));
    }
    let outcome = wait().await;
    let Outcome::Done {
        ended: Ended::Failed(failure),
        ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::TimedOut);
    assert_eq!(
        failure.message,
        "waited 30 s, at most 30 s are allowed, for test file `a_test.csv`"
    );
}

#[tokio::test]
async fn a_message_that_names_a_wrong_job_is_refused_and_that_job_untouched() {
    let mut rig = Rig::new().await;
    rig.message.job = Digest::of(b"somebody else's");
    let work = train(|_, _| Behaviour::Finish);
    let outcome = rig.run(&work, &rig.message).await;
    let Outcome::Done {
        ended: Ended::Failed(failure),
        ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(
        (failure.kind, failure.stage),
        (FailureKind::Event, FailedStage::Receive)
    );
    assert_eq!((rig.ledger().await, work.works()), (None, 0));
}

#[tokio::test]
async fn a_message_whose_spec_is_gone_is_refused() {
    let rig = Rig::new().await;
    let key = contract::keys::resolved(&dataset(), rig.spec.digest());
    assert!(rig.world.store.remove(&key));
    let outcome = rig.run(&train(|_, _| Behaviour::Finish), &rig.message).await;
    let Outcome::Done {
        ended: Ended::Failed(failure),
        ..
    } = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(failure.kind, FailureKind::Store);
    assert!(failure.message.contains(&key), "{}", failure.message);
}
