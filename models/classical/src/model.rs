//! The fitted model of one target, and its tensors.

use forecast::{ArtifactError, Demand, Tensor, Tensors};

use crate::{
    croston::{self, Croston},
    ets::Smooth,
    rule::Rule,
    size::Size,
    theta::{self, Theta},
};

/// The model of one target, in units of its own.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TargetModel {
    pub(crate) size: Size,
    /// What each season adds by place, or multiplies by, counted from the first estimated row.
    pub(crate) patterns: Vec<Vec<f64>>,
    /// Whether patterns multiply.
    pub(crate) product: bool,
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

impl TargetModel {
    /// Advances a state over one row, a scaled value; NaN is a row that was not observed.
    pub(crate) fn absorb(&self, state: &mut [f64], turn: i64, scaled: f64) {
        let mut known = self.size.known(scaled);
        for pattern in &self.patterns {
            let s = pattern[wrapped(turn, pattern.len())];
            known = if self.product { known / s } else { known - s };
        }
        self.rule
            .absorb(state, turn, if known.is_finite() { known } else { f64::NAN });
    }

    /// Returns forecasts from a state, scaled values.
    pub(crate) fn ahead(&self, state: &[f64], turn: i64, steps: usize) -> Vec<f64> {
        let mut values = vec![0.0; steps];
        self.rule.ahead(state, turn, &mut values);
        for pattern in &self.patterns {
            let first = wrapped(turn, pattern.len());
            for (value, s) in values.iter_mut().zip(pattern.iter().cycle().skip(first)) {
                *value = if self.product { *value * s } else { *value + s };
            }
        }
        values.into_iter().map(|value| self.size.scaled(value)).collect()
    }

    /// Writes the model of a target.
    pub(crate) fn write(&self, target: usize, tensors: &mut Tensors) {
        let mut put = |name: &str, values: &[f64]| {
            let tensor = Tensor::f64(vec![values.len()], values.to_vec());
            tensors.insert(format!("{target}.{name}"), tensor);
        };
        let rule = match self.rule {
            Rule::Smooth(Smooth {
                alpha,
                beta,
                gamma,
                phi,
                product,
            }) => [if product { SMOOTH_PRODUCT } else { SMOOTH }, alpha, beta, gamma, phi],
            Rule::Theta(Theta { alpha, weight }) => [THETA, alpha, weight, 0.0, 0.0],
            Rule::Croston(Croston { method, alpha, beta }) => {
                [if method == Demand::Sba { SBA } else { TSB }, alpha, beta, 0.0, 0.0]
            }
        };
        put("rule", &rule);
        let Size { centre, spread, floor } = self.size;
        put("size", &[centre, spread, floor, f64::from(u8::from(self.product))]);
        put("start", &self.start);
        put("end", &self.end);
        for (index, pattern) in self.patterns.iter().enumerate() {
            put(&format!("pattern.{index}"), pattern);
        }
    }

    /// Reads the model of a target.
    pub(crate) fn read(target: usize, tensors: &Tensors) -> Result<Self, ArtifactError> {
        let list = |name: &str, least: usize| {
            let name = format!("{target}.{name}");
            let have = tensors.get(&name).map_or(&[][..], |tensor| &tensor.shape);
            let len = have.first().copied().unwrap_or(0).max(least);
            forecast::tensors::f64s(tensors, &name, &[len]).map(<[f64]>::to_vec)
        };
        let rule = read_rule(
            target,
            forecast::tensors::f64s(tensors, &format!("{target}.rule"), &[5])?,
        )?;
        let size = forecast::tensors::f64s(tensors, &format!("{target}.size"), &[4])?;
        within(target, "size", size, 1, f64::MIN_POSITIVE, f64::MAX)?;
        within(target, "size", size, 2, 0.0, f64::MAX)?;
        let has = |index: &usize| tensors.contains_key(&format!("{target}.pattern.{index}"));
        let patterns = (0..).take_while(has).map(|index| list(&format!("pattern.{index}"), 1));
        let least = match rule {
            Rule::Smooth(_) => 2,
            Rule::Theta(_) => theta::STATE,
            Rule::Croston(_) => croston::STATE,
        };
        let (start, end) = (list("start", least)?, list("end", least)?);
        if start.len() != end.len() {
            return Err(ArtifactError::Shape {
                tensor: format!("{target}.end"),
                have: vec![end.len()],
                need: vec![start.len()],
            });
        }
        Ok(Self {
            size: Size {
                centre: size[0],
                spread: size[1],
                floor: size[2],
            },
            product: size[3] > 0.5,
            patterns: patterns.collect::<Result<_, _>>()?,
            rule,
            start,
            end,
        })
    }
}

fn read_rule(target: usize, rule: &[f64]) -> Result<Rule, ArtifactError> {
    let at = |index: usize, low: f64, high: f64| within(target, "rule", rule, index, low, high);
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

fn within(target: usize, name: &str, list: &[f64], index: usize, low: f64, high: f64) -> Result<f64, ArtifactError> {
    let value = list[index];
    if (low..=high).contains(&value) {
        return Ok(value);
    }
    let path = format!("{target}.{name}[{index}]");
    let range = format!("from {low} to {high}");
    Err(ArtifactError::Settings(series::Problem::new(path, value, range)))
}

/// Returns the place in a season.
fn wrapped(turn: i64, season: usize) -> usize {
    let season = i64::try_from(season.max(1)).unwrap_or(i64::MAX);
    usize::try_from(turn.rem_euclid(season)).unwrap_or(0)
}
