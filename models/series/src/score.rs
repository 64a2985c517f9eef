//! Scores: how far forecasts lie from the observed values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Coverage, QuantileScores, ScoreScale, Table, score_scale::TargetScale, statistics};

/// Scores of one target, averaged over origins and steps; of several, averaged over them.
///
/// A score is `None` where nothing was observed or its scale is 0.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct TargetScores {
    /// Root mean squared error, original units.
    pub rmse: Option<f64>,
    /// Root mean squared error of values min-max scaled by the training rows, whatever the scaler of the spec.
    pub rmse_scaled: Option<f64>,
    /// Mean absolute error, original units.
    pub mae: Option<f64>,
    /// MASE: mean absolute error divided by the training rows' mean absolute difference at lag `season`.
    pub mase: Option<f64>,
    /// RMSSE: root of the mean squared error divided by the training rows' mean squared difference at lag 1.
    pub rmsse: Option<f64>,
    /// sMAPE: mean of 200 |y - f| / (|y| + |f|), in percent; 0 where both are 0.
    pub smape: Option<f64>,
    /// 0.5 RMSE + 0.3 MAE + 0.2 MSE on values min-max scaled by the training rows.
    pub composite: Option<f64>,
    /// The weighted quantile loss; `None` for a model without intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wql: Option<f64>,
    /// The coverage of its intervals, from the narrowest to the widest; empty for a model without intervals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Coverage>,
}

/// Scores at one step of the horizon, averaged over targets.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepScores {
    /// The step, from 1.
    pub step: usize,
    /// The scores at this step.
    #[serde(flatten)]
    pub scores: TargetScores,
}

/// Scores of one model on one holdout; those without a target's name are means over targets.
///
/// # Source
/// MASE: Hyndman and Koehler 2006, "Another look at measures of forecast accuracy". RMSSE: Makridakis et al. 2022, "M5
/// accuracy competition". sMAPE: Makridakis 1993, as in the M4 competition.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Scores {
    /// Root mean squared error, original units.
    pub rmse: Option<f64>,
    /// Root mean squared error of values min-max scaled by the training rows, whatever the scaler of the spec.
    pub rmse_scaled: Option<f64>,
    /// Mean absolute error, original units.
    pub mae: Option<f64>,
    /// MASE: mean absolute error divided by the training rows' mean absolute difference at lag `season`.
    pub mase: Option<f64>,
    /// RMSSE: root of the mean squared error divided by the training rows' mean squared difference at lag 1.
    pub rmsse: Option<f64>,
    /// sMAPE: mean of 200 |y - f| / (|y| + |f|), in percent.
    pub smape: Option<f64>,
    /// 0.5 RMSE + 0.3 MAE + 0.2 MSE on values min-max scaled by the training rows.
    pub composite: Option<f64>,
    /// The weighted quantile loss; `None` for a model without intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wql: Option<f64>,
    /// The coverage of its intervals, from the narrowest to the widest; empty for a model without intervals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Coverage>,
    /// Whether the intervals were calibrated on rows that the model did not learn from; `None` for a model without intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<bool>,
    /// How many forecasts were compared.
    pub origins: usize,
    /// How many actuals were missing and therefore left out.
    pub masked: usize,
    /// The scores of each target, by name.
    pub targets: BTreeMap<String, TargetScores>,
    /// The scores of each step of the horizon.
    pub steps: Vec<StepScores>,
}

impl Scores {
    /// Adds the scores of the same forecasts' quantiles.
    #[must_use]
    pub fn with_quantiles(mut self, quantiles: QuantileScores, calibrated: bool) -> Self {
        (self.wql, self.coverage) = (quantiles.wql, quantiles.coverage);
        self.calibrated = Some(calibrated);
        for (name, scores) in quantiles.targets {
            if let Some(target) = self.targets.get_mut(&name) {
                (target.wql, target.coverage) = (scores.wql, scores.coverage);
            }
        }
        self
    }
}

/// Sums errors, forecast by forecast.
#[derive(Clone, Debug)]
pub struct Scoring<'a> {
    scale: &'a ScoreScale,
    actuals: Vec<&'a [f64]>,
    horizon: usize,
    /// One sum per step and target, step after step.
    sums: Vec<Sums>,
    origins: usize,
    masked: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: usize,
    absolute: f64,
    squared: f64,
    percent: f64,
}

impl<'a> Scoring<'a> {
    /// Prepares the comparison with the targets of a raw table.
    #[must_use]
    pub fn new(table: &'a Table, scale: &'a ScoreScale, horizon: usize) -> Self {
        let actual = |target: &TargetScale| table.column(&target.name).map_or(&[][..], |column| &column.values);
        let actuals = scale.targets.iter().map(actual).collect();
        let sums = vec![Sums::default(); horizon * scale.targets.len()];
        Self {
            scale,
            actuals,
            horizon,
            sums,
            origins: 0,
            masked: 0,
        }
    }

    /// Adds one forecast. Missing actuals, and steps after the table's end, are masked and counted.
    ///
    /// # Shapes
    /// `forecast` is `[steps, targets]`, row-major, original units; steps beyond the horizon are ignored.
    pub fn add(&mut self, origin: usize, forecast: &[f64]) {
        self.origins += 1;
        let targets = self.actuals.len();
        for step in 0..self.horizon {
            for target in 0..targets {
                let actual = self.actuals[target].get(origin + step).copied().unwrap_or(f64::NAN);
                let cell = step * targets + target;
                match forecast.get(cell) {
                    Some(&forecast) if !actual.is_nan() => self.sums[cell].add(actual, forecast),
                    _ => self.masked += 1,
                }
            }
        }
    }

    /// Returns the scores of all forecasts added so far.
    #[must_use]
    pub fn finish(self) -> Scores {
        let targets = self.scale.targets.len();
        let all = |target: usize| (0..self.horizon).map(move |step| step * targets + target);
        let by_target = |cells: &dyn Fn(usize) -> Sums| -> Vec<TargetScores> {
            (0..targets)
                .map(|target| cells(target).scores(&self.scale.targets[target]))
                .collect()
        };
        let per_target = by_target(&|target| all(target).fold(Sums::default(), |sum, cell| sum.plus(self.sums[cell])));
        let steps = (0..self.horizon).map(|step| {
            let scores = mean_scores(&by_target(&|target| self.sums[step * targets + target]));
            StepScores { step: step + 1, scores }
        });
        let steps = steps.collect();
        let mean = mean_scores(&per_target);
        Scores {
            rmse: mean.rmse,
            rmse_scaled: mean.rmse_scaled,
            mae: mean.mae,
            mase: mean.mase,
            rmsse: mean.rmsse,
            smape: mean.smape,
            composite: mean.composite,
            origins: self.origins,
            masked: self.masked,
            targets: self
                .scale
                .targets
                .iter()
                .map(|target| target.name.clone())
                .zip(per_target)
                .collect(),
            steps,
            ..Scores::default()
        }
    }
}

/// Scores forecasts, given origin by origin in original units, against the raw table.
///
/// # Shapes
/// Each forecast is `[horizon, targets]`, row-major.
pub fn score<'f>(
    table: &Table,
    scale: &ScoreScale,
    horizon: usize,
    forecasts: impl IntoIterator<Item = (usize, &'f [f64])>,
) -> Scores {
    let mut scoring = Scoring::new(table, scale, horizon);
    for (origin, forecast) in forecasts {
        scoring.add(origin, forecast);
    }
    scoring.finish()
}

impl Sums {
    fn add(&mut self, actual: f64, forecast: f64) {
        let error = (actual - forecast).abs();
        let size = actual.abs() + forecast.abs();
        self.count += 1;
        self.absolute += error;
        self.squared += error * error;
        self.percent += if size == 0.0 { 0.0 } else { 200.0 * (error / size) };
    }

    fn plus(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            absolute: self.absolute + other.absolute,
            squared: self.squared + other.squared,
            percent: self.percent + other.percent,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    fn scores(self, scale: &TargetScale) -> TargetScores {
        if self.count == 0 {
            return TargetScores::default();
        }
        let n = self.count as f64;
        let (mae, mse) = (self.absolute / n, self.squared / n);
        let rmse = mse.sqrt();
        let composite = |width: f64| 0.5 * (rmse / width) + 0.3 * (mae / width) + 0.2 * (rmse / width) * (rmse / width);
        TargetScores {
            rmse: finite(rmse),
            rmse_scaled: scale.width.and_then(|width| finite(rmse / width)),
            mae: finite(mae),
            mase: scale.seasonal.and_then(|seasonal| finite(mae / seasonal)),
            rmsse: scale.squared.and_then(|squared| finite((mse / squared).sqrt())),
            smape: finite(self.percent / n),
            composite: scale.width.and_then(|width| finite(composite(width))),
            ..TargetScores::default()
        }
    }
}

fn mean_scores(scores: &[TargetScores]) -> TargetScores {
    let mean = |of: fn(&TargetScores) -> Option<f64>| {
        let values: Vec<f64> = scores.iter().filter_map(of).collect();
        // The mean of numbers near the largest one can be rounded above it.
        statistics::mean(&values).and_then(finite)
    };
    TargetScores {
        rmse: mean(|scores| scores.rmse),
        rmse_scaled: mean(|scores| scores.rmse_scaled),
        mae: mean(|scores| scores.mae),
        mase: mean(|scores| scores.mase),
        rmsse: mean(|scores| scores.rmsse),
        smape: mean(|scores| scores.smape),
        composite: mean(|scores| scores.composite),
        ..TargetScores::default()
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
