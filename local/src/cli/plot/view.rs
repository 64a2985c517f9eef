//! What of a panel is shown: the last rows before the forecast, and how far the axis of values goes.

use super::{Band, Panel, values};

/// The fewest rows of history, so that a short horizon has a past to be compared with.
const FEWEST_ROWS: usize = 30;
/// Up to this many rows a whole season is shown even if the forecast then takes less than a quarter of the width.
const SEASON_ROWS: usize = 60;
/// How many seasons are worth seeing.
const SEASONS: usize = 3;

/// Returns how many rows before a forecast are drawn: three horizons, so that the forecast takes a quarter of the width, and
/// at least 30. More, for as many of the last three seasons as are whole within 60 rows or five horizons, so that the
/// forecast takes at least a sixth where it has 12 steps or more.
pub(in super::super) fn history_rows(season: usize, horizon: usize) -> usize {
    let least = horizon.saturating_mul(3).max(FEWEST_ROWS);
    let most = horizon.saturating_mul(5).max(SEASON_ROWS);
    let season = season.max(1);
    let seasons = (most / season).min(SEASONS) * season;
    least.max(seasons)
}

/// A point of a line: UTC seconds, or the number of a step, and a value.
pub(super) type Value = (i64, f64);

/// The smallest and the largest of some values.
type Ends = (f64, f64);

/// A forecast, and the value it goes on from where that is shown.
type Piece = (Option<Value>, Vec<Value>);

/// The rows of a panel that are drawn, and the range of their values.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// All times that are drawn, ascending.
    pub times: Vec<i64>,
    /// The observed rows; `None` where a value is missing.
    pub actual: Vec<(i64, Option<f64>)>,
    /// Forecasts of the holdout from one origin each.
    pub holdout: Vec<Piece>,
    /// The forecast, without values that are not finite.
    pub future: Vec<Value>,
    /// The last observed value before the forecast.
    pub joint: Option<Value>,
    /// The time of the last row before the forecast; `None` where there is no forecast or no such row.
    pub origin: Option<i64>,
    /// The smallest and the largest value of the axis.
    pub range: Ends,
    /// What the bands reach, where that is more than is shown.
    pub cut: Option<Ends>,
}

impl View {
    /// Chooses what is drawn. Returns `None` where no value is finite.
    pub(super) fn of(panel: &Panel) -> Option<Self> {
        let start = panel.future.iter().map(|(time, _)| *time).min();
        let before = |time: i64| start.is_none_or(|start| time < start);
        let past: Vec<_> = panel.actual.iter().filter(|(time, _)| before(*time)).collect();
        let rows = history_rows(panel.season, panel.horizon.max(panel.future.len()));
        let first = past[past.len().saturating_sub(rows)..]
            .iter()
            .map(|(time, _)| *time)
            .min();
        let first = first.or(start);
        let shown = |time: i64| first.is_none_or(|first| time >= first);
        let actual: Vec<_> = panel.actual.iter().copied().filter(|(time, _)| shown(*time)).collect();
        let future = finite(&panel.future);
        let pieces = panel.holdout.iter();
        let pieces = pieces.map(|piece| finite(piece).into_iter().filter(|(time, _)| shown(*time)).collect());
        let pieces: Vec<Vec<Value>> = pieces.filter(|piece: &Vec<_>| !piece.is_empty()).collect();
        let holdout = joined(pieces);
        let holdout: Vec<Piece> = holdout
            .into_iter()
            .map(|piece| (origin_of(&piece, &actual), piece))
            .collect();
        let (range, cut) = range(&actual, &holdout, &future, &panel.bands)?;
        let mut view = Self {
            times: Vec::new(),
            joint: start.and_then(|start| last_before(start, &actual)),
            origin: start.and_then(|_| past.iter().map(|(time, _)| *time).max()),
            actual,
            holdout,
            future,
            range,
            cut,
        };
        view.times = view.all_times(&panel.bands);
        Some(view)
    }

    fn all_times(&self, bands: &[Band]) -> Vec<i64> {
        let lines = self.holdout.iter().flat_map(|(_, piece)| piece).chain(&self.future);
        let ends = bands.iter().flat_map(|band| band.lower.iter().chain(&band.upper));
        let mut times: Vec<_> = self.actual.iter().map(|(time, _)| *time).collect();
        times.extend(lines.chain(ends).map(|(time, _)| *time));
        let first = self.actual.iter().map(|(time, _)| *time).min();
        times.retain(|time| first.is_none_or(|first| *time >= first));
        times.sort_unstable();
        times.dedup();
        times
    }
}

/// Returns forecasts of one step as one line, and longer ones as they are.
fn joined(pieces: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    if pieces.len() > 1 && pieces.iter().all(|piece| piece.len() == 1) {
        vec![pieces.concat()]
    } else {
        pieces
    }
}

/// Returns the last observed value before a line.
fn origin_of(line: &[Value], actual: &[(i64, Option<f64>)]) -> Option<Value> {
    let start = line.iter().map(|(time, _)| *time).min()?;
    last_before(start, actual)
}

fn last_before(start: i64, actual: &[(i64, Option<f64>)]) -> Option<Value> {
    let observed = actual.iter().filter(|(time, _)| *time < start);
    let observed = observed.filter_map(|(time, value)| Some((*time, value.filter(|v| v.is_finite())?)));
    observed.max_by_key(|(time, _)| *time)
}

/// Returns the range of actuals and forecast, widened for holdout forecasts and bands by at most that range on each side:
/// the axis is at most three times as long as what happened and what is expected. Also returns what the bands reach where that
/// is more.
fn range(
    actual: &[(i64, Option<f64>)],
    holdout: &[Piece],
    future: &[Value],
    bands: &[Band],
) -> Option<(Ends, Option<Ends>)> {
    let observed = actual.iter().filter_map(|(_, value)| *value);
    let core = values::bounds(observed.chain(future.iter().map(|(_, value)| *value)));
    let ends = || bands.iter().flat_map(|band| band.lower.iter().chain(&band.upper));
    let lines = holdout.iter().flat_map(|(_, piece)| piece);
    let rest = values::bounds(ends().chain(lines).map(|(_, value)| *value));
    let ((low, high), (lower, upper)) = match (core, rest) {
        (Some(core), Some(rest)) => (core, rest),
        (Some(only), None) | (None, Some(only)) => return Some((only, None)),
        (None, None) => return None,
    };
    // A constant says nothing about what is far.
    let most = if high > low { high - low } else { f64::INFINITY };
    let least = (low - most).max(f64::MIN);
    let most = (high + most).min(f64::MAX);
    let range = (low.min(lower.max(least)), high.max(upper.min(most)));
    let reached = values::bounds(ends().map(|(_, value)| *value));
    let cut = reached.filter(|(lower, upper)| *lower < range.0 || *upper > range.1);
    Some((range, cut))
}

fn finite(line: &[Value]) -> Vec<Value> {
    line.iter().copied().filter(|(_, value)| value.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forecast_has_a_quarter_of_the_width_or_a_whole_season_beside_it() {
        for (season, horizon, rows) in [
            (12, 12, 36),
            (1, 12, 36),
            (12, 6, 36),
            (7, 7, 30),
            (24, 24, 72),
            (24, 12, 48),
            (24, 1, 48),
            (168, 24, 72),
            (720, 96, 288),
            (1, 1, 30),
            (0, 0, 30),
            (52, 4, 52),
            (usize::MAX, usize::MAX, usize::MAX),
        ] {
            assert_eq!(
                history_rows(season, horizon),
                rows,
                "season {season}, horizon {horizon}"
            );
        }
    }

    #[test]
    fn a_band_widens_the_axis_by_the_range_of_the_data_and_no_more() {
        let actual: Vec<_> = (0..10)
            .map(|row| (row, Some(f64::from(i32::try_from(row).unwrap()))))
            .collect();
        let band = |lower: f64, upper: f64| Band {
            percent: 80,
            lower: vec![(10, lower)],
            upper: vec![(10, upper)],
        };
        for (lower, upper, expected) in [
            (1.0, 8.0, ((0.0, 9.0), None)),
            (-3.0, 12.0, ((-3.0, 12.0), None)),
            (-30.0, 12.0, ((-9.0, 12.0), Some((-30.0, 12.0)))),
            (-1e300, 1e300, ((-9.0, 18.0), Some((-1e300, 1e300)))),
        ] {
            let found = range(&actual, &[], &[(10, 5.0)], &[band(lower, upper)]);
            assert_eq!(found, Some(expected), "{lower} to {upper}");
        }
    }
}
