//! Exponential smoothing: the choice of its parts, and their parameters.

use forecast::Trend;

use crate::{
    rule::{Rule, State},
    season,
    simplex::{Stopped, minimise},
    start::{Free, best},
};

/// The longest season whose start is fitted together with the parameters; a longer one starts from its first pattern.
const FITTED_SEASON: usize = 64;
/// How often the start of a season and the parameters are fitted alternately.
const TURNS: usize = 3;
/// The smallest mean squared error that counts as different from 0, for values of size 1.
const EXACT: f64 = 1e-20;

/// One series to smooth.
pub(crate) struct Rows<'a> {
    /// The values, with mean 0 and size 1; NaN where nothing was observed.
    pub(crate) observed: &'a [f64],
    /// The values with their gaps filled.
    pub(crate) filled: &'a [f64],
}

/// Which parts a model has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    pub(crate) trend: Trend,
    /// The length of the season in steps; 0 without one.
    pub(crate) season: usize,
}

/// A fitted model and its error.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) rule: Rule,
    pub(crate) start: State,
    criterion: f64,
}

/// Fits some forms and returns the one with the smallest corrected information criterion.
///
/// Where there are too few rows for any form, the level is always the last value.
///
/// # Source
/// Choice: Hyndman and Khandakar 2008, "Automatic Time Series Forecasting: The forecast Package for R", section 2.3.
pub(crate) fn choose(
    forms: &[Form],
    rows: &Rows<'_>,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<Candidate, Stopped> {
    let mut chosen: Option<Candidate> = None;
    for &form in forms {
        if let Some(candidate) = fit(form, rows, tick)?
            && chosen.as_ref().is_none_or(|best| candidate.criterion < best.criterion)
        {
            chosen = Some(candidate);
        }
    }
    Ok(chosen.unwrap_or_else(|| last_value(rows.observed)))
}

/// Returns the forms that a trend and some lengths of season allow; 0 is no season.
pub(crate) fn forms(trend: Trend, seasons: &[usize]) -> Vec<Form> {
    let trends = match trend {
        Trend::Auto => &[Trend::None, Trend::Additive, Trend::Damped][..],
        Trend::None => &[Trend::None],
        Trend::Additive => &[Trend::Additive],
        Trend::Damped => &[Trend::Damped],
    };
    let form = |&season: &usize| trends.iter().map(move |&trend| Form { trend, season });
    seasons.iter().flat_map(form).collect()
}

impl Form {
    /// Returns how many parameters the search has.
    fn parameters(self) -> usize {
        let trend = match self.trend {
            Trend::Auto | Trend::None => 0,
            Trend::Additive => 1,
            Trend::Damped => 2,
        };
        1 + trend + usize::from(self.season > 0)
    }

    fn has_slope(self) -> bool {
        matches!(self.trend, Trend::Additive | Trend::Damped)
    }

    /// Returns the rule at a point of the search: numbers from 0 to 1.
    ///
    /// # Source
    /// The usual region, `0 < α < 1`, `0 < β < α`, `0 < γ < 1 - α`, `0.8 ≤ φ ≤ 0.98`: Hyndman et al. 2008, section 2.5.
    fn rule(self, point: &[f64]) -> Rule {
        let within = |share: f64| 1e-4 + share * (0.9999 - 1e-4);
        let mut rest = point.iter().copied();
        let mut next = || rest.next().unwrap_or(0.0);
        let alpha = within(next());
        let gamma = if self.season > 0 {
            (1.0 - alpha) * within(next())
        } else {
            0.0
        };
        let beta = if self.has_slope() { alpha * within(next()) } else { 0.0 };
        let phi = if self.trend == Trend::Damped {
            0.8 + 0.18 * next()
        } else {
            1.0
        };
        Rule::Ets {
            alpha,
            beta,
            gamma,
            phi,
        }
    }

    /// Returns the points where searches start: slow and fast smoothing of the level and of the other parts.
    fn points(self) -> [Vec<f64>; 3] {
        [(0.1, 0.1), (0.7, 0.1), (0.3, 0.6)].map(|(alpha, other)| {
            let rest = [other, other, 0.8];
            let kept = if self.season > 0 { &rest[..] } else { &rest[1..] };
            std::iter::once(alpha)
                .chain(kept.iter().copied())
                .take(self.parameters())
                .collect()
        })
    }
}

/// Fits one form; `None` where there are too few rows for its parameters.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn fit(
    form: Form,
    rows: &Rows<'_>,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<Option<Candidate>, Stopped> {
    let observed = rows.observed.iter().filter(|y| !y.is_nan()).count();
    let numbers = form.parameters() + 1 + usize::from(form.has_slope()) + form.season + 1;
    if observed < numbers + 2 {
        return Ok(None);
    }
    let mut start = State {
        level: 0.0,
        slope: 0.0,
        season: if form.season > 0 {
            season::first_pattern(rows.filled, form.season)
        } else {
            Vec::new()
        },
    };
    let free = |season| Free {
        slope: form.has_slope(),
        season,
    };
    let fits_season = (1..=FITTED_SEASON).contains(&form.season);
    let mut points = form.points().to_vec();
    let mut found = (Vec::new(), f64::INFINITY);
    for _ in 0..if fits_season { TURNS } else { 1 } {
        found = (Vec::new(), f64::INFINITY);
        let mut squares = |point: &[f64]| {
            tick()?;
            let rule = form.rule(point);
            Ok(rule.run(&mut best(rule, &start, free(false), rows.observed), rows.observed))
        };
        // A short search from each point shows which one to search to the end.
        for point in &points {
            let result = minimise(point, 10 * form.parameters(), &mut squares)?;
            if result.1 < found.1 {
                found = result;
            }
        }
        if found.0.is_empty() {
            return Ok(None);
        }
        let bottom = minimise(&found.0, 80 * form.parameters(), &mut squares)?;
        if bottom.1 < found.1 {
            found = bottom;
        }
        start = best(form.rule(&found.0), &start, free(fits_season), rows.observed);
        points = vec![found.0.clone()];
    }
    let rule = form.rule(&found.0);
    let squares = rule.run(&mut start.clone(), rows.observed);
    let (n, k) = (observed as f64, numbers as f64);
    let criterion = n * libm::log((squares / n).max(EXACT)) + 2.0 * k * n / (n - k - 1.0);
    Ok(criterion.is_finite().then_some(Candidate { rule, start, criterion }))
}

/// Returns the form whose level is always the last value.
fn last_value(rows: &[f64]) -> Candidate {
    let first = rows.iter().copied().find(|y| !y.is_nan());
    Candidate {
        rule: Rule::Ets {
            alpha: 1.0,
            beta: 0.0,
            gamma: 0.0,
            phi: 1.0,
        },
        start: State {
            level: first.unwrap_or(0.0),
            slope: 0.0,
            season: Vec::new(),
        },
        criterion: f64::INFINITY,
    }
}
