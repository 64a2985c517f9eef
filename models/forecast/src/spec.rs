//! The settings of each model and their ranges.

mod classical;
mod prophet;
mod recurrent;
mod search;
mod sense;
mod written;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use series::Problem;

pub use classical::{
    ArimaSpec, CrostonSpec, Demand, Errors, EtsSpec, MstlSpec, Seasonal, Selection, ThetaSpec, Transformation, Trend,
};
pub use prophet::{Condition, Growth, Holiday, Mode, Order, ProphetSpec, Regressor, Scaling, Seasonality, Standardize};
pub use recurrent::{Backend, Optimizer, Precision, RecurrentSpec, Schedule};
pub use search::{Between, Candidates, SearchSpec, Spread, Strategy};
pub use sense::Ground;
pub use written::{Curvature, Periods};

use crate::About;

/// A kind of model with all of its settings.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelSpec {
    /// Repeats the last row.
    Naive(NaiveSpec),
    /// Repeats the last season.
    SeasonalNaive(SeasonalNaiveSpec),
    /// Continues the line from the first to the last training row.
    Drift(DriftSpec),
    /// Ridge regression on a window.
    Linear(LinearSpec),
    /// Gated recurrent units.
    Gru(RecurrentSpec),
    /// Long short-term memory.
    Lstm(RecurrentSpec),
    /// Exponential smoothing.
    Ets(EtsSpec),
    /// The Theta method.
    Theta(ThetaSpec),
    /// Decomposition into several seasons and a trend.
    Mstl(MstlSpec),
    /// Seasonal ARIMA.
    Arima(ArimaSpec),
    /// Smoothing of demand that is mostly 0.
    Croston(CrostonSpec),
    /// A weighted mean of the round's other models, made where the round is decided; it is not fitted by itself.
    Ensemble(EnsembleSpec),
    /// The additive model of trend, seasons, holidays and regressors.
    Prophet(ProphetSpec),
}

/// The members of an ensemble; empty until the round is decided.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnsembleSpec {
    /// The members, in the order of their weights.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<EnsembleMember>,
}

/// One member of an ensemble.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnsembleMember {
    /// The name of the member in the round.
    pub name: String,
    /// The description of its artifact.
    pub about: About,
}

/// The naive model has no settings.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NaiveSpec {}

/// The seasonal naive model has no settings: its season follows from the data.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeasonalNaiveSpec {}

/// The drift has no settings.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftSpec {}

/// Settings of the ridge regression.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearSpec {
    /// How strongly coefficients are shrunk towards 0.
    pub lambda: Lambda,
    /// Which lags a target is forecast from.
    pub channels: Channels,
    /// Whether the calendar columns of the last known row are inputs too, beside the lags.
    ///
    /// Each step has weights of its own, and a wave some steps ahead is a linear map of its sine and cosine now. So a step can
    /// learn the calendar of its own time without any later row. Without calendar columns this setting has no effect.
    pub calendar: bool,
    /// Which series one model covers.
    pub scope: Scope,
}

impl Default for LinearSpec {
    fn default() -> Self {
        Self {
            lambda: Lambda::Auto,
            channels: Channels::Auto,
            calendar: false,
            scope: Scope::Part,
        }
    }
}

/// How strongly coefficients are shrunk towards 0, as a multiple of the mean diagonal of the Gram matrix.
///
/// Written as `"auto"` or a number.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Lambda {
    /// Chosen on the rows that select; 0.001 without them.
    #[default]
    Auto,
    /// This multiple, from 1e-9 to 1e9.
    Given(f64),
}

/// Which lags a target is forecast from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    /// [`Self::Pooled`], unless another is clearly better on the rows that select; [`Self::Own`] without such rows.
    #[default]
    Auto,
    /// Its own lags, with coefficients of its own.
    Own,
    /// Its own lags, with coefficients that all targets share.
    Pooled,
    /// The lags of all targets and past inputs.
    All,
}

/// Which series one model covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// All series of the part together.
    #[default]
    Part,
    /// One series each.
    Series,
}

impl ModelSpec {
    /// The names of all kinds.
    pub const KINDS: [&str; 13] = [
        "naive",
        "seasonal-naive",
        "drift",
        "linear",
        "gru",
        "lstm",
        "prophet",
        "ets",
        "theta",
        "mstl",
        "arima",
        "croston",
        "ensemble",
    ];

    /// Returns a kind of model with its default settings; `None` for an unknown name.
    #[must_use]
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "naive" => Some(Self::Naive(NaiveSpec {})),
            "seasonal-naive" => Some(Self::SeasonalNaive(SeasonalNaiveSpec {})),
            "drift" => Some(Self::Drift(DriftSpec {})),
            "linear" => Some(Self::Linear(LinearSpec::default())),
            "gru" => Some(Self::Gru(RecurrentSpec::default())),
            "lstm" => Some(Self::Lstm(RecurrentSpec::default())),
            "ets" => Some(Self::Ets(EtsSpec::default())),
            "theta" => Some(Self::Theta(ThetaSpec::default())),
            "mstl" => Some(Self::Mstl(MstlSpec::default())),
            "arima" => Some(Self::Arima(ArimaSpec::default())),
            "croston" => Some(Self::Croston(CrostonSpec::default())),
            "prophet" => Some(Self::Prophet(ProphetSpec::default())),
            "ensemble" => Some(Self::Ensemble(EnsembleSpec::default())),
            _ => None,
        }
    }

    /// Returns the name of the kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Naive(_) => "naive",
            Self::SeasonalNaive(_) => "seasonal-naive",
            Self::Drift(_) => "drift",
            Self::Linear(_) => "linear",
            Self::Gru(_) => "gru",
            Self::Lstm(_) => "lstm",
            Self::Ets(_) => "ets",
            Self::Theta(_) => "theta",
            Self::Mstl(_) => "mstl",
            Self::Arima(_) => "arima",
            Self::Croston(_) => "croston",
            Self::Prophet(_) => "prophet",
            Self::Ensemble(_) => "ensemble",
        }
    }

    /// Returns whether the model is made of the round's other members instead of being fitted.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Ensemble(_))
    }

    /// Returns whether the model is a baseline, which others must beat by a margin.
    #[must_use]
    pub fn is_baseline(&self) -> bool {
        matches!(self, Self::Naive(_) | Self::SeasonalNaive(_))
    }

    /// Returns whether the model can be part of an ensemble: all but baselines, the drift, which is as simple as those, and
    /// ensembles.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        !self.is_baseline() && !matches!(self, Self::Drift(_) | Self::Ensemble(_))
    }

    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        match self {
            Self::Naive(_)
            | Self::Drift(_)
            | Self::SeasonalNaive(_)
            | Self::Ets(_)
            | Self::Arima(_)
            | Self::Croston(_)
            | Self::Ensemble(_) => Vec::new(),
            Self::Linear(spec) => spec.problems(path),
            Self::Gru(spec) | Self::Lstm(spec) => spec.problems(path),
            Self::Theta(spec) => spec.problems(path),
            Self::Mstl(spec) => spec.problems(path),
            Self::Prophet(spec) => spec.problems(path),
        }
    }
}

impl LinearSpec {
    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Lambda::Given(lambda) = self.lambda {
            let range = "from 1e-9 to 1e9 times the mean diagonal, or \"auto\"";
            Problem::unless(
                (1e-9..=1e9).contains(&lambda),
                format!("{path}.lambda"),
                lambda,
                range,
                &mut problems,
            );
        }
        problems
    }
}

/// The forms in which a lambda is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum LambdaText {
    Given(f64),
    Word(String),
}

impl Serialize for Lambda {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(lambda) => serializer.serialize_f64(lambda),
        }
    }
}

impl<'de> Deserialize<'de> for Lambda {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match LambdaText::deserialize(deserializer) {
            Ok(LambdaText::Given(lambda)) => Ok(Self::Given(lambda)),
            Ok(LambdaText::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(de::Error::custom("must be \"auto\" or a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_is_written_with_all_its_settings_and_read_back() {
        for kind in ModelSpec::KINDS {
            let spec = ModelSpec::of_kind(kind).unwrap();
            assert_eq!(spec.kind(), kind);
            let written = serde_json::to_value(&spec).unwrap();
            assert_eq!(written["kind"], kind);
            assert_eq!(serde_json::from_value::<ModelSpec>(written).unwrap(), spec);
            assert_eq!(
                serde_json::from_value::<ModelSpec>(json!({"kind": kind})).unwrap(),
                spec,
                "defaults"
            );
            assert_eq!(spec.problems("models[0]"), []);
        }
        let linear = serde_json::to_value(ModelSpec::of_kind("linear").unwrap()).unwrap();
        assert_eq!(
            linear,
            json!({"kind": "linear", "lambda": "auto", "channels": "auto", "calendar": false, "scope": "part"})
        );
    }

    #[test]
    fn baselines_the_drift_and_ensembles_have_no_part_in_an_ensemble() {
        let mixed = |kind: &&str| ModelSpec::of_kind(kind).unwrap().is_mixed();
        let left_out: Vec<&str> = ModelSpec::KINDS.into_iter().filter(|kind| !mixed(kind)).collect();
        assert_eq!(left_out, ["naive", "seasonal-naive", "drift", "ensemble"]);
    }

    #[test]
    fn unknown_settings_and_kinds_are_refused() {
        for text in [
            json!({"kind": "gru", "hiden": 3}),
            json!({"kind": "naive", "lr": 1}),
            json!({"kind": "garch"}),
        ] {
            assert!(serde_json::from_value::<ModelSpec>(text.clone()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_setting_out_of_range_is_named() {
        let spec = RecurrentSpec {
            hidden: 0,
            lr: f64::NAN,
            clip: -1.0,
            ..RecurrentSpec::default()
        };
        let problems = ModelSpec::Gru(spec).problems("models[1]");
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "`models[1].hidden` is 0, must be from 1 to 4096",
                "`models[1].lr` is NaN, must be above 0 and at most 1000000000000000000000000000000",
                "`models[1].clip` is -1, must be above 0 and at most 1000000000",
            ]
        );
        let linear = LinearSpec {
            lambda: Lambda::Given(0.0),
            ..LinearSpec::default()
        };
        assert_eq!(linear.problems("m").len(), 1);
    }
}
