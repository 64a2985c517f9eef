//! A job that stops before its end and continues as another hop.

use std::time::Duration;

use contract::{Stage, keys};
use forecast::Progress;
use platform::{Ended, Outcome, Stop, Worked, ledger::State};

use crate::rig::{Behaviour, Rig, made, train};

fn at(epoch: u32) -> Progress {
    Progress { epoch, batch: 0 }
}

fn stopped(epoch: u32) -> Behaviour {
    Behaviour::Give(Worked::Stopped {
        progress: at(epoch),
        checkpoint: format!("after {epoch}").into_bytes(),
    })
}

#[tokio::test]
async fn a_job_that_stops_with_progress_goes_on_from_its_checkpoint() {
    let rig = Rig::new().await;
    let work = train(|job, before| {
        let resumed = job
            .resume
            .as_ref()
            .map(|(progress, bytes)| (progress.epoch, bytes.to_vec()));
        let expected = (before > 0).then(|| (before, format!("after {before}").into_bytes()));
        assert_eq!(resumed, expected);
        if before < 3 {
            stopped(before + 1)
        } else {
            Behaviour::Finish
        }
    });
    let outcomes = rig.drain(&work).await;
    let hops: Vec<u32> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Done {
                ended: Ended::Yielded { hop },
                ..
            } => Some(*hop),
            _ => None,
        })
        .collect();
    assert_eq!(hops, [1, 2, 3]);
    let ledger = rig.ledger().await.unwrap();
    assert_eq!(
        (ledger.state, ledger.hop, ledger.token, ledger.attempt),
        (State::Committed, 3, 4, 0)
    );
    assert_eq!(rig.manifest().await.unwrap().outputs, made());
    assert_eq!(rig.sent(Stage::Eval).len(), 1);
}

#[tokio::test]
async fn a_message_from_before_a_hop_changes_nothing() {
    let rig = Rig::new().await;
    let work = train(|_, before| if before == 0 { stopped(1) } else { Behaviour::Finish });
    rig.run(&work, &rig.message).await;
    let yielded = rig.ledger().await.unwrap();
    let stale = rig.run(&work, &rig.message).await;
    assert_eq!(
        stale,
        Outcome::Done {
            job: rig.message.job,
            ended: Ended::Stale
        }
    );
    assert_eq!(rig.ledger().await.unwrap(), yielded);
    assert_eq!(work.works(), 1);
}

#[tokio::test]
async fn progress_forgives_earlier_attempts() {
    let rig = Rig::new().await;
    let work = train(|job, before| match before {
        0 | 1 => Behaviour::Panic,
        2 => {
            assert_eq!(job.attempt, 2);
            stopped(1)
        }
        _ => {
            assert_eq!(job.attempt, 0);
            Behaviour::Finish
        }
    });
    rig.drain(&work).await;
    assert_eq!(rig.ledger().await.unwrap().state, State::Committed);
}

#[tokio::test]
async fn a_signal_without_progress_gives_back_at_once_and_costs_nothing() {
    let rig = Rig::new().await;
    rig.stop.ask();
    let work = train(|_, _| Behaviour::Take(Duration::from_mins(1), at(0)));
    let outcome = rig.run(&work, &rig.message).await;
    let Outcome::GiveBack { after, .. } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(after <= Duration::from_secs(2));
    let ledger = rig.ledger().await.unwrap();
    assert_eq!((ledger.state, ledger.attempt, ledger.hop), (State::Released, 0, 0));
}

#[tokio::test]
async fn a_signal_with_progress_yields() {
    let rig = Rig::new().await;
    rig.stop.ask();
    let work = train(|_, before| Behaviour::Take(Duration::from_mins(1), at(before + 1)));
    let outcome = rig.run(&work, &rig.message).await;
    assert_eq!(
        outcome,
        Outcome::Done {
            job: rig.message.job,
            ended: Ended::Yielded { hop: 1 }
        }
    );
    assert_eq!(rig.sent(Stage::Train).last().map(|message| message.hop), Some(1));
}

#[tokio::test]
async fn a_deadline_too_short_for_any_progress_is_counted_and_given_up() {
    let mut rig = Rig::new().await;
    rig.stop = Stop::at(rig.world.clock.clone(), Duration::ZERO);
    let work = train(|_, _| Behaviour::Take(Duration::from_mins(1), at(0)));
    rig.drain(&work).await;
    assert_eq!(work.works(), 6);
    let failure = rig.failure().await.unwrap();
    assert!(
        failure.message.contains("the deadline came before any progress"),
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn hops_come_to_an_end() {
    let rig = Rig::new().await;
    let work = train(|_, before| stopped(before + 1));
    rig.drain(&work).await;
    let ledger = rig.ledger().await.unwrap();
    assert_eq!((ledger.state, ledger.hop), (State::Failed, 64));
    assert_eq!(rig.failure().await.unwrap().bound.as_deref(), Some("at most 64 hops"));
}

#[tokio::test]
async fn a_lost_checkpoint_means_beginning_again() {
    let rig = Rig::new().await;
    let work = train(|job, before| match before {
        0 => stopped(9),
        1 => {
            assert!(job.resume.is_none());
            stopped(2)
        }
        _ => {
            assert_eq!(job.resume.as_ref().unwrap().0, at(2));
            Behaviour::Finish
        }
    });
    rig.passing(rig.pump(&work, &rig.platform)).await;
    let digest = rig.ledger().await.unwrap().checkpoint.unwrap();
    let task = &rig.message.stage;
    assert!(
        rig.world
            .store
            .remove(&keys::checkpoint(task.dataset(), task.part(), digest))
    );
    rig.drain(&work).await;
    assert_eq!(rig.ledger().await.unwrap().state, State::Committed);
}
