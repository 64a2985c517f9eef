//! Ridge regression on last-value-normalised windows: the fit.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, LinearSpec, ModelSpec, Progress,
    Tensors, Training, tensors,
};
use serde::{Deserialize, Serialize};

use crate::{
    candidate::Candidate,
    plan::{Batch, Plan},
    scale::Channels,
};

/// Chooses channels and lambda on the rows that select, and solves for the coefficients.
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
        let about = About::new(ModelSpec::Linear(self.spec.clone()), data, data.window.context);
        let plan = Plan::of(&self.spec, data);
        let (mut done, mut tensors) = match resume {
            Some(checkpoint) => resumed(checkpoint, &about, &plan).map_err(FitError::Checkpoint)?,
            None => (0, Tensors::new()),
        };
        let channels = Channels::measure(data, self.spec.calendar)?;
        while let Some(batch) = plan.batch(done, &tensors).map_err(FitError::Checkpoint)? {
            if stop() {
                return stopped(about, done, &tensors);
            }
            work(&plan, batch, data, &channels, &mut tensors)?;
            done += 1;
            observe(progress(done), None);
        }
        let tensors = plan.finish(tensors).map_err(FitError::Checkpoint)?;
        Ok(Fitted::Finished(Artifact { about, tensors }))
    }
}

impl RidgeFit {
    pub(crate) fn new(spec: &LinearSpec) -> Self {
        Self { spec: spec.clone() }
    }
}

fn work(
    plan: &Plan,
    batch: Batch,
    data: &Training<'_>,
    channels: &Channels,
    tensors: &mut Tensors,
) -> Result<(), FitError> {
    let candidate = match batch {
        Batch::TryOwn(target) | Batch::SolveOwn(target) => Candidate::own(data, channels, target)?,
        Batch::Pooled => Candidate::pooled(data, channels)?,
        Batch::All => Candidate::all(data, channels)?,
    };
    let lambda = match batch {
        Batch::SolveOwn(_) => plan.lambda(tensors).map_err(FitError::Checkpoint)?,
        _ if plan.selects => plan.note(batch, candidate.errors(&plan.lambdas), tensors),
        _ => plan.lambdas[0],
    };
    match batch {
        Batch::TryOwn(_) => (),
        Batch::SolveOwn(target) => candidate.solve_own(target, lambda)?.write(target, tensors),
        Batch::Pooled => candidate.solve_pooled(lambda)?.write(tensors),
        Batch::All => candidate.solve_all(lambda)?.write(tensors),
    }
    Ok(())
}

fn progress(batches: usize) -> Progress {
    Progress {
        epoch: 0,
        batch: batches as u64,
    }
}

fn stopped(about: About, batches: usize, tensors: &Tensors) -> Result<Fitted, FitError> {
    let bytes = tensors::to_bytes(&Unfinished { about, batches }, tensors).map_err(FitError::Checkpoint)?;
    Ok(Fitted::Stopped(Checkpoint {
        progress: progress(batches),
        bytes,
    }))
}

/// Reads how many batches of a checkpoint are finished and their tensors, after a check that it is of this fit.
fn resumed(checkpoint: &Checkpoint, about: &About, plan: &Plan) -> Result<(usize, Tensors), ArtifactError> {
    let (unfinished, tensors): (Unfinished, Tensors) = tensors::parse(&checkpoint.bytes)?;
    if unfinished.about != *about {
        let fit = |about: &About| format!("a fit of {} on cut {}", about.kind, about.cut);
        return Err(ArtifactError::Kind {
            have: fit(&unfinished.about),
            need: fit(about),
        });
    }
    plan.check(unfinished.batches, &tensors)?;
    Ok((unfinished.batches, tensors))
}
