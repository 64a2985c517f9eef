//! The naive forecast: the last row repeated.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ForecastError, History,
    ModelSpec, NaiveSpec, Progress, Tensors, Training,
};
use series::Matrix;

/// Repeats the last row of the targets; missing values in it were imputed before.
///
/// There is nothing to learn, so this is both the fit and the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Naive;

impl Naive {
    /// Reads the model of an artifact.
    ///
    /// # Errors
    /// Where the artifact is of another kind.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        crate::check_kind(artifact, "naive")?;
        Ok(Self)
    }
}

impl Fit for Naive {
    fn run(
        &self,
        data: &Training<'_>,
        _resume: Option<&Checkpoint>,
        _stop: &dyn Fn() -> bool,
        _observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let about = About::new(ModelSpec::Naive(NaiveSpec {}), data, self.history_rows());
        Ok(Fitted::Finished(Artifact {
            about,
            tensors: Tensors::new(),
        }))
    }
}

impl Forecast for Naive {
    fn history_rows(&self) -> usize {
        1
    }

    fn trained_horizon(&self) -> Option<usize> {
        None
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        history.check(self.history_rows())?;
        let scaled = history.scaled;
        let last: Vec<f64> = scaled
            .targets
            .iter()
            .map(|&input| scaled.values.at(history.origin - 1, input))
            .collect();
        Ok(Matrix {
            rows: steps,
            cols: last.len(),
            data: last.repeat(steps),
        })
    }
}
