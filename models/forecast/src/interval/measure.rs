//! Measures the errors of forecasts and the offsets that follow from them.

use std::ops::Range;

use series::Scaled;

use super::{Calibration, IntervalError, Intervals, check_levels};
use crate::{Forecast, SeriesData, Threaded, Training};

/// The most origins of forecasts that are compared: the error of a quantile is then about one percent.
const MAX_ORIGINS: usize = 2_000;
/// The errors of a step from which on its own quantiles are taken: the outermost ones then rest on six. Errors of neighbouring
/// origins at a later step are nearly the same one, so they count once for as many steps.
const ENOUGH: usize = 60;
/// The most errors in memory, 32 MiB; long horizons of many targets are measured from fewer origins.
const MAX_ERRORS: usize = 1 << 22;

/// The errors of forecasts: `[steps, targets]` lists, each in the order of origins.
struct Errors {
    cells: Vec<Vec<f64>>,
    targets: usize,
}

/// The origins of the forecasts of one series, and the rows that they are compared with.
struct Comparison<'a> {
    scaled: &'a Scaled,
    origins: Vec<usize>,
    rows: Range<usize>,
}

impl Calibration {
    /// Measures how far a model's forecasts lie from the observed values, for every level, step of the horizon and target.
    ///
    /// The `calibrate` rows are compared at every step, also from origins before them, so that a horizon longer than these rows
    /// has as many errors at its last step as at its first. Without any, the training rows are compared instead, and the
    /// intervals are marked as uncalibrated. Imputed rows are not compared. At most 2,000 origins are used, spread over all of
    /// them.
    ///
    /// With enough errors, each step has the quantiles of its own. With few, all steps share the shape of their errors, and
    /// each has its own size, which does not fall from step to step: see `few`. The widest interval always contains the
    /// forecast itself; inner quantiles may both lie on one side of it.
    ///
    /// # Errors
    /// Where levels are not ascending between 0 and 1, the model cannot forecast, or a target was never observed.
    pub fn measure(forecaster: &dyn Forecast, data: &Training<'_>, levels: &[f64]) -> Result<Self, IntervalError> {
        check_levels(levels).map_err(IntervalError::Levels)?;
        data.check().map_err(IntervalError::Training)?;
        let held_back = Errors::of(forecaster, data, calibrating)?;
        let calibrated = held_back
            .cells
            .iter()
            .take(data.target_names.len())
            .all(|errors| !errors.is_empty());
        let errors = if calibrated {
            held_back
        } else {
            Errors::of(forecaster, data, learned)?
        };
        errors.check(data)?;
        Ok(Self {
            offsets: errors.offsets(levels),
            intervals: Intervals {
                levels: levels.to_vec(),
                calibrated,
            },
            steps: data.window.horizon,
            targets: data.target_names.len(),
            reach: reach(data),
        })
    }
}

/// Returns the ranks, from 1, between which the quantile of the next of some exchangeable errors lies.
///
/// The rank of a level is `level * (errors + 1)`; between two ranks the outer one counts, away from the median.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "ranks are not negative and lie far below 2^52"
)]
fn ranks(level: f64, errors: usize) -> (usize, usize) {
    let rank = level * (errors + 1) as f64;
    let whole = libm::round(rank);
    // 10 * 0.3 is 3.0000000000000004, which must not count as the fourth rank.
    let (low, high) = if (rank - whole).abs() < 1e-9 {
        (whole as usize, whole as usize)
    } else {
        (libm::floor(rank) as usize, libm::ceil(rank) as usize)
    };
    if level < 0.5 {
        (low, low)
    } else if level > 0.5 {
        (high, high)
    } else {
        (low, high)
    }
}

/// Returns all origins whose forecasts reach the rows that calibrate.
fn calibrating<'a>(series: &SeriesData<'a>, data: &Training<'_>, history: usize) -> Comparison<'a> {
    let SeriesData { scaled, cut } = *series;
    let rows = cut.calibrate.clone();
    let reaching = rows.start.saturating_sub(data.window.horizon.saturating_sub(1));
    let first = reaching.max(cut.training.start + 1);
    let end = if rows.is_empty() { first } else { rows.end };
    Comparison {
        scaled,
        origins: with_history((first..end).collect(), history),
        rows,
    }
}

/// Returns the origins within the training rows.
fn learned<'a>(series: &SeriesData<'a>, _: &Training<'_>, history: usize) -> Comparison<'a> {
    let SeriesData { scaled, cut } = *series;
    let rows = cut.training.clone();
    let complete = scaled.mask();
    let known = |row: &usize| complete.is_none_or(|complete| complete[*row]);
    Comparison {
        scaled,
        origins: with_history((rows.start + 1..rows.end).filter(known).collect(), history),
        rows,
    }
}

/// Leaves out origins with too few rows before them, where others remain.
fn with_history(origins: Vec<usize>, history: usize) -> Vec<usize> {
    let first = origins.partition_point(|&origin| origin < history);
    if first == origins.len() {
        return origins;
    }
    origins[first..].to_vec()
}

impl Errors {
    fn of<'a>(
        forecaster: &dyn Forecast,
        data: &Training<'a>,
        comparison: fn(&SeriesData<'a>, &Training<'_>, usize) -> Comparison<'a>,
    ) -> Result<Self, IntervalError> {
        let (steps, targets) = (data.window.horizon, data.target_names.len());
        let forecaster = Threaded::new(forecaster, data.threads);
        let mut errors = Self {
            cells: vec![Vec::new(); steps * targets],
            targets,
        };
        let comparisons: Vec<Comparison<'_>> = data
            .series
            .iter()
            .map(|series| comparison(series, data, forecaster.history_rows()))
            .collect();
        let all = comparisons.iter().map(|one| one.origins.len()).sum();
        let most = MAX_ORIGINS.min((MAX_ERRORS / (steps * targets).max(1)).max(1));
        let mut kept = thinned(all, most).into_iter().peekable();
        let mut before = 0;
        for Comparison { scaled, origins, rows } in comparisons {
            let mut picked = Vec::new();
            while let Some(index) = kept.next_if(|&index| index < before + origins.len()) {
                picked.push(origins[index - before]);
            }
            before += origins.len();
            let mut add = |index: usize, forecast: &[f64]| errors.add(scaled, &rows, picked[index], forecast);
            forecaster
                .forecast_origins(scaled, &picked, steps, &mut add)
                .map_err(IntervalError::Forecast)?;
        }
        Ok(errors)
    }

    fn add(&mut self, scaled: &Scaled, rows: &Range<usize>, origin: usize, forecast: &[f64]) {
        for (cell, &forecast) in forecast.iter().enumerate() {
            let (row, target) = (origin + cell / self.targets, cell % self.targets);
            if rows.contains(&row) && scaled.observed[target][row] {
                self.cells[cell].push(scaled.values.at(row, scaled.targets[target]) - forecast);
            }
        }
    }

    fn check(&self, data: &Training<'_>) -> Result<(), IntervalError> {
        for (cell, errors) in self.cells.iter().enumerate() {
            let (step, target) = (cell / self.targets + 1, data.target_names[cell % self.targets].clone());
            if step == 1 && errors.is_empty() {
                let (have, need) = (0, 1);
                return Err(IntervalError::NothingObserved {
                    target,
                    step,
                    have,
                    need,
                });
            }
            if errors.iter().any(|error| !error.is_finite()) {
                return Err(IntervalError::NotFinite { target, step });
            }
        }
        Ok(())
    }

    /// Returns the offsets, `[levels, steps, targets]`.
    fn offsets(mut self, levels: &[f64]) -> Vec<f64> {
        let (cells, targets) = (self.cells.len(), self.targets);
        let mut offsets = vec![0.0; levels.len() * cells];
        for target in 0..targets {
            let mut steps: Vec<Vec<f64>> = self
                .cells
                .iter_mut()
                .skip(target)
                .step_by(targets)
                .map(std::mem::take)
                .collect();
            let apart = |(step, errors): (usize, &Vec<f64>)| errors.len() / (step + 1);
            let enough = steps.iter().enumerate().map(apart).all(|errors| errors >= ENOUGH);
            let quantiles = if enough {
                own(&mut steps, levels)
            } else {
                few(&steps, levels)
            };
            for (step, quantiles) in quantiles.into_iter().enumerate() {
                for (index, offset) in quantiles.into_iter().enumerate() {
                    offsets[index * cells + step * targets + target] = match index {
                        0 if levels[0] < 0.5 => offset.min(0.0),
                        last if last + 1 == levels.len() && levels[last] > 0.5 => offset.max(0.0),
                        _ => offset,
                    };
                }
            }
        }
        offsets
    }
}

/// Returns the quantiles of each step's own errors, `[steps][levels]`.
fn own(steps: &mut [Vec<f64>], levels: &[f64]) -> Vec<Vec<f64>> {
    let of_step = |errors: &mut Vec<f64>| {
        errors.sort_by(f64::total_cmp);
        let at = |rank: usize| errors[rank.clamp(1, errors.len()) - 1];
        let of_level = |&level: &f64| {
            let (low, high) = ranks(level, errors.len());
            at(low) / 2.0 + at(high) / 2.0
        };
        levels.iter().map(of_level).collect()
    };
    steps.iter_mut().map(of_step).collect()
}

/// Returns quantiles from few errors, `[steps][levels]`: the shape of the errors of all steps, as symmetric as the errors of
/// few origins can tell, times the size of each step.
///
/// The size is the root of the mean squared error, made to not fall from step to step by isotonic regression. A step that was
/// never compared has the size of a random walk from the last one that was. Sizes from few errors are uncertain, and errors of
/// neighbouring origins at a later step are nearly the same one, so intervals are wider by a fifth of `step / errors`, as the
/// first term of the expansion of Student's quantile around the normal one is of that form. The factor held 80 % of the last
/// horizon of competition series whose rows before it were learned from.
///
/// # Source
/// Isotonic regression: Barlow, Bartholomew, Bremner and Brunk 1972, "Statistical inference under order restrictions". The
/// expansion: Abramowitz and Stegun 1964, "Handbook of Mathematical Functions", 26.7.5.
#[expect(clippy::cast_precision_loss, reason = "rows and steps lie far below 2^52")]
fn few(steps: &[Vec<f64>], levels: &[f64]) -> Vec<Vec<f64>> {
    const WIDER: f64 = 0.2;
    let sizes = sizes(steps);
    let mut shape: Vec<f64> = Vec::new();
    for (errors, size) in steps.iter().zip(&sizes) {
        if *size > 0.0 {
            shape.extend(errors.iter().flat_map(|error| [error / size, -error / size]));
        }
    }
    shape.sort_by(f64::total_cmp);
    let quantile = |level: f64| {
        let last = shape.len().saturating_sub(1) as f64;
        let place = (level * (shape.len() + 1) as f64 - 1.0).clamp(0.0, last);
        let low = libm::floor(place);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in the list"
        )]
        let at = |place: f64| shape.get(place as usize).copied().unwrap_or(0.0);
        at(low) + (place - low) * (at(libm::ceil(place)) - at(low))
    };
    let quantiles: Vec<f64> = levels.iter().map(|level| quantile(*level)).collect();
    let of_step = |(step, size): (usize, &f64)| {
        let freedom = (steps[step].len() as f64 / (step + 1) as f64).max(1.0);
        let size = size * (1.0 + WIDER / freedom);
        quantiles.iter().map(|quantile| quantile * size).collect()
    };
    sizes.iter().enumerate().map(of_step).collect()
}

/// Returns the size of the errors at each step, which does not fall from step to step.
#[expect(clippy::cast_precision_loss, reason = "rows and steps lie far below 2^52")]
fn sizes(steps: &[Vec<f64>]) -> Vec<f64> {
    let measured = steps.iter().take_while(|errors| !errors.is_empty()).count();
    // Blocks of neighbouring steps with one mean: the sum of squares, how many errors, how many steps.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for errors in &steps[..measured] {
        // The square of a large error may not be finite.
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        blocks.push((squares.min(f64::MAX), errors.len() as f64, 1));
        while let [.., (a, n, _), (b, m, _)] = blocks[..]
            && a / n > b / m
        {
            let (squares, errors, count) = blocks.pop().unwrap_or_default();
            if let Some(last) = blocks.last_mut() {
                *last = (last.0 + squares, last.1 + errors, last.2 + count);
            }
        }
    }
    let mut sizes: Vec<f64> = Vec::with_capacity(steps.len());
    for (squares, errors, count) in blocks {
        sizes.extend(std::iter::repeat_n((squares / errors).sqrt(), count));
    }
    let last = sizes.last().copied().unwrap_or(0.0);
    sizes.extend((measured..steps.len()).map(|step| last * ((step + 1) as f64 / measured.max(1) as f64).sqrt()));
    sizes
}

/// Returns `most` indices below `all` in ascending order, one from each of equal parts, at varying places in the parts: equal
/// distances could fall on the same hour of every day.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the place lies in 0..1 and row counts far below 2^52"
)]
fn thinned(all: usize, most: usize) -> Vec<usize> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    if all <= most {
        return (0..all).collect();
    }
    let share = |index: usize| (index as u128 * all as u128 / most as u128) as usize;
    let pick = |index: usize| {
        let (start, end) = (share(index), share(index + 1));
        let turn = index as f64 * GOLDEN;
        start + ((turn - libm::floor(turn)) * (end - start) as f64) as usize
    };
    (0..most).map(pick).collect()
}

/// Returns the range of the observed training values of each target, in scaled units.
fn reach(data: &Training<'_>) -> Vec<f64> {
    let reach = |target: usize| {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for SeriesData { scaled, cut } in data.series {
            for row in cut.training.clone().filter(|&row| scaled.observed[target][row]) {
                let value = scaled.values.at(row, scaled.targets[target]);
                (low, high) = (low.min(value), high.max(value));
            }
        }
        let width = high - low;
        if width.is_finite() { width.max(0.0) } else { 0.0 }
    };
    (0..data.target_names.len()).map(reach).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_go_outwards_and_leave_the_median_in_the_middle() {
        for (level, errors, expected) in [
            (0.1, 9, (1, 1)),
            (0.9, 9, (9, 9)),
            (0.3, 9, (3, 3)),
            (0.1, 15, (1, 1)),
            (0.9, 15, (15, 15)),
            (0.5, 9, (5, 5)),
            (0.5, 10, (5, 6)),
            (0.9, 8, (9, 9)),
            (0.1, 8, (0, 0)),
        ] {
            assert_eq!(ranks(level, errors), expected, "level {level} of {errors} errors");
        }
    }

    #[test]
    fn few_errors_give_a_width_that_grows_with_the_step() {
        let steps = [vec![1.0, -1.0], vec![2.0, -2.0], vec![1.5, -1.5], Vec::new()];
        let quantiles = few(&steps, &[0.1, 0.5, 0.9]);
        for (step, quantile) in quantiles.iter().enumerate() {
            assert!(
                quantile[0] < 0.0 && quantile[1].abs() < 1e-12 && quantile[2] > 0.0,
                "{quantiles:?}"
            );
            assert!(step == 0 || quantile[2] >= quantiles[step - 1][2], "{quantiles:?}");
        }
        assert_eq!(few(&[vec![0.0, 0.0]], &[0.1, 0.9]), [[0.0, 0.0]], "a constant");
        assert!(few(&[vec![3.0]], &[0.1, 0.9])[0][1] > 2.0, "a single error");
    }

    proptest! {
        #[test]
        fn thinning_keeps_order_and_reaches_every_part(all in 0_usize..30_000, most in 1_usize..3_000) {
            let picked = thinned(all, most);
            prop_assert_eq!(picked.len(), all.min(most));
            prop_assert!(picked.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(picked.last().is_none_or(|&last| last < all));
            for (index, &pick) in picked.iter().enumerate() {
                prop_assert!(pick.abs_diff(index * all / picked.len()) <= all / picked.len() + 1);
            }
        }

        #[test]
        fn offsets_never_fall_from_level_to_level_and_hold_the_forecast(
            errors in proptest::collection::vec(-5.0_f64..5.0, 1..200), centre in -3.0_f64..3.0,
        ) {
            let cells = vec![errors.iter().map(|error| error + centre).collect()];
            let offsets = Errors { cells, targets: 1 }.offsets(&super::super::LEVELS);
            prop_assert!(offsets.windows(2).all(|pair| pair[0] <= pair[1]), "{offsets:?}");
            prop_assert!(offsets[0] <= 0.0 && offsets[8] >= 0.0);
        }
    }
}
