//! The fitted model of one target, and its tensors.

use forecast::{ArtifactError, Demand, Tensor, Tensors};

use crate::{
    arima::Arima,
    croston::{self, Croston},
    ets::Smooth,
    rule::Rule,
    size::Size,
    theta::{self, Theta},
};

/// The model of one target: a weighted mean of some parts, in units of its own.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TargetModel {
    /// What each season adds by place, or multiplies by, counted from the first estimated row.
    pub(crate) patterns: Vec<Vec<f64>>,
    /// Whether patterns multiply.
    pub(crate) product: bool,
    /// At least one; the weights add up to 1.
    pub(crate) parts: Vec<Part>,
}

/// One recursion of a model.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Part {
    pub(crate) weight: f64,
    pub(crate) size: Size,
    pub(crate) rule: Rule,
    /// The state before the first estimated row.
    pub(crate) start: Vec<f64>,
    /// The state after the last training row.
    pub(crate) end: Vec<f64>,
}

/// The number that stands for each kind of rule in its tensor.
const SMOOTH: f64 = 0.0;
const SMOOTH_PRODUCT: f64 = 1.0;
const THETA: f64 = 2.0;
const SBA: f64 = 3.0;
const TSB: f64 = 4.0;
const ARIMA: f64 = 5.0;
/// The longest lag of a rule, in rows.
const LONGEST: f64 = 1e7;

impl TargetModel {
    /// Advances the states of all parts over one row, a scaled value; NaN is a row that was not observed.
    pub(crate) fn absorb(&self, states: &mut [Vec<f64>], turn: i64, scaled: f64) {
        for (part, state) in self.parts.iter().zip(states) {
            let mut known = part.size.known(scaled);
            for pattern in &self.patterns {
                let s = pattern[wrapped(turn, pattern.len())];
                known = if self.product { known / s } else { known - s };
            }
            part.rule
                .absorb(state, turn, if known.is_finite() { known } else { f64::NAN });
        }
    }

    /// Returns forecasts from the states of all parts, scaled values.
    pub(crate) fn ahead(&self, states: &[Vec<f64>], turn: i64, steps: usize) -> Vec<f64> {
        let (mut sum, mut values) = (vec![0.0; steps], vec![0.0; steps]);
        for (part, state) in self.parts.iter().zip(states) {
            part.rule.ahead(state, turn, &mut values);
            for pattern in &self.patterns {
                let first = wrapped(turn, pattern.len());
                for (value, s) in values.iter_mut().zip(pattern.iter().cycle().skip(first)) {
                    *value = if self.product { *value * s } else { *value + s };
                }
            }
            for (sum, value) in sum.iter_mut().zip(&values) {
                *sum += part.weight * part.size.scaled(*value);
            }
        }
        sum
    }

    /// Returns the states before the first estimated row.
    pub(crate) fn start(&self) -> Vec<Vec<f64>> {
        self.parts.iter().map(|part| part.start.clone()).collect()
    }

    /// Returns the states after the last training row.
    pub(crate) fn end(&self) -> Vec<Vec<f64>> {
        self.parts.iter().map(|part| part.end.clone()).collect()
    }

    /// Returns after how many rows the weight of a level is a thousandth.
    pub(crate) fn memory(&self) -> usize {
        self.parts.iter().map(|part| part.rule.memory()).max().unwrap_or(1)
    }

    /// Writes the model of a target.
    pub(crate) fn write(&self, target: usize, tensors: &mut Tensors) {
        let mut put = |name: &str, values: &[f64]| {
            let tensor = Tensor::f64(vec![values.len()], values.to_vec());
            tensors.insert(format!("{target}.{name}"), tensor);
        };
        for (index, pattern) in self.patterns.iter().enumerate() {
            put(
                &format!("{}.{index}", if self.product { "factor" } else { "pattern" }),
                pattern,
            );
        }
        for (index, part) in self.parts.iter().enumerate() {
            let Size { centre, spread, floor } = part.size;
            put(&format!("{index}.size"), &[centre, spread, floor, part.weight]);
            put(&format!("{index}.rule"), &write_rule(&part.rule));
            if let Rule::Arima(arima) = &part.rule {
                for (name, terms) in [("ar", &arima.ar), ("ma", &arima.ma)] {
                    put(&format!("{index}.{name}"), &write_terms(terms));
                }
            }
            put(&format!("{index}.start"), &part.start);
            put(&format!("{index}.end"), &part.end);
        }
    }

    /// Reads the model of a target.
    pub(crate) fn read(target: usize, tensors: &Tensors) -> Result<Self, ArtifactError> {
        let has = |name: String| tensors.contains_key(&name);
        let product = has(format!("{target}.factor.0"));
        let name = |index: usize| format!("{target}.{}.{index}", if product { "factor" } else { "pattern" });
        let patterns = (0..).map(name).take_while(|name| has(name.clone()));
        let patterns = patterns.map(|name| list(tensors, &name, 1)).collect::<Result<_, _>>()?;
        // A model without parts is refused where the first is missing.
        let is_part = |index: &usize| *index == 0 || has(format!("{target}.{index}.rule"));
        let parts = (0..)
            .take_while(is_part)
            .map(|index| Part::read(&format!("{target}.{index}"), tensors));
        Ok(Self {
            patterns,
            product,
            parts: parts.collect::<Result<_, _>>()?,
        })
    }
}

impl Part {
    /// Returns a part that is a whole model, after the rows of its estimate.
    pub(crate) fn new(size: Size, rule: Rule, start: Vec<f64>, observed: &[f64]) -> Self {
        let end = rule.after(&start, observed);
        Self {
            weight: 1.0,
            size,
            rule,
            start,
            end,
        }
    }

    fn read(name: &str, tensors: &Tensors) -> Result<Self, ArtifactError> {
        let path = format!("{name}.rule");
        let numbers = forecast::tensors::f64s(tensors, &path, &[5])?;
        let rule = if numbers[0] > TSB {
            Rule::Arima(Arima {
                constant: numbers[1],
                ar: read_terms(tensors, &format!("{name}.ar"))?,
                ma: read_terms(tensors, &format!("{name}.ma"))?,
            })
        } else {
            read_rule(&path, numbers)?
        };
        let path = format!("{name}.size");
        let size = forecast::tensors::f64s(tensors, &path, &[4])?;
        within(&path, size, 1, f64::MIN_POSITIVE, f64::MAX)?;
        within(&path, size, 2, 0.0, f64::MAX)?;
        let least = match &rule {
            Rule::Smooth(_) => 2,
            Rule::Theta(_) => theta::STATE,
            Rule::Croston(_) => croston::STATE,
            Rule::Arima(arima) => arima.state().0 + arima.state().1,
        };
        let [start, end] = ["start", "end"].map(|state| list(tensors, &format!("{name}.{state}"), least));
        let (start, end) = (start?, end?);
        if start.len() != end.len() {
            return Err(ArtifactError::Shape {
                tensor: format!("{name}.end"),
                have: vec![end.len()],
                need: vec![start.len()],
            });
        }
        Ok(Self {
            weight: within(&path, size, 3, 0.0, 1.0)?,
            size: Size {
                centre: size[0],
                spread: size[1],
                floor: size[2],
            },
            rule,
            start,
            end,
        })
    }
}

fn list(tensors: &Tensors, name: &str, least: usize) -> Result<Vec<f64>, ArtifactError> {
    let have = tensors.get(name).map_or(&[][..], |tensor| &tensor.shape);
    let len = have.first().copied().unwrap_or(0).max(least);
    forecast::tensors::f64s(tensors, name, &[len]).map(<[f64]>::to_vec)
}

fn write_rule(rule: &Rule) -> [f64; 5] {
    match *rule {
        Rule::Smooth(Smooth {
            alpha,
            beta,
            gamma,
            phi,
            product,
        }) => [if product { SMOOTH_PRODUCT } else { SMOOTH }, alpha, beta, gamma, phi],
        Rule::Theta(Theta { alpha, weight }) => [THETA, alpha, weight, 0.0, 0.0],
        Rule::Arima(Arima { constant, .. }) => [ARIMA, constant, 0.0, 0.0, 0.0],
        Rule::Croston(Croston { method, alpha, beta }) => {
            [if method == Demand::Sba { SBA } else { TSB }, alpha, beta, 0.0, 0.0]
        }
    }
}

/// Returns the number of terms, then the lag and the coefficient of each.
#[expect(clippy::cast_precision_loss, reason = "lags lie far below 2^52")]
fn write_terms(terms: &[(usize, f64)]) -> Vec<f64> {
    let numbers = terms.iter().flat_map(|(lag, by)| [*lag as f64, *by]);
    std::iter::once(terms.len() as f64).chain(numbers).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lags are checked to be small and above 0"
)]
fn read_terms(tensors: &Tensors, name: &str) -> Result<Vec<(usize, f64)>, ArtifactError> {
    let numbers = list(tensors, name, 1)?;
    let mut terms = Vec::new();
    let mut least = 1.0;
    for index in (1..numbers.len().saturating_sub(1)).step_by(2) {
        let lag = within(name, &numbers, index, least, LONGEST)?;
        terms.push((lag as usize, numbers[index + 1]));
        least = lag + 1.0;
    }
    Ok(terms)
}

fn read_rule(path: &str, rule: &[f64]) -> Result<Rule, ArtifactError> {
    let at = |index: usize, low: f64, high: f64| within(path, rule, index, low, high);
    let kind = at(0, SMOOTH, TSB)?;
    Ok(if kind <= SMOOTH_PRODUCT {
        Rule::Smooth(Smooth {
            alpha: at(1, 0.0, 1.0)?,
            beta: at(2, 0.0, 1.0)?,
            gamma: at(3, 0.0, 1.0)?,
            phi: at(4, 0.0, 1.0)?,
            product: kind > SMOOTH,
        })
    } else if kind <= THETA {
        Rule::Theta(Theta {
            alpha: at(1, 1e-6, 1.0)?,
            weight: at(2, 0.0, 1.0)?,
        })
    } else {
        Rule::Croston(Croston {
            method: if kind <= SBA { Demand::Sba } else { Demand::Tsb },
            alpha: at(1, 1e-6, 1.0)?,
            beta: at(2, 1e-6, 1.0)?,
        })
    })
}

fn within(path: &str, list: &[f64], index: usize, low: f64, high: f64) -> Result<f64, ArtifactError> {
    let value = list[index];
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    let path = format!("{path}[{index}]");
    let range = format!("from {low} to {high}");
    Err(ArtifactError::Settings(series::Problem::new(path, value, range)))
}

/// Returns the place in a season.
fn wrapped(turn: i64, season: usize) -> usize {
    let season = i64::try_from(season.max(1)).unwrap_or(i64::MAX);
    usize::try_from(turn.rem_euclid(season)).unwrap_or(0)
}
