//! Ridge regression on last-value-normalised windows: the fit.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, LinearSpec, ModelSpec, Progress,
    SeriesData, Tensors, Training, tensors,
};
use serde::{Deserialize, Serialize};

use crate::{
    candidate::Candidate,
    contexts, judge,
    plan::{self, Choice, Plan, System},
    scale::Channels,
};

/// Chooses channels, context and lambda on the rows that select, and solves for the coefficients.
///
/// Coefficients that all targets share are the simplest, and others must be clearly better. Where fewer than eight horizons
/// of rows select, the last training rows judge too; the coefficients are those of all training rows.
///
/// Where each target has coefficients of its own, all have one lambda: chosen per target, it would overfit few selecting
/// rows.
#[derive(Clone, PartialEq, Debug)]
pub struct RidgeFit {
    spec: LinearSpec,
}

/// The description of a checkpoint.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfinished {
    /// The description of the model that is being fitted.
    #[serde(with = "forecast::json")]
    about: About,
    /// The contexts among which it chooses.
    contexts: Vec<usize>,
    /// How many batches are finished.
    batches: usize,
}

impl Fit for RidgeFit {
    /// Fits in batches: each is one regression, which tries every lambda or is solved with the chosen one.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let cuts = judge::cuts(data);
        let pairs = data.series.iter().zip(&cuts);
        let series: Vec<_> = pairs.map(|(series, cut)| SeriesData { cut, ..*series }).collect();
        let tried = Training {
            series: &series,
            ..*data
        };
        let about = About::new(ModelSpec::Linear(self.spec.clone()), data, data.window.context);
        let plan = Plan::of(&self.spec, &tried);
        let (mut done, mut tensors) = match resume {
            Some(checkpoint) => resumed(checkpoint, &about, data, &plan).map_err(FitError::Checkpoint)?,
            None => (0, Tensors::new()),
        };
        let channels = Channels::measure(data, self.spec.calendar)?;
        let mut last = None;
        while let Some(batch) = plan.batch(done, &tensors).map_err(FitError::Checkpoint)? {
            if stop() {
                return stopped(about, data, done, &tensors);
            }
            if batch.solves {
                let lambda = plan.lambda(&tensors).map_err(FitError::Checkpoint)?;
                solve(batch.system, lambda, data, &tried, &channels, last.take(), &mut tensors)?;
            } else {
                let candidate = candidate(batch.system, &tried, &channels)?;
                plan::note(batch.system, candidate.errors(&plan.lambdas), &mut tensors);
                last = Some((batch.system, candidate));
            }
            done += 1;
            observe(progress(done), None);
        }
        let context = plan.context(&tensors).map_err(FitError::Checkpoint)?;
        let about = About {
            context,
            history_rows: context,
            ..about
        };
        let tensors = plan.finish(tensors).map_err(FitError::Checkpoint)?;
        Ok(Fitted::Finished(Artifact { about, tensors }))
    }
}

impl RidgeFit {
    pub(crate) fn new(spec: &LinearSpec) -> Self {
        Self { spec: spec.clone() }
    }
}

/// Sums up and factorises one system of equations.
fn candidate<'a>(
    System {
        choice,
        context,
        target,
    }: System,
    data: &Training<'a>,
    channels: &'a Channels,
) -> Result<Candidate<'a>, FitError> {
    let data = contexts::with_context(data, context);
    match choice {
        Choice::Own => Candidate::own(data, channels, target),
        Choice::Pooled => Candidate::pooled(data, channels),
        Choice::All => Candidate::all(data, channels),
    }
}

/// Solves one system on all training rows. The one tried `last` is not computed again where it is the same.
fn solve<'a>(
    system: System,
    lambda: f64,
    data: &Training<'a>,
    tried: &Training<'a>,
    channels: &'a Channels,
    last: Option<(System, Candidate<'a>)>,
    tensors: &mut Tensors,
) -> Result<(), FitError> {
    let on_all_rows = data
        .series
        .iter()
        .zip(tried.series)
        .all(|(all, tried)| all.cut == tried.cut);
    let solved = match last {
        Some((same, candidate)) if same == system && on_all_rows => candidate,
        _ => candidate(system, data, channels)?,
    };
    match system.choice {
        Choice::Own => solved.solve_own(system.target, lambda)?.write(system.target, tensors),
        Choice::Pooled => solved.solve_pooled(lambda)?.write(tensors),
        Choice::All => solved.solve_all(lambda)?.write(tensors),
    }
    Ok(())
}

fn progress(batches: usize) -> Progress {
    Progress {
        epoch: 0,
        batch: batches as u64,
    }
}

fn stopped(about: About, data: &Training<'_>, batches: usize, tensors: &Tensors) -> Result<Fitted, FitError> {
    let contexts = data.contexts.to_vec();
    let unfinished = Unfinished {
        about,
        contexts,
        batches,
    };
    let bytes = tensors::to_bytes(&unfinished, tensors).map_err(FitError::Checkpoint)?;
    Ok(Fitted::Stopped(Checkpoint {
        progress: progress(batches),
        bytes,
    }))
}

/// Reads how many batches of a checkpoint are finished and their tensors, after a check that it is of this fit.
fn resumed(
    checkpoint: &Checkpoint,
    about: &About,
    data: &Training<'_>,
    plan: &Plan,
) -> Result<(usize, Tensors), ArtifactError> {
    let (unfinished, tensors): (Unfinished, Tensors) = tensors::parse(&checkpoint.bytes)?;
    if unfinished.about != *about || unfinished.contexts != data.contexts {
        let fit = |about: &About, contexts: &[usize]| {
            format!(
                "a fit of {} on cut {} with contexts {contexts:?}",
                about.kind, about.cut
            )
        };
        return Err(ArtifactError::Kind {
            have: fit(&unfinished.about, &unfinished.contexts),
            need: fit(about, data.contexts),
        });
    }
    plan.check(unfinished.batches, &tensors)?;
    Ok((unfinished.batches, tensors))
}
