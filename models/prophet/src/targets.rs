//! One model per scaled target: the fit with its checkpoints, and the forecaster that is read from its artifact.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ForecastError, Growth,
    History, Mode, ModelSpec, Progress, ProphetSpec, Tensors, Training, known_future, tensors,
};
use serde::{Deserialize, Serialize};
use series::{Matrix, Scaled};

use crate::{Error, Prophet, Rows, fit_all, predict_all};

/// How many targets are fitted together and share sums.
const TOGETHER: usize = 16;
/// How many targets of an iterative fit are fitted together: each takes much longer.
const IN_STEPS: usize = 2;

/// Fits one model per target on the values that were observed in the training rows.
///
/// # Units
/// Values are scaled, and so are cap and floor of the settings. Regressors and conditions must be calendar columns, since the
/// future of other columns is not known.
#[derive(Clone, PartialEq, Debug)]
pub struct ProphetFit {
    spec: ProphetSpec,
}

/// The fitted models of all targets.
///
/// A forecast depends on the time alone: it reads no history, and a row is forecast once for all origins.
#[derive(Clone, PartialEq, Debug)]
pub struct ProphetForecast {
    models: Vec<Prophet>,
    inputs: Vec<String>,
}

/// The description of a checkpoint.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfinished {
    /// The description of the model that is being fitted.
    #[serde(with = "forecast::json")]
    about: About,
    /// How many targets are finished.
    targets: usize,
    /// The notices of the finished targets.
    notices: Vec<String>,
}

impl ProphetFit {
    /// Returns the fit of a model with some settings.
    #[must_use]
    pub fn new(spec: &ProphetSpec) -> Self {
        Self { spec: spec.clone() }
    }

    /// Returns how many targets a batch has; it does not depend on the number of threads.
    fn batch(&self) -> usize {
        let modes = [Some(self.spec.seasonality_mode), self.spec.holidays_mode];
        let own = self.spec.seasonalities.iter().map(|season| season.mode);
        let regressors = self.spec.regressors.iter().map(|regressor| regressor.mode);
        let multiplies = modes
            .into_iter()
            .chain(own)
            .chain(regressors)
            .any(|mode| mode == Some(Mode::Multiplicative));
        if multiplies || self.spec.growth == Growth::Logistic {
            IN_STEPS
        } else {
            TOGETHER
        }
    }

    fn fit(&self, data: &Training<'_>, targets: std::ops::Range<usize>) -> Result<Vec<Prophet>, FitError> {
        let (scaled, training) = (data.series[0].scaled, data.series[0].cut.training.clone());
        let times: Vec<i64> = training.clone().map(|row| scaled.axis.at(row)).collect();
        let values: Vec<Vec<f64>> = targets
            .map(|target| observed(scaled, training.clone(), target))
            .collect();
        let columns = columns(data.input_names, &scaled.calendar, |input| {
            training.clone().map(|row| scaled.values.at(row, input)).collect()
        });
        let columns: Vec<(&str, &[f64])> = columns
            .iter()
            .map(|(name, values)| (*name, values.as_slice()))
            .collect();
        let rows = Rows {
            columns: &columns,
            ..Rows::at(&times)
        };
        let values: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
        let models = fit_all(&self.spec, &rows, &values, data.threads);
        models
            .into_iter()
            .map(|model| model.map_err(|error| refused(&error)))
            .collect()
    }
}

/// Returns a target's values where they were observed, NaN elsewhere.
fn observed(scaled: &Scaled, rows: std::ops::Range<usize>, target: usize) -> Vec<f64> {
    let input = scaled.targets[target];
    let value = |row: usize| {
        if scaled.observed[target][row] {
            scaled.values.at(row, input)
        } else {
            f64::NAN
        }
    };
    rows.map(value).collect()
}

/// Returns the columns that are known for future rows, with their names.
fn columns<'a>(
    names: &'a [String],
    known: &[usize],
    mut values: impl FnMut(usize) -> Vec<f64>,
) -> Vec<(&'a str, Vec<f64>)> {
    known
        .iter()
        .map(|&input| (names[input].as_str(), values(input)))
        .collect()
}

/// Converts an error of the model to an error of the fit.
fn refused(error: &Error) -> FitError {
    match error {
        Error::TooFewValues { have, need } => FitError::Mismatch {
            what: "observed training values of a target",
            have: *have,
            need: *need,
        },
        Error::Unbounded { value } => FitError::Diverged {
            epoch: 1,
            loss: *value,
            bound: f64::MAX,
        },
        Error::MissingColumn { .. } => FitError::Refused {
            why: format!("{error}: only calendar columns are known ahead"),
        },
        error => FitError::Refused { why: error.to_string() },
    }
}

impl Fit for ProphetFit {
    /// Fits in batches of some targets.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        // Two series have trends of their own, and a forecast does not say which one it is of.
        if data.series.len() != 1 {
            let (what, have) = ("series in one model of trend and seasons", data.series.len());
            return Err(FitError::Mismatch { what, have, need: 1 });
        }
        let about = About::new(ModelSpec::Prophet(self.spec.clone()), data, 0);
        let (mut done, mut notices, mut tensors) = match resume {
            Some(checkpoint) => resumed(checkpoint, &about, &self.spec).map_err(FitError::Checkpoint)?,
            None => (0, Vec::new(), Tensors::new()),
        };
        let targets = data.target_names.len();
        while done < targets {
            if stop() {
                return stopped(about, done, notices, &tensors);
            }
            let end = (done + self.batch()).min(targets);
            for (target, model) in (done..end).zip(self.fit(data, done..end)?) {
                let name = &data.target_names[target];
                notices.extend(model.notices().iter().map(|notice| format!("`{name}`: {notice}")));
                model.write(target, &mut tensors);
            }
            done = end;
            observe(progress(done), None);
        }
        let about = About { notices, ..about };
        Ok(Fitted::Finished(Artifact { about, tensors }))
    }
}

fn progress(done: usize) -> Progress {
    Progress {
        epoch: 0,
        batch: done as u64,
    }
}

fn stopped(about: About, targets: usize, notices: Vec<String>, tensors: &Tensors) -> Result<Fitted, FitError> {
    let unfinished = Unfinished {
        about,
        targets,
        notices,
    };
    let bytes = tensors::to_bytes(&unfinished, tensors).map_err(FitError::Checkpoint)?;
    Ok(Fitted::Stopped(Checkpoint {
        progress: progress(targets),
        bytes,
    }))
}

/// Reads the finished targets of a checkpoint, after a check that it is of this fit.
fn resumed(
    checkpoint: &Checkpoint,
    about: &About,
    spec: &ProphetSpec,
) -> Result<(usize, Vec<String>, Tensors), ArtifactError> {
    let (unfinished, tensors): (Unfinished, Tensors) = tensors::parse(&checkpoint.bytes)?;
    let fit = |about: &About| format!("a fit of {} on cut {}", about.kind, about.cut);
    if unfinished.about != *about {
        return Err(ArtifactError::Kind {
            have: fit(&unfinished.about),
            need: fit(about),
        });
    }
    let done = unfinished.targets.min(about.targets.len());
    for target in 0..done {
        Prophet::read(&tensors, target, spec)?;
    }
    Ok((done, unfinished.notices, tensors))
}

impl ProphetForecast {
    /// Reads the models of an artifact.
    ///
    /// # Errors
    /// Where the artifact is of another kind, or its tensors do not match each other.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let about = &artifact.about;
        let ModelSpec::Prophet(spec) = &about.settings else {
            return Err(ArtifactError::Kind {
                have: about.kind.clone(),
                need: "prophet".to_owned(),
            });
        };
        if let Some(problem) = spec.problems("settings").into_iter().next() {
            return Err(ArtifactError::Settings(problem));
        }
        let models = (0..about.targets.len()).map(|target| Prophet::read(&artifact.tensors, target, spec));
        Ok(Self {
            models: models.collect::<Result<_, _>>()?,
            inputs: about.inputs.clone(),
        })
    }

    /// Returns the models in the order of targets. Their values are scaled.
    #[must_use]
    pub fn models(&self) -> &[Prophet] {
        &self.models
    }

    fn check(&self, scaled: &Scaled) -> Result<(), ForecastError> {
        for (what, have, need) in [
            ("targets", scaled.targets.len(), self.models.len()),
            ("inputs", scaled.values.cols, self.inputs.len()),
        ] {
            if have != need {
                return Err(ForecastError::Shape { what, have, need });
            }
        }
        Ok(())
    }

    /// Forecasts some rows of all targets.
    ///
    /// # Shapes
    /// `future` is `[steps, inputs]`, the result `[steps, targets]`.
    fn rows(&self, scaled: &Scaled, first: usize, future: &Matrix, steps: usize) -> Result<Matrix, ForecastError> {
        let times: Vec<i64> = (0..steps).map(|step| scaled.axis.at(first + step)).collect();
        let columns = columns(&self.inputs, &scaled.calendar, |input| {
            (0..steps)
                .map(|step| {
                    if step < future.rows {
                        future.at(step, input)
                    } else {
                        f64::NAN
                    }
                })
                .collect()
        });
        let columns: Vec<(&str, &[f64])> = columns
            .iter()
            .map(|(name, values)| (*name, values.as_slice()))
            .collect();
        let rows = Rows {
            columns: &columns,
            ..Rows::at(&times)
        };
        let forecasts = predict_all(&self.models, &rows).map_err(|error| self.missing(&error))?;
        let mut result = Matrix::zeros(steps, self.models.len());
        for (target, forecast) in forecasts.iter().enumerate() {
            for (step, &value) in forecast.yhat.iter().enumerate() {
                if !value.is_finite() {
                    let step = step + 1;
                    return Err(ForecastError::NotFinite { target, step, value });
                }
                *result.at_mut(step, target) = value;
            }
        }
        Ok(result)
    }

    /// Converts an error of the model to an error of the forecast. The fit checked everything but unknown future values.
    fn missing(&self, error: &Error) -> ForecastError {
        let (column, row) = match error {
            Error::NotFinite { column, row, .. } | Error::Condition { column, row, .. } => (column.as_str(), *row),
            Error::MissingColumn { column } => (column.as_str(), 0),
            _ => ("", 0),
        };
        let input = self
            .inputs
            .iter()
            .position(|name| name == column)
            .unwrap_or(self.inputs.len());
        ForecastError::FutureMissing { input, step: row + 1 }
    }
}

impl Forecast for ProphetForecast {
    fn history_rows(&self) -> usize {
        0
    }

    fn trained_horizon(&self) -> Option<usize> {
        None
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        self.check(history.scaled)?;
        history.check(0)?;
        self.rows(history.scaled, history.origin, history.future, steps)
    }

    /// Forecasts each row once: a forecast is the same from every origin.
    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        self.check(scaled)?;
        let (Some(&first), Some(&last)) = (origins.iter().min(), origins.iter().max()) else {
            return Ok(());
        };
        if last > scaled.rows() {
            let (have, bound) = (last, scaled.rows());
            return Err(ForecastError::Origin { have, bound });
        }
        let span = last - first + steps;
        let all = self.rows(scaled, first, &known_future(scaled, first, span), span)?;
        for (index, origin) in origins.iter().enumerate() {
            let start = (origin - first) * all.cols;
            out(index, &all.data[start..start + steps * all.cols]);
        }
        Ok(())
    }
}
