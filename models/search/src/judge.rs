//! The error of a trial: that of its forecasts of the rows that select.

use forecast::{Artifact, FitError, ForecastError, SeriesData, Training};
use series::Windows;

use crate::MakeForecaster;

/// Why a fitted trial has no score.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unjudged {
    #[error("the model cannot be read")]
    Artifact(#[from] forecast::ArtifactError),
    #[error("the model cannot forecast the rows that select")]
    Forecast(#[from] ForecastError),
    #[error("the error on the rows that select is {0}, must be finite")]
    NotFinite(f64),
}

/// Checks that the cut has rows to compare trials on.
pub(crate) fn check(data: &Training<'_>) -> Result<(), FitError> {
    if data.series.iter().all(|series| windows(series, data).is_empty()) {
        return Err(FitError::NothingSelects { have: 0 });
    }
    Ok(())
}

/// Returns the mean squared error over all origins, steps and targets, scaled values; values that were not observed are left out.
#[expect(clippy::cast_precision_loss, reason = "counts of forecast values lie far below 2^52")]
pub(crate) fn error(artifact: &Artifact, forecaster: MakeForecaster, data: &Training<'_>) -> Result<f64, Unjudged> {
    let model = forecaster(artifact)?;
    let (mut sum, mut count) = (0.0, 0_usize);
    for series in data.series {
        let scaled = series.scaled;
        let origins: Vec<usize> = windows(series, data).iter().collect();
        model.forecast_origins(scaled, &origins, data.window.horizon, &mut |index, forecast| {
            for (cell, value) in forecast.iter().enumerate() {
                let (row, target) = (
                    origins[index] + cell / scaled.targets.len(),
                    cell % scaled.targets.len(),
                );
                if scaled.observed[target][row] {
                    let error = value - scaled.values.at(row, scaled.targets[target]);
                    sum += error * error;
                    count += 1;
                }
            }
        })?;
    }
    let mean = sum / count as f64;
    if mean.is_finite() {
        Ok(mean)
    } else {
        Err(Unjudged::NotFinite(mean))
    }
}

fn windows(series: &SeriesData<'_>, data: &Training<'_>) -> Windows {
    Windows::holdout(series.cut.select.clone(), data.window)
}
