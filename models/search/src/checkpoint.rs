//! The state of a search between two batches: finished trials, the best model so far, and the checkpoint of the running trial.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, FitError, Fitted, ModelSpec, Progress, Tensors, Training, Trial,
    tensors,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{after, failed, judge::Unjudged};

/// The state of a search.
#[derive(Default)]
pub(crate) struct Unfinished {
    pub(crate) finished: Vec<Trial>,
    pub(crate) running: Option<Checkpoint>,
    /// How many epochs the finished trials took.
    pub(crate) epochs: u32,
    /// The seconds of all runs so far.
    pub(crate) spent: f64,
    best: Option<(f64, Artifact)>,
}

/// The description of a checkpoint; its tensors are those of the best model and of the running trial.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cut: String,
    #[serde(with = "forecast::json")]
    trials: Vec<ModelSpec>,
    #[serde(with = "forecast::json")]
    finished: Vec<Trial>,
    epochs: u32,
    spent: f64,
    #[serde(with = "forecast::json")]
    best: Option<About>,
    running: Option<Running>,
}

/// The description of the running trial's checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Running {
    progress: Progress,
    about: Value,
}

/// The prefixes of the tensors of the best model and of the running trial.
const BEST: &str = "best/";
const RUNNING: &str = "running/";

impl Unfinished {
    /// Records a trial that has a model.
    pub(crate) fn finish(&mut self, settings: &ModelSpec, artifact: Artifact, error: Result<f64, Unjudged>) {
        match error {
            Ok(mse) => {
                self.finished.push(Trial {
                    settings: settings.clone(),
                    select_mse: Some(mse),
                    failed: None,
                });
                if self.best.as_ref().is_none_or(|(best, _)| mse < *best) {
                    self.best = Some((mse, artifact));
                }
            }
            Err(why) => self.finished.push(failed(settings, &why)),
        }
    }

    /// Records a trial that failed.
    pub(crate) fn fail(&mut self, settings: &ModelSpec, why: &FitError) {
        self.finished.push(failed(settings, why));
    }

    /// Returns the best model, with all trials in its description.
    pub(crate) fn artifact(self) -> Result<Artifact, FitError> {
        match self.best {
            Some((_, mut artifact)) => {
                artifact.about.trials = self.finished;
                Ok(artifact)
            }
            None => Err(FitError::NoTrial {
                tried: self.finished.len(),
                last: self
                    .finished
                    .into_iter()
                    .next_back()
                    .and_then(|trial| trial.failed)
                    .unwrap_or_default(),
            }),
        }
    }

    /// Returns the end of a run that was stopped, with a checkpoint.
    pub(crate) fn stopped(
        self,
        trials: &[ModelSpec],
        data: &Training<'_>,
        running: Option<Checkpoint>,
    ) -> Result<Fitted, FitError> {
        self.write(trials, data, running)
            .map(Fitted::Stopped)
            .map_err(FitError::Checkpoint)
    }

    fn write(
        self,
        trials: &[ModelSpec],
        data: &Training<'_>,
        running: Option<Checkpoint>,
    ) -> Result<Checkpoint, ArtifactError> {
        let mut all = Tensors::new();
        let best = self.best.map(|(_, artifact)| {
            tensors::nest(&mut all, BEST, artifact.tensors);
            artifact.about
        });
        let mut progress = after(self.epochs, Progress::default());
        let running = match running {
            Some(checkpoint) => {
                let (about, tensors): (Value, Tensors) = tensors::parse(&checkpoint.bytes)?;
                tensors::nest(&mut all, RUNNING, tensors);
                progress = after(self.epochs, checkpoint.progress);
                let progress = checkpoint.progress;
                Some(Running { progress, about })
            }
            None => None,
        };
        let written = Written {
            cut: data.cut.to_owned(),
            trials: trials.to_vec(),
            finished: self.finished,
            epochs: self.epochs,
            spent: self.spent,
            best,
            running,
        };
        let bytes = tensors::to_bytes(&written, &all)?;
        Ok(Checkpoint { progress, bytes })
    }

    /// Reads a checkpoint after a check that it is of this search.
    pub(crate) fn resume(
        checkpoint: &Checkpoint,
        trials: &[ModelSpec],
        data: &Training<'_>,
    ) -> Result<Self, ArtifactError> {
        let (written, all): (Written, Tensors) = tensors::parse(&checkpoint.bytes)?;
        if written.cut != data.cut || written.trials != trials {
            let search = |trials: &[ModelSpec], cut: &str| format!("a search of {} trials on cut {cut}", trials.len());
            return Err(ArtifactError::Kind {
                have: search(&written.trials, &written.cut),
                need: search(trials, data.cut),
            });
        }
        let best = match written.best {
            Some(about) => {
                let score = written
                    .finished
                    .iter()
                    .filter_map(|trial| trial.select_mse)
                    .reduce(f64::min);
                let score = score.ok_or_else(|| ArtifactError::Missing {
                    tensor: "best".to_owned(),
                })?;
                let tensors = tensors::nested(&all, BEST);
                Some((score, Artifact { about, tensors }))
            }
            None => None,
        };
        let running = match written.running {
            Some(Running { progress, about }) => Some(Checkpoint {
                progress,
                bytes: tensors::to_bytes(&about, &tensors::nested(&all, RUNNING))?,
            }),
            None => None,
        };
        Ok(Self {
            finished: written.finished,
            running,
            epochs: written.epochs,
            spent: written.spent.max(0.0),
            best,
        })
    }
}
