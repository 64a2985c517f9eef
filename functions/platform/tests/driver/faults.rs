//! One fault at every operation, before and after it takes effect. The end is always that of a run without faults.

use contract::Stage;
use platform::{Platform, Worked, ledger::State};
use testing::memory::{Fault, Faults, How, When};

use crate::rig::{Behaviour, Cause, Rig, Scripted, Trouble, made, train};

fn finishing() -> Scripted {
    train(|_, _| Behaviour::Finish)
}

fn yielding() -> Scripted {
    train(|job, _| {
        if job.resume.is_some() {
            return Behaviour::Finish;
        }
        let progress = forecast::Progress { epoch: 1, batch: 0 };
        Behaviour::Give(Worked::Stopped {
            progress,
            checkpoint: b"half".to_vec(),
        })
    })
}

fn failing() -> Scripted {
    train(|_, _| Behaviour::Err(Trouble::Lasting(Cause)))
}

/// Runs one message under a fault as far as it gets, and then everything to its end without faults.
async fn survive(work: &Scripted, fault: Option<Fault>) -> (Rig, Vec<String>) {
    let rig = Rig::new().await;
    let faults = Faults::new(fault);
    let platform = rig.with(&faults);
    let passes: &Platform = &platform;
    rig.passing(async {
        tokio::select! {
            biased;
            // Dropped here, as in a process that is killed.
            () = faults.stopped() => {}
            () = async {
                for _ in 0..3 {
                    rig.pump(work, passes).await;
                }
            } => {}
        }
    })
    .await;
    rig.drain(work).await;
    (rig, faults.operations())
}

async fn every_fault(make: fn() -> Scripted, state: State, mut check: impl FnMut(&Rig, &Scripted, &str)) {
    let calm = make();
    let (_, operations) = survive(&calm, None).await;
    assert!(operations.len() > 5, "{operations:?}");
    for (at, name) in operations.iter().enumerate() {
        for (when, how) in [
            (When::Before, How::Stop),
            (When::After, How::Stop),
            (When::Before, How::TimeOut),
            (When::After, How::TimeOut),
        ] {
            let what = format!("{how:?} {when:?} {at}: {name}");
            let work = make();
            let (rig, _) = survive(&work, Some(Fault { at, when, how })).await;
            let ledger = rig.ledger().await.unwrap();
            assert_eq!((ledger.state, ledger.sent), (state, true), "{what}");
            let sent = rig.sent(Stage::Eval);
            assert!((1..=2).contains(&sent.len()), "{what}: {} messages", sent.len());
            assert!(sent.iter().all(|message| *message == sent[0]), "{what}: {sent:?}");
            check(&rig, &work, &what);
        }
    }
}

#[tokio::test]
async fn a_job_survives_one_fault_at_any_operation() {
    every_fault(finishing, State::Committed, |_, work, what| {
        assert!((1..=2).contains(&work.works()), "{what}: worked {} times", work.works());
    })
    .await;
}

#[tokio::test]
async fn a_yielding_job_survives_one_fault_at_any_operation() {
    every_fault(yielding, State::Committed, |_, work, what| {
        assert!((2..=4).contains(&work.works()), "{what}: worked {} times", work.works());
    })
    .await;
}

#[tokio::test]
async fn a_failing_job_survives_one_fault_at_any_operation() {
    every_fault(failing, State::Failed, |rig, _, what| {
        assert!(
            rig.world.store.keys().iter().any(|key| key.starts_with("failed/")),
            "{what}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_a_stopped_job_leaves_is_what_a_calm_one_leaves() {
    let (calm, operations) = survive(&finishing(), None).await;
    let expected = calm.manifest().await.unwrap();
    assert_eq!(expected.outputs, made());
    for (at, name) in operations.iter().enumerate() {
        let (rig, _) = survive(
            &finishing(),
            Some(Fault {
                at,
                when: When::After,
                how: How::Stop,
            }),
        )
        .await;
        assert_eq!(rig.manifest().await.unwrap(), expected, "stopped after {name}");
    }
}

#[tokio::test]
async fn a_ledger_write_without_an_answer_is_cleared_up_by_its_nonce() {
    let (_, operations) = survive(&finishing(), None).await;
    let writes = operations
        .iter()
        .enumerate()
        .filter(|(_, name)| name.contains(" jobs/") && !name.starts_with("get"));
    for (at, name) in writes {
        for when in [When::Before, When::After] {
            let how = How::TimeOut;
            let work = finishing();
            let (rig, _) = survive(&work, Some(Fault { at, when, how })).await;
            let ledger = rig.ledger().await.unwrap();
            let sent = rig.sent(Stage::Eval).len();
            assert_eq!(
                (work.works(), ledger.token, ledger.attempt, sent),
                (1, 1, 0, 1),
                "{when:?} {at}: {name}"
            );
        }
    }
}
