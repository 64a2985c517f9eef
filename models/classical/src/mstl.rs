//! Decomposition into seasons and trend by locally weighted regression, and the smoothing of what is left.

use forecast::{Errors, FitError, MstlSpec, Periods, Seasonal, Selection, Transformation};
use series::{Frequency, Sessions};

use crate::{
    ets::{self, Choice},
    mean,
    model::TargetModel,
    size::Sized,
    target::{Halt, Target, Tick},
};

/// Fits the seasons, then the forms of exponential smoothing without one; of values and logarithms those with the smaller
/// criterion.
pub(crate) fn fit(spec: &MstlSpec, target: &Target<'_>, rows: &Sized, tick: Tick<'_>) -> Result<TargetModel, Halt> {
    let n = rows.filled.len();
    if let Periods::Given(asked) = &spec.periods
        && let Some(&longest) = asked.last()
        && longest > n / 2
    {
        return Err(Halt::Failed(FitError::Mismatch {
            what: "rows to take a season from",
            have: n,
            need: longest.saturating_mul(2),
        }));
    }
    let mut periods = periods(&spec.periods, target);
    periods.retain(|&period| (2..=n / 2).contains(&period));
    if !rows.positive || spec.transform == Transformation::None {
        return Ok(without_seasons(spec, &periods, rows, tick)?.0);
    }
    let (logs, change) = rows.logarithms();
    let (of_logs, criterion_of_logs) = without_seasons(spec, &periods, &logs, tick)?;
    if spec.transform == Transformation::Auto {
        let (plain, criterion) = without_seasons(spec, &periods, rows, tick)?;
        if criterion <= criterion_of_logs + 2.0 * change {
            return Ok(plain);
        }
    }
    Ok(of_logs)
}

/// Returns a model of some rows, and the smallest criterion of its forms.
fn without_seasons(
    spec: &MstlSpec,
    periods: &[usize],
    rows: &Sized,
    tick: Tick<'_>,
) -> Result<(TargetModel, f64), Halt> {
    let (filled, patterns) = decompose(&rows.filled, periods).unwrap_or_else(|| (rows.filled.clone(), Vec::new()));
    let open = |(y, seen): (&f64, &f64)| if seen.is_nan() { f64::NAN } else { *y };
    let rest = Sized {
        observed: filled.iter().zip(&rows.observed).map(open).collect(),
        filled,
        ..*rows
    };
    let choice = Choice {
        errors: Errors::Additive,
        trend: spec.trend,
        seasonal: Seasonal::None,
        products: false,
        logs: rows.size.floor > 0.0,
    };
    let found = ets::fit_all(&ets::forms(choice, 0), &rest.rows(), tick)?;
    let least = found.iter().map(|one| one.criterion).fold(f64::INFINITY, f64::min);
    let found = found.into_iter().map(|candidate| (candidate, &rest));
    let model = TargetModel {
        patterns,
        product: false,
        parts: mean::of(found.collect(), Selection::Mean),
    };
    Ok((model, least))
}

/// Returns the seasons to remove, ascending. Where the data do not tell, they are the main one, and a week where that is a day.
fn periods(asked: &Periods, target: &Target<'_>) -> Vec<usize> {
    let season = target.season;
    match asked {
        Periods::Given(periods) => periods.clone(),
        Periods::Auto if !target.seasons.is_empty() => target.seasons.to_vec(),
        Periods::Auto => {
            let week = season.saturating_mul(7);
            match target.frequency {
                Frequency::Seconds(s) if s.saturating_mul(season as u64) == 86_400 => vec![season, week],
                Frequency::Sessions(Sessions { days, per_day, .. }) if season == per_day as usize && season > 1 => {
                    vec![season, season.saturating_mul(days.len() as usize)]
                }
                _ => vec![season],
            }
        }
    }
}

/// Returns rows without their seasons, and the last cycle of each season, by place from the first row on.
///
/// `None` where the seasons cannot be removed.
///
/// # Source
/// Bandara, Hyndman and Bergmeir 2021, "MSTL: A Seasonal-Trend Decomposition Algorithm for Time Series with Multiple Seasonal
/// Patterns", arXiv:2107.13462. As there, the last cycle is repeated: on hourly rows of the M4 competition before the test, means
/// of several cycles are worse, and so is a season that smoothing finds in what is left.
fn decompose(filled: &[f64], periods: &[usize]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
    if periods.is_empty() {
        return None;
    }
    let parts = stlrs::Mstl::fit(filled, periods).ok()?;
    let mut rest = filled.to_vec();
    let mut patterns = Vec::new();
    for (&period, seasonal) in periods.iter().zip(parts.seasonal()) {
        let mut pattern = vec![0.0; period];
        let rows = seasonal.len();
        for row in rows - period..rows {
            pattern[row % period] = seasonal[row];
        }
        for (rest, seasonal) in rest.iter_mut().zip(seasonal) {
            *rest -= seasonal;
        }
        patterns.push(pattern);
    }
    let finite = rest
        .iter()
        .chain(patterns.iter().flatten())
        .all(|value| value.is_finite());
    finite.then_some((rest, patterns))
}
