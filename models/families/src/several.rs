//! Several fits in a row that are stopped and resumed as one.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, FitError, Fitted, Progress, Tensors, Training, tensors,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The prefix of the tensors of a running fit's checkpoint.
const RUNNING: &str = "running/";

/// What is called after every batch.
pub(crate) type Observe<'a> = dyn FnMut(Progress, Option<&EpochLoss>) + 'a;

/// Runs the next fit, given those before it: each an artifact, or why there is none.
pub(crate) type Next<'a> =
    dyn FnMut(&[Result<Artifact, String>], Option<&Checkpoint>, &mut Observe<'_>) -> Result<Fitted, FitError> + 'a;

/// The end of a run.
pub(crate) enum Several {
    Finished(Vec<Result<Artifact, String>>),
    Stopped(Checkpoint),
}

/// The fits that are finished.
#[derive(Default)]
struct Finished {
    fits: Vec<Result<Artifact, String>>,
    /// How many epochs they took; at least one each.
    epochs: u32,
}

/// The description of a checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cut: String,
    fits: Vec<Part>,
    epochs: u32,
    progress: Progress,
    running: Value,
}

/// One finished fit: its description, or why it failed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(with = "forecast::json")]
    about: Option<About>,
    failed: String,
}

/// Runs some fits one after another, from the start or from a checkpoint.
///
/// # Errors
/// Where the first fit fails or a checkpoint cannot be read. A later fit that fails is noted, and the others go on.
pub(crate) fn run(
    count: usize,
    data: &Training<'_>,
    resume: Option<&Checkpoint>,
    observe: &mut Observe<'_>,
    next: &mut Next<'_>,
) -> Result<Several, FitError> {
    let (mut finished, mut running) = match resume {
        Some(checkpoint) => {
            let (finished, running) = Finished::read(checkpoint, data).map_err(FitError::Checkpoint)?;
            (finished, Some(running))
        }
        None => (Finished::default(), None),
    };
    while finished.fits.len() < count {
        let (offset, mut last) = (finished.epochs, Progress::default());
        let mut heard = |progress: Progress, loss: Option<&EpochLoss>| {
            last = progress;
            observe(after(offset, progress), loss);
        };
        match next(&finished.fits, running.take().as_ref(), &mut heard) {
            Ok(Fitted::Finished(artifact)) => finished.fits.push(Ok(artifact)),
            Ok(Fitted::Stopped(checkpoint)) => {
                let checkpoint = finished.checkpoint(data, &checkpoint).map_err(FitError::Checkpoint)?;
                return Ok(Several::Stopped(checkpoint));
            }
            Err(error) if finished.fits.is_empty() || matches!(error, FitError::Checkpoint(_)) => return Err(error),
            Err(error) => finished.fits.push(Err(error.to_string())),
        }
        finished.epochs = offset.saturating_add(last.epoch).saturating_add(1);
        observe(after(finished.epochs, Progress::default()), None);
    }
    Ok(Several::Finished(finished.fits))
}

impl Finished {
    fn checkpoint(self, data: &Training<'_>, checkpoint: &Checkpoint) -> Result<Checkpoint, ArtifactError> {
        let (running, tensors): (Value, Tensors) = tensors::parse(&checkpoint.bytes)?;
        let mut all = Tensors::new();
        tensors::nest(&mut all, RUNNING, tensors);
        let mut fits = Vec::new();
        for (place, fit) in self.fits.into_iter().enumerate() {
            let (about, failed) = match fit {
                Ok(Artifact { about, tensors }) => {
                    tensors::nest(&mut all, &prefix(place), tensors);
                    (Some(about), String::new())
                }
                Err(why) => (None, why),
            };
            fits.push(Part { about, failed });
        }
        let written = Written {
            cut: data.cut.to_owned(),
            fits,
            epochs: self.epochs,
            progress: checkpoint.progress,
            running,
        };
        Ok(Checkpoint {
            progress: after(self.epochs, checkpoint.progress),
            bytes: tensors::to_bytes(&written, &all)?,
        })
    }

    /// Reads a checkpoint: the finished fits, and the checkpoint of the running one.
    fn read(checkpoint: &Checkpoint, data: &Training<'_>) -> Result<(Self, Checkpoint), ArtifactError> {
        let (written, all): (Written, Tensors) = tensors::parse(&checkpoint.bytes)?;
        if written.cut != data.cut {
            let of = |cut: &str| format!("fits on cut {cut}");
            return Err(ArtifactError::Kind {
                have: of(&written.cut),
                need: of(data.cut),
            });
        }
        let fit = |(place, Part { about, failed }): (usize, Part)| {
            let tensors = tensors::nested(&all, &prefix(place));
            about.map(|about| Artifact { about, tensors }).ok_or(failed)
        };
        let finished = Self {
            fits: written.fits.into_iter().enumerate().map(fit).collect(),
            epochs: written.epochs,
        };
        let running = Checkpoint {
            progress: written.progress,
            bytes: tensors::to_bytes(&written.running, &tensors::nested(&all, RUNNING))?,
        };
        Ok((finished, running))
    }
}

fn prefix(place: usize) -> String {
    format!("{place}/")
}

/// Returns the progress of a fit after others that took some epochs.
fn after(epochs: u32, progress: Progress) -> Progress {
    Progress {
        epoch: epochs.saturating_add(progress.epoch),
        ..progress
    }
}
