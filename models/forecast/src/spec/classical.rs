//! The settings of exponential smoothing, Theta and MSTL.

use serde::{Deserialize, Serialize};
use series::Problem;

use super::{
    Scope,
    written::{Curvature, Periods},
};

/// The trend of a level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// The one of the others with the smallest corrected information criterion.
    #[default]
    Auto,
    /// The level stays.
    None,
    /// The level continues with its slope.
    Additive,
    /// The level continues with a slope that fades.
    Damped,
}

/// Whether there is a season, and how it acts on the level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seasonal {
    /// Where the data show one.
    #[default]
    Auto,
    /// Never.
    None,
    /// It adds to the level, where the training rows hold two seasons.
    Additive,
    /// It multiplies the level, where the training rows hold two seasons and all are above 0; else it adds.
    Multiplicative,
}

/// How errors are thought to arise: this decides which rows count how much in a fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Errors {
    /// The one of the others with the smallest corrected information criterion.
    #[default]
    Auto,
    /// Of one size, whatever the level.
    Additive,
    /// In proportion to the level, where all training rows are above 0; else of one size.
    Multiplicative,
}

/// Whether a model knows the logarithms of values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transformation {
    /// Where all training rows are above 0 and the logarithms fit better, see each kind.
    #[default]
    Auto,
    /// Never.
    None,
    /// Where all training rows are above 0. Forecasts are medians: the exponentials of those of the logarithms.
    Log,
}

/// How several forms become one forecast.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Their mean, weighted by their corrected information criteria.
    #[default]
    Mean,
    /// The one with the smallest corrected information criterion alone.
    Best,
}

/// Settings of exponential smoothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EtsSpec {
    /// How errors are thought to arise.
    pub error: Errors,
    /// The trend of the level.
    pub trend: Trend,
    /// Whether a season is fitted; its length follows from the data.
    pub seasonal: Seasonal,
    /// Whether logarithms are smoothed. Automatically they are forms among the others, in the place of those with multiplicative
    /// parts, with a criterion in the same units.
    pub transform: Transformation,
    /// How the forms that the other settings allow become one forecast.
    pub select: Selection,
    /// Which series one model covers.
    pub scope: Scope,
}

impl Default for EtsSpec {
    fn default() -> Self {
        Self {
            error: Errors::Auto,
            trend: Trend::Auto,
            seasonal: Seasonal::Auto,
            transform: Transformation::Auto,
            select: Selection::Mean,
            scope: Scope::Series,
        }
    }
}

/// Settings of the Theta method.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThetaSpec {
    /// The curvature of the second line: 1 is exponential smoothing, 2 the method of the M3 competition.
    pub theta: Curvature,
    /// Whether a season is taken out first; its length follows from the data. By itself it multiplies where all training rows
    /// are above 0.
    pub seasonal: Seasonal,
    /// Which series one model covers.
    pub scope: Scope,
}

impl Default for ThetaSpec {
    fn default() -> Self {
        Self {
            theta: Curvature::Auto,
            seasonal: Seasonal::Auto,
            scope: Scope::Series,
        }
    }
}

/// Settings of seasonal ARIMA; its orders follow from the data.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArimaSpec {
    /// Whether there are lags and differences of a season; [`Seasonal::None`] is without them, all others are alike.
    pub seasonal: Seasonal,
    /// Whether logarithms are modelled. Automatically where their corrected information criterion is smaller, in the same units.
    pub transform: Transformation,
    /// Which series one model covers.
    pub scope: Scope,
}

impl Default for ArimaSpec {
    fn default() -> Self {
        Self {
            seasonal: Seasonal::Auto,
            transform: Transformation::Auto,
            scope: Scope::Series,
        }
    }
}

/// How demand that is mostly 0 is smoothed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Demand {
    /// The size of a demand and the interval between two, after Syntetos and Boylan.
    #[default]
    Sba,
    /// The size of a demand and the probability of one, after Teunter, Syntetos and Babai: it falls while there is none.
    Tsb,
}

/// Settings of the smoothing of demand that is mostly 0.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrostonSpec {
    /// What is smoothed.
    pub method: Demand,
    /// Which series one model covers.
    pub scope: Scope,
}

impl Default for CrostonSpec {
    fn default() -> Self {
        Self {
            method: Demand::Sba,
            scope: Scope::Series,
        }
    }
}

/// Settings of the decomposition into several seasons and a trend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MstlSpec {
    /// How many steps each season has.
    pub periods: Periods,
    /// The trend of what is left without seasons.
    pub trend: Trend,
    /// Whether logarithms are decomposed. Automatically where what is left without seasons has the smaller corrected information
    /// criterion, in the same units.
    pub transform: Transformation,
    /// Which series one model covers.
    pub scope: Scope,
}

impl Default for MstlSpec {
    fn default() -> Self {
        Self {
            periods: Periods::Auto,
            trend: Trend::Auto,
            transform: Transformation::Auto,
            scope: Scope::Series,
        }
    }
}

/// The most seasons of a decomposition.
const MAX_PERIODS: usize = 4;
/// The longest season of a decomposition, in steps: a year of minutes.
const MAX_PERIOD: usize = 525_960;

impl ThetaSpec {
    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Curvature::Given(theta) = self.theta {
            let ok = (1.0..=1e3).contains(&theta);
            let range = "from 1 to 1000, or \"auto\"";
            Problem::unless(ok, format!("{path}.theta"), theta, range, &mut problems);
        }
        problems
    }
}

impl MstlSpec {
    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let Periods::Given(periods) = &self.periods else {
            return problems;
        };
        let path = format!("{path}.periods");
        let range = format!("from 1 to {MAX_PERIODS} seasons");
        Problem::unless(
            (1..=MAX_PERIODS).contains(&periods.len()),
            &path,
            periods.len(),
            &range,
            &mut problems,
        );
        let mut least = 2;
        for (index, &period) in periods.iter().enumerate() {
            let range = format!("from {least} to {MAX_PERIOD} steps");
            let ok = (least..=MAX_PERIOD).contains(&period);
            Problem::unless(ok, format!("{path}[{index}]"), period, &range, &mut problems);
            least = least.max(period.saturating_add(1));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ModelSpec;

    #[test]
    fn every_kind_is_written_with_all_its_settings_and_read_back() {
        for (kind, settings) in [
            (
                "ets",
                json!({
                    "kind": "ets", "error": "auto", "trend": "auto", "seasonal": "auto", "transform": "auto", "select": "mean",
                    "scope": "series",
                }),
            ),
            (
                "theta",
                json!({"kind": "theta", "theta": "auto", "seasonal": "auto", "scope": "series"}),
            ),
            (
                "mstl",
                json!({"kind": "mstl", "periods": "auto", "trend": "auto", "transform": "auto", "scope": "series"}),
            ),
            (
                "croston",
                json!({"kind": "croston", "method": "sba", "scope": "series"}),
            ),
        ] {
            let spec = ModelSpec::of_kind(kind).unwrap();
            assert_eq!((spec.kind(), spec.is_baseline()), (kind, false));
            assert_eq!(serde_json::to_value(&spec).unwrap(), settings);
            assert_eq!(serde_json::from_value::<ModelSpec>(settings).unwrap(), spec);
            assert_eq!(
                serde_json::from_value::<ModelSpec>(json!({"kind": kind})).unwrap(),
                spec
            );
            assert!(serde_json::from_value::<ModelSpec>(json!({"kind": kind, "trnd": "none"})).is_err());
            assert_eq!(spec.problems("models[0]"), []);
        }
    }

    #[test]
    fn every_setting_out_of_range_is_named() {
        let texts = |spec: ModelSpec| spec.problems("m").iter().map(ToString::to_string).collect::<Vec<_>>();
        let theta = |theta| {
            ModelSpec::Theta(ThetaSpec {
                theta: Curvature::Given(theta),
                ..ThetaSpec::default()
            })
        };
        assert_eq!(
            texts(theta(0.5)),
            ["`m.theta` is 0.5, must be from 1 to 1000, or \"auto\""]
        );
        assert_eq!(texts(theta(f64::NAN)).len(), 1);
        let mstl = |periods: &[usize]| {
            let periods = Periods::Given(periods.to_vec());
            ModelSpec::Mstl(MstlSpec {
                periods,
                ..MstlSpec::default()
            })
        };
        assert_eq!(texts(mstl(&[24, 168])), [""; 0]);
        assert_eq!(texts(mstl(&[])), ["`m.periods` is 0, must be from 1 to 4 seasons"]);
        assert_eq!(
            texts(mstl(&[1, 24, 24])),
            [
                "`m.periods[0]` is 1, must be from 2 to 525960 steps",
                "`m.periods[2]` is 24, must be from 25 to 525960 steps",
            ]
        );
    }
}
