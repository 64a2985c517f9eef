//! Decomposition into seasons and trend by locally weighted regression.

use series::{Frequency, Sessions};

use forecast::Periods;

use crate::target::Target;

/// Returns the seasons to remove, ascending: those that fit twice into the rows.
pub(crate) fn periods(asked: &Periods, target: &Target<'_>, rows: usize) -> Vec<usize> {
    let season = target.season;
    let mut periods = match asked {
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
    };
    periods.retain(|&period| period >= 2 && period <= rows / 2);
    periods
}

/// Returns rows without their seasons, and the last cycle of each season, by place from the first row on.
///
/// `None` where the seasons cannot be removed.
///
/// # Source
/// Bandara, Hyndman and Bergmeir 2021, "MSTL: A Seasonal-Trend Decomposition Algorithm for Time Series with Multiple Seasonal
/// Patterns", arXiv:2107.13462. As there, the last cycle is repeated.
pub(crate) fn decompose(filled: &[f64], periods: &[usize]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
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
