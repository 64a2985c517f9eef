//! The search for the settings of a model: one fit made of many, which keeps the best on the rows that select.
//!
//! Promises: the rows that calibrate and score are never read; every trial learns from the same training rows and is compared
//! on the same forecasts of the rows that select; a search that was stopped and resumed ends with the same artifact. With a
//! limit in seconds the trials depend on the speed of the machine; the artifact always lists them.
//!
//! Refuses to know any family of models, and any clock: how to fit, how to forecast and how much time has passed are
//! arguments. Start reading at [`Search`].

mod checkpoint;
mod judge;
mod points;

use std::{sync::Arc, time::Duration};

use forecast::{
    Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ModelSpec, Progress, SearchSpec,
    Training, Trial,
};

use checkpoint::Unfinished;

/// Returns the fit of settings; `None` for those that cannot be fitted by themselves.
pub type MakeFit = fn(&ModelSpec) -> Option<Box<dyn Fit>>;
/// Returns the forecaster of a fitted model.
pub type MakeForecaster = fn(&Artifact) -> Result<Box<dyn Forecast>, ArtifactError>;
/// Returns how long this run has taken so far. It is called between trials and when a search is stopped, if its seconds are
/// limited.
pub type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The fit of the best of several settings.
pub struct Search {
    trials: Vec<ModelSpec>,
    seconds: Option<f64>,
    fit: MakeFit,
    forecaster: MakeForecaster,
    elapsed: Elapsed,
}

impl Search {
    /// Returns a search. Settings that the model does not have are left out: check [`SearchSpec::problems`] first.
    #[must_use]
    pub fn new(
        model: &ModelSpec,
        spec: &SearchSpec,
        fit: MakeFit,
        forecaster: MakeForecaster,
        elapsed: Elapsed,
    ) -> Self {
        Self {
            trials: points::of(model, spec),
            seconds: spec.seconds,
            fit,
            forecaster,
            elapsed,
        }
    }

    /// Returns the settings in the order in which they are tried.
    #[must_use]
    pub fn trials(&self) -> &[ModelSpec] {
        &self.trials
    }
}

impl Fit for Search {
    /// Runs all trials. Batches are those of the running trial; epochs are counted over all trials.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        judge::check(data)?;
        let mut state = match resume {
            Some(checkpoint) => Unfinished::resume(checkpoint, &self.trials, data).map_err(FitError::Checkpoint)?,
            None => Unfinished::default(),
        };
        let spent_before = state.spent;
        let spent = || {
            self.seconds
                .map_or(0.0, |_| spent_before + (self.elapsed)().as_secs_f64())
        };
        while let Some(settings) = self.next(&state, spent()) {
            let running = state.running.take();
            // A trial that ends between two calls of `stop` must not hide that the search was asked to stop.
            if running.is_none() && stop() {
                state.spent = spent();
                return state.stopped(&self.trials, data, None);
            }
            let offset = state.epochs;
            let mut last = Progress::default();
            let mut heard = |progress: Progress, loss: Option<&EpochLoss>| {
                last = progress;
                observe(after(offset, progress), loss);
            };
            let fit = (self.fit)(settings).ok_or(FitError::NoTrial {
                tried: state.finished.len(),
                last: format!("{} is not fitted by itself", settings.kind()),
            })?;
            match fit.run(data, running.as_ref(), stop, &mut heard) {
                Ok(Fitted::Stopped(checkpoint)) => {
                    state.spent = spent();
                    return state.stopped(&self.trials, data, Some(checkpoint));
                }
                Ok(Fitted::Finished(artifact)) => {
                    let error = judge::error(&artifact, self.forecaster, data);
                    state.finish(settings, artifact, error);
                }
                // These come from the data or the host, not from the settings.
                Err(
                    error @ (FitError::Mismatch { .. }
                    | FitError::NotFinite { .. }
                    | FitError::NoLibtorch
                    | FitError::Checkpoint(_)),
                ) => return Err(error),
                Err(error) => state.fail(settings, &error),
            }
            state.epochs = offset.saturating_add(last.epoch).saturating_add(1);
            observe(after(state.epochs, Progress::default()), None);
        }
        state.artifact().map(Fitted::Finished)
    }
}

impl Search {
    /// Returns the settings of the next trial; `None` where all are tried or the time is over.
    ///
    /// The first trial is made whatever the time, and a running one is finished: half a fit has no error.
    fn next(&self, state: &Unfinished, spent: f64) -> Option<&ModelSpec> {
        let late = self.seconds.is_some_and(|seconds| spent >= seconds);
        if late && state.running.is_none() && !state.finished.is_empty() {
            return None;
        }
        self.trials.get(state.finished.len())
    }
}

/// Returns the progress of a search whose earlier trials took some epochs.
fn after(epochs: u32, progress: Progress) -> Progress {
    Progress {
        epoch: epochs.saturating_add(progress.epoch),
        ..progress
    }
}

/// Returns the record of a trial that has no error.
fn failed(settings: &ModelSpec, why: &dyn std::error::Error) -> Trial {
    let mut text = why.to_string();
    let mut source = why.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Trial {
        settings: settings.clone(),
        select_mse: None,
        failed: Some(text),
    }
}
