//! On which rows the candidates of a fit are judged.

use forecast::{SeriesData, Training};
use series::{Cut, Windows};

/// So many horizons judge, where there are rows: neighbouring windows are nearly the same, and what they agree on is chance.
const HORIZONS: usize = 8;
/// At most one of so many training windows judges.
const SHARE: usize = 4;

/// Returns the cuts by which candidates are tried.
///
/// Where fewer than eight horizons of rows select, the last training rows select too, up to the rows of a quarter of the
/// windows, and candidates are fitted on those before. Without rows that select the cuts are those of the fit.
pub(crate) fn cuts(data: &Training<'_>) -> Vec<Cut> {
    let longest = data.contexts.iter().copied().fold(data.window.context, usize::max);
    let shape = series::WindowShape {
        context: longest,
        ..data.window
    };
    let cut = |series: &SeriesData<'_>| {
        let mut cut = series.cut.clone();
        let want = (HORIZONS * data.window.horizon).saturating_sub(cut.select.len());
        let more = want.min(shape.count(cut.training.len()) / SHARE);
        if !cut.select.is_empty() {
            cut.training.end -= more;
            cut.select.start = cut.training.end;
        }
        cut
    };
    data.series.iter().map(cut).collect()
}

/// Returns how many windows that share no row judge at least, over all series.
pub(crate) fn independent(data: &Training<'_>) -> usize {
    let rows = |series: &SeriesData<'_>| series.cut.select.len() / data.window.horizon.max(1);
    data.series.iter().map(rows).sum()
}

/// Returns how many windows judge.
pub(crate) fn windows(data: &Training<'_>) -> usize {
    let windows = |series: &SeriesData<'_>| Windows::holdout(series.cut.select.clone(), data.window).len();
    data.series.iter().map(windows).sum()
}

/// Returns how many rows train, over all series.
pub(crate) fn training_rows(data: &Training<'_>) -> usize {
    data.series.iter().map(|series| series.cut.training.len()).sum()
}
