//! The ensemble: a member that the decider of a round makes of the other members. It is weighted on the `select` rows
//! and scored like any other.
//!
//! Equal outcomes give an equal artifact and equal scores, whoever decides. A round whose ensemble cannot be made is
//! decided without it, and says why: a missing artifact, a panic and too little memory are reasons like any other.

use std::panic::AssertUnwindSafe;

use contract::{CutDocument, Digest, MemberName, Outcome, Round, SelectDocument, keys};
use families::ensemble::{self, Mix, combine, weigh};
use forecast::{
    Artifact, SeriesData, Threaded, Training,
    interval::{Calibration, IntervalError, LEVELS},
};
use futures_util::FutureExt as _;
use platform::{
    Classify as _, Platform, Store, StoreError,
    documents::{create_or_adopt, json, read, read_blob, read_named},
    error::{chain, panic_text},
    threads::run_blocking,
};
use series::{Matrix, Scaled, Table};

use crate::{
    error::EvalError,
    fitted_on,
    score::{Subject, score},
    select,
};

/// One member that can be part of the ensemble, or a baseline.
struct Candidate {
    name: MemberName,
    artifact: Artifact,
    selected: Option<SelectDocument>,
    baseline: bool,
}

/// The ensemble before it is stored.
struct Ensemble {
    artifact: Artifact,
    bytes: Vec<u8>,
    scores: series::Scores,
    holdout: contract::ForecastDocument,
}

/// Makes the ensemble of a round whose other outcomes are complete, and writes its outcome. Adopts an outcome that is
/// already stored.
///
/// With `given_up` the ensemble is not tried again, because earlier attempts died before they could decide. The outcome
/// records that text as the reason.
///
/// # Errors
/// When the store does not answer, but may answer later.
pub async fn outcome(
    round: &Round,
    name: &MemberName,
    outcomes: &[Outcome],
    given_up: Option<&str>,
    platform: &Platform,
) -> Result<Outcome, StoreError> {
    let store = &*platform.store;
    let key = keys::outcome(&round.dataset, round.part, round.round, name);
    if let Some((outcome, _)) = read::<Outcome>(store, &key).await? {
        return Ok(outcome);
    }
    if let Some(why) = given_up {
        return create_or_adopt(store, &key, without_scores(name, why)).await;
    }
    let making = AssertUnwindSafe(make(round, name, outcomes, platform)).catch_unwind();
    let outcome = match making.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(EvalError::Store(error))) if error.class().may_pass() => return Err(error),
        Ok(Err(error)) => without_scores(name, &chain(&error)),
        Err(panic) => without_scores(name, &format!("making it panicked: {}", panic_text(panic.as_ref()))),
    };
    create_or_adopt(store, &key, outcome).await
}

async fn make(
    round: &Round,
    name: &MemberName,
    outcomes: &[Outcome],
    platform: &Platform,
) -> Result<Outcome, EvalError> {
    let (store, bound) = (&*platform.store, platform.host.max_packed());
    let scored = || outcomes.iter().filter(|outcome| outcome.scores.is_some());
    let have = scored().count();
    if have < 2 {
        return Ok(without_scores(
            name,
            &format!("an ensemble needs 2 members with scores, the round has {have}"),
        ));
    }
    let cut: CutDocument = read_named(store, &keys::cut(&round.dataset, round.part, round.cut), round.cut).await?;
    let key = keys::clean(&round.dataset, round.part, cut.clean);
    let clean = read_blob(store, &key, cut.clean, bound).await?;
    let mut candidates = Vec::with_capacity(have);
    let mut bytes = 0;
    for outcome in scored() {
        let Some(artifact) = outcome.artifact else { continue };
        let key = keys::artifact(&round.dataset, round.part, artifact);
        let artifact = read_blob(store, &key, artifact, bound).await?;
        bytes += artifact.len() as u64;
        // Each artifact is held twice, as it was read and inside of the ensemble, beside the rows that all members
        // forecast.
        if bytes > bound {
            return Err(EvalError::TooMuch { bytes, bound });
        }
        let artifact = fitted_on(round.cut, &artifact)?;
        candidates.extend(candidate(round, outcome, artifact, store).await?);
    }
    let (member, named, threads) = (name.clone(), round.cut, platform.host.threads);
    let (dataset, part) = (round.dataset.clone(), round.part);
    let made = run_blocking(move || {
        let table = part::read(clean)?;
        let subject = |artifact| Subject {
            dataset,
            part,
            member,
            artifact,
        };
        mix(&cut, named, &table, &candidates, threads, subject)
    })
    .await?;
    match made {
        Some(made) => store_ensemble(round, made, store).await,
        None => Ok(without_scores(
            name,
            "a single member is sound on the rows that select, so there is nothing to mix",
        )),
    }
}

/// Returns a member with its forecasts of the rows that select; `None` for one that is neither mixed nor a baseline.
async fn candidate(
    round: &Round,
    outcome: &Outcome,
    artifact: Artifact,
    store: &dyn Store,
) -> Result<Option<Candidate>, StoreError> {
    let baseline = round.baselines.contains(&outcome.member);
    if !baseline && !artifact.about.settings.is_mixed() {
        return Ok(None);
    }
    let selected = match outcome.select {
        Some(select) => {
            let key = keys::forecast(&round.dataset, round.part, select);
            Some(read_named(store, &key, select).await?)
        }
        None => None,
    };
    Ok(Some(Candidate {
        name: outcome.member.clone(),
        artifact,
        selected,
        baseline,
    }))
}

/// Makes the ensemble; `None` where fewer than two members are sound.
fn mix(
    cut: &CutDocument,
    named: Digest,
    table: &Table,
    candidates: &[Candidate],
    threads: usize,
    subject: impl FnOnce(Digest) -> Subject,
) -> Result<Option<Ensemble>, EvalError> {
    let scaled = cut.transform.apply(table, cut.cut.training.clone())?;
    let (mix, weighed) = weights(cut, table, candidates);
    if mix.members() < 2 {
        return Ok(None);
    }
    let members = weighed
        .iter()
        .map(|candidate| (candidate.name.to_string(), candidate.artifact.clone()));
    let members: Vec<_> = members.collect();
    let mut artifact = combine(&members, &mix)?;
    let model = families::forecaster(&artifact)?;
    let calibration = calibrate(cut, named, &scaled, &*model, threads)?;
    if let Some(calibration) = calibration.clone() {
        calibration.write(&mut artifact);
    }
    let bytes = artifact.to_bytes()?;
    let subject = subject(Digest::of(&bytes));
    let model = Threaded::new(&*model, threads);
    let (scores, holdout) = score(cut, table, &scaled, &model, calibration.as_ref(), subject)?;
    Ok(Some(Ensemble {
        artifact,
        bytes,
        scores,
        holdout,
    }))
}

/// Returns how the members that have `select` forecasts are mixed. When no member has them, all are, by their median.
fn weights<'a>(cut: &CutDocument, table: &Table, candidates: &'a [Candidate]) -> (Mix, Vec<&'a Candidate>) {
    let selected: Vec<_> = candidates
        .iter()
        .filter_map(|candidate| Some((candidate, candidate.selected.as_ref()?)))
        .collect();
    let weighed = |candidate: &Candidate, forecasts: &'a [f64]| ensemble::Candidate {
        forecasts,
        baseline: candidate.baseline,
    };
    let Some((_, first)) = selected.first() else {
        let nothing = Matrix::zeros(0, cut.transform.target_names().len());
        let all: Vec<_> = candidates.iter().map(|candidate| weighed(candidate, &[])).collect();
        return (weigh(&nothing, &all, 0.0), candidates.iter().collect());
    };
    let observed = select::observed(cut, table, &first.origins);
    let each: Vec<_> = selected
        .iter()
        .map(|(candidate, select)| weighed(candidate, &select.values))
        .collect();
    let members = selected.iter().map(|(candidate, _)| *candidate).collect();
    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    let horizons = cut.cut.select.len() as f64 / cut.cut.window.horizon as f64;
    (weigh(&observed, &each, horizons), members)
}

fn calibrate(
    cut: &CutDocument,
    named: Digest,
    scaled: &Scaled,
    model: &dyn forecast::Forecast,
    threads: usize,
) -> Result<Option<Calibration>, EvalError> {
    let (target_names, input_names) = (cut.transform.target_names(), cut.transform.input_names());
    let training = Training {
        series: &[SeriesData { scaled, cut: &cut.cut }],
        window: cut.cut.window,
        season: cut.season,
        seasons: &cut.seasons,
        contexts: &[],
        threads,
        cut: &named.hex(),
        target_names: &target_names,
        input_names: &input_names,
    };
    match Calibration::measure(model, &training, &LEVELS) {
        Ok(calibration) => Ok(Some(calibration)),
        Err(IntervalError::NothingObserved { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn store_ensemble(round: &Round, made: Ensemble, store: &dyn Store) -> Result<Outcome, EvalError> {
    let artifact = Digest::of(&made.bytes);
    let manifest = keys::artifact_manifest(&round.dataset, round.part, artifact);
    // Before anything is written: neither object may hold what cannot be read back.
    let (about, bytes) = (
        json(&manifest, &made.artifact.about)?,
        json(keys::FORECASTS, &made.holdout)?,
    );
    let key = keys::artifact(&round.dataset, round.part, artifact);
    store.put_named(&key, made.bytes.into()).await?;
    match store.create(&manifest, about).await {
        // Equal artifacts have equal manifests, so the stored one is the same.
        Ok(_) | Err(StoreError::Exists { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let holdout = Digest::of(&bytes);
    let key = keys::forecast(&round.dataset, round.part, holdout);
    store.put_named(&key, bytes).await?;
    Ok(Outcome {
        member: made.holdout.member,
        artifact: Some(artifact),
        scores: Some(made.scores),
        holdout: Some(holdout),
        select: None,
        failed: None,
    })
}

fn without_scores(name: &MemberName, why: &str) -> Outcome {
    Outcome {
        member: name.clone(),
        artifact: None,
        scores: None,
        holdout: None,
        select: None,
        failed: Some(why.to_owned()),
    }
}
