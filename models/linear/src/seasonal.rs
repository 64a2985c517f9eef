//! The seasonal naive forecast: the last season repeated.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ForecastError, History,
    ModelSpec, Progress, SeasonalNaiveSpec, Tensors, Training,
};
use series::Matrix;

/// Repeats the last season of the targets, or the last row where the history is shorter than a season.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeasonalNaive {
    season: usize,
}

/// Stores the season that follows from the data; there is nothing else to learn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SeasonalNaiveFit;

impl SeasonalNaive {
    /// Reads the model of an artifact.
    ///
    /// # Errors
    /// Where the artifact is of another kind.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        crate::check_kind(artifact, "seasonal-naive")?;
        Ok(Self {
            season: artifact.about.season.max(1),
        })
    }
}

impl Fit for SeasonalNaiveFit {
    fn run(
        &self,
        data: &Training<'_>,
        _resume: Option<&Checkpoint>,
        _stop: &dyn Fn() -> bool,
        _observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let about = About::new(ModelSpec::SeasonalNaive(SeasonalNaiveSpec {}), data, data.season.max(1));
        Ok(Fitted::Finished(Artifact {
            about,
            tensors: Tensors::new(),
        }))
    }
}

impl Forecast for SeasonalNaive {
    fn history_rows(&self) -> usize {
        self.season
    }

    fn trained_horizon(&self) -> Option<usize> {
        None
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        history.check(1)?;
        let scaled = history.scaled;
        let mut forecast = Matrix::zeros(steps, scaled.targets.len());
        for step in 0..steps {
            // The same place in the last season before the origin.
            let back = self.season - step % self.season;
            let row = history.origin.checked_sub(back).unwrap_or(history.origin - 1);
            for (value, &input) in forecast.row_mut(step).iter_mut().zip(&scaled.targets) {
                *value = scaled.values.at(row, input);
            }
        }
        Ok(forecast)
    }
}
