//! Scores one artifact on the holdout of its cut, in original units. Pure.

use std::collections::BTreeMap;

use contract::{CutDocument, Dataset, Digest, ForecastDocument, ForecastKind, MemberName, PartId};
use forecast::{Calibration, Forecast};
use series::{QuantileScoring, Scaled, ScoreScale, Scores, Scoring, Table, Windows};

use crate::error::EvalError;

/// The largest number of holdout forecasts that are kept for people and plots.
pub(crate) const SHOWN_ORIGINS: usize = 500;

/// The member whose forecasts are scored.
#[derive(Clone, PartialEq, Debug)]
pub struct Subject {
    /// The dataset of the part.
    pub dataset: Dataset,
    /// The part of the dataset.
    pub part: PartId,
    /// The member's name.
    pub member: MemberName,
    /// The digest of its artifact.
    pub artifact: Digest,
}

/// Scores a model at every holdout origin. Keeps its last one-step forecasts together with the observed values.
///
/// Histories reach back into training rows. The observed values come from the table as it is: never clipped, never
/// imputed.
///
/// # Errors
/// When a column is missing, the model cannot forecast, or a forecast is not finite.
pub fn score(
    cut: &CutDocument,
    table: &Table,
    scaled: &Scaled,
    model: &dyn Forecast,
    calibration: Option<&Calibration>,
    subject: Subject,
) -> Result<(Scores, ForecastDocument), EvalError> {
    let origins: Vec<usize> = Windows::holdout(cut.cut.holdout.clone(), cut.cut.window)
        .iter()
        .collect();
    let (horizon, targets) = (cut.cut.window.horizon, cut.transform.target_names());
    let scale = ScoreScale::of(table, cut.cut.training.clone(), cut.season, &cut.transform);
    let mut scoring = Scoring::new(table, &scale, horizon);
    let hidden = origins.len().saturating_sub(SHOWN_ORIGINS);
    let mut mean = vec![vec![0.0; origins.len() - hidden]; targets.len()];
    let levels = calibration.map_or(&[][..], Calibration::levels);
    let mut quantiles = QuantileScoring::new(table, &targets, horizon, levels);
    let mut not_finite = None;
    let mut other_targets = None;
    let (mut original, mut bounds) = (Vec::new(), Vec::new());
    model.forecast_origins(scaled, &origins, horizon, &mut |index, forecast| {
        original.clear();
        let values = forecast
            .iter()
            .enumerate()
            .map(|(cell, &value)| cut.transform.unscale(cell % targets.len(), value));
        original.extend(values);
        if let Some(cell) = original.iter().position(|value| !value.is_finite()) {
            not_finite.get_or_insert((origins[index] + cell / targets.len(), cell % targets.len()));
        }
        scoring.add(origins[index], &original);
        if let Some(calibration) = calibration {
            bounds.clear();
            match calibration.append_quantiles(forecast, targets.len(), &mut bounds) {
                Ok(()) => {
                    // The order of the bounds stays, because scales are positive.
                    for (cell, bound) in bounds.iter_mut().enumerate() {
                        *bound = cut.transform.unscale(cell / levels.len() % targets.len(), *bound);
                    }
                    quantiles.add(origins[index], &bounds);
                }
                Err(error) => drop(other_targets.get_or_insert(error)),
            }
        }
        if let Some(shown) = index.checked_sub(hidden) {
            mean.iter_mut()
                .zip(&original)
                .for_each(|(mean, value)| mean[shown] = *value);
        }
    })?;
    if let Some((row, target)) = not_finite {
        return Err(EvalError::NotFinite {
            target: targets[target].clone(),
            time: table.axis.label(row),
        });
    }
    if let Some(error) = other_targets {
        return Err(error.into());
    }
    let scores = scoring.finish();
    let scores = match calibration {
        Some(calibration) => scores.with_quantiles(quantiles.finish(), calibration.is_calibrated()),
        None => scores,
    };
    Ok((scores, document(cut, table, subject, &origins[hidden..], mean)))
}

fn document(
    cut: &CutDocument,
    table: &Table,
    subject: Subject,
    origins: &[usize],
    mean: Vec<Vec<f64>>,
) -> ForecastDocument {
    let targets = cut.transform.target_names();
    let observed = |name: &String| {
        let values = table.column(name).map_or(&[][..], |column| &column.values);
        let at = |&row: &usize| values.get(row).copied().filter(|value| !value.is_nan());
        origins.iter().map(at).collect()
    };
    ForecastDocument {
        kind: ForecastKind::Holdout,
        dataset: subject.dataset,
        part: subject.part,
        member: subject.member,
        artifact: subject.artifact,
        generation: None,
        clean: cut.clean,
        origin: origins
            .first()
            .map_or(cut.train_end, |&row| table.axis.at(row.saturating_sub(1))),
        frequency: table.axis.frequency,
        times: origins.iter().map(|&row| table.axis.label(row)).collect(),
        actual: Some(targets.iter().map(observed).collect()),
        targets,
        mean,
        quantiles: BTreeMap::new(),
        calibrated: None,
        extrapolates_from: None,
    }
}
