//! The drift forecast: the straight line of the training rows, continued from the last row.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, DriftSpec, EpochLoss, Fit, FitError, Fitted, Forecast, ForecastError,
    History, ModelSpec, Progress, SeriesData, Tensor, Tensors, Training, tensors,
};
use series::Matrix;

/// The tensor of the slopes.
const SLOPE: &str = "slope";

/// Continues the last row of the targets by the slope that the training rows have from their first to their last value.
///
/// # Source
/// Hyndman and Athanasopoulos 2021, "Forecasting: Principles and Practice", section 5.2. There the line goes on from the
/// training rows; here the slope is theirs, and the line starts anew at every origin.
#[derive(Clone, PartialEq, Debug)]
pub struct Drift {
    /// The change per step of each target, scaled values.
    slopes: Vec<f64>,
}

/// Measures the slopes; there is nothing else to learn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DriftFit;

impl Drift {
    /// Reads the model of an artifact.
    ///
    /// # Errors
    /// Where the artifact is of another kind, or has not one slope for each target.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        crate::check_kind(artifact, "drift")?;
        let targets = artifact.about.targets.len();
        Ok(Self {
            slopes: tensors::f64s(&artifact.tensors, SLOPE, &[targets])?.to_vec(),
        })
    }
}

impl Fit for DriftFit {
    fn run(
        &self,
        data: &Training<'_>,
        _resume: Option<&Checkpoint>,
        _stop: &dyn Fn() -> bool,
        _observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let slopes: Vec<f64> = (0..data.target_names.len()).map(|target| slope(data, target)).collect();
        let tensor = Tensor::f64(vec![slopes.len()], slopes);
        Ok(Fitted::Finished(Artifact {
            about: About::new(ModelSpec::Drift(DriftSpec {}), data, 1),
            tensors: Tensors::from([(SLOPE.to_owned(), tensor)]),
        }))
    }
}

impl Forecast for Drift {
    fn history_rows(&self) -> usize {
        1
    }

    fn trained_horizon(&self) -> Option<usize> {
        None
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        history.check(self.history_rows())?;
        let scaled = history.scaled;
        if scaled.targets.len() != self.slopes.len() {
            return Err(ForecastError::Shape {
                what: "targets",
                have: scaled.targets.len(),
                need: self.slopes.len(),
            });
        }
        let mut forecast = Matrix::zeros(steps, self.slopes.len());
        for step in 0..steps {
            let row = forecast.row_mut(step).iter_mut().zip(&scaled.targets).zip(&self.slopes);
            for ((value, &input), slope) in row {
                *value = scaled.values.at(history.origin - 1, input) + slope * number(step + 1);
            }
        }
        Ok(forecast)
    }
}

/// Returns the change of a target per step from its first to its last observed training row, over all series; 0 where no
/// series has two such rows.
fn slope(data: &Training<'_>, target: usize) -> f64 {
    let (mut rise, mut steps) = (0.0, 0);
    for SeriesData { scaled, cut } in data.series {
        let mut observed = cut.training.clone().filter(|&row| scaled.observed[target][row]);
        let Some(first) = observed.next() else { continue };
        let last = observed.next_back().unwrap_or(first);
        let value = |row: usize| scaled.values.at(row, scaled.targets[target]);
        rise += value(last) - value(first);
        steps += last - first;
    }
    if steps == 0 { 0.0 } else { rise / number(steps) }
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn number(count: usize) -> f64 {
    count as f64
}
