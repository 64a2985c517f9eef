//! Ridge regression on last-value-normalised windows: the model.

use forecast::{
    Artifact, ArtifactError, Channels, Forecast, ForecastError, History, LinearSpec, ModelSpec, recurse, tensors,
};
use series::{Matrix, Scaled};

use crate::{
    RidgeFit,
    maps::{Buffers, Inputs, Map, Shape},
};

/// The tensor of the chosen lambda.
pub(crate) const LAMBDA: &str = "lambda";
/// The tensor that holds the mean squared error on the rows that selected.
pub(crate) const SELECT_MSE: &str = "select.mse";

/// A fitted ridge regression: a linear map from the last rows to the next rows of the targets.
///
/// A window is taken relative to its last value, so that the level of a series does not matter:
/// `y(h) = last + bias(h) + Σ weight(i, h) (x(i) - last)`. Each target has a map of its own lags, all share one, or one
/// map leads from the lags of all channels to all targets; the last kind also reads the last values themselves. With
/// the setting `calendar`, `Σ weight(c, h) calendar(c)` of the last row is added.
///
/// # Source
/// The normalisation is `NLinear`'s: Zeng et al. 2022, "Are Transformers Effective for Time Series Forecasting?",
/// arXiv:2205.13504. The closed form: Toner and Darlow 2024, "An Analysis of Linear Time Series Forecasting Models",
/// arXiv:2403.14587.
#[derive(Clone, PartialEq, Debug)]
pub struct Ridge {
    map: Map,
    lambda: f64,
    select_mse: Option<f64>,
    shape: Shape,
    inputs: usize,
    /// Whether the settings ask for calendar inputs.
    calendar: bool,
}

impl Ridge {
    /// Returns the fit with some settings.
    #[must_use]
    pub fn fit(spec: &LinearSpec) -> RidgeFit {
        RidgeFit::new(spec)
    }

    /// Reads the model of an artifact.
    ///
    /// # Errors
    /// Where the artifact is of another kind, or its tensors have other shapes than described.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        crate::check_kind(artifact, "linear")?;
        let about = &artifact.about;
        let shape = Shape::of(about, &artifact.tensors);
        let selected = artifact.tensors.contains_key(SELECT_MSE);
        let select_mse = selected.then(|| tensors::f64s(&artifact.tensors, SELECT_MSE, &[1]).map(|mse| mse[0]));
        Ok(Self {
            select_mse: select_mse.transpose()?,
            map: Map::read(&artifact.tensors, shape)?,
            lambda: tensors::f64s(&artifact.tensors, LAMBDA, &[1])?[0],
            shape,
            inputs: about.inputs.len(),
            calendar: matches!(&about.settings, ModelSpec::Linear(spec) if spec.calendar),
        })
    }

    /// Returns the chosen lambda, as a multiple of the mean diagonal of the Gram matrix.
    #[must_use]
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Returns the mean squared error on the rows that selected, in units of the targets' variances; `None` without such rows.
    #[must_use]
    pub fn select_mse(&self) -> Option<f64> {
        self.select_mse
    }

    /// Returns which lags a target is forecast from; never [`Channels::Auto`].
    #[must_use]
    pub fn channels(&self) -> Channels {
        self.map.lags()
    }

    /// Returns the columns that it reads, after a check that the rows have the columns of the fit.
    fn inputs<'a>(&self, scaled: &'a Scaled) -> Result<Inputs<'a>, ForecastError> {
        let channels = crate::scale::channels_of(scaled);
        let calendar: &[usize] = if self.calendar { &scaled.calendar } else { &[] };
        let need = self.map.channels(self.shape.context).unwrap_or(channels.len());
        for (what, have, need) in [
            ("targets", scaled.targets.len(), self.shape.targets),
            ("inputs", scaled.values.cols, self.inputs),
            ("calendar inputs", calendar.len(), self.shape.calendar),
            ("channels", channels.len(), need),
        ] {
            if have != need {
                return Err(ForecastError::Shape { what, have, need });
            }
        }
        let cols = scaled.values.cols;
        Ok(Inputs {
            cols,
            channels,
            calendar,
        })
    }
}

impl Forecast for Ridge {
    fn history_rows(&self) -> usize {
        self.shape.context
    }

    fn trained_horizon(&self) -> Option<usize> {
        Some(self.shape.horizon)
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        let inputs = self.inputs(history.scaled)?;
        let (shape, mut buffers) = (self.shape, Buffers::new(&inputs, self.shape));
        recurse::forecast(history, shape.context, shape.horizon, steps, &mut |window| {
            Ok(Matrix {
                rows: shape.horizon,
                cols: shape.targets,
                data: self.map.forecast(&window.data, &inputs, &mut buffers).to_vec(),
            })
        })
    }

    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        let Shape {
            context,
            horizon,
            targets,
            ..
        } = self.shape;
        if steps > horizon {
            return forecast::one_by_one(self, scaled, origins, steps, out);
        }
        let inputs = self.inputs(scaled)?;
        let (mut buffers, future) = (Buffers::new(&inputs, self.shape), Matrix::zeros(0, inputs.cols));
        for (index, &origin) in origins.iter().enumerate() {
            let future = &future;
            let history = History { scaled, origin, future };
            history.check(context)?;
            let window = &scaled.values.data[(origin - context) * inputs.cols..origin * inputs.cols];
            let forecast = self.map.forecast(window, &inputs, &mut buffers);
            if forecast.iter().any(|value| !value.is_finite()) {
                // That returns the error with target and step.
                self.forecast(&history, steps)?;
            }
            out(index, &forecast[..steps * targets]);
        }
        Ok(())
    }
}
