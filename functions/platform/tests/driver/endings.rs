//! How a job can end, and what follows.

use std::time::Duration;

use contract::{EvalTask, FailureKind, Manifest, Scored, Stage, Task, canonical, identity, keys};
use platform::{
    Ended, Outcome, Store as _, Worked,
    ledger::{Nonce, State, swap, transition},
    walk,
};

use crate::rig::{Behaviour, Cause, MODEL, Rig, Trouble, eval, made, model_key, stage, train, train_task};

#[tokio::test]
async fn a_job_is_done_committed_and_sent_on() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    let outcomes = rig.drain(&work).await;
    assert_eq!(
        outcomes,
        [Outcome::Done {
            job: rig.message.job,
            ended: Ended::Committed { reused: false }
        }]
    );
    let ledger = rig.ledger().await.unwrap();
    assert_eq!(
        (ledger.state, ledger.token, ledger.attempt, ledger.sent),
        (State::Committed, 1, 0, true)
    );
    assert!(!ledger.result.unwrap().adopted);
    assert_eq!(rig.manifest().await.unwrap().outputs, made());
    let sent = rig.sent(Stage::Eval);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].trace, rig.message.trace);
    assert_eq!(sent[0].job, identity::identify(&sent[0].stage, &rig.spec).job);
}

#[tokio::test]
async fn a_redelivered_job_is_acknowledged_without_working_or_sending_again() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    rig.drain(&work).await;
    for _ in 0..3 {
        let again = rig.run(&work, &rig.message).await;
        assert_eq!(
            again,
            Outcome::Done {
                job: rig.message.job,
                ended: Ended::Committed { reused: true }
            }
        );
    }
    assert_eq!(
        (work.works(), work.conclusions(), rig.sent(Stage::Eval).len()),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn work_that_another_job_finished_is_adopted_and_concluded() {
    let rig = Rig::new().await;
    let identity = identity::identify(&rig.message.stage, &rig.spec);
    let manifest = Manifest {
        work: identity.work,
        recipe: identity.recipe,
        outputs: made(),
    };
    rig.world
        .store
        .put(&keys::work(identity.work), canonical(&manifest).unwrap().into())
        .await
        .unwrap();
    let model = model_key(&rig.message.stage);
    rig.world.store.put(&model, MODEL.into()).await.unwrap();
    let work = train(|_, _| Behaviour::Panic);
    let outcomes = rig.drain(&work).await;
    assert_eq!(
        outcomes,
        [Outcome::Done {
            job: rig.message.job,
            ended: Ended::Committed { reused: true }
        }]
    );
    assert_eq!(
        (work.works(), work.conclusions(), rig.sent(Stage::Eval).len()),
        (0, 1, 1)
    );
    assert!(rig.ledger().await.unwrap().result.unwrap().adopted);
}

#[tokio::test]
async fn a_failed_fit_says_where_and_why_and_joins_its_round() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Err(Trouble::Lasting(Cause)));
    rig.drain(&work).await;
    let failure = rig.failure().await.unwrap();
    assert_eq!(failure.message, "column `x` has a hole: line 7 is ragged");
    assert_eq!((failure.row, failure.column.as_deref()), (Some(7), Some("x")));
    assert_eq!((failure.kind, failure.attempt), (FailureKind::Data, 0));
    let ledger = rig.ledger().await.unwrap();
    assert_eq!((ledger.state, ledger.sent), (State::Failed, true));
    assert_eq!(ledger.failure.as_deref(), Some(&failure));
    let sent = rig.sent(Stage::Eval);
    let expected = eval(&train_task(&rig.spec), Scored::Failed(failure.message));
    assert_eq!(
        sent.into_iter().map(|message| message.stage).collect::<Vec<_>>(),
        [expected]
    );
    assert_eq!(work.works(), 1);
}

#[tokio::test]
async fn a_failed_score_still_joins_its_round_once() {
    let rig = Rig::of(|spec| eval(&train_task(spec), Scored::Failed("diverged".to_owned()))).await;
    let work = stage(Stage::Eval, |_, _| Behaviour::Err(Trouble::Lasting(Cause)));
    let outcomes = rig.drain(&work).await;
    let skips: Vec<bool> = rig
        .world
        .store
        .keys()
        .iter()
        .filter(|key| key.starts_with("failed/"))
        .map(|_| true)
        .collect();
    assert_eq!(
        (outcomes.len(), skips.len()),
        (2, 2),
        "itself, then itself without scoring, then nothing"
    );
    let Task::Eval(task) = &rig.message.stage else {
        unreachable!("it is an eval")
    };
    let joining = Task::Eval(EvalTask {
        skip_scoring: true,
        refit_of: None,
        ..task.clone()
    });
    let job = identity::identify(&joining, &rig.spec).job;
    assert!(matches!(&outcomes[1], Outcome::Done { job: last, ended: Ended::Failed(_) } if *last == job));
}

#[tokio::test]
async fn poison_is_counted_and_given_up() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Panic);
    let outcomes = rig.drain(&work).await;
    assert_eq!(work.works(), 6, "one attempt and five more");
    let waits: Vec<u64> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::GiveBack { after, .. } => Some(after.as_secs()),
            Outcome::Done { .. } => None,
        })
        .collect();
    for (wait, least) in waits.iter().zip([5, 10, 20, 40, 80, 160]) {
        assert!((least..=least * 9 / 8 + 1).contains(wait), "{waits:?}");
    }
    let failure = rig.failure().await.unwrap();
    assert_eq!(failure.kind, FailureKind::Exhausted);
    assert!(failure.message.contains("panicked: poison"), "{}", failure.message);
    assert!(
        failure.message.contains("`host.max_attempts` is 5"),
        "{}",
        failure.message
    );
    assert_eq!(rig.sent(Stage::Eval).len(), 1, "the round goes on without it");
}

#[tokio::test]
async fn trouble_that_passes_costs_attempts_and_no_result() {
    let rig = Rig::new().await;
    let work = train(|_, before| {
        if before < 3 {
            Behaviour::Err(Trouble::Passing)
        } else {
            Behaviour::Finish
        }
    });
    rig.drain(&work).await;
    let ledger = rig.ledger().await.unwrap();
    assert_eq!((ledger.state, ledger.attempt, ledger.token), (State::Committed, 3, 4));
    assert_eq!(ledger.failure, None);
    assert_eq!(rig.failure().await, None);
}

#[tokio::test]
async fn waiting_costs_no_attempt_and_ends_with_what_was_missing() {
    let rig = Rig::new().await;
    let wait = || Worked::Wait {
        after: Duration::from_secs(20),
        why: "the test file".to_owned(),
    };
    let work = train(move |_, _| Behaviour::Give(wait()));
    rig.drain(&work).await;
    assert!(
        work.works() > 20,
        "ten minutes of looking every twenty seconds, asked {} times",
        work.works()
    );
    let failure = rig.failure().await.unwrap();
    assert_eq!((failure.kind, failure.attempt), (FailureKind::TimedOut, 0));
    assert!(failure.message.contains("the test file"), "{}", failure.message);
    assert_eq!(failure.bound.as_deref(), Some("at most 600 s"));
}

#[tokio::test]
async fn a_conclusion_that_failed_is_drawn_again_without_working_again() {
    let rig = Rig::new().await;
    let work = train(|_, _| Behaviour::Finish);
    // A crash after the manifest and before the commit leaves exactly this.
    let identity = identity::identify(&rig.message.stage, &rig.spec);
    rig.drain(&work).await;
    assert!(rig.world.store.remove(&keys::ledger(rig.message.job)));
    assert!(rig.world.store.keys().contains(&keys::work(identity.work)));
    rig.run(&work, &rig.message).await;
    assert_eq!((work.works(), work.conclusions()), (1, 2));
}

#[tokio::test]
async fn a_failed_job_that_a_person_replays_begins_again() {
    let rig = Rig::new().await;
    rig.drain(&train(|_, _| Behaviour::Panic)).await;
    let found = swap::read(rig.world.store.as_ref(), rig.message.job)
        .await
        .unwrap()
        .unwrap();
    let replayed = transition::replay(&found.ledger, Nonce::fresh()).unwrap();
    let key = keys::ledger(rig.message.job);
    rig.world
        .store
        .swap(&key, replayed.to_json().into(), &found.etag)
        .await
        .unwrap();
    rig.run(&train(|_, _| Behaviour::Finish), &rig.message).await;
    let ledger = rig.ledger().await.unwrap();
    assert_eq!(
        (ledger.state, ledger.attempt, ledger.failure.is_none()),
        (State::Committed, 0, true)
    );
    assert!(
        transition::replay(&ledger, Nonce::fresh()).is_none(),
        "what is done is not replayed"
    );
}

#[tokio::test]
async fn a_walk_is_followed_from_its_first_job() {
    let rig = Rig::new().await;
    let store = rig.world.store.as_ref();
    let first = walk::status(store, rig.message.stage.clone(), &rig.spec).await.unwrap();
    assert_eq!(
        (first.job, first.ledger.is_none(), first.following()),
        (rig.message.job, true, Vec::new())
    );
    rig.drain(&train(|_, _| Behaviour::Finish)).await;
    let first = walk::status(store, rig.message.stage.clone(), &rig.spec).await.unwrap();
    let following = first.following();
    assert_eq!(following, [rig.sent(Stage::Eval)[0].stage.clone()]);
    let second = walk::status(store, following[0].clone(), &rig.spec).await.unwrap();
    assert_eq!((second.job, second.ledger), (rig.sent(Stage::Eval)[0].job, None));
    assert_eq!(
        walk::spec(store, rig.message.stage.dataset(), rig.spec.digest())
            .await
            .unwrap(),
        rig.spec
    );
}
