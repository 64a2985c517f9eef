//! Known bytes that are uploaded again: what was lost is made again, and what is still stored is sent on once more.

use contract::{FailureKind, Message, Stage, keys};
use platform::{Ended, Outcome, Store as _, ledger::State};

use crate::rig::{Behaviour, Cause, MODEL, Rig, Trouble, model_key, train};

/// Returns the message that a new upload of the same bytes leads to.
fn again(rig: &Rig) -> Message {
    Message {
        again: true,
        ..rig.message.clone()
    }
}

fn committed(rig: &Rig, reused: bool) -> Outcome {
    Outcome::Done {
        job: rig.message.job,
        ended: Ended::Committed { reused },
    }
}

#[tokio::test]
async fn a_finished_job_sends_on_once_more_and_marks_what_it_sends() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    rig.drain(&work).await;
    let before = rig.ledger().await;
    assert_eq!(rig.run(&work, &again(&rig)).await, committed(&rig, true));
    let sent = rig.sent(Stage::Eval);
    assert_eq!(
        sent.iter().map(|message| message.again).collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(sent[0].job, sent[1].job);
    assert_eq!((work.works(), work.conclusions()), (1, 1), "nothing is done twice");
    assert_eq!(rig.ledger().await, before, "nothing is claimed twice");
    rig.run(&work, &rig.message).await;
    assert_eq!(rig.sent(Stage::Eval).len(), 2, "a redelivery sends nothing");
}

#[tokio::test]
async fn a_job_whose_output_is_gone_is_done_again() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    rig.drain(&work).await;
    let model = model_key(&rig.message.stage);
    assert!(rig.world.store.remove(&model));
    assert_eq!(
        rig.run(&work, &rig.message).await,
        committed(&rig, true),
        "a redelivery looks no further"
    );
    assert_eq!(work.works(), 1);
    assert_eq!(rig.run(&work, &again(&rig)).await, committed(&rig, false));
    assert_eq!(rig.world.store.get(&model, 100).await.unwrap().bytes, MODEL);
    let ledger = rig.ledger().await.unwrap();
    assert_eq!(
        (ledger.state, ledger.token, ledger.sent, work.works()),
        (State::Committed, 2, true, 2)
    );
    assert_eq!(rig.sent(Stage::Eval).len(), 2);
}

#[tokio::test]
async fn a_job_whose_manifest_is_gone_is_done_again() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    rig.drain(&work).await;
    let manifest = rig.manifest().await.unwrap();
    assert!(rig.world.store.remove(&keys::work(manifest.work)));
    assert_eq!(rig.run(&work, &again(&rig)).await, committed(&rig, false));
    assert_eq!(rig.manifest().await.unwrap(), manifest);
}

/// Another spec asks for the same work, whose output retention has deleted.
#[tokio::test]
async fn work_whose_output_is_gone_is_not_adopted() {
    let rig = Rig::new().await;
    rig.drain(&train(|_, _| Behaviour::Finish)).await;
    assert!(rig.world.store.remove(&model_key(&rig.message.stage)));
    assert!(rig.world.store.remove(&keys::ledger(rig.message.job)));
    let work = train(|_, _| Behaviour::Finish);
    assert_eq!(rig.run(&work, &rig.message).await, committed(&rig, false));
    assert_eq!(work.works(), 1);
}

#[tokio::test]
async fn a_job_that_stopped_on_the_way_sends_its_continuation_once_more() {
    let rig = Rig::new().await;
    let stopped = || platform::Worked::Stopped {
        progress: forecast::Progress { epoch: 1, batch: 0 },
        checkpoint: b"half".to_vec(),
    };
    let work = train(move |_, _| Behaviour::Give(stopped()));
    rig.run(&work, &rig.message).await;
    rig.run(&work, &again(&rig)).await;
    let hops: Vec<u32> = rig.sent(Stage::Train).iter().map(|message| message.hop).collect();
    assert_eq!((hops, work.works()), (vec![0, 1, 1], 1));
}

#[tokio::test]
async fn a_failure_of_the_data_stays_and_its_round_hears_of_it_once_more() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Err(Trouble::Lasting(Cause)));
    rig.drain(&work).await;
    let outcome = rig.run(&work, &again(&rig)).await;
    assert!(
        matches!(&outcome, Outcome::Done { ended: Ended::Failed(failure), .. } if failure.kind == FailureKind::Data),
        "{outcome:?}"
    );
    assert_eq!((work.works(), rig.sent(Stage::Eval).len()), (1, 2));
}

#[tokio::test]
async fn a_failure_from_outside_is_tried_again() {
    let rig = Rig::new().await;
    rig.drain(&train(|_, _| Behaviour::Err(Trouble::Passing))).await;
    assert_eq!(rig.failure().await.unwrap().kind, FailureKind::Exhausted);
    let mended = train(|job, _| {
        assert_eq!(job.attempt, 0, "with all of its attempts");
        Behaviour::Finish
    });
    assert!(matches!(
        rig.run(&mended, &rig.message).await,
        Outcome::Done {
            ended: Ended::Failed(_),
            ..
        }
    ));
    assert_eq!(mended.works(), 0, "a redelivery tries nothing");
    assert_eq!(rig.run(&mended, &again(&rig)).await, committed(&rig, false));
    assert_eq!(rig.ledger().await.unwrap().failure, None);
}
