//! Forecasts from fixed parameters and a state that advances over observed rows.

use forecast::{Artifact, ArtifactError, Forecast, ForecastError, History, ModelSpec, tensors};
use series::{Matrix, Scaled, TimeAxis};

use crate::{model::TargetModel, size::LARGEST};

/// The tensor of the first estimated row's time, UTC seconds, and how many rows were estimated from.
pub(crate) const ANCHOR: &str = "anchor";

/// A fitted smoother: for each target its parameters and its state before and after the rows of the estimate, and the times
/// of these rows.
///
/// For an origin after them the second state advances over the observed rows since then; rows that the history no longer has
/// count as not observed. For an origin within them it starts with the first state. Rows at or after an origin are never
/// read.
#[derive(Clone, PartialEq, Debug)]
pub struct Smoother {
    models: Vec<TargetModel>,
    /// The time of the first estimated row, UTC seconds.
    first: i64,
    /// How many rows the estimate used.
    count: i64,
    history_rows: usize,
}

/// The states of all models while they advance over a history.
struct Standing {
    /// The next row of the history; below 0 before its first one.
    row: i64,
    /// The distance of that row from the first row of the estimate.
    turn: i64,
    states: Vec<Vec<Vec<f64>>>,
}

impl Smoother {
    /// Reads the model of an artifact.
    ///
    /// # Errors
    /// Where the artifact is of another kind, or its tensors are missing, of other shapes or out of range.
    pub fn read(artifact: &Artifact) -> Result<Self, ArtifactError> {
        let about = &artifact.about;
        if !matches!(
            about.settings,
            ModelSpec::Ets(_) | ModelSpec::Theta(_) | ModelSpec::Mstl(_) | ModelSpec::Croston(_) | ModelSpec::Arima(_)
        ) {
            return Err(ArtifactError::Kind {
                have: about.kind.clone(),
                need: "ets, theta, mstl, arima or croston".into(),
            });
        }
        let anchor = tensors::f64s(&artifact.tensors, ANCHOR, &[2])?;
        let models = (0..about.targets.len()).map(|target| TargetModel::read(target, &artifact.tensors));
        #[expect(
            clippy::cast_possible_truncation,
            reason = "seconds and rows were written from whole numbers"
        )]
        let [first, count] = [anchor[0] as i64, anchor[1].clamp(0.0, 1e15) as i64];
        Ok(Self {
            models: models.collect::<Result<_, _>>()?,
            first,
            count,
            history_rows: about.history_rows,
        })
    }

    /// Returns the states from which to start for an origin.
    fn stand(&self, scaled: &Scaled, origin: i64) -> Result<Standing, ForecastError> {
        let first = place(&scaled.axis, self.first)?;
        let start = || self.models.iter().map(TargetModel::start).collect();
        Ok(if origin >= first + self.count {
            Standing {
                row: first + self.count,
                turn: self.count,
                states: self.models.iter().map(TargetModel::end).collect(),
            }
        } else if origin >= first {
            Standing {
                row: first,
                turn: 0,
                states: start(),
            }
        } else {
            // Before the rows of the estimate the first state is the best guess.
            Standing {
                row: 0,
                turn: -first,
                states: start(),
            }
        })
    }

    /// Advances to an origin.
    fn move_to(&self, origin: i64, standing: &mut Standing, scaled: &Scaled) {
        while standing.row < origin {
            let row = usize::try_from(standing.row).ok();
            for (target, (model, state)) in self.models.iter().zip(&mut standing.states).enumerate() {
                let seen = row.filter(|&row| scaled.observed[target][row]);
                let y = seen.map_or(f64::NAN, |row| scaled.values.at(row, scaled.targets[target]));
                let y = if y.abs() < LARGEST { y } else { f64::NAN };
                model.absorb(state, standing.turn, y);
            }
            standing.row += 1;
            standing.turn += 1;
        }
    }

    fn ahead(&self, standing: &Standing, steps: usize) -> Result<Matrix, ForecastError> {
        let mut forecast = Matrix::zeros(steps, self.models.len());
        for (target, (model, state)) in self.models.iter().zip(&standing.states).enumerate() {
            let values = model.ahead(state, standing.turn, steps);
            for (step, value) in values.into_iter().enumerate() {
                *forecast.at_mut(step, target) = value;
            }
        }
        match forecast.data.iter().position(|value| !value.is_finite()) {
            None => Ok(forecast),
            Some(cell) => Err(ForecastError::NotFinite {
                target: cell % self.models.len(),
                step: cell / self.models.len() + 1,
                value: forecast.data[cell],
            }),
        }
    }
}

/// Returns the row of a time; below 0 before the axis starts.
fn place(axis: &TimeAxis, time: i64) -> Result<i64, ForecastError> {
    let endless = |start| TimeAxis::new(start, axis.frequency, usize::MAX / 2);
    let row = if time >= axis.start {
        endless(axis.start)
            .index_of(time)
            .and_then(|row| i64::try_from(row).ok())
    } else {
        endless(time)
            .index_of(axis.start)
            .and_then(|row| i64::try_from(row).ok())
            .map(|row| -row)
    };
    row.ok_or(ForecastError::Shape {
        what: "rows of the history on the grid that the model was fitted on",
        have: 0,
        need: axis.len,
    })
}

impl Forecast for Smoother {
    fn history_rows(&self) -> usize {
        self.history_rows
    }

    fn trained_horizon(&self) -> Option<usize> {
        None
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        let mut forecast = Matrix::zeros(steps, self.models.len());
        let mut keep = |_: usize, values: &[f64]| forecast.data.copy_from_slice(values);
        self.forecast_origins(history.scaled, &[history.origin], steps, &mut keep)?;
        Ok(forecast)
    }

    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        if scaled.targets.len() != self.models.len() {
            return Err(ForecastError::Shape {
                what: "targets",
                have: scaled.targets.len(),
                need: self.models.len(),
            });
        }
        let mut standing: Option<Standing> = None;
        for (index, &origin) in origins.iter().enumerate() {
            if origin > scaled.rows() {
                return Err(ForecastError::Origin {
                    have: origin,
                    bound: scaled.rows(),
                });
            }
            let row = i64::try_from(origin).unwrap_or(i64::MAX);
            // Continue only where a new start would not be nearer.
            let fresh = self.stand(scaled, row)?;
            let mut here = match standing.take() {
                Some(here) if here.row <= row && here.row >= fresh.row => here,
                _ => fresh,
            };
            self.move_to(row, &mut here, scaled);
            out(index, &self.ahead(&here, steps)?.data);
            standing = Some(here);
        }
        Ok(())
    }
}
