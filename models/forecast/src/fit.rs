//! How a model is fitted, stopped and resumed.

use serde::{Deserialize, Serialize};
use series::{Cut, Scaled, WindowShape};

use crate::{Artifact, ArtifactError};

/// The mean losses of one epoch, on scaled values.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochLoss {
    /// The mean over the training windows.
    pub train_loss: f64,
    /// The mean over the windows that select; `None` without such windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
}

/// One series to learn from.
#[derive(Clone, Copy, Debug)]
pub struct SeriesData<'a> {
    /// The transformed rows.
    pub scaled: &'a Scaled,
    /// Which rows train, select, calibrate and are held out.
    pub cut: &'a Cut,
}

/// The data of a fit: everything it may read.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// The series, at least one; all have the same inputs.
    pub series: &'a [SeriesData<'a>],
    /// The shape of the windows.
    pub window: WindowShape,
    /// The season in steps that scores and the seasonal naive forecast use; 1 without one.
    pub season: usize,
    /// All seasons that the training rows show, in steps, ascending.
    pub seasons: &'a [usize],
    /// The contexts among which a windowed model chooses on the rows that select, ascending; empty: that of `window`.
    pub contexts: &'a [usize],
    /// How many threads the fit may use; the result does not depend on it.
    pub threads: usize,
    /// The digest of the cut in hex; it is part of artifacts and checkpoints.
    pub cut: &'a str,
    /// The names of the targets, in the order of forecasts.
    pub target_names: &'a [String],
    /// The names of the inputs, in the order of columns.
    pub input_names: &'a [String],
}

impl Training<'_> {
    /// Checks that series, names and cuts belong together.
    ///
    /// # Errors
    /// Where there is no series, a window has no rows, a series has other inputs or targets than there are names, or a cut
    /// reaches beyond its rows.
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

/// The progress of a fit. It rises with every batch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// How many epochs are finished.
    pub epoch: u32,
    /// How many batches of the current epoch are finished.
    pub batch: u64,
}

/// A stopped fit, as bytes that describe themselves and are checked when they are read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// How far the fit had come.
    pub progress: Progress,
    /// The state of the fit in the safetensors format; only the fit that wrote it can read it.
    pub bytes: Vec<u8>,
}

/// The end of one run of a fit.
#[expect(clippy::large_enum_variant, reason = "made once per fit")]
#[derive(Clone, PartialEq, Debug)]
pub enum Fitted {
    /// The fit is complete.
    Finished(Artifact),
    /// The fit was asked to stop before its end and can be resumed from the checkpoint.
    Stopped(Checkpoint),
}

/// A model with its settings, ready to be fitted.
///
/// # Example
/// A fit that is stopped and resumed ends with the same bytes as one that is not.
/// ```
/// use forecast::{Fit, Fitted, LinearSpec, SeriesData, Training};
/// # use series::{Clean, Column, Cut, Frequency, Role, Sampling, Split, Table, TimeAxis, Transform, WindowShape};
/// # let values = (0..60).map(|row| f64::from(row * row % 17)).collect();
/// # let column = Column { name: "visitors".into(), role: Role::Target, values };
/// # let axis = TimeAxis::new(0, Frequency::Seconds(3_600), 60);
/// # let table = Table::new(String::new(), axis, vec![column], None)?;
/// # let window = WindowShape { context: 6, horizon: 2, stride: 1 };
/// # let cut = Cut::new(&table, Split::default(), &Sampling::default(), window, 1)?;
/// # let transform = Transform::fit(&table, cut.training.clone(), &Clean::default())?;
/// # let scaled = transform.apply(&table, cut.training.clone())?;
///
/// let training = Training {
///     series: &[SeriesData { scaled: &scaled, cut: &cut }],
///     window,
///     season: 24,
///     seasons: &[24],
///     contexts: &[],
///     threads: 2,
///     cut: "c0ffee",
///     target_names: &transform.target_names(),
///     input_names: &transform.input_names(),
/// };
/// let fit = linear::Ridge::fit(&LinearSpec::default());
/// let Fitted::Stopped(checkpoint) = fit.run(&training, None, &|| true, &mut |_, _| ())? else {
///     panic!("the first batch asks");
/// };
/// let Fitted::Finished(resumed) = fit.run(&training, Some(&checkpoint), &|| false, &mut |_, _| ())? else {
///     panic!("nothing stops it");
/// };
/// let Fitted::Finished(whole) = fit.run(&training, None, &|| false, &mut |_, _| ())? else {
///     panic!("nothing stops it");
/// };
/// assert_eq!(resumed.to_bytes()?, whole.to_bytes()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Fit: Send + Sync {
    /// Fits from the start, or resumes from a checkpoint.
    ///
    /// `stop` is called before every batch and ends the run where it returns true. `observe` is called after every batch, and
    /// with the losses at the end of an epoch.
    ///
    /// # Errors
    /// Where there are too few data, the loss is not finite, or the checkpoint is not of this fit.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError>;
}

/// Why a fit failed. The same fit fails again in the same way.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The loss is not finite, or far worse than that of any sensible forecast.
    #[error("loss is {loss:e} in epoch {epoch}, it must stay below {bound:e}")]
    Diverged {
        /// The epoch, from 1.
        epoch: u32,
        /// The loss, scaled values.
        loss: f64,
        /// The bound of the loss.
        bound: f64,
    },
    /// Too few training windows.
    #[error("{have} training windows, the fit needs {need}")]
    TooFewWindows {
        /// How many training windows there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// Equations without a stable solution.
    #[error("target `{target}`: the equations cannot be solved with lambda {lambda:e}, a larger one is needed")]
    Singular {
        /// The name of the target.
        target: String,
        /// The lambda, as a multiple of the mean diagonal.
        lambda: f64,
    },
    /// A training row with a value that is not finite.
    #[error("input `{input}` is {value} in row {row}, must be finite")]
    NotFinite {
        /// The name of the input.
        input: String,
        /// The row, from 0.
        row: usize,
        /// The value that is not finite.
        value: f64,
    },
    /// A search without rows to compare its trials on.
    #[error("a search needs rows that select, the cut has {have} windows of them")]
    NothingSelects {
        /// How many windows select: 0.
        have: usize,
    },
    /// A search in which every trial failed.
    #[error("none of {tried} trials gave a model, the last one because: {last}")]
    NoTrial {
        /// How many were tried.
        tried: usize,
        /// Why the last one failed, as text.
        last: String,
    },
    /// A fit that needs more memory than is allowed.
    #[error("the fit takes {have} bytes of memory, at most {bound} are allowed")]
    TooLarge {
        /// How many bytes the fit needs.
        have: u128,
        /// How many bytes are allowed.
        bound: u128,
    },
    /// Settings or data that the model refuses.
    #[error("{why}")]
    Refused {
        /// The reason, with value and bound.
        why: String,
    },
    /// Series, names or windows that do not belong together.
    #[error("{have} {what}, must be {need}")]
    Mismatch {
        /// What there is a wrong number of.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// A net with `backend = "tch"` in a build without libtorch.
    #[error(
        "`backend = \"tch\"` needs libtorch, which this build is without: build with `--features tch`, or leave it out"
    )]
    NoLibtorch,
    /// A checkpoint that is broken or of another fit.
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
