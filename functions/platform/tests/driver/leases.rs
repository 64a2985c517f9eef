//! Who holds a job, for how long, and what happens to it when the holder dies.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use contract::{Message, Stage, keys};
use forecast::Progress;
use platform::{
    Delivery, Outcome, Platform, Stop, Store as _, driver,
    ledger::{Nonce, State},
};

use crate::rig::{Behaviour, Rig, Scripted, train};

const NOWHERE: Progress = Progress { epoch: 0, batch: 0 };

fn delivery() -> Delivery {
    Delivery {
        handle: None,
        receive_count: 1,
        stop: Stop::never(),
    }
}

/// Starts to run a message and dies before the end.
async fn die(rig: &Rig, work: &Scripted, message: &Message, platform: &Platform, after: Duration) {
    let delivery = delivery();
    let running = driver::run(work, message.clone(), &delivery, platform);
    let dying = platform::Clock::sleep(rig.world.clock.as_ref(), after);
    rig.passing(async {
        tokio::select! {
            outcome = running => panic!("it lived: {outcome:?}"),
            () = dying => {}
        }
    })
    .await;
}

#[tokio::test]
async fn long_work_keeps_its_lease_and_others_keep_away() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Take(Duration::from_mins(20), NOWHERE));
    let delivery = delivery();
    let first = driver::run(&work, rig.message.clone(), &delivery, &rig.platform);
    let second = async {
        platform::Clock::sleep(rig.world.clock.as_ref(), Duration::from_mins(15)).await;
        driver::run(&work, rig.message.clone(), &delivery, &rig.platform).await
    };
    let (first, second) = rig.passing(async { tokio::join!(first, second) }).await;
    assert!(matches!(first, Outcome::Done { .. }), "{first:?}");
    let Outcome::GiveBack { after, .. } = second else {
        panic!("{second:?}")
    };
    assert!(
        (1..=137).contains(&after.as_secs()),
        "the rest of the lease and a little: {after:?}"
    );
    let ledger = rig.ledger().await.unwrap();
    assert_eq!((ledger.state, ledger.token, work.works()), (State::Committed, 1, 1));
    assert!(ledger.seconds >= 1_200.0, "{}", ledger.seconds);
}

#[tokio::test]
async fn a_dead_holder_is_replaced_when_its_lease_is_over_and_not_before() {
    let rig = Rig::new().await;
    let endless = train(|_, _| Behaviour::Take(Duration::from_hours(9), NOWHERE));
    die(&rig, &endless, &rig.message, &rig.platform, Duration::from_secs(1)).await;
    let work = train(|_, _| Behaviour::Finish);
    assert!(matches!(rig.run(&work, &rig.message).await, Outcome::GiveBack { .. }));
    rig.world.clock.advance(Duration::from_secs(121));
    assert!(matches!(rig.run(&work, &rig.message).await, Outcome::Done { .. }));
    let ledger = rig.ledger().await.unwrap();
    assert_eq!((ledger.state, ledger.token, ledger.attempt), (State::Committed, 2, 1));
}

#[tokio::test]
async fn a_job_that_kills_its_holder_every_time_is_given_up() {
    let rig = Rig::new().await;
    let endless = train(|_, _| Behaviour::Take(Duration::from_hours(9), NOWHERE));
    for _ in 0..6 {
        die(&rig, &endless, &rig.message, &rig.platform, Duration::from_secs(1)).await;
        rig.world.clock.advance(Duration::from_secs(121));
    }
    rig.run(&endless, &rig.message).await;
    let failure = rig.failure().await.unwrap();
    assert!(
        failure.message.contains("was killed or lost its host"),
        "{}",
        failure.message
    );
    assert_eq!((endless.works(), rig.sent(Stage::Eval).len()), (6, 1));
}

#[tokio::test]
async fn a_new_local_epoch_takes_over_at_once() {
    let mut rig = Rig::new().await;
    rig.platform.host.owner = "local/1".to_owned();
    let endless = train(|_, _| Behaviour::Take(Duration::from_hours(9), NOWHERE));
    die(&rig, &endless, &rig.message, &rig.platform, Duration::from_secs(1)).await;
    let work = train(|_, _| Behaviour::Finish);
    assert!(
        matches!(rig.run(&work, &rig.message).await, Outcome::GiveBack { .. }),
        "the epoch has not ended"
    );
    rig.platform.host.owner = "local/2".to_owned();
    assert!(matches!(rig.run(&work, &rig.message).await, Outcome::Done { .. }));
    let ledger = rig.ledger().await.unwrap();
    assert_eq!(
        (ledger.state, ledger.attempt, ledger.owner.as_str()),
        (State::Committed, 1, "local/2")
    );
}

#[tokio::test]
async fn a_holder_that_was_replaced_stops_and_commits_nothing() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Take(Duration::from_hours(9), Progress { epoch: 3, batch: 0 }));
    let delivery = delivery();
    let running = driver::run(&work, rig.message.clone(), &delivery, &rig.platform);
    let replacing = async {
        platform::Clock::sleep(rig.world.clock.as_ref(), Duration::from_secs(5)).await;
        let mut ledger = rig.ledger().await.unwrap();
        (ledger.token, ledger.owner, ledger.nonce) = (2, "host/b".to_owned(), Nonce::of("theirs"));
        let key = keys::ledger(rig.message.job);
        rig.world.store.put(&key, Bytes::from(ledger.to_json())).await.unwrap();
        ledger
    };
    let (outcome, theirs) = rig.passing(async { tokio::join!(running, replacing) }).await;
    assert!(matches!(outcome, Outcome::GiveBack { .. }), "{outcome:?}");
    assert_eq!(rig.ledger().await.unwrap(), theirs);
    assert_eq!(rig.sent(Stage::Train).len(), 1, "no continuation was sent");
}

#[tokio::test]
async fn a_claimed_message_stays_hidden_for_as_long_as_the_work_takes() {
    let rig = Rig::new().await;
    let work = Arc::new(train(|_, _| Behaviour::Take(Duration::from_mins(20), NOWHERE)));
    let platform = rig.platform.clone();
    let pumping = rig.pump(&work, &platform);
    let looking = async {
        for _ in 0..15 {
            platform::Clock::sleep(rig.world.clock.as_ref(), Duration::from_mins(1)).await;
            let seen = platform.queue.receive(Stage::Train, 10, Duration::ZERO).await.unwrap();
            assert_eq!(seen, [], "it was delivered to somebody else");
        }
    };
    let (outcomes, ()) = rig.passing(async { tokio::join!(pumping, looking) }).await;
    assert!(matches!(outcomes[..], [Outcome::Done { .. }]), "{outcomes:?}");
    assert!(rig.sent(Stage::Train).is_empty(), "it was acknowledged");
}
