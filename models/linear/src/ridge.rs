//! Ridge regression on last-value-normalised windows, in closed form.

use forecast::{
    About, Artifact, ArtifactError, Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, ForecastError, History,
    Lambda, LinearSpec, ModelSpec, Progress, Tensor, Tensors, Training, recurse, tensors,
};
use serde::{Deserialize, Serialize};
use series::{Matrix, Windows};

use crate::{
    moments::{Centred, Moments, Runs},
    solve,
};

/// Multiples of the Gram matrix' mean diagonal that are tried, the strongest first: of equally good ones it wins.
const LAMBDAS: [f64; 13] = [
    100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6,
];
/// The multiple where no rows select.
const UNSELECTED: f64 = 1e-3;

/// A linear map from a target's last rows to its next ones, one map per target.
///
/// A window is taken relative to its last value, so that the level of a series does not matter:
/// `y(h) = last + bias(h) + Σ weight(i, h) (x(i) - last)`.
///
/// # Source
/// The normalisation is `NLinear`'s: Zeng et al. 2022, "Are Transformers Effective for Time Series Forecasting?",
/// arXiv:2205.13504. The closed form: Toner and Darlow 2024, "An Analysis of Linear Time Series Forecasting Models",
/// arXiv:2403.14587.
#[derive(Clone, PartialEq, Debug)]
pub struct Ridge {
    maps: Vec<Map>,
    inputs: usize,
    context: usize,
    horizon: usize,
}

/// The map of one target.
#[derive(Clone, PartialEq, Debug)]
struct Map {
    /// `[context - 1, horizon]`.
    weight: Matrix,
    /// One per step.
    bias: Vec<f64>,
    /// The multiple of the mean diagonal.
    lambda: f64,
}

/// Solves for the coefficients, target by target.
#[derive(Clone, PartialEq, Debug)]
pub struct RidgeFit {
    spec: LinearSpec,
}

impl Ridge {
    /// Gives the fit with some settings.
    #[must_use]
    pub fn fit(spec: &LinearSpec) -> RidgeFit {
        RidgeFit { spec: spec.clone() }
    }

    /// Gives the model that an artifact holds.
    ///
    /// # Errors
    /// Where the artifact is of another kind, or its tensors have other shapes than it says.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        crate::check_kind(artifact, "linear")?;
        let about = &artifact.about;
        let (context, horizon) = (about.context.max(1), about.horizon);
        let maps = (0..about.targets.len()).map(|target| Map::read(&artifact.tensors, target, context, horizon));
        Ok(Self {
            maps: maps.collect::<Result<_, _>>()?,
            inputs: about.inputs.len(),
            context,
            horizon,
        })
    }

    /// Gives the multiples of the mean diagonal that each target was solved with.
    #[must_use]
    pub fn lambdas(&self) -> Vec<f64> {
        self.maps.iter().map(|map| map.lambda).collect()
    }

    /// Forecasts the trained horizon from one context.
    fn block(&self, targets: &[usize], window: &Matrix) -> Matrix {
        let mut forecast = Matrix::zeros(self.horizon, targets.len());
        for (target, (map, &input)) in self.maps.iter().zip(targets).enumerate() {
            for (step, value) in map.forecast(&window.column(input)).into_iter().enumerate() {
                *forecast.at_mut(step, target) = value;
            }
        }
        forecast
    }
}

impl Forecast for Ridge {
    fn history_rows(&self) -> usize {
        self.context
    }

    fn trained_horizon(&self) -> Option<usize> {
        Some(self.horizon)
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        let scaled = history.scaled;
        for (what, have, need) in [
            ("targets", scaled.targets.len(), self.maps.len()),
            ("inputs", scaled.values.cols, self.inputs),
        ] {
            if have != need {
                return Err(ForecastError::Shape { what, have, need });
            }
        }
        recurse::forecast(history, self.context, self.horizon, steps, &mut |window| {
            Ok(self.block(&scaled.targets, window))
        })
    }
}

impl Fit for RidgeFit {
    /// Solves one target per batch, so that a stop loses at most one.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let about = About::new(ModelSpec::Linear(self.spec.clone()), data, data.window.context);
        let mut tensors = resume.map_or_else(|| Ok(Tensors::new()), |checkpoint| resumed(checkpoint, &about))?;
        let targets = data.target_names.len();
        for target in solved(&tensors, targets)..targets {
            let progress = |solved: usize| Progress {
                epoch: 0,
                batch: solved as u64,
            };
            if stop() {
                let about = Unfinished { about, solved: target };
                let bytes = tensors::to_bytes(&about, &tensors).map_err(FitError::Checkpoint)?;
                return Ok(Fitted::Stopped(Checkpoint {
                    progress: progress(target),
                    bytes,
                }));
            }
            self.solve(data, target)?.write(target, &mut tensors);
            observe(progress(target + 1), None);
        }
        Ok(Fitted::Finished(Artifact { about, tensors }))
    }
}

impl RidgeFit {
    fn solve(&self, data: &Training<'_>, target: usize) -> Result<Map, FitError> {
        let moments = Moments::of(&training(data, target), data.window);
        if moments.count == 0 {
            return Err(FitError::TooFewWindows { have: 0, need: 1 });
        }
        let centres = moments.means();
        let fitted = moments.around(&centres);
        let lambdas: &[f64] = match self.spec.lambda {
            Lambda::Given(lambda) => &[lambda],
            Lambda::Auto => &LAMBDAS,
        };
        let select = Moments::of(&selecting(data, target), data.window);
        let lambdas = if lambdas.len() > 1 && select.count == 0 {
            &[UNSELECTED]
        } else {
            lambdas
        };
        let judge = (lambdas.len() > 1).then(|| select.around(&centres));
        best(&fitted, judge.as_ref(), lambdas, &centres).ok_or_else(|| FitError::Singular {
            target: data.target_names[target].clone(),
            lambda: lambdas[0],
        })
    }
}

/// Solves with each lambda and keeps the one with the smallest error on the rows that select.
fn best(fitted: &Centred, judge: Option<&Centred>, lambdas: &[f64], centres: &[f64]) -> Option<Map> {
    let mut best: Option<(f64, f64, Matrix)> = None;
    for &lambda in lambdas {
        let Some(weight) = weights(fitted, lambda) else {
            continue;
        };
        let error = judge.map_or(0.0, |judge| squared_error(judge, &weight));
        if best.as_ref().is_none_or(|(least, ..)| error < *least) {
            best = Some((error, lambda, weight));
        }
    }
    let (_, lambda, weight) = best?;
    let (inputs, mut bias) = (&centres[..weight.rows], centres[weight.rows..].to_vec());
    for (i, centre) in inputs.iter().enumerate() {
        for (bias, weight) in bias.iter_mut().zip(weight.row(i)) {
            *bias -= weight * centre;
        }
    }
    Some(Map { weight, bias, lambda })
}

#[expect(clippy::cast_precision_loss, reason = "a context is short")]
fn weights(fitted: &Centred, lambda: f64) -> Option<Matrix> {
    let inputs = fitted.xx.rows;
    let diagonal: f64 = (0..inputs).map(|i| fitted.xx.at(i, i)).sum();
    let shift = lambda * (diagonal / inputs.max(1) as f64);
    if !shift.is_finite() {
        return None;
    }
    // Rows that never move say nothing about the next ones.
    if shift <= 0.0 {
        return Some(Matrix::zeros(inputs, fitted.xy.cols));
    }
    solve::ridge(&fitted.xx, shift, &fitted.xy)
}

/// Gives the sum of squared errors over windows and steps: `Σ yy - 2 w·xy + w·xx w`.
fn squared_error(judge: &Centred, weight: &Matrix) -> f64 {
    let mut error: f64 = judge.yy.iter().sum();
    let mut image = vec![0.0; weight.cols];
    for i in 0..weight.rows {
        image.fill(0.0);
        for (j, &product) in judge.xx.row(i).iter().enumerate() {
            for (image, weight) in image.iter_mut().zip(weight.row(j)) {
                *image += product * weight;
            }
        }
        for ((weight, image), product) in weight.row(i).iter().zip(&image).zip(judge.xy.row(i)) {
            error += weight * (image - 2.0 * product);
        }
    }
    error
}

impl Map {
    fn forecast(&self, context: &[f64]) -> Vec<f64> {
        let last = context[context.len() - 1];
        let mut forecast: Vec<f64> = self.bias.clone();
        for (i, value) in context[..context.len() - 1].iter().enumerate() {
            for (forecast, weight) in forecast.iter_mut().zip(self.weight.row(i)) {
                *forecast += weight * (value - last);
            }
        }
        forecast.into_iter().map(|value| last + value).collect()
    }

    fn read(tensors: &Tensors, target: usize, context: usize, horizon: usize) -> Result<Self, ArtifactError> {
        let [weight, bias, lambda] = names(target);
        let data = tensors::f64s(tensors, &weight, &[context - 1, horizon])?.to_vec();
        Ok(Self {
            weight: Matrix {
                rows: context - 1,
                cols: horizon,
                data,
            },
            bias: tensors::f64s(tensors, &bias, &[horizon])?.to_vec(),
            lambda: tensors::f64s(tensors, &lambda, &[1])?[0],
        })
    }

    fn write(self, target: usize, tensors: &mut Tensors) {
        let [weight, bias, lambda] = names(target);
        tensors.insert(
            weight,
            Tensor::f64(vec![self.weight.rows, self.weight.cols], self.weight.data),
        );
        tensors.insert(bias, Tensor::f64(vec![self.bias.len()], self.bias));
        tensors.insert(lambda, Tensor::f64(vec![1], vec![self.lambda]));
    }
}

fn names(target: usize) -> [String; 3] {
    ["weight", "bias", "lambda"].map(|name| format!("{target}.{name}"))
}

fn solved(tensors: &Tensors, targets: usize) -> usize {
    (0..targets)
        .take_while(|&target| tensors.contains_key(&names(target)[2]))
        .count()
}

/// What a checkpoint describes: the model to be, and how many targets are solved.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unfinished {
    about: About,
    solved: usize,
}

/// Gives the solved targets of a checkpoint, if it is of this fit.
fn resumed(checkpoint: &Checkpoint, about: &About) -> Result<Tensors, FitError> {
    let read = || {
        let (unfinished, tensors): (Unfinished, Tensors) = tensors::parse(&checkpoint.bytes)?;
        if unfinished.about != *about {
            let (have, need) = (unfinished.about, about);
            return Err(ArtifactError::Kind {
                have: format!("a fit of {} on cut {}", have.kind, have.cut),
                need: format!("this fit of {} on cut {}", need.kind, need.cut),
            });
        }
        for target in 0..unfinished.solved {
            Map::read(&tensors, target, about.context, about.horizon)?;
        }
        Ok(tensors)
    };
    read().map_err(FitError::Checkpoint)
}

fn training(data: &Training<'_>, target: usize) -> Vec<Runs> {
    runs(data, target, |series| {
        Windows::inside(series.cut.training.clone(), data.window, series.scaled.mask())
    })
}

/// Gives the windows whose forecast rows select; their contexts reach back into the training rows.
fn selecting(data: &Training<'_>, target: usize) -> Vec<Runs> {
    runs(data, target, |series| {
        Windows::holdout(series.cut.select.clone(), data.window)
    })
}

fn runs(data: &Training<'_>, target: usize, windows: impl Fn(&forecast::SeriesData<'_>) -> Windows) -> Vec<Runs> {
    let of = |series: &forecast::SeriesData<'_>| Runs {
        values: around_level(series.scaled.target(target), &series.cut.training),
        origins: windows(series).runs(),
    };
    data.series.iter().map(of).collect()
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn around_level(mut values: Vec<f64>, training: &std::ops::Range<usize>) -> Vec<f64> {
    let rows = &values[training.clone()];
    let level = rows.iter().sum::<f64>() / rows.len().max(1) as f64;
    for value in &mut values {
        *value -= level;
    }
    values
}
