//! The Theta method: the straight line through the rows, and the smoothing of the deviations from it.

use crate::{
    ets::Rows,
    rule::{Rule, State},
    simplex::{Stopped, minimise},
    start::{Free, best},
};

/// Fits the line by least squares, then the smoothing and its start.
pub(crate) fn fit(
    theta: f64,
    rows: &Rows<'_>,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<(Rule, State), Stopped> {
    let (intercept, slope) = line(rows.observed);
    let rule = |point: &[f64]| Rule::Theta {
        alpha: 1e-4 + point[0] * (0.9999 - 1e-4),
        weight: 1.0 - 1.0 / theta,
        intercept,
        slope,
    };
    let fresh = State {
        level: 0.0,
        slope: 1.0,
        season: Vec::new(),
    };
    let free = Free {
        slope: false,
        season: false,
    };
    let mut squares = |point: &[f64]| {
        tick()?;
        let rule = rule(point);
        Ok(rule.run(&mut best(rule, &fresh, free, rows.observed), rows.observed))
    };
    let slow = minimise(&[0.1], 60, &mut squares)?;
    let fast = minimise(&[0.7], 60, &mut squares)?;
    let rule = rule(if fast.1 < slow.1 { &fast.0 } else { &slow.0 });
    Ok((rule, best(rule, &fresh, free, rows.observed)))
}

/// Returns intercept and slope of the line through the observed rows, counted from 1.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn line(rows: &[f64]) -> (f64, f64) {
    let points = || {
        rows.iter()
            .enumerate()
            .filter(|(_, y)| !y.is_nan())
            .map(|(row, y)| ((row + 1) as f64, *y))
    };
    let n = points().count().max(1) as f64;
    let (mt, my) = (
        points().map(|(t, _)| t / n).sum::<f64>(),
        points().map(|(_, y)| y / n).sum::<f64>(),
    );
    let spread: f64 = points().map(|(t, _)| (t - mt) * (t - mt)).sum();
    let together: f64 = points().map(|(t, y)| (t - mt) * (y - my)).sum();
    let slope = if spread > 0.0 { together / spread } else { 0.0 };
    (my - slope * mt, slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_found_through_gaps() {
        let mut rows: Vec<f64> = (1..30).map(|t| 2.0 - 0.5 * f64::from(t)).collect();
        rows[4] = f64::NAN;
        let (intercept, slope) = line(&rows);
        assert!((intercept - 2.0).abs() < 1e-12 && (slope + 0.5).abs() < 1e-12);
        assert_eq!(line(&[3.0]), (3.0, 0.0));
    }
}
