//! Scores of forecast quantiles: their loss, and how many observed values lay between them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Table, statistics};

/// Scores of the quantiles of one model on one holdout; those without a target's name are means over targets.
///
/// A score is `None` where nothing was observed or the actuals are all 0.
///
/// # Source
/// Weighted quantile loss: `GluonTS`, `mean_wQuantileLoss`: twice the pinball loss of all rows divided by the sum of |y|, mean
/// over levels. `GluonTS` sums over series; this is the mean over targets, because targets may have different units.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct QuantileScores {
    /// The weighted quantile loss; 0 is perfect.
    pub wql: Option<f64>,
    /// The coverage of the interval between each level and its opposite, from the narrowest to the widest.
    pub coverage: Vec<Coverage>,
    /// The scores of each target, by name.
    pub targets: BTreeMap<String, TargetQuantiles>,
    /// How many actuals were missing and therefore left out.
    pub masked: usize,
}

/// Scores of the quantiles of one target.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct TargetQuantiles {
    /// The weighted quantile loss; 0 is perfect.
    pub wql: Option<f64>,
    /// The coverage of the interval between each level and its opposite.
    pub coverage: Vec<Coverage>,
}

/// The share of observed values that lay in an interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Coverage {
    /// The share that the interval promises, for example 0.8 between the quantiles 0.1 and 0.9.
    pub interval: f64,
    /// The share of observed values that lay in it, ends included.
    pub covered: Option<f64>,
}

/// Sums the losses of quantiles, forecast by forecast.
#[derive(Clone, Debug)]
pub struct QuantileScoring<'a> {
    names: Vec<String>,
    actuals: Vec<&'a [f64]>,
    horizon: usize,
    levels: Vec<f64>,
    /// Levels that have an opposite, narrowest interval first.
    pairs: Vec<(usize, usize)>,
    sums: Vec<Sums>,
    masked: usize,
}

#[derive(Clone, Debug, Default)]
struct Sums {
    count: usize,
    size: f64,
    /// Twice the pinball loss of each level.
    losses: Vec<f64>,
    /// How many observed values lay in the interval of each pair.
    inside: Vec<usize>,
}

impl<'a> QuantileScoring<'a> {
    /// Prepares the comparison with the targets of a raw table.
    ///
    /// `levels` ascend between 0 and 1.
    #[must_use]
    pub fn new(table: &'a Table, targets: &[String], horizon: usize, levels: &[f64]) -> Self {
        let actual = |name: &String| table.column(name).map_or(&[][..], |column| &column.values);
        let pairs = opposites(levels);
        let sums = Sums {
            losses: vec![0.0; levels.len()],
            inside: vec![0; pairs.len()],
            ..Sums::default()
        };
        Self {
            names: targets.to_vec(),
            actuals: targets.iter().map(actual).collect(),
            horizon,
            levels: levels.to_vec(),
            pairs,
            sums: vec![sums; targets.len()],
            masked: 0,
        }
    }

    /// Adds the quantiles of one forecast. Missing actuals, and steps after the table's end, are masked and counted.
    ///
    /// # Shapes
    /// `quantiles` is `[steps, targets, levels]`, row-major, original units; steps beyond the horizon are ignored.
    pub fn add(&mut self, origin: usize, quantiles: &[f64]) {
        let (targets, levels) = (self.actuals.len(), self.levels.len());
        for step in 0..self.horizon {
            for target in 0..targets {
                let actual = self.actuals[target].get(origin + step).copied().unwrap_or(f64::NAN);
                let start = (step * targets + target) * levels;
                match quantiles.get(start..start + levels) {
                    Some(quantiles) if !actual.is_nan() => {
                        self.sums[target].add(actual, quantiles, &self.levels, &self.pairs);
                    }
                    _ => self.masked += 1,
                }
            }
        }
    }

    /// Returns the scores of all forecasts added so far.
    #[must_use]
    pub fn finish(self) -> QuantileScores {
        let scores: Vec<TargetQuantiles> = self.sums.iter().map(|sums| self.scores(sums)).collect();
        let mean = |of: &dyn Fn(&TargetQuantiles) -> Option<f64>| {
            let values: Vec<f64> = scores.iter().filter_map(of).collect();
            statistics::mean(&values).filter(|mean| mean.is_finite())
        };
        let coverage = (0..self.pairs.len()).map(|pair| Coverage {
            interval: self.interval(pair),
            covered: mean(&|scores| scores.coverage[pair].covered),
        });
        QuantileScores {
            wql: mean(&|scores| scores.wql),
            coverage: coverage.collect(),
            masked: self.masked,
            targets: self.names.iter().cloned().zip(scores.iter().cloned()).collect(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    fn scores(&self, sums: &Sums) -> TargetQuantiles {
        let losses: Vec<f64> = sums.losses.iter().map(|loss| loss / sums.size).collect();
        let share = |inside: usize| (sums.count > 0).then(|| inside as f64 / sums.count as f64);
        let coverage = sums.inside.iter().enumerate().map(|(pair, &inside)| Coverage {
            interval: self.interval(pair),
            covered: share(inside),
        });
        TargetQuantiles {
            wql: statistics::mean(&losses).filter(|wql| wql.is_finite()),
            coverage: coverage.collect(),
        }
    }

    /// Returns the share that a pair promises, rounded so that 0.9 - 0.1 is 0.8.
    fn interval(&self, pair: usize) -> f64 {
        let (low, high) = self.pairs[pair];
        libm::round((self.levels[high] - self.levels[low]) * 1e9) / 1e9
    }
}

impl Sums {
    fn add(&mut self, actual: f64, quantiles: &[f64], levels: &[f64], pairs: &[(usize, usize)]) {
        self.count += 1;
        self.size += actual.abs();
        for ((loss, &quantile), level) in self.losses.iter_mut().zip(quantiles).zip(levels) {
            let above = if actual <= quantile { 1.0 } else { 0.0 };
            *loss += 2.0 * ((quantile - actual) * (above - level)).abs();
        }
        for (inside, &(low, high)) in self.inside.iter_mut().zip(pairs) {
            *inside += usize::from((quantiles[low]..=quantiles[high]).contains(&actual));
        }
    }
}

fn opposites(levels: &[f64]) -> Vec<(usize, usize)> {
    let opposite = |&low: &usize| {
        let high = levels
            .iter()
            .position(|level| (level - (1.0 - levels[low])).abs() < 1e-9)?;
        (low < high).then_some((low, high))
    };
    (0..levels.len()).rev().filter_map(|low| opposite(&low)).collect()
}
