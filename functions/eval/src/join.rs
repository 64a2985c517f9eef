//! Joining a round: writes this member's outcome, then reads those of its siblings. The job that finds all of them
//! decides.
//!
//! Nothing here waits. Every write is a create that adopts what is already stored, so after a crash a redelivery finds
//! the same decision, and equal deciders end with the same one.

use contract::{
    CutDocument, Decision, EvalFacts, EvalTask, Failure, Outcome, Round, Scored, Spec, Task, identity, keys,
    spec::PromoteSection,
};
use platform::{
    Platform, Store, StoreError,
    documents::{create_or_adopt, json, read, read_named},
};

use crate::{
    champions::Log,
    ensemble,
    judge::judge,
    settle::{Ground, settle},
};

/// How often a job that only joins is attempted with the ensemble. Such a job follows one that could not decide. If the
/// ensemble killed that one, it would kill this one too.
const ENSEMBLE_TRIES: u32 = 2;

/// Writes the outcome of the member, or adopts the stored one. Scores replace a stored failure: then an input that was
/// missing before has come back.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn write_outcome(
    task: &EvalTask,
    made: &EvalFacts,
    spec: &Spec,
    store: &dyn Store,
) -> Result<(), StoreError> {
    let failed = match (&task.scored, &made.scores) {
        (Scored::Failed(why), _) => Some(why.clone()),
        (Scored::Artifact(_), None) => Some(why_unscored(task, spec, store).await?),
        (Scored::Artifact(_), Some(_)) => None,
    };
    let key = keys::outcome(&task.dataset, task.part, task.round, &task.member);
    let outcome = Outcome {
        member: task.member.clone(),
        artifact: match task.scored {
            Scored::Artifact(artifact) => Some(artifact),
            Scored::Failed(_) => None,
        },
        scores: made.scores.clone(),
        holdout: made.holdout,
        select: made.select,
        failed,
    };
    let (scored, body) = (outcome.scores.is_some(), json(&key, &outcome)?);
    let there = create_or_adopt(store, &key, outcome).await?;
    if scored && there.scores.is_none() {
        store.put(&key, body).await?;
    }
    Ok(())
}

/// Decides the round when all outcomes are stored. Returns the round and its decision; `None` while an outcome is
/// missing.
///
/// # Errors
/// When the store does not answer, or the round or one of its documents is missing or damaged.
pub async fn decide(
    task: &EvalTask,
    promote: &PromoteSection,
    attempt: u32,
    platform: &Platform,
) -> Result<Option<(Round, Decision)>, StoreError> {
    let store = &*platform.store;
    let key = keys::round(&task.dataset, task.part, task.round);
    let (round, meta) = read::<Round>(store, &key).await?.ok_or(StoreError::NotFound { key })?;
    let Some(mut outcomes) = outcomes(&round, store).await? else {
        return Ok(None);
    };
    if let Some(name) = &round.ensemble {
        let given_up = task.skip_scoring && attempt >= ENSEMBLE_TRIES;
        let given_up = given_up.then_some("earlier attempts to make it died or gave up");
        let ensemble = ensemble::outcome(&round, name, &outcomes, given_up, platform).await?;
        outcomes.push(ensemble);
    }
    let key = keys::decision(&round.dataset, round.part, round.round);
    let decision = match read(store, &key).await? {
        Some((decided @ Decision::Entry(_), _)) => decided,
        // No member had a score then. A member whose input was missing may have one now; otherwise the decision stays
        // the same.
        Some((Decision::Nobody { .. }, _)) => {
            let decision = decide_complete(&round, meta.last_modified, &outcomes, promote, store).await?;
            if matches!(decision, Decision::Entry(_)) {
                store.put(&key, json(&key, &decision)?).await?;
            }
            decision
        }
        None => {
            let decision = decide_complete(&round, meta.last_modified, &outcomes, promote, store).await?;
            create_or_adopt(store, &key, decision).await?
        }
    };
    if let Decision::Entry(entry) = &decision {
        Log::new(store, &round.dataset, round.part).hint(entry).await;
    }
    Ok(Some((round, decision)))
}

async fn decide_complete(
    round: &Round,
    opened: i64,
    outcomes: &[Outcome],
    promote: &PromoteSection,
    store: &dyn Store,
) -> Result<Decision, StoreError> {
    let verdict = judge(round, outcomes, promote);
    let Some(winner) = &verdict.winner else {
        return Ok(Decision::Nobody {
            outcomes: verdict.outcomes,
            reason: verdict.reason,
        });
    };
    let log = Log::new(store, &round.dataset, round.part);
    let newest = log.newest().await?;
    if let Some(entry) = log.entry_of(round.round, opened, newest.as_ref()).await? {
        return Ok(Decision::Entry(Box::new(entry)));
    }
    let cut: CutDocument = read_named(store, &keys::cut(&round.dataset, round.part, round.cut), round.cut).await?;
    let ground = Ground::from(&cut);
    let settle = |reigning: Option<&_>| settle(round, &ground, &verdict, winner, reigning);
    let entry = log
        .append(round.round, newest.map(|logged| logged.entry), settle)
        .await?;
    Ok(Decision::Entry(Box::new(entry)))
}

/// Returns the outcomes of all members; `None` while one is missing.
async fn outcomes(round: &Round, store: &dyn Store) -> Result<Option<Vec<Outcome>>, StoreError> {
    let mut outcomes = Vec::with_capacity(round.members.len());
    for member in &round.members {
        let key = keys::outcome(&round.dataset, round.part, round.round, member);
        let Some((outcome, _)) = read(store, &key).await? else {
            return Ok(None);
        };
        outcomes.push(outcome);
    }
    Ok(Some(outcomes))
}

/// Returns why scoring failed. A job that only joins follows a job that tried to score, whose failure says why.
async fn why_unscored(task: &EvalTask, spec: &Spec, store: &dyn Store) -> Result<String, StoreError> {
    let tried = EvalTask {
        skip_scoring: false,
        ..task.clone()
    };
    let job = identity::identify(&Task::Eval(tried), spec).job;
    let failure = read::<Failure>(store, &keys::failed(job)).await?;
    Ok(failure.map_or_else(|| "its scoring failed".to_owned(), |(failure, _)| failure.message))
}
