//! The ARIMA model of a target: of values or of logarithms.

use forecast::{ArimaSpec, Seasonal, Transformation};

use crate::{
    arima::{Fitted, Search, fit},
    ets,
    model::{Part, TargetModel},
    rule::Rule,
    size::Sized,
    stop::Stopped,
    target::Tick,
};

/// Fits a target. Whether values or logarithms are modelled is decided by the first models of a search.
///
/// Where there are too few rows for any model, the level is always the last value.
pub(crate) fn model(spec: &ArimaSpec, rows: &Sized, season: usize, tick: Tick<'_>) -> Result<TargetModel, Stopped> {
    let season = if spec.seasonal == Seasonal::None { 0 } else { season };
    let logs = (rows.positive && spec.transform != Transformation::None).then(|| rows.logarithms().0);
    let rows = match &logs {
        Some(logs) if spec.transform == Transformation::Log || is_better(logs, rows, season, tick)? => logs,
        _ => rows,
    };
    let part = if let Some(Fitted { arima, start, .. }) = fit(&rows.rows(), season, Search::Whole, tick)? {
        Part::new(rows.size, Rule::Arima(arima), start, &rows.observed)
    } else {
        let last = ets::last_value(&rows.observed);
        Part::new(rows.size, Rule::Smooth(last.smooth), last.start, &rows.observed)
    };
    Ok(TargetModel {
        patterns: Vec::new(),
        product: false,
        parts: vec![part],
    })
}

/// Returns whether logarithms fit better, per row, in the same units.
fn is_better(logs: &Sized, rows: &Sized, season: usize, tick: Tick<'_>) -> Result<bool, Stopped> {
    let (plain, of_logs) = (
        fit(&rows.rows(), season, Search::First, tick)?,
        fit(&logs.rows(), season, Search::First, tick)?,
    );
    let (Some(plain), Some(of_logs)) = (plain, of_logs) else {
        return Ok(false);
    };
    // Rows that differences cost are in neither likelihood.
    let seen = |skipped: usize| logs.observed[skipped..].iter().copied().filter(|y| !y.is_nan());
    #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
    let count = |skipped: usize| seen(skipped).count().max(1) as f64;
    let change: f64 = seen(of_logs.skipped).sum();
    let per_row = (of_logs.criterion + 2.0 * change) / count(of_logs.skipped);
    Ok(per_row < plain.criterion / count(plain.skipped))
}
