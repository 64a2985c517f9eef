//! Scores one artifact on the holdout of its cut, in original units. Pure.

use std::collections::BTreeMap;

use contract::{CutDocument, Dataset, Digest, ForecastDocument, ForecastKind, MemberName, PartId};
use forecast::{Calibration, Forecast};
use series::{QuantileScoring, Scaled, ScoreScale, Scores, Scoring, Table};

use crate::error::EvalError;

/// The largest number of forecast rows that are kept for people and plots, unless a single forecast has more.
const SHOWN_ROWS: usize = 500;

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

/// Scores a model at every holdout origin, at as many steps of the horizon as the holdout has. Keeps its last forecasts
/// that do not overlap, together with the observed values.
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
    let origins: Vec<usize> = cut.cut.scored_origins().collect();
    let (horizon, targets) = (cut.cut.scored_steps(), cut.transform.target_names());
    let scale = ScoreScale::of(table, cut.cut.learned(), cut.season, &cut.transform);
    let mut scoring = Scoring::new(table, &scale, horizon);
    let shown = shown(&origins, horizon);
    let mut mean = vec![Vec::new(); targets.len()];
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
            .map(|(cell, &value)| cut.transform.forecast(cell % targets.len(), value));
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
                        *bound = cut.transform.forecast(cell / levels.len() % targets.len(), *bound);
                    }
                    quantiles.add(origins[index], &bounds);
                }
                Err(error) => drop(other_targets.get_or_insert(error)),
            }
        }
        if shown.contains(&origins[index]) {
            for (cell, value) in original.iter().enumerate() {
                mean[cell % targets.len()].push(*value);
            }
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
    Ok((scores, document(cut, table, subject, &shown, mean)))
}

/// Returns the origins of the forecasts that are kept: those that end with the last one and do not overlap, in order.
fn shown(origins: &[usize], horizon: usize) -> Vec<usize> {
    let most = (SHOWN_ROWS / horizon.max(1)).max(1);
    let mut shown: Vec<usize> = origins
        .iter()
        .rev()
        .step_by(horizon.max(1))
        .take(most)
        .copied()
        .collect();
    shown.reverse();
    shown
}

fn document(
    cut: &CutDocument,
    table: &Table,
    subject: Subject,
    origins: &[usize],
    mean: Vec<Vec<f64>>,
) -> ForecastDocument {
    let (targets, steps) = (cut.transform.target_names(), cut.cut.scored_steps());
    let rows = || origins.iter().flat_map(|&origin| origin..origin + steps);
    let observed = |name: &String| {
        let values = table.column(name).map_or(&[][..], |column| &column.values);
        let at = |row: usize| values.get(row).copied().filter(|value| !value.is_nan());
        rows().map(at).collect()
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
        times: rows().map(|row| table.axis.label(row)).collect(),
        actual: Some(targets.iter().map(observed).collect()),
        targets,
        mean,
        quantiles: BTreeMap::new(),
        calibrated: None,
        steps: Some(steps),
        scored: None,
        extrapolates_from: None,
    }
}
