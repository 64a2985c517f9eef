//! Forecasting from the last observed row with a champion's transform and model. Pure.

use std::collections::BTreeMap;

use contract::{
    CutDocument,
    spec::{Choice, ForecastSection},
};
use forecast::{Calibration, Forecast, History, Quantiles};
use series::{Matrix, Table, Transform, rfc3339};

use crate::error::InferError;

/// The steps that `auto` never exceeds.
pub(crate) const MAX_AUTO_STEPS: usize = 1_000;

/// What lies ahead of the last observed row, in original units.
#[derive(Clone, PartialEq, Debug)]
pub struct Ahead {
    /// The last observed row, UTC seconds.
    pub origin: i64,
    /// The time of each step, RFC 3339 UTC.
    pub times: Vec<String>,
    /// One row per target, one number per step.
    pub mean: Vec<Vec<f64>>,
    /// Quantiles by their level, each as `mean`.
    pub quantiles: BTreeMap<String, Vec<Vec<f64>>>,
    /// Whether rows that the model did not learn from calibrated them.
    pub calibrated: Option<bool>,
    /// The step (from 1) from which the model forecasts from its own forecasts.
    pub extrapolates_from: Option<usize>,
}

/// Forecasts from the last row in which a target was observed. Later rows, and later values of other columns, are not
/// looked at.
///
/// # Errors
/// When a column of the champion is missing, the grid is another one, the history is too short, or a forecast is not a
/// finite number.
pub fn predict(
    asked: &ForecastSection,
    cut: &CutDocument,
    table: &Table,
    model: &dyn Forecast,
    calibration: Option<&Calibration>,
) -> Result<Ahead, InferError> {
    let (have, want) = (table.axis.frequency, cut.axis.frequency);
    if have != want {
        return Err(InferError::OtherFrequency { have, want });
    }
    // Causal in every row: a forecast knows nothing that was not there at its origin.
    let scaled = cut.transform.apply(table, 0..0)?;
    let last = table
        .last_observed()
        .ok_or(InferError::NothingObserved { rows: table.rows() })?;
    let origin = last + 1;
    if origin < model.history_rows() {
        return Err(InferError::ShortHistory {
            have: origin,
            need: model.history_rows(),
        });
    }
    let steps = steps(asked, cut);
    let future = cut.transform.future(&table.axis, origin, steps);
    let forecast = model.forecast(
        &History {
            scaled: &scaled,
            origin,
            future: &future,
        },
        steps,
    )?;
    let quantiles = match calibration {
        Some(calibration) => quantiles(&cut.transform, calibration, &forecast)?,
        None => BTreeMap::new(),
    };
    Ok(Ahead {
        quantiles,
        calibrated: calibration.map(Calibration::is_calibrated),
        origin: table.axis.at(last),
        times: (origin..origin + steps)
            .map(|row| rfc3339(table.axis.at(row)))
            .collect(),
        mean: original_units(&cut.transform, &forecast)?,
        extrapolates_from: model
            .trained_horizon()
            .filter(|&trained| trained < steps)
            .map(|trained| trained + 1),
    })
}

/// Gives the steps to forecast: as asked, else the champion's horizon and one season at least.
fn steps(asked: &ForecastSection, cut: &CutDocument) -> usize {
    match asked.horizon {
        Choice::Given(steps) => steps,
        Choice::Auto => cut.cut.window.horizon.max(cut.season).min(MAX_AUTO_STEPS),
    }
}

fn quantiles(
    transform: &Transform,
    calibration: &Calibration,
    mean: &Matrix,
) -> Result<BTreeMap<String, Vec<Vec<f64>>>, InferError> {
    let Quantiles { levels, values, .. } = calibration.quantiles(mean)?;
    let of_level = |(place, level): (usize, &f64)| {
        let level_values = Matrix {
            rows: mean.rows,
            cols: mean.cols,
            data: values[place..].iter().step_by(levels.len()).copied().collect(),
        };
        Ok((level.to_string(), original_units(transform, &level_values)?))
    };
    levels.iter().enumerate().map(of_level).collect()
}

fn original_units(transform: &Transform, forecast: &Matrix) -> Result<Vec<Vec<f64>>, InferError> {
    let targets = transform.target_names();
    let mut mean = vec![Vec::with_capacity(forecast.rows); targets.len()];
    for step in 0..forecast.rows {
        for (target, name) in targets.iter().enumerate() {
            let value = transform.unscale(target, forecast.at(step, target));
            if !value.is_finite() {
                return Err(InferError::NotFinite {
                    target: name.clone(),
                    step: step + 1,
                });
            }
            mean[target].push(value);
        }
    }
    Ok(mean)
}
