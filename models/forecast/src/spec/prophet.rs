//! What a user may set about the additive model of trend, seasons, holidays and regressors.
//!
//! Names and defaults are those of the Python package `prophet`, with `yearly`, `weekly` and `daily` for short.

mod ranges;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use series::Time;

use super::Scope;

/// Settings of the additive model.
///
/// # Units
/// `cap` and `floor` are in the units of the values that are fitted. In a round these are scaled values: with the
/// `minmax` scaler 0 is the smallest and 1 the largest training value, so one cap serves targets of any size.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProphetSpec {
    /// How the trend grows.
    pub growth: Growth,
    /// What a logistic trend saturates at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// What a logistic trend starts from; 0 where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// What values are divided by before they are fitted.
    pub scaling: Scaling,
    /// The times at which the trend may change, all within the history; placed where none are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changepoints: Option<Vec<Time>>,
    /// How many changepoints are placed.
    pub n_changepoints: usize,
    /// The first part of the history, in which they are placed.
    pub changepoint_range: f64,
    /// How freely the trend changes.
    pub changepoint_prior_scale: f64,
    /// Whether seasons are added to the trend or multiply it.
    pub seasonality_mode: Mode,
    /// How freely seasons move.
    pub seasonality_prior_scale: f64,
    /// The season of a year of 365.25 days.
    pub yearly: Order,
    /// The season of a week.
    pub weekly: Order,
    /// The season of a day.
    pub daily: Order,
    /// Further seasons.
    pub seasonalities: Vec<Seasonality>,
    /// Days that differ from others.
    pub holidays: Vec<Holiday>,
    /// Whether holidays are added or multiply; as seasons where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays_mode: Option<Mode>,
    /// How freely holidays and regressors move, where they do not say.
    pub holidays_prior_scale: f64,
    /// Columns with an effect, known also for the rows that are forecast.
    pub regressors: Vec<Regressor>,
    /// What one model covers.
    pub scope: Scope,
}

impl Default for ProphetSpec {
    fn default() -> Self {
        Self {
            growth: Growth::Linear,
            cap: None,
            floor: None,
            scaling: Scaling::Absmax,
            changepoints: None,
            n_changepoints: 25,
            changepoint_range: 0.8,
            changepoint_prior_scale: 0.05,
            seasonality_mode: Mode::Additive,
            seasonality_prior_scale: 10.0,
            yearly: Order::Auto,
            weekly: Order::Auto,
            daily: Order::Auto,
            seasonalities: Vec::new(),
            holidays: Vec::new(),
            holidays_mode: None,
            holidays_prior_scale: 10.0,
            regressors: Vec::new(),
            scope: Scope::Series,
        }
    }
}

/// How a trend grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growth {
    /// By straight lines.
    #[default]
    Linear,
    /// Towards a cap.
    Logistic,
    /// Not at all.
    Flat,
}

/// What values are divided by before they are fitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Their largest size.
    #[default]
    Absmax,
    /// Their range, after the smallest is taken away.
    Minmax,
}

/// How a term meets the trend.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is added.
    #[default]
    Additive,
    /// It multiplies.
    Multiplicative,
}

/// Whether a season of the calendar is fitted, and with how many waves.
///
/// Written as `"auto"`, `true`, `false` or a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// Where the history is long and fine enough.
    #[default]
    Auto,
    /// With as many waves as usual.
    On,
    /// Not at all.
    Off,
    /// With so many waves.
    Waves(usize),
}

/// A further season.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seasonality {
    /// Its name; `yearly`, `weekly` and `daily` replace the season of the calendar where that is left on `"auto"`.
    pub name: String,
    /// Its length in days.
    pub period: f64,
    /// How many waves it has.
    pub fourier_order: usize,
    /// How freely it moves; as all seasons where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_scale: Option<f64>,
    /// Whether it is added or multiplies; as all seasons where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// When it holds; always where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// When a season holds: where all that is given agrees.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// Months from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<u8>,
    /// Days of the week, Monday is 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<u8>,
    /// Hours of the day from 0, UTC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<u8>,
    /// A column of 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// Days that differ from others.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// Its name.
    pub name: String,
    /// Its days, past and future.
    pub dates: Vec<Time>,
    /// The first day that belongs to it, at most 0.
    #[serde(default)]
    pub lower_window: i32,
    /// The last day that belongs to it, at least 0.
    #[serde(default)]
    pub upper_window: i32,
    /// How freely it moves; as all holidays where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_scale: Option<f64>,
}

/// A column with an effect.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regressor {
    /// The column.
    pub name: String,
    /// How freely it moves; as holidays where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_scale: Option<f64>,
    /// Whether it is centred and divided by its deviation.
    #[serde(default)]
    pub standardize: Standardize,
    /// Whether it is added or multiplies; as seasons where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// Whether a column is centred and divided by its deviation. A column that does not vary never is.
///
/// Written as `"auto"`, `true` or `false`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standardize {
    /// Unless it holds just 0 and 1.
    #[default]
    Auto,
    /// Yes.
    On,
    /// No.
    Off,
}

/// What an order or a choice is written as.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Flag(bool),
    Count(usize),
    Word(String),
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
            Self::Waves(waves) => serializer.serialize_u64(waves as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer) {
            Ok(Text::Flag(true)) => Ok(Self::On),
            Ok(Text::Flag(false)) => Ok(Self::Off),
            Ok(Text::Count(waves)) => Ok(Self::Waves(waves)),
            Ok(Text::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(de::Error::custom("must be \"auto\", true, false or a number of waves")),
        }
    }
}

impl Serialize for Standardize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
        }
    }
}

impl<'de> Deserialize<'de> for Standardize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer) {
            Ok(Text::Flag(true)) => Ok(Self::On),
            Ok(Text::Flag(false)) => Ok(Self::Off),
            Ok(Text::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(de::Error::custom("must be \"auto\", true or false")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ModelSpec;

    fn problems(settings: Value) -> Vec<String> {
        let spec: ProphetSpec = serde_json::from_value(settings).unwrap();
        spec.problems("m").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn defaults_are_the_packages_and_are_all_written() {
        let spec = ModelSpec::of_kind("prophet").unwrap();
        assert_eq!(
            serde_json::to_value(&spec).unwrap(),
            json!({
                "kind": "prophet", "growth": "linear", "scaling": "absmax", "n_changepoints": 25,
                "changepoint_range": 0.8, "changepoint_prior_scale": 0.05, "seasonality_mode": "additive",
                "seasonality_prior_scale": 10.0, "yearly": "auto", "weekly": "auto", "daily": "auto",
                "seasonalities": [], "holidays": [], "holidays_prior_scale": 10.0, "regressors": [], "scope": "series",
            })
        );
        assert_eq!(
            serde_json::from_value::<ModelSpec>(json!({"kind": "prophet"})).unwrap(),
            spec
        );
        assert_eq!(
            (spec.kind(), spec.is_baseline(), spec.problems("m")),
            ("prophet", false, Vec::new())
        );
    }

    #[test]
    fn every_setting_is_read_as_it_is_written() {
        let written = json!({
            "kind": "prophet", "growth": "logistic", "cap": 1.5, "floor": -0.5, "scaling": "minmax",
            "changepoints": ["2018-02-05", "2018-02-06T12:00:00Z"], "n_changepoints": 3, "changepoint_range": 0.9,
            "changepoint_prior_scale": 0.5, "seasonality_mode": "multiplicative", "seasonality_prior_scale": 1.0,
            "yearly": 4, "weekly": true, "daily": false,
            "seasonalities": [{"name": "shift", "period": 0.5, "fourier_order": 2, "prior_scale": 2.0, "mode": "additive",
                               "condition": {"months": [6], "weekdays": [0, 1], "hours": [8], "column": "open"}}],
            "holidays": [{"name": "fair", "dates": ["2018-03-01"], "lower_window": -1, "upper_window": 2, "prior_scale": 3.0}],
            "holidays_mode": "additive", "holidays_prior_scale": 5.0,
            "regressors": [{"name": "heat", "prior_scale": 0.1, "standardize": false, "mode": "additive"}], "scope": "part",
        });
        let spec: ModelSpec = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(spec.problems("m"), []);
        assert_eq!(serde_json::to_value(&spec).unwrap(), written);
        for typo in [
            json!({"yearly": "always"}),
            json!({"capp": 1}),
            json!({"changepoints": ["soon"]}),
            json!({"growth": "step"}),
        ] {
            assert!(serde_json::from_value::<ProphetSpec>(typo.clone()).is_err(), "{typo}");
        }
    }

    #[test]
    fn every_setting_out_of_range_is_named() {
        for (settings, problem) in [
            (
                json!({"growth": "logistic"}),
                "`m.cap` is missing, must be above the floor 0 with logistic growth",
            ),
            (
                json!({"growth": "logistic", "cap": 1, "floor": 2}),
                "`m.cap` is 1, must be above the floor 2 with logistic growth",
            ),
            (
                json!({"n_changepoints": 1001}),
                "`m.n_changepoints` is 1001, must be from 0 to 1000",
            ),
            (
                json!({"changepoint_range": 1.1}),
                "`m.changepoint_range` is 1.1, must be from 0 to 1",
            ),
            (
                json!({"seasonality_prior_scale": -1}),
                "`m.seasonality_prior_scale` is -1, must be from 1e-9 to 1e9",
            ),
            (
                json!({"seasonalities": [{"name": "w", "period": 0, "fourier_order": 1}]}),
                "`m.seasonalities[0].period` is 0, must be from 0.0001 to 1000000 days",
            ),
            (
                json!({"seasonalities": [{"name": "w", "period": 1, "fourier_order": 1, "condition": {"hours": [24]}}]}),
                "`m.seasonalities[0].condition.hours` is 24, must be from 0 to 23",
            ),
            (
                json!({"holidays": [{"name": "h", "dates": [], "lower_window": 1}]}),
                "`m.holidays[0].lower_window` is 1, must be from -366 to 0 days",
            ),
            (
                json!({"holidays": [{"name": "h", "dates": []}], "regressors": [{"name": "h"}]}),
                "`m.regressors[0].name` is h, must be a name of its own, not one of the forecast's",
            ),
            (
                json!({"weekly": 999, "daily": 2}),
                "`m` is 2022, must be at most 2000 coefficients",
            ),
        ] {
            assert_eq!(problems(settings.clone()), [problem], "{settings}");
        }
    }
}
