//! The stage `train`: fits one member of a round on one part.
//!
//! It promises that equal jobs give equal artifacts, on any number of threads and however often a fit was stopped and
//! resumed (nets fitted by libtorch are equal up to rounding). A failed fit is an outcome, which its round receives. It
//! refuses to know scores and siblings.
//!
//! Start with [`fit`], the pure part, then [`Train`].

mod backend;
mod error;
mod share;

use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use contract::{
    CutDocument, Digest, EvalTask, Next, Scored, TrainFacts, TrainTask, keys,
    spec::{self, Choice, Member, WindowSection},
};
use families::{Refit, rolling::Rolling};
use forecast::{
    Artifact, Checkpoint, EpochLoss, Fit, FitError, Fitted, Progress, SeriesData, Training,
    interval::{Calibration, IntervalError, LEVELS},
};
use platform::{
    Job, Platform, Stop, Store, StoreError, Work, Worked,
    documents::{json, read_blob, read_named},
    threads::run_blocking,
};
use series::{Cut, Table, Windows};

pub use error::TrainError;
use share::Share;

/// How long a refit waits before it looks again for the artifact of its parent.
const PARENT_WAIT: Duration = Duration::from_secs(1);

/// The stage `train`, as the driver runs it. Has no settings of its own: all come from the spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Train;

/// The input of one fit.
pub struct Fitting {
    /// The member with its model and its search.
    pub member: Member,
    /// The digest of its cut, which the artifact names.
    pub digest: Digest,
    /// Its cut and its transform.
    pub cut: CutDocument,
    /// The windows, as the spec has them.
    pub window: WindowSection,
    /// The scored artifact that is fitted again on all rows; `None` for a member of a round.
    pub refit: Option<Parent>,
    /// The number of threads that it may use.
    pub threads: usize,
    /// The checkpoint at which it was stopped; `None` for a fresh fit.
    pub resume: Option<Checkpoint>,
    /// Tells the fit when to stop. Nets ask it at every batch.
    pub stop: Stop,
}

/// The scored artifact of a refit.
pub struct Parent {
    /// Its digest, which the refit names.
    pub digest: Digest,
    /// The artifact.
    pub artifact: Artifact,
    /// Whether its nets are fitted again too.
    pub nets: bool,
}

/// The result of a fit.
pub struct FitOutcome {
    /// The artifact, or the checkpoint of a stopped fit.
    pub fitted: Fitted,
    /// The number of training windows.
    pub windows: usize,
    /// The number of inputs in each row.
    pub inputs: usize,
}

#[async_trait]
impl Work for Train {
    type Task = TrainTask;
    type Made = TrainFacts;
    type Error = TrainError;

    async fn work(&self, job: &Job<TrainTask>, platform: &Platform) -> Result<Worked<TrainFacts>, TrainError> {
        let (fitting, clean) = match load(job, platform).await {
            Err(TrainError::NoParent { after, parent }) => {
                let why = format!("waits until the artifact `{parent}`, which is to be fitted again, is stored again");
                return Ok(Worked::Wait { after, why });
            }
            loaded => loaded?,
        };
        let (member, horizon) = (fitting.member.name.clone(), fitting.cut.cut.window.horizon);
        let targets = fitting.cut.transform.target_names().len();
        let FitOutcome {
            fitted,
            windows,
            inputs,
        } = run_blocking(move || fit(&fitting, &part::read(clean)?)).await?;
        let artifact = match fitted {
            Fitted::Stopped(Checkpoint { progress, bytes }) => {
                return Ok(Worked::Stopped {
                    progress,
                    checkpoint: bytes,
                });
            }
            Fitted::Finished(artifact) => artifact,
        };
        let bytes = artifact
            .to_bytes()
            .map_err(|source| TrainError::Artifact { member, source })?;
        let digest = store_artifact(&job.task, &artifact, bytes, &*platform.store).await?;
        Ok(Worked::Done(TrainFacts {
            artifact: digest,
            x: [windows, artifact.about.context, inputs],
            y: [windows, horizon, targets],
            epochs: artifact.about.epochs,
            notices: artifact.about.notices,
        }))
    }

    async fn conclude(&self, job: &Job<TrainTask>, made: &TrainFacts, _: &Platform) -> Result<Next, TrainError> {
        Ok(Next::one(eval(&job.task, made.artifact).into()))
    }
}

/// Fits a member on the training rows of its cut, or on all rows where it is a refit; resumes a fit that was stopped.
///
/// # Errors
/// When a column is missing, there are too few rows, or the fit diverges.
pub fn fit(fitting: &Fitting, table: &Table) -> Result<FitOutcome, TrainError> {
    let CutDocument {
        cut,
        transform,
        season,
        seasons,
        ..
    } = &fitting.cut;
    let scaled = transform.apply(table, cut.training.clone())?;
    let (target_names, input_names) = (transform.target_names(), transform.input_names());
    let model = &fitting.member.model;
    let contexts = match fitting.window.context {
        Choice::Auto => families::contexts(model, cut.window.horizon, seasons, cut.training.len()),
        Choice::Given(_) => Vec::new(),
    };
    let mut window = cut.window;
    if fitting.window.stride == Choice::Auto {
        window.stride = families::stride(model, cut.windows, window.context);
    }
    let training = Training {
        series: &[SeriesData { scaled: &scaled, cut }],
        window,
        season: *season,
        seasons,
        contexts: &contexts,
        threads: fitting.threads,
        cut: &fitting.digest.hex(),
        target_names: &target_names,
        input_names: &input_names,
    };
    let mut fitted = run(fitting, &training)?;
    let mut learned = cut.training.clone();
    if let Fitted::Finished(artifact) = &mut fitted {
        window.context = artifact.about.context;
        match &fitting.refit {
            None => calibrate(artifact, None, &training, &fitting.member)?,
            Some(parent) => {
                learned.end = cut.holdout.end;
                artifact.about.parent = Some(parent.digest.hex());
                calibrate(artifact, Some(&parent.artifact), &training, &fitting.member)?;
            }
        }
    }
    Ok(FitOutcome {
        fitted,
        windows: Windows::inside(learned, window, scaled.mask()).len(),
        inputs: input_names.len(),
    })
}

/// Runs the fit to its end or to its deadline, on its share of the threads. When another fit in this process begins or
/// ends, the share changes. Then this fit stops between two batches and resumes from there, which changes no bit of its
/// result.
fn run(fitting: &Fitting, training: &Training<'_>) -> Result<Fitted, TrainError> {
    let member = &fitting.member;
    let cut = training.series[0].cut;
    let fit: Box<dyn Fit + '_> = match &fitting.refit {
        Some(parent) => Box::new(Refit {
            parent: &parent.artifact,
            make: backend::fit,
            end: cut.holdout.end,
            nets: parent.nets,
        }),
        None => fit_of(member, cut).ok_or_else(|| TrainError::Virtual {
            member: member.name.clone(),
        })?,
    };
    let share = Share::of(fitting.threads);
    let mut resume = fitting.resume.clone();
    loop {
        let threads = share.threads();
        let training = Training { threads, ..*training };
        let (moved, due) = (Cell::new(false), Cell::new(false));
        // A stop for another number of threads is worth it only after at least one batch.
        let stop = || {
            due.set(fitting.stop.should_stop());
            due.get() || (moved.get() && share.threads() != threads)
        };
        let mut on_progress = |progress: Progress, epoch: Option<&EpochLoss>| {
            moved.set(true);
            observe(progress, epoch);
        };
        let fitted = fit.run(&training, resume.as_ref(), &stop, &mut on_progress);
        match fitted.map_err(|source| failed(member, source))? {
            Fitted::Stopped(checkpoint) if !due.get() => resume = Some(checkpoint),
            fitted => return Ok(fitted),
        }
    }
}

/// Returns the fit of a member: its search where it has one, and again whenever the training rows expand where that is cheap.
fn fit_of(member: &Member, cut: &Cut) -> Option<Box<dyn Fit>> {
    let first = match &member.search {
        None => backend::fit(&member.model)?,
        Some(_) if member.model.is_virtual() => return None,
        Some(search) => {
            let started = Instant::now();
            let elapsed = Arc::new(move || started.elapsed());
            Box::new(families::search(&member.model, search, backend::fit, elapsed))
        }
    };
    Some(if cut.refits.is_empty() || !member.model.is_cheap() {
        first
    } else {
        Box::new(Rolling::new(first, backend::fit))
    })
}

/// Measures the intervals of a fitted model. When there are no observed values to measure them on, the model has no
/// intervals.
///
/// Those of a refit come from the errors of its scored parent, on all rows that the parent had not learned from: nothing is
/// left to measure the refit itself on.
fn calibrate(
    artifact: &mut Artifact,
    parent: Option<&Artifact>,
    training: &Training<'_>,
    member: &Member,
) -> Result<(), TrainError> {
    let name = || member.name.clone();
    let forecaster = families::forecaster(parent.unwrap_or(artifact))
        .map_err(|source| TrainError::Artifact { member: name(), source })?;
    let SeriesData { scaled, cut } = training.series[0];
    let mut cut = cut.clone();
    if parent.is_some() {
        cut.calibrate.end = cut.holdout.end;
    }
    let training = Training {
        series: &[SeriesData { scaled, cut: &cut }],
        ..*training
    };
    match Calibration::measure(&*forecaster, &training, &LEVELS) {
        Ok(calibration) => calibration.write(artifact),
        Err(error @ IntervalError::NothingObserved { .. }) => {
            tracing::warn!(member = %member.name, %error, "forecasts without intervals");
        }
        Err(source) => return Err(TrainError::Intervals { member: name(), source }),
    }
    Ok(())
}

fn failed(member: &Member, source: FitError) -> TrainError {
    TrainError::Fit {
        member: member.name.clone(),
        source,
    }
}

fn observe(progress: Progress, epoch: Option<&EpochLoss>) {
    if let Some(EpochLoss {
        train_loss,
        validation_loss,
    }) = epoch
    {
        tracing::info!(epoch = progress.epoch, train_loss, validation_loss, "epoch finished");
    }
}

/// Reads the input of the fit: the member's settings, its cut and the bytes of the clean part.
async fn load(job: &Job<TrainTask>, platform: &Platform) -> Result<(Fitting, Bytes), TrainError> {
    let task = &job.task;
    let no_member = || TrainError::NoMember {
        member: task.member.clone(),
    };
    let member = job.spec.member(&task.member).ok_or_else(no_member)?.clone();
    let (store, host) = (&*platform.store, &platform.host);
    let cut: CutDocument = read_named(store, &keys::cut(&task.dataset, task.part, task.cut), task.cut).await?;
    let key = keys::clean(&task.dataset, task.part, cut.clean);
    let clean = read_blob(store, &key, cut.clean, host.max_packed()).await?;
    let refit = match task.refit_of {
        Some(parent) => {
            let key = keys::artifact(&task.dataset, task.part, parent);
            let bytes = match read_blob(store, &key, parent, host.max_packed()).await {
                // A new upload has what was lost made again, and the parent's own job may not have come to it yet.
                Err(StoreError::NotFound { .. }) => {
                    return Err(TrainError::NoParent {
                        parent,
                        after: PARENT_WAIT,
                    });
                }
                bytes => bytes?,
            };
            let artifact = Artifact::parse(&bytes).map_err(|source| TrainError::Artifact {
                member: member.name.clone(),
                source,
            })?;
            Some(Parent {
                digest: parent,
                artifact,
                nets: job.spec.promote.refit == spec::Refit::Always,
            })
        }
        None => None,
    };
    let resume = job.resume.as_ref().map(|(progress, bytes)| Checkpoint {
        progress: *progress,
        bytes: bytes.to_vec(),
    });
    let fitting = Fitting {
        member,
        digest: task.cut,
        cut,
        window: job.spec.window,
        refit,
        threads: host.threads,
        resume,
        stop: job.stop.clone(),
    };
    Ok((fitting, clean))
}

/// Stores the artifact, then its manifest.
async fn store_artifact(
    task: &TrainTask,
    artifact: &Artifact,
    bytes: Vec<u8>,
    store: &dyn Store,
) -> Result<Digest, StoreError> {
    let digest = Digest::of(&bytes);
    let manifest = keys::artifact_manifest(&task.dataset, task.part, digest);
    // Before anything is written: neither object may hold what cannot be read back.
    let about = json(&manifest, &artifact.about)?;
    store
        .put_named(&keys::artifact(&task.dataset, task.part, digest), bytes.into())
        .await?;
    match store.create(&manifest, about).await {
        // Equal artifacts have equal manifests, so the stored one is the same.
        Ok(_) | Err(StoreError::Exists { .. }) => Ok(digest),
        Err(error) => Err(error),
    }
}

fn eval(task: &TrainTask, artifact: Digest) -> EvalTask {
    EvalTask {
        dataset: task.dataset.clone(),
        part: task.part,
        spec: task.spec,
        salt: task.salt.clone(),
        cut: task.cut,
        round: task.round,
        member: task.member.clone(),
        scored: Scored::Artifact(artifact),
        refit_of: task.refit_of,
        skip_scoring: false,
    }
}
