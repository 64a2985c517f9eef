//! The model of one target: its seasons, the rule for the rest, and its states.

use forecast::{ArtifactError, FitError, Periods, Seasonal, Tensor, Tensors, Trend};
use series::Frequency;

use crate::{
    ets::{self, Rows},
    mstl,
    rule::{Rule, State},
    season,
    simplex::Stopped,
    theta,
};

/// How a target is fitted.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Method {
    Ets { trend: Trend, seasonal: Seasonal },
    Theta { theta: f64, seasonal: Seasonal },
    Mstl { periods: Periods, trend: Trend },
}

/// The model of one target, in scaled units.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TargetModel {
    /// What each season adds by place, counted from the first estimated row.
    pub(crate) patterns: Vec<Vec<f64>>,
    pub(crate) rule: Rule,
    /// The state before the first estimated row.
    pub(crate) start: State,
    /// The state after the last training row.
    pub(crate) end: State,
}

/// The training rows of one target.
pub(crate) struct Target<'a> {
    /// The values with their gaps filled.
    pub(crate) filled: &'a [f64],
    /// Which of the values were observed.
    pub(crate) observed: &'a [bool],
    pub(crate) season: usize,
    pub(crate) frequency: Frequency,
}

/// Why a target has no model.
#[derive(Debug)]
pub(crate) enum Halt {
    Stopped,
    Failed(FitError),
}

impl From<Stopped> for Halt {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// The fewest observed rows: a single one does not show how rows change.
const LEAST: usize = 2;
/// Values of at least this size count as infinite, and infinite ones as not observed: differences must stay finite.
pub(crate) const LARGEST: f64 = 1e305;

impl Method {
    /// Fits one target.
    pub(crate) fn fit(
        &self,
        target: &Target<'_>,
        tick: &mut dyn FnMut() -> Result<(), Stopped>,
    ) -> Result<TargetModel, Halt> {
        let (filled, observed, size) = standardised(target)?;
        let n = filled.len();
        let season = if target.season >= 2 && target.season <= n / 2 {
            target.season
        } else {
            0
        };
        let (rest, patterns) = self.without_seasons(&filled, season, target.frequency)?;
        let open: Vec<f64> = rest
            .iter()
            .zip(&observed)
            .map(|(y, ok)| if *ok { *y } else { f64::NAN })
            .collect();
        let rows = Rows {
            observed: &open,
            filled: &rest,
        };
        let (rule, start) = match self {
            Self::Ets { trend, seasonal } => {
                let seasons = match seasonal {
                    Seasonal::None => vec![0],
                    Seasonal::Auto if season > 0 => vec![0, season],
                    Seasonal::Auto | Seasonal::Additive => vec![season],
                };
                let chosen = ets::choose(&ets::forms(*trend, &seasons), &rows, tick)?;
                (chosen.rule, chosen.start)
            }
            Self::Theta { theta, .. } => theta::fit(*theta, &rows, tick)?,
            Self::Mstl { trend, .. } => {
                let chosen = ets::choose(&ets::forms(*trend, &[0]), &rows, tick)?;
                (chosen.rule, chosen.start)
            }
        };
        let mut end = start.clone();
        rule.run(&mut end, &open);
        Ok(size.back(TargetModel {
            patterns,
            rule,
            start,
            end,
        }))
    }

    /// Returns the rows without the seasons that are not part of a rule, and these seasons.
    fn without_seasons(
        &self,
        filled: &[f64],
        season: usize,
        frequency: Frequency,
    ) -> Result<(Vec<f64>, Vec<Vec<f64>>), Halt> {
        let whole = || (filled.to_vec(), Vec::new());
        Ok(match self {
            Self::Ets { .. } => whole(),
            Self::Theta { seasonal, .. } => {
                let wanted = match seasonal {
                    Seasonal::None => false,
                    Seasonal::Auto => season > 0 && season::is_there(filled, season),
                    Seasonal::Additive => season > 0,
                };
                if !wanted {
                    return Ok(whole());
                }
                let pattern = season::pattern(filled, season);
                let rest = filled.iter().enumerate().map(|(row, y)| y - pattern[row % season]);
                (rest.collect(), vec![pattern])
            }
            Self::Mstl { periods, .. } => {
                if let Periods::Given(asked) = periods
                    && let Some(&longest) = asked.last()
                    && longest > filled.len() / 2
                {
                    return Err(Halt::Failed(FitError::Mismatch {
                        what: "rows to take a season from",
                        have: filled.len(),
                        need: longest.saturating_mul(2),
                    }));
                }
                let periods = mstl::periods(periods, season, frequency, filled.len());
                mstl::decompose(filled, &periods).unwrap_or_else(whole)
            }
        })
    }
}

/// The centre that was subtracted from values and the size they were divided by.
#[derive(Clone, Copy)]
struct Size {
    centre: f64,
    spread: f64,
}

/// Returns the rows with mean 0 and size 1, gaps filled, and which of them were observed.
#[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
fn standardised(target: &Target<'_>) -> Result<(Vec<f64>, Vec<bool>, Size), Halt> {
    let known = |(y, ok): (&f64, &bool)| *ok && y.abs() < LARGEST;
    let observed: Vec<bool> = target.filled.iter().zip(target.observed).map(known).collect();
    let values = || {
        target
            .filled
            .iter()
            .zip(&observed)
            .filter(|(_, ok)| **ok)
            .map(|(y, _)| *y)
    };
    let have = values().count();
    if have < LEAST {
        return Err(Halt::Failed(FitError::Mismatch {
            what: "observed training rows of a target",
            have,
            need: LEAST,
        }));
    }
    // Dividing before summing keeps the sums of large values finite.
    let n = have as f64;
    let centre: f64 = values().map(|y| y / n).sum();
    let widest = values().fold(0.0_f64, |most, y| most.max((y - centre).abs()));
    let spread = if widest > 0.0 {
        widest
            * values()
                .map(|y| (y - centre) / widest)
                .map(|part| part * part / n)
                .sum::<f64>()
                .sqrt()
    } else {
        1.0
    };
    let fill = |y: &f64| if y.abs() < LARGEST { (y - centre) / spread } else { 0.0 };
    let filled = target.filled.iter().map(fill).collect();
    Ok((filled, observed, Size { centre, spread }))
}

impl Size {
    /// Returns a model in the units that the rows had before.
    fn back(self, model: TargetModel) -> TargetModel {
        let Self { centre, spread } = self;
        let scaled = |values: Vec<f64>| values.into_iter().map(|value| value * spread).collect();
        let state = |state: State, rule: Rule| match rule {
            Rule::Ets { .. } => State {
                level: centre + spread * state.level,
                slope: spread * state.slope,
                season: scaled(state.season),
            },
            // The line has its share of the centre as long as the weight of its start is not 0.
            Rule::Theta { weight, .. } => State {
                level: spread * state.level + centre * (1.0 - weight * state.slope),
                ..state
            },
        };
        let rule = match model.rule {
            Rule::Ets { .. } => model.rule,
            Rule::Theta {
                alpha,
                weight,
                intercept,
                slope,
            } => Rule::Theta {
                alpha,
                weight,
                intercept: centre + spread * intercept,
                slope: spread * slope,
            },
        };
        TargetModel {
            patterns: model.patterns.into_iter().map(scaled).collect(),
            rule,
            start: state(model.start, model.rule),
            end: state(model.end, model.rule),
        }
    }
}

impl TargetModel {
    /// Writes the model of a target.
    pub(crate) fn write(&self, target: usize, tensors: &mut Tensors) {
        let mut put = |name: &str, values: Vec<f64>| {
            tensors.insert(format!("{target}.{name}"), Tensor::f64(vec![values.len()], values));
        };
        put(
            "rule",
            match self.rule {
                Rule::Ets {
                    alpha,
                    beta,
                    gamma,
                    phi,
                } => vec![0.0, alpha, beta, gamma, phi],
                Rule::Theta {
                    alpha,
                    weight,
                    intercept,
                    slope,
                } => vec![1.0, alpha, weight, intercept, slope],
            },
        );
        for (name, state) in [("start", &self.start), ("end", &self.end)] {
            put(name, [&[state.level, state.slope], &state.season[..]].concat());
        }
        for (index, pattern) in self.patterns.iter().enumerate() {
            put(&format!("pattern.{index}"), pattern.clone());
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
        let state = |name: &str| {
            list(name, 2).map(|values| State {
                level: values[0],
                slope: values[1],
                season: values[2..].to_vec(),
            })
        };
        let rule = forecast::tensors::f64s(tensors, &format!("{target}.rule"), &[5])?;
        let has = |index: &usize| tensors.contains_key(&format!("{target}.pattern.{index}"));
        let patterns = (0..).take_while(has).map(|index| list(&format!("pattern.{index}"), 1));
        let (start, end) = (state("start")?, state("end")?);
        if start.season.len() != end.season.len() {
            return Err(ArtifactError::Shape {
                tensor: format!("{target}.end"),
                have: vec![end.season.len() + 2],
                need: vec![start.season.len() + 2],
            });
        }
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
            rule: read_rule(target, rule)?,
            start,
            end,
        })
    }
}

fn read_rule(target: usize, rule: &[f64]) -> Result<Rule, ArtifactError> {
    let within = |index: usize, low: f64, high: f64| {
        let value = rule[index];
        if (low..=high).contains(&value) {
            return Ok(value);
        }
        let path = format!("{target}.rule[{index}]");
        let range = format!("from {low} to {high}");
        Err(ArtifactError::Settings(series::Problem::new(path, value, range)))
    };
    Ok(if within(0, 0.0, 1.0)? < 0.5 {
        Rule::Ets {
            alpha: within(1, 0.0, 1.0)?,
            beta: within(2, 0.0, 1.0)?,
            gamma: within(3, 0.0, 1.0)?,
            phi: within(4, 0.0, 1.0)?,
        }
    } else {
        Rule::Theta {
            alpha: within(1, 1e-6, 1.0)?,
            weight: within(2, 0.0, 1.0)?,
            intercept: rule[3],
            slope: rule[4],
        }
    })
}
