//! Exponential smoothing: the choice of its parts, and their parameters.

mod descent;
mod form;
mod likelihood;
mod slopes;
mod smooth;

use self::{
    descent::{Work, descend},
    likelihood::{Likelihood, Point},
};
pub(crate) use self::{
    form::{Choice, Form, forms},
    smooth::Smooth,
};
use forecast::Trend;

use crate::{season, stop::Stopped};

/// The longest season whose start is fitted together with the parameters; a longer one starts from its first pattern.
const FITTED_SEASON: usize = 64;
/// The most rows on which the start of a season is fitted: over more of them it is forgotten.
const FITTED_ROWS: usize = 5_000;
/// Where searches begin: alpha, and the share of the other parameters.
const BEGINNINGS: [(f64, f64); 5] = [(0.05, 0.05), (0.2, 0.05), (0.4, 0.1), (0.6, 0.05), (0.9, 0.05)];

/// One series to smooth.
pub(crate) struct Rows<'a> {
    /// The values, of size 1; NaN where nothing was observed.
    pub(crate) observed: &'a [f64],
    /// The values with their gaps filled.
    pub(crate) filled: &'a [f64],
}

/// A fitted form and its error.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) trend: Trend,
    pub(crate) smooth: Smooth,
    pub(crate) start: Vec<f64>,
    /// The corrected information criterion, up to a constant that all forms of one series share; infinite where there are too
    /// few rows to choose.
    pub(crate) criterion: f64,
}

/// Fits some forms, each with its corrected information criterion.
///
/// Where there are too few rows for any form, the only one has the last value as its level.
pub(crate) fn fit_all(
    forms: &[Form],
    rows: &Rows<'_>,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<Vec<Candidate>, Stopped> {
    let mut work = Work::default();
    let mut all: Vec<Candidate> = Vec::new();
    // The bottoms found so far: forms that differ in their errors alone have theirs near each other.
    let mut found: Vec<(Form, Point)> = Vec::new();
    for &form in forms {
        let alike = |(other, _): &&(Form, Point)| {
            Form {
                relative: form.relative,
                ..*other
            } == form
        };
        let near = found.iter().rev().find(alike).map(|(_, point)| point.clone());
        let Some((point, criterion)) = fit(form, rows, near, &mut work, tick)? else {
            continue;
        };
        all.push(Candidate {
            trend: form.trend,
            smooth: form.at(point.shares),
            start: point.state.clone(),
            criterion,
        });
        found.push((form, point));
    }
    if all.is_empty() {
        all.push(last_value(rows.observed));
    }
    Ok(all)
}

/// Fits one form from a point near its bottom, if one is known; `None` where there are too few rows for its parameters.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn fit(
    form: Form,
    rows: &Rows<'_>,
    near: Option<Point>,
    work: &mut Work,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<Option<(Point, f64)>, Stopped> {
    let observed = rows.observed.iter().filter(|y| !y.is_nan()).count();
    let numbers = form.numbers();
    if observed < numbers + 3 {
        return Ok(None);
    }
    let (n, k) = (observed as f64, numbers as f64);
    let likelihood = Likelihood {
        form,
        rows: rows.observed,
        observed: n,
        fits_season: form.season <= FITTED_SEASON && rows.observed.len() <= FITTED_ROWS,
    };
    let mut point = match near {
        Some(point) => point,
        None => begin(&likelihood, rows, work, tick)?,
    };
    let value = descend(&likelihood, &mut point, work, tick)?;
    let criterion = n * value + 2.0 * k * n / (n - k - 1.0);
    Ok(criterion.is_finite().then_some((point, criterion)))
}

/// Returns the best of some points to begin from: rows without their first season's pattern show level and slope.
fn begin(
    likelihood: &Likelihood<'_>,
    rows: &Rows<'_>,
    work: &mut Work,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<Point, Stopped> {
    let form = likelihood.form;
    let (mut state, first) = (vec![0.0; 2], rows.filled.len().min(10.max(2 * form.season)));
    let mut rest = rows.filled[..first].to_vec();
    if form.season > 0 {
        let pattern = season::first_pattern(rows.filled, form.season, form.product);
        for (row, y) in rest.iter_mut().enumerate() {
            let s = pattern[row % form.season];
            *y = if form.product { *y / s } else { *y - s };
        }
        state.extend(pattern);
    }
    let (intercept, slope) = season::line(&rest);
    if form.has_slope() {
        (state[0], state[1]) = (intercept, slope);
    } else {
        state[0] = season::mean(&rest[..rest.len().min(10.max(form.season))]);
    }
    let mut best = (
        f64::INFINITY,
        Point {
            shares: [0.5; 4],
            state: state.clone(),
        },
    );
    for (alpha, other) in BEGINNINGS {
        tick()?;
        let point = Point {
            shares: [alpha, other, other, 0.8],
            state: state.clone(),
        };
        let value = likelihood.value(&point, work.season());
        if value < best.0 {
            best = (value, point);
        }
    }
    Ok(best.1)
}

/// Returns the form whose level is always the last value.
pub(crate) fn last_value(rows: &[f64]) -> Candidate {
    let first = rows.iter().copied().find(|y| !y.is_nan());
    Candidate {
        trend: Trend::None,
        smooth: Smooth {
            alpha: 1.0,
            beta: 0.0,
            gamma: 0.0,
            phi: 1.0,
            product: false,
        },
        start: vec![first.unwrap_or(0.0), 0.0],
        criterion: f64::INFINITY,
    }
}
