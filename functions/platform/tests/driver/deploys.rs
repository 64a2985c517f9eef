//! Code of two versions on the same queues: neither loses anything.

use bytes::Bytes;
use contract::{Digest, FailureKind, Message, Stage, keys};
use platform::{Ended, Outcome, Store as _, ledger::State, walk};

use crate::rig::{Behaviour, Rig, dataset, stage, train};

/// Returns the message as a sender with the previous recipe would have made it.
fn older(rig: &Rig) -> Message {
    Message {
        recipe: rig.message.recipe - 1,
        job: Digest::of(b"under the recipe before"),
        ..rig.message.clone()
    }
}

#[tokio::test]
async fn a_message_of_an_older_recipe_is_worked_on_under_the_recipe_of_the_day() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    let outcome = rig.run(&work, &older(&rig)).await;
    let job = rig.message.job;
    let ended = Ended::Committed { reused: false };
    assert_eq!(outcome, Outcome::Done { job, ended });
    assert_eq!(rig.ledger().await.unwrap().state, State::Committed);
    let sent = rig.sent(Stage::Eval);
    assert_eq!(sent.len(), 1, "its round hears of it");
    assert_eq!(sent[0].recipe, Stage::Eval.recipe());
    assert_eq!(rig.failure().await, None);
}

#[tokio::test]
async fn a_message_of_version_1_names_no_recipe_and_is_worked_on() {
    let rig = Rig::new().await;
    let old = format!(
        r#"{{"hop":0,"job":"{}","stage":{},"trace":"t","version":1}}"#,
        Digest::of(b"under whatever recipe"),
        serde_json::to_string(&rig.message.stage).unwrap(),
    );
    let work = train(|_, _| Behaviour::Finish);
    rig.run(&work, &Message::parse(old.as_bytes()).unwrap()).await;
    assert_eq!(rig.sent(Stage::Eval).len(), 1);
}

#[tokio::test]
async fn both_versions_of_a_message_are_the_same_job_once() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    for message in [older(&rig), rig.message.clone(), older(&rig)] {
        rig.run(&work, &message).await;
    }
    assert_eq!((work.works(), rig.sent(Stage::Eval).len()), (1, 1));
}

/// The spec has a section that this code does not know. Its digest is right, so it was valid for its writer.
#[tokio::test]
async fn a_message_under_a_spec_of_newer_code_is_given_back() {
    let mut rig = Rig::new().await;
    let mut wider = serde_json::to_value(&rig.spec).unwrap();
    wider["budget"] = serde_json::json!({"seconds": 60});
    let bytes = contract::canonical(&wider).unwrap();
    let digest = Digest::of(&bytes);
    let key = keys::resolved(&dataset(), digest);
    rig.world.store.put(&key, bytes.into()).await.unwrap();
    let contract::Task::Train(task) = &mut rig.message.stage else {
        unreachable!("it is a train task")
    };
    task.spec = digest;
    let outcome = rig.run(&train(|_, _| Behaviour::Finish), &rig.message).await;
    assert!(
        matches!(&outcome, Outcome::GiveBack { why, .. } if why.contains("written by newer code")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_ledger_of_newer_code_is_left_alone_however_often_its_message_comes() {
    let rig = Rig::new().await;
    let key = keys::ledger(rig.message.job);
    let newer = Bytes::from_static(br#"{"version": 7, "anything": "else"}"#);
    rig.world.store.put(&key, newer.clone()).await.unwrap();
    for receive_count in [1, 20, 900] {
        let outcome = rig.deliver(&train(|_, _| Behaviour::Finish), receive_count).await;
        assert!(
            matches!(&outcome, Outcome::GiveBack { why, .. } if why.contains("newer")),
            "{outcome:?}"
        );
    }
    assert_eq!(rig.world.store.get(&key, 100).await.unwrap().bytes, newer);
}

/// The document is not a ledger, so nothing can be counted in it, and the queue's count ends the waiting.
#[tokio::test]
async fn a_job_whose_ledger_is_damaged_fails_after_some_deliveries_and_its_round_goes_on() {
    let rig = Rig::new().await;
    let key = keys::ledger(rig.message.job);
    rig.world
        .store
        .put(&key, Bytes::from_static(b"not a ledger"))
        .await
        .unwrap();
    let work = train(|_, _| Behaviour::Finish);
    for receive_count in 1..=5 {
        let outcome = rig.deliver(&work, receive_count).await;
        assert!(
            matches!(outcome, Outcome::GiveBack { .. }),
            "delivery {receive_count}: {outcome:?}"
        );
    }
    let outcome = rig.deliver(&work, 6).await;
    assert!(
        matches!(
            outcome,
            Outcome::Done {
                ended: Ended::Failed(_),
                ..
            }
        ),
        "{outcome:?}"
    );
    let failure = walk::failure(rig.world.store.as_ref(), rig.message.job)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(failure.kind, FailureKind::Store);
    assert!(failure.message.contains(&key), "{}", failure.message);
    assert_eq!((work.works(), rig.sent(Stage::Eval).len()), (0, 1));
}

#[tokio::test]
async fn a_round_is_joined_by_both_versions() {
    // Today's `eval` takes the message of an older `train`, whatever `eval` itself was then.
    let rig =
        Rig::of(|spec| crate::rig::eval(&crate::rig::train_task(spec), contract::Scored::Failed("why".into()))).await;
    let work = stage(Stage::Eval, |_, _| {
        Behaviour::Give(platform::Worked::Done(crate::rig::made()))
    });
    let outcome = rig.run(&work, &older(&rig)).await;
    assert!(
        matches!(
            outcome,
            Outcome::Done {
                ended: Ended::Committed { .. },
                ..
            }
        ),
        "{outcome:?}"
    );
}
