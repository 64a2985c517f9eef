//! How a model is fitted, stopped and resumed.

use serde::{Deserialize, Serialize};
use series::{Cut, Scaled, WindowShape};

use crate::{Artifact, ArtifactError};

/// Mean losses of one epoch, on scaled values.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochLoss {
    /// Over the training windows.
    pub train_loss: f64,
    /// Over the windows that select.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
}

/// One series to learn from.
#[derive(Clone, Copy, Debug)]
pub struct SeriesData<'a> {
    /// Its rows as models see them.
    pub scaled: &'a Scaled,
    /// Which rows do what.
    pub cut: &'a Cut,
}

/// Everything a fit may look at.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The series, at least one; all have the same inputs.
    pub series: &'a [SeriesData<'a>],
    /// The shape of the windows.
    pub window: WindowShape,
    /// The season in steps.
    pub season: usize,
    /// How many threads may work; never changes a result.
    pub threads: usize,
    /// The digest of the cut in hex, so that two cuts never share an artifact.
    pub cut: &'a str,
    /// The targets' names, in the order of forecasts.
    pub target_names: &'a [String],
    /// The inputs' names, in the order of columns.
    pub input_names: &'a [String],
}

impl Training<'_> {
    /// Checks that series, names and cuts belong together.
    ///
    /// # Errors
    /// Where there is no series, a window has no rows, a series has other inputs or targets than the names say, or a cut reaches beyond its rows.
    pub fn check(&self) -> Result<(), FitError> {
        if self.series.is_empty() {
            return Err(FitError::Mismatch {
                what: "series",
                have: 0,
                need: 1,
            });
        }
        for SeriesData { scaled, cut } in self.series {
            let end = cut.training.end.max(cut.select.end).max(cut.calibrate.end);
            for (what, have, need) in [
                ("inputs", scaled.values.cols, self.input_names.len()),
                ("targets", scaled.targets.len(), self.target_names.len()),
                ("rows", scaled.rows(), end.max(scaled.rows())),
            ] {
                if have != need {
                    return Err(FitError::Mismatch { what, have, need });
                }
            }
        }
        Ok(())
    }
}

/// How far a fit is. Grows with every batch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Epochs finished.
    pub epoch: u32,
    /// Batches finished in this epoch.
    pub batch: u64,
}

/// A fit between two batches, as bytes that describe themselves and are checked when read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// How far the fit is.
    pub progress: Progress,
    /// Safetensors.
    pub bytes: Vec<u8>,
}

/// How a fit ended.
#[expect(clippy::large_enum_variant, reason = "made once per fit")]
#[derive(Clone, PartialEq, Debug)]
pub enum Fitted {
    /// With a model.
    Finished(Artifact),
    /// Before its end, because it was asked to stop.
    Stopped(Checkpoint),
}

/// A model that can be fitted.
pub trait Fit: Send + Sync {
    /// Fits, or goes on from a checkpoint.
    ///
    /// `stop` is asked at every batch; `observe` hears of every batch, and of the losses at an epoch's end.
    ///
    /// # Errors
    /// Where there is too little to learn from, the loss is no number any more, or the checkpoint is not of this fit.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError>;
}

/// Why a fit failed. The same fit again fails again.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The loss is no number any more, or far beyond what any forecast of these targets is worth.
    #[error("loss is {loss:e} in epoch {epoch}, it must stay below {bound:e}")]
    Diverged {
        /// The epoch, from 1.
        epoch: u32,
        /// The loss.
        loss: f64,
        /// What it may be.
        bound: f64,
    },
    /// Too little to learn from.
    #[error("{have} training windows, the fit needs {need}")]
    TooFewWindows {
        /// The windows.
        have: usize,
        /// The windows needed.
        need: usize,
    },
    /// Equations without a stable solution.
    #[error("target `{target}`: the equations cannot be solved with lambda {lambda:e}, a larger one is needed")]
    Singular {
        /// The target.
        target: String,
        /// The lambda, as a multiple of the mean diagonal.
        lambda: f64,
    },
    /// A row to learn from that holds no number.
    #[error("input `{input}` is {value} in row {row}, must be finite")]
    NotFinite {
        /// The input.
        input: String,
        /// The row, from 0.
        row: usize,
        /// The value.
        value: f64,
    },
    /// A search without rows to judge by.
    #[error("a search needs rows that select, the cut has {have} windows of them")]
    NothingSelects {
        /// The windows.
        have: usize,
    },
    /// A search in which no trial gave a model.
    #[error("none of {tried} trials gave a model, the last one because: {last}")]
    NoTrial {
        /// How many were tried.
        tried: usize,
        /// Why the last one failed.
        last: String,
    },
    /// A fit that needs more memory than any may take.
    #[error("the fit takes {have} bytes of memory, at most {bound} are allowed")]
    TooLarge {
        /// The bytes.
        have: u128,
        /// The most bytes.
        bound: u128,
    },
    /// Settings that the model cannot have on these data, in its own words.
    #[error("{why}")]
    Refused {
        /// What is wrong, with value and bound.
        why: String,
    },
    /// Series, names or windows that do not belong together.
    #[error("{have} {what}, must be {need}")]
    Mismatch {
        /// What does not fit.
        what: &'static str,
        /// What it is.
        have: usize,
        /// What it must be.
        need: usize,
    },
    /// A net that libtorch shall fit, in a build without it.
    #[error(
        "`backend = \"tch\"` needs libtorch, which this build is without: build with `--features tch`, or leave it out"
    )]
    NoLibtorch,
    /// A checkpoint that is broken or not of this fit.
    #[error("cannot go on from the checkpoint")]
    Checkpoint(#[source] ArtifactError),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn losses_are_written_under_the_names_that_results_show() {
        let loss = EpochLoss {
            train_loss: 0.5,
            validation_loss: None,
        };
        assert_eq!(serde_json::to_value(loss).unwrap(), json!({"train_loss": 0.5}));
        let loss = EpochLoss {
            validation_loss: Some(0.25),
            ..loss
        };
        assert_eq!(
            serde_json::to_value(loss).unwrap(),
            json!({"train_loss": 0.5, "validation_loss": 0.25})
        );
    }

    #[test]
    fn progress_is_ordered_by_epoch_then_batch() {
        assert!(Progress { epoch: 1, batch: 0 } > Progress { epoch: 0, batch: 99 });
    }
}
