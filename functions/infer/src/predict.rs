//! Forecasts from the last observed row with a champion's transform and model. Pure.

use std::collections::BTreeMap;

use contract::{CutDocument, spec::ForecastSection};
use forecast::{Calibration, Forecast, History, Quantiles};
use series::{Matrix, Table, Transform};

use crate::error::InferError;

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
    let steps = *asked.horizon.given().unwrap_or(&cut.served.max(cut.cut.window.horizon));
    let future = cut.transform.future(&table.axis, origin, steps);
    let forecast = model.forecast(
        &History {
            scaled: &scaled,
            origin,
            future: &future,
        },
        steps,
    )?;
    let units = Units {
        transform: &cut.transform,
        integers: asked.integers,
    };
    let quantiles = match calibration {
        Some(calibration) => quantiles(&units, calibration, &forecast)?,
        None => BTreeMap::new(),
    };
    Ok(Ahead {
        quantiles,
        calibrated: calibration.map(Calibration::is_calibrated),
        origin: table.axis.at(last),
        times: (origin..origin + steps).map(|row| table.axis.label(row)).collect(),
        mean: units.original(&forecast)?,
        extrapolates_from: model
            .trained_horizon()
            .filter(|&trained| trained < steps)
            .map(|trained| trained + 1),
    })
}

/// The units of the forecasts that users see.
struct Units<'a> {
    transform: &'a Transform,
    /// Whether values are rounded to whole numbers.
    integers: bool,
}

fn quantiles(
    units: &Units<'_>,
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
        Ok((level.to_string(), units.original(&level_values)?))
    };
    levels.iter().enumerate().map(of_level).collect()
}

impl Units<'_> {
    /// Returns a forecast in original units: one row per target, one value per step.
    fn original(&self, forecast: &Matrix) -> Result<Vec<Vec<f64>>, InferError> {
        let targets = self.transform.target_names();
        let mut values = vec![Vec::with_capacity(forecast.rows); targets.len()];
        for step in 0..forecast.rows {
            for (target, name) in targets.iter().enumerate() {
                let value = self.transform.forecast(target, forecast.at(step, target));
                if !value.is_finite() {
                    return Err(InferError::NotFinite {
                        target: name.clone(),
                        step: step + 1,
                    });
                }
                values[target].push(if self.integers { value.round() } else { value });
            }
        }
        Ok(values)
    }
}
