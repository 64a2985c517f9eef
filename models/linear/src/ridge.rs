//! Ridge regression on last-value-normalised windows: the model.

use forecast::{
    Artifact, ArtifactError, Forecast, ForecastError, History, LinearSpec, Tensor, Tensors, recurse, tensors,
};
use series::Matrix;

use crate::RidgeFit;

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
    lambda: f64,
    inputs: usize,
    context: usize,
    horizon: usize,
}

/// The map of one target.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Map {
    /// `[context - 1, horizon]`.
    pub(crate) weight: Matrix,
    /// One per step.
    pub(crate) bias: Vec<f64>,
}

/// The tensor that holds the multiple of the mean diagonal.
pub(crate) const LAMBDA: &str = "lambda";

impl Ridge {
    /// Gives the fit with some settings.
    #[must_use]
    pub fn fit(spec: &LinearSpec) -> RidgeFit {
        RidgeFit::new(spec)
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
        let maps = maps.collect::<Result<_, _>>()?;
        let lambda = tensors::f64s(&artifact.tensors, LAMBDA, &[1])?[0];
        Ok(Self {
            maps,
            lambda,
            inputs: about.inputs.len(),
            context,
            horizon,
        })
    }

    /// Gives how strongly coefficients were held to 0, as a multiple of the Gram matrix' mean diagonal.
    #[must_use]
    pub fn lambda(&self) -> f64 {
        self.lambda
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

    pub(crate) fn read(
        tensors: &Tensors,
        target: usize,
        context: usize,
        horizon: usize,
    ) -> Result<Self, ArtifactError> {
        let [weight, bias] = names(target);
        let data = tensors::f64s(tensors, &weight, &[context - 1, horizon])?.to_vec();
        let weight = Matrix {
            rows: context - 1,
            cols: horizon,
            data,
        };
        Ok(Self {
            weight,
            bias: tensors::f64s(tensors, &bias, &[horizon])?.to_vec(),
        })
    }

    pub(crate) fn write(self, target: usize, tensors: &mut Tensors) {
        let [weight, bias] = names(target);
        tensors.insert(
            weight,
            Tensor::f64(vec![self.weight.rows, self.weight.cols], self.weight.data),
        );
        tensors.insert(bias, Tensor::f64(vec![self.bias.len()], self.bias));
    }
}

fn names(target: usize) -> [String; 2] {
    [format!("{target}.weight"), format!("{target}.bias")]
}
