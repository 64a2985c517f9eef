//! The choice of the terms for a history.

use forecast::{Mode, Order, ProphetSpec, Standardize};

use crate::design::{Design, Term, TermKind};

const DAY: i64 = 86_400;

/// What the choice of seasons depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The seconds from the first to the last time.
    pub(crate) length: i64,
    /// The smallest distance of two different times, seconds.
    pub(crate) step: i64,
}

impl Span {
    /// Measures sorted times.
    pub(crate) fn of(times: &[i64]) -> Self {
        let length = times[times.len() - 1].saturating_sub(times[0]);
        let steps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        Self {
            length,
            step: steps.filter(|&step| step > 0).min().unwrap_or(length),
        }
    }
}

/// Returns how many waves the seasons of the year, the week and the day have.
///
/// # Source
/// The Python package: a year from two years of history on, a week from two weeks on where rows are less than a week
/// apart, a day from two days on where rows are less than a day apart.
pub(crate) fn orders(spec: &ProphetSpec, span: Span) -> [usize; 3] {
    let order = |name: &str, order: Order, calls: bool, usual: usize| match order {
        Order::Auto if calls && spec.seasonalities.iter().all(|season| season.name != name) => usual,
        Order::Auto | Order::Off => 0,
        Order::On => usual,
        Order::Waves(waves) => waves,
    };
    [
        order("yearly", spec.yearly, span.length >= 730 * DAY, 10),
        order("weekly", spec.weekly, span.length >= 14 * DAY && span.step < 7 * DAY, 3),
        order("daily", spec.daily, span.length >= 2 * DAY && span.step < DAY, 4),
    ]
}

/// Returns the terms of some settings with the waves of the calendar.
pub(crate) fn design(spec: &ProphetSpec, orders: [usize; 3]) -> Design {
    let calendar = [("yearly", 365.25), ("weekly", 7.0), ("daily", 1.0)];
    let calendar = || calendar.into_iter().zip(orders).filter(|(_, order)| *order > 0);
    let mut terms = Vec::new();
    for season in &spec.seasonalities {
        // A season of the calendar that is switched on replaces one of the same name.
        if calendar().all(|((name, _), _)| name != season.name) {
            let kind = TermKind::Waves {
                period: season.period,
                order: season.fourier_order,
                condition: season.condition.clone(),
            };
            let prior = season.prior_scale.unwrap_or(spec.seasonality_prior_scale);
            terms.push(term(
                &season.name,
                season.mode.unwrap_or(spec.seasonality_mode),
                prior,
                kind,
            ));
        }
    }
    for ((name, period), order) in calendar() {
        let kind = TermKind::Waves {
            period,
            order,
            condition: None,
        };
        terms.push(term(name, spec.seasonality_mode, spec.seasonality_prior_scale, kind));
    }
    for holiday in &spec.holidays {
        let kind = TermKind::Days {
            dates: holiday.dates.iter().map(|date| date.day()).collect(),
            lower: i64::from(holiday.lower_window),
            upper: i64::from(holiday.upper_window),
        };
        let prior = holiday.prior_scale.unwrap_or(spec.holidays_prior_scale);
        terms.push(term(
            &holiday.name,
            spec.holidays_mode.unwrap_or(spec.seasonality_mode),
            prior,
            kind,
        ));
    }
    for regressor in &spec.regressors {
        let kind = TermKind::Column {
            standardize: regressor.standardize,
            mean: 0.0,
            deviation: 1.0,
        };
        let prior = regressor.prior_scale.unwrap_or(spec.holidays_prior_scale);
        terms.push(term(
            &regressor.name,
            regressor.mode.unwrap_or(spec.seasonality_mode),
            prior,
            kind,
        ));
    }
    Design::new(terms)
}

fn term(name: &str, mode: Mode, prior_scale: f64, kind: TermKind) -> Term {
    Term {
        name: name.to_owned(),
        mode,
        prior_scale,
        first: 0,
        kind,
    }
}

/// Returns the mean and the deviation by which a regressor is centred and divided.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
#[expect(clippy::float_cmp, reason = "flags are written as exactly 0 and 1")]
pub(crate) fn standard(standardize: Standardize, values: &[f64]) -> (f64, f64) {
    let varies = values.iter().any(|value| *value != values[0]);
    let flags = || values.iter().all(|value| *value == 0.0 || *value == 1.0);
    if !varies || standardize == Standardize::Off || standardize == Standardize::Auto && flags() {
        return (0.0, 1.0);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    if mean.is_finite() && deviation.is_finite() && deviation > 0.0 {
        (mean, deviation)
    } else {
        (0.0, 1.0)
    }
}
