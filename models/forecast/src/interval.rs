//! Prediction intervals around any model's forecast, from errors that it made on rows it did not learn from.
//!
//! Promises: on exchangeable errors the interval between the quantiles `q` and `1 - q` covers at least `1 - 2q` of future
//! values, quantiles never cross, and the holdout is never read. Where no rows calibrate, residuals of the training rows are
//! used and the intervals are marked; they are then too narrow by as much as the model overfits.
//!
//! Refuses to promise coverage of all steps at once, or of errors that change with time. Start at [`Calibration::measure`].
//!
//! # Source
//! Split conformal prediction: Vovk, Gammerman and Shafer 2005, "Algorithmic Learning in a Random World"; Angelopoulos and
//! Bates 2021, arXiv:2107.07511. One calibration per step of the horizon: Stankevičiūtė, Alaa and van der Schaar 2021,
//! "Conformal Time-Series Forecasting", without their division of the error rate over the steps, which promises all steps
//! at once. Signed errors, so that skewed errors give skewed intervals: Romano, Patterson and Candès 2019, arXiv:1905.03222.

mod measure;

use serde::{Deserialize, Serialize};
use series::{Matrix, Problem};

use crate::{Artifact, ArtifactError, FitError, ForecastError, Tensor, tensors};

/// The quantiles that are measured by default.
pub const LEVELS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
/// The most quantiles.
const MAX_LEVELS: usize = 99;

const OFFSETS: &str = "interval.offsets";
const REACH: &str = "interval.reach";

/// The intervals of an artifact.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intervals {
    /// The quantiles, ascending between 0 and 1.
    pub levels: Vec<f64>,
    /// Whether they were calibrated on rows that the model did not learn from; else they come from training residuals.
    pub calibrated: bool,
}

/// The offsets of the quantiles from a forecast, in scaled units.
#[derive(Clone, PartialEq, Debug)]
pub struct Calibration {
    intervals: Intervals,
    steps: usize,
    targets: usize,
    /// `[levels, steps, targets]`.
    offsets: Vec<f64>,
    /// The range of the training values of each target: beyond the measured steps intervals widen no further than this.
    reach: Vec<f64>,
}

/// The quantiles of one forecast.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantiles {
    /// The levels of the quantiles, ascending between 0 and 1.
    pub levels: Vec<f64>,
    /// How many steps the forecast has.
    pub steps: usize,
    /// How many targets the forecast has.
    pub targets: usize,
    /// The values, scaled; they do not fall from one level to the next.
    ///
    /// # Shapes
    /// `[steps, targets, levels]`, row-major.
    pub values: Vec<f64>,
    /// The first step, from 1, beyond the measured ones; `None` where all were measured.
    pub extrapolated_from: Option<usize>,
}

/// Why intervals cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum IntervalError {
    /// Levels out of range or out of order.
    #[error("the quantiles cannot be measured")]
    Levels(#[source] Problem),
    /// Series, names or windows that do not belong together.
    #[error("the training data do not belong together")]
    Training(#[source] FitError),
    /// The forecasts of the rows that calibrate failed.
    #[error("the model cannot forecast the rows that calibrate")]
    Forecast(#[source] ForecastError),
    /// Too few observed values to compare forecasts with.
    #[error("target `{target}`: {have} observed rows to compare step {step} with, at least {need} needed")]
    NothingObserved {
        /// The name of the target.
        target: String,
        /// The step, from 1.
        step: usize,
        /// How many observed rows there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// An error of a forecast that is not finite.
    #[error("target `{target}`: the error at step {step} is not finite")]
    NotFinite {
        /// The name of the target.
        target: String,
        /// The step, from 1.
        step: usize,
    },
}

impl Calibration {
    /// Returns the levels that were measured.
    #[must_use]
    pub fn levels(&self) -> &[f64] {
        &self.intervals.levels
    }

    /// Returns whether the intervals were calibrated on rows that the model did not learn from.
    #[must_use]
    pub fn is_calibrated(&self) -> bool {
        self.intervals.calibrated
    }

    /// Returns how many steps were measured.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Returns the quantiles around a forecast.
    ///
    /// Beyond the measured steps the offsets of the last one grow with the root of the step, as the errors of a random walk do,
    /// up to the range of the training values. Constant offsets would promise too much at later steps, and offsets that grow
    /// without bound would say nothing.
    ///
    /// # Shapes
    /// `mean` is `[steps, targets]`, scaled values; so are the quantiles.
    ///
    /// # Errors
    /// Where the forecast has another number of targets.
    pub fn quantiles(&self, mean: &Matrix) -> Result<Quantiles, ForecastError> {
        let mut values = Vec::with_capacity(mean.data.len() * self.levels().len());
        self.append_quantiles(&mean.data, mean.cols, &mut values)?;
        Ok(Quantiles {
            levels: self.levels().to_vec(),
            steps: mean.rows,
            targets: self.targets,
            values,
            extrapolated_from: (mean.rows > self.steps).then_some(self.steps + 1),
        })
    }

    /// Appends the quantiles around a forecast, as [`Calibration::quantiles`] returns them.
    ///
    /// # Shapes
    /// `mean` is `[steps, targets]`, row-major, scaled values; what is appended is `[steps, targets, levels]`.
    ///
    /// # Errors
    /// Where the forecast has another number of targets.
    pub fn append_quantiles(
        &self,
        mean: &[f64],
        targets: usize,
        quantiles: &mut Vec<f64>,
    ) -> Result<(), ForecastError> {
        if targets != self.targets {
            return Err(ForecastError::Shape {
                what: "targets",
                have: targets,
                need: self.targets,
            });
        }
        for (cell, centre) in mean.iter().enumerate() {
            let (step, target) = (cell / targets, cell % targets);
            let levels = 0..self.levels().len();
            quantiles.extend(levels.map(|level| centre + self.offset(level, step, target)));
        }
        Ok(())
    }

    /// Returns the offset at a step, counted from 0.
    #[expect(clippy::cast_precision_loss, reason = "steps lie far below 2^52")]
    fn offset(&self, level: usize, step: usize, target: usize) -> f64 {
        let measured = |step: usize| self.offsets[(level * self.steps + step) * self.targets + target];
        if step < self.steps {
            return measured(step);
        }
        let last = measured(self.steps - 1);
        let most = self.reach[target].max(last.abs());
        let wider = last * ((step + 1) as f64 / self.steps as f64).sqrt();
        wider.clamp(-most, most)
    }

    /// Writes the intervals into an artifact.
    pub fn write(self, artifact: &mut Artifact) {
        let shape = vec![self.levels().len(), self.steps, self.targets];
        let tensors = &mut artifact.tensors;
        tensors.insert(OFFSETS.to_owned(), Tensor::f64(shape, self.offsets));
        tensors.insert(REACH.to_owned(), Tensor::f64(vec![self.targets], self.reach));
        artifact.about.intervals = Some(self.intervals);
    }

    /// Reads the intervals of an artifact; `None` where it has no intervals.
    ///
    /// # Errors
    /// Where levels are out of range, tensors are missing or have other shapes than described, or quantiles cross.
    pub fn read(artifact: &Artifact) -> Result<Option<Self>, ArtifactError> {
        let about = &artifact.about;
        let Some(intervals) = about.intervals.clone() else {
            return Ok(None);
        };
        check_levels(&intervals.levels).map_err(ArtifactError::Settings)?;
        let (steps, targets) = (about.horizon, about.targets.len());
        let at_least_one = "at least 1";
        if steps == 0 || targets == 0 {
            let problem = Problem::new("horizon and targets", steps.min(targets), at_least_one);
            return Err(ArtifactError::Settings(problem));
        }
        let shape = [intervals.levels.len(), steps, targets];
        let offsets = tensors::f64s(&artifact.tensors, OFFSETS, &shape)?.to_vec();
        let reach = tensors::f64s(&artifact.tensors, REACH, &[targets])?.to_vec();
        let cells = steps * targets;
        if let Some(cell) = (0..offsets.len() - cells).find(|&cell| offsets[cell] > offsets[cell + cells]) {
            let range = format!("at most the next level's, {}", offsets[cell + cells]);
            let problem = Problem::new(format!("{OFFSETS}[{cell}]"), offsets[cell], range);
            return Err(ArtifactError::Settings(problem));
        }
        if let Some(target) = reach.iter().position(|&reach| reach < 0.0) {
            let problem = Problem::new(format!("{REACH}[{target}]"), reach[target], "at least 0");
            return Err(ArtifactError::Settings(problem));
        }
        Ok(Some(Self {
            intervals,
            steps,
            targets,
            offsets,
            reach,
        }))
    }
}

/// Checks that there are levels, not too many, in range and in order.
fn check_levels(levels: &[f64]) -> Result<(), Problem> {
    if levels.is_empty() || levels.len() > MAX_LEVELS {
        let range = format!("from 1 to {MAX_LEVELS} quantiles");
        return Err(Problem::new("levels", levels.len(), range));
    }
    for (index, &level) in levels.iter().enumerate() {
        let above = if index == 0 { 0.0 } else { levels[index - 1] };
        // Written so that NaN fails too.
        if !(level > above && level < 1.0) {
            let range = format!("above {above} and below 1");
            return Err(Problem::new(format!("levels[{index}]"), level, range));
        }
    }
    Ok(())
}
