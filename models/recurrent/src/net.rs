//! A fitted net, read from an artifact.

use std::sync::{Arc, Mutex, PoisonError};

use forecast::{
    About, Artifact, ArtifactError, Forecast, ForecastError, History, ModelSpec, known_future, recurse, tensors::f32s,
};
use series::{Matrix, Problem, Scaled};

use crate::{
    chunk::Chunk,
    kernel::{Passes, Path},
    samples::{copy_context, copy_row},
    shape::{Cell, Layout, Shape},
    weights::Weights,
};

/// The most bytes that the activations of a batch of forecasts may take.
const ACTIVATIONS: u128 = 256 << 20;

/// A fitted GRU or LSTM. States start at zero at the first row of the context.
#[derive(Clone, Debug)]
pub struct Net {
    path: Path,
    weights: Weights,
    targets: usize,
    horizon: usize,
    /// Buffers of one window each, kept from forecast to forecast: as many as there were forecasts at the same time.
    spare: Arc<Mutex<Vec<Chunk>>>,
}

impl Net {
    /// Reads a net.
    ///
    /// # Errors
    /// Where the artifact is of another kind of model, a size is out of range, or a tensor is missing or of another shape.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let About {
            targets,
            inputs,
            context,
            horizon,
            ..
        } = &artifact.about;
        let (cell, spec) = match &artifact.about.settings {
            ModelSpec::Gru(spec) => (Cell::Gru, spec),
            ModelSpec::Lstm(spec) => (Cell::Lstm, spec),
            other => {
                return Err(ArtifactError::Kind {
                    have: other.kind().into(),
                    need: "gru or lstm".into(),
                });
            }
        };
        let shape = Shape {
            cell,
            inputs: inputs.len(),
            hidden: spec.hidden,
            layers: spec.layers,
            context: *context,
            outputs: horizon.saturating_mul(targets.len()),
            // As in training, so that forecasts are those that were graded there.
            precision: spec.precision,
        };
        let mut problems = spec.problems("settings");
        for (path, size) in [
            ("inputs", shape.inputs),
            ("context", *context),
            ("outputs", shape.outputs),
        ] {
            Problem::unless(size > 0, path, size, "at least 1", &mut problems);
        }
        if let Some(problem) = problems.into_iter().next() {
            return Err(ArtifactError::Settings(problem));
        }
        let read = |layout: &Layout| f32s(&artifact.tensors, &layout.name, &layout.dimensions()).map(<[f32]>::to_vec);
        let values: Vec<_> = shape.layouts().iter().map(read).collect::<Result<_, _>>()?;
        let path = Path::fastest();
        Ok(Self {
            path,
            weights: Weights::new(path, shape, &values),
            targets: targets.len(),
            horizon: *horizon,
            spare: Arc::default(),
        })
    }

    /// Does something with a chunk of one window.
    fn with_chunk<R>(&self, work: impl FnOnce(&mut Chunk) -> R) -> R {
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = spare().pop();
        let mut chunk = kept.unwrap_or_else(|| Chunk::new(self.path, self.weights.shape, 1, Passes::Forward));
        let result = work(&mut chunk);
        spare().push(chunk);
        result
    }

    fn check(&self, scaled: &Scaled) -> Result<(), ForecastError> {
        let columns = [
            ("inputs", scaled.values.cols, self.weights.shape.inputs),
            ("targets", scaled.targets.len(), self.targets),
        ];
        for (what, have, need) in columns {
            if have != need {
                return Err(ForecastError::Shape { what, have, need });
            }
        }
        Ok(())
    }

    /// Forecasts the trained horizon from a batch of origins.
    fn block(&self, chunk: &mut Chunk, scaled: &Scaled, origins: &[usize]) -> Vec<f64> {
        let context = self.weights.shape.context;
        let inputs = chunk.inputs_mut(origins.len());
        for (place, &origin) in origins.iter().enumerate() {
            copy_context(scaled, origin, context, (place, origins.len()), inputs);
        }
        chunk.forward(&self.weights);
        chunk.outputs().map(f64::from).collect()
    }
}

impl Forecast for Net {
    fn history_rows(&self) -> usize {
        self.weights.shape.context
    }

    fn trained_horizon(&self) -> Option<usize> {
        Some(self.horizon)
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        self.check(history.scaled)?;
        let shape = self.weights.shape;
        history.check(shape.context)?;
        self.with_chunk(|chunk| {
            recurse::forecast(history, shape.context, self.horizon, steps, &mut |context| {
                let inputs = chunk.inputs_mut(1);
                for (step, row) in context.data.chunks_exact(shape.inputs).enumerate() {
                    copy_row(row, (step, shape.context), inputs);
                }
                chunk.forward(&self.weights);
                let data = chunk.outputs().map(f64::from).collect();
                Ok(Matrix {
                    rows: self.horizon,
                    cols: self.targets,
                    data,
                })
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
        self.check(scaled)?;
        // As many windows at once as in a large batch, fewer where windows are large; the number does not change any bit.
        let shape = self.weights.shape;
        let fit = usize::try_from(ACTIVATIONS / shape.activation_bytes()).unwrap_or(usize::MAX);
        let size = fit.clamp(1, shape.chunk(origins.len()));
        let future = Matrix::zeros(0, scaled.values.cols);
        let mut chunk = None;
        for (batch, origins) in origins.chunks(size).enumerate() {
            for &origin in origins {
                History {
                    scaled,
                    origin,
                    future: &future,
                }
                .check(self.history_rows())?;
            }
            let chunk = chunk.get_or_insert_with(|| Chunk::new(self.path, shape, size, Passes::Forward));
            let forecasts = self.block(chunk, scaled, origins);
            let wide = self.horizon * self.targets;
            for (place, (&origin, first)) in origins.iter().zip(forecasts.chunks_exact(wide)).enumerate() {
                let index = batch * size + place;
                if steps <= self.horizon && first.iter().all(|value| value.is_finite()) {
                    out(index, &first[..steps * self.targets]);
                } else {
                    // Beyond the horizon each origin is forecast alone; that also reports a value that is not finite.
                    let future = known_future(scaled, origin, steps);
                    out(
                        index,
                        &self
                            .forecast(
                                &History {
                                    scaled,
                                    origin,
                                    future: &future,
                                },
                                steps,
                            )?
                            .data,
                    );
                }
            }
        }
        Ok(())
    }
}
