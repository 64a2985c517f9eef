//! The piecewise trend and its changepoints.

use forecast::{Growth, ProphetSpec};
use series::Time;

use crate::{Error, Notice};

/// Returns the times at which the trend may change, sorted, and a notice where there are fewer than asked for.
///
/// # Source
/// The Python package: evenly over the rows of the first part of the history, never at the first row.
pub(crate) fn changepoints(spec: &ProphetSpec, times: &[i64]) -> Result<(Vec<i64>, Option<Notice>), Error> {
    if let Some(given) = &spec.changepoints {
        let mut given: Vec<i64> = given.iter().map(|time| time.0).collect();
        given.sort_unstable();
        let (start, end) = (times[0], times[times.len() - 1]);
        if let Some(&outside) = given.iter().find(|time| !(start..=end).contains(*time)) {
            let (start, end) = (Time(start), Time(end));
            return Err(Error::Changepoint {
                changepoint: Time(outside),
                start,
                end,
            });
        }
        return Ok((given, None));
    }
    let rows = first_rows(times.len(), spec.changepoint_range);
    let asked = spec.n_changepoints;
    let used = asked.min(rows.saturating_sub(1));
    let notice = (used < asked).then_some(Notice::Changepoints { asked, used });
    let placed = (1..=used).map(|index| times[even(rows - 1, index, used)]).collect();
    Ok((placed, notice))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the part is at most 1 and row counts lie far below 2^52"
)]
fn first_rows(rows: usize, part: f64) -> usize {
    libm::floor(rows as f64 * part) as usize
}

/// Returns the row of one of evenly spread points, as `numpy.linspace(0, last, count + 1).round()` does.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the result lies between 0 and the last row"
)]
fn even(last: usize, index: usize, count: usize) -> usize {
    if index == count {
        return last;
    }
    libm::rint(index as f64 * (last as f64 / count as f64)) as usize
}

/// A continuous line of pieces: one per segment between changepoints.
///
/// A logistic trend is the cap times the logistic function of such a line, which is equivalent to the offsets by which the
/// Python package keeps it continuous.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Where each piece begins, 0 for the first.
    pub(crate) start: Vec<f64>,
    /// The value of each piece at its start.
    pub(crate) level: Vec<f64>,
    /// The slope of each piece.
    pub(crate) slope: Vec<f64>,
}

impl Line {
    /// Returns the line with some rate and level at the start of the history.
    pub(crate) fn new(rate: f64, level: f64, deltas: &[f64], changepoints: &[f64]) -> Self {
        let mut line = Self {
            start: vec![0.0],
            level: vec![level],
            slope: vec![rate],
        };
        for (piece, (&at, delta)) in changepoints.iter().zip(deltas).enumerate() {
            let level = line.level[piece] + line.slope[piece] * (at - line.start[piece]);
            line.start.push(at);
            line.level.push(level);
            line.slope.push(line.slope[piece] + delta);
        }
        line
    }

    /// Returns the value at a time, also before the first and after the last piece.
    pub(crate) fn at(&self, t: f64) -> f64 {
        let piece = self.start[1..].partition_point(|start| *start <= t);
        self.level[piece] + self.slope[piece] * (t - self.start[piece])
    }
}

/// Returns the logistic function of `u`.
pub(crate) fn logistic(u: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-u))
}

/// Returns the rate and offset from which a fit starts: through the first and the last value.
///
/// # Source
/// The Python package's `linear_growth_init`, `logistic_growth_init` and `flat_growth_init`.
pub(crate) fn start(growth: Growth, t: &[f64], y: &[f64], cap: Option<&[f64]>) -> (f64, f64) {
    let last = t.len() - 1;
    let length = t[last] - t[0];
    match (growth, cap) {
        (Growth::Flat, _) => (0.0, mean(y)),
        (Growth::Logistic, Some(cap)) => {
            let ratio = |row: usize| cap[row] / y[row].min(0.99 * cap[row]).max(0.01 * cap[row]);
            let (mut first, last) = (ratio(0), ratio(last));
            if (first - last).abs() <= 0.01 {
                first *= 1.05;
            }
            let (first, last) = (libm::log(first - 1.0), libm::log(last - 1.0));
            ((first - last) / length, first * length / (first - last))
        }
        _ => {
            let rate = (y[last] - y[0]) / length;
            (rate, y[0] - rate * t[0])
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn mean(y: &[f64]) -> f64 {
    y.iter().sum::<f64>() / y.len() as f64
}
