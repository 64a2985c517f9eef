//! The fit of one target, kind by kind.

use forecast::{Errors, EtsSpec, FitError, ModelSpec, Seasonal, ThetaSpec, Transformation};

use crate::{
    by_arima, croston,
    ets::{self, Choice, Rows},
    mean,
    model::{Part, TargetModel},
    mstl,
    rule::Rule,
    season,
    size::{Size, Sized},
    target::{Halt, Target, Tick},
    theta,
};

/// Fits one target with the settings of a kind.
pub(crate) fn fit(settings: &ModelSpec, target: &Target<'_>, tick: Tick<'_>) -> Result<TargetModel, Halt> {
    let rows = Size::of(target.filled, target.observed, target.unit)?;
    let n = rows.filled.len();
    let season = if (2..=n / 2).contains(&target.season) {
        target.season
    } else {
        0
    };
    Ok(match settings {
        ModelSpec::Theta(spec) => by_theta(spec, &rows, season, tick)?,
        ModelSpec::Mstl(spec) => mstl::fit(spec, target, &rows, tick)?,
        ModelSpec::Croston(spec) => {
            let rows = Size::from_zero(target.filled, target.observed, target.unit)?;
            let (croston, start) = croston::fit(spec.method, &rows.observed, tick)?;
            TargetModel {
                patterns: Vec::new(),
                product: false,
                parts: vec![Part::new(rows.size, Rule::Croston(croston), start, &rows.observed)],
            }
        }
        ModelSpec::Arima(spec) => by_arima::model(spec, &rows, season, tick)?,
        ModelSpec::Ets(spec) => by_ets(spec, &rows, season, tick)?,
        other => {
            return Err(Halt::Failed(FitError::Refused {
                why: format!("`{}` is not a classical kind", other.kind()),
            }));
        }
    })
}

fn by_ets(spec: &EtsSpec, rows: &Sized, season: usize, tick: Tick<'_>) -> Result<TargetModel, Halt> {
    let asks_products = spec.error == Errors::Multiplicative || spec.seasonal == Seasonal::Multiplicative;
    let choice = Choice {
        errors: spec.error,
        trend: spec.trend,
        seasonal: spec.seasonal,
        products: rows.positive && (asks_products || spec.transform == Transformation::None),
        logs: false,
    };
    let mut candidates = Vec::new();
    if !rows.positive || spec.transform != Transformation::Log {
        let found = ets::fit_all(&ets::forms(choice, season), &rows.rows(), tick)?;
        candidates.extend(found.into_iter().map(|candidate| (candidate, rows)));
    }
    let logs = (rows.positive && spec.transform != Transformation::None).then(|| rows.logarithms());
    if let Some((logs, change)) = &logs {
        let choice = Choice {
            products: false,
            logs: true,
            ..choice
        };
        for mut candidate in ets::fit_all(&ets::forms(choice, season), &logs.rows(), tick)? {
            candidate.criterion += 2.0 * change;
            candidates.push((candidate, logs));
        }
    }
    Ok(TargetModel {
        patterns: Vec::new(),
        product: false,
        parts: mean::of(candidates, spec.select),
    })
}

fn by_theta(spec: &ThetaSpec, rows: &Sized, season: usize, tick: Tick<'_>) -> Result<TargetModel, Halt> {
    let is_there = match spec.seasonal {
        _ if season == 0 => false,
        Seasonal::None => false,
        Seasonal::Auto => season::is_there(&rows.filled, season),
        Seasonal::Additive | Seasonal::Multiplicative => true,
    };
    let product = rows.positive && spec.seasonal != Seasonal::Additive;
    let patterns = if is_there {
        vec![season::pattern(&rows.filled, season, product)]
    } else {
        Vec::new()
    };
    let without = |rows: &[f64]| {
        let mut rest = rows.to_vec();
        for pattern in &patterns {
            for (y, s) in rest.iter_mut().zip(pattern.iter().cycle()) {
                *y = if product { *y / s } else { *y - s };
            }
        }
        rest
    };
    let (filled, observed) = (without(&rows.filled), without(&rows.observed));
    let rest = Rows {
        filled: &filled,
        observed: &observed,
    };
    let (theta, start) = theta::fit(spec.theta.given(), &rest, tick)?;
    let rule = Rule::Theta(theta);
    Ok(TargetModel {
        patterns,
        product,
        parts: vec![Part::new(rows.size, rule, start, &observed)],
    })
}
