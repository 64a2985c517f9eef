//! Forecasts from the last observed row with a champion's transform and model. Pure.

use std::collections::BTreeMap;

use contract::{
    CutDocument,
    spec::{Choice, ForecastSection},
};
use forecast::{Calibration, Forecast, History, Quantiles};
use series::{Matrix, Table, Transform};

use crate::error::InferError;

/// The largest number of steps with `horizon = "auto"`.
pub(crate) const MAX_AUTO_STEPS: usize = 1_000;

/// The forecast after the last observed row, in original units.
#[derive(Clone, PartialEq, Debug)]
pub struct Ahead {
    /// The time of the last observed row, UTC seconds.
    pub origin: i64,
    /// The time of each step, RFC 3339 in UTC.
    pub times: Vec<String>,
    /// The mean forecasts: one row per target, one value per step.
    pub mean: Vec<Vec<f64>>,
    /// The quantiles by level, each in the form of `mean`; empty without a calibration.
    pub quantiles: BTreeMap<String, Vec<Vec<f64>>>,
    /// Whether they were calibrated on rows that the model did not learn from; `None` without a calibration.
    pub calibrated: Option<bool>,
    /// The step (from 1) from which the model uses its own forecasts as input; `None` when it never does.
    pub extrapolates_from: Option<usize>,
}

/// Forecasts from the last row in which a target was observed. Later rows, and later values of other columns, are not
/// used.
///
/// # Errors
/// When a column of the champion is missing, the frequency is another one, the history is too short, or a forecast is
/// not finite.
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
    // Every row is imputed from earlier rows only, so the forecast knows nothing that came after its origin.
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
        times: (origin..origin + steps).map(|row| table.axis.label(row)).collect(),
        mean: original_units(&cut.transform, &forecast)?,
        extrapolates_from: model
            .trained_horizon()
            .filter(|&trained| trained < steps)
            .map(|trained| trained + 1),
    })
}

/// Returns the number of steps to forecast: as asked, or else the champion's horizon, but at least one season.
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
