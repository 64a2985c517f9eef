//! The settings of the additive model of trend, seasons, holidays and regressors.
//!
//! Names and defaults are those of the Python package `prophet`, except for the shorter names `yearly`, `weekly` and `daily`.

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
    /// The shape of the trend.
    pub growth: Growth,
    /// The upper bound of a logistic trend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// The lower bound of a logistic trend; 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// How values are scaled before they are fitted.
    pub scaling: Scaling,
    /// The times at which the trend may change, all within the history; without them they are placed evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changepoints: Option<Vec<Time>>,
    /// How many changepoints are placed where none are given.
    pub n_changepoints: usize,
    /// The first part of the history, 0 to 1, in which changepoints are placed.
    pub changepoint_range: f64,
    /// How much the trend may change: the scale of the prior of changes.
    pub changepoint_prior_scale: f64,
    /// Whether seasons are added to the trend or multiply it.
    pub seasonality_mode: Mode,
    /// How large seasons may be: the scale of their prior.
    pub seasonality_prior_scale: f64,
    /// The season of the year, 365.25 days.
    pub yearly: Order,
    /// The season of the week.
    pub weekly: Order,
    /// The season of the day.
    pub daily: Order,
    /// Further seasons beside those of the calendar.
    pub seasonalities: Vec<Seasonality>,
    /// Holidays: days that differ from others.
    pub holidays: Vec<Holiday>,
    /// Whether holidays are added to the trend or multiply it; as seasons by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays_mode: Option<Mode>,
    /// How large the effects of holidays and regressors may be, where they have no prior of their own.
    pub holidays_prior_scale: f64,
    /// Columns with an effect; they must be known for the forecast rows too.
    pub regressors: Vec<Regressor>,
    /// Which series one model covers.
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

/// The shape of a trend.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growth {
    /// Straight lines between changepoints.
    #[default]
    Linear,
    /// A logistic curve towards a cap.
    Logistic,
    /// Constant.
    Flat,
}

/// How values are scaled before they are fitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// Divided by the largest absolute value.
    #[default]
    Absmax,
    /// Divided by the range after the smallest value was subtracted.
    Minmax,
}

/// How a term is combined with the trend.
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
    /// Where the history is long enough and its rows are close enough.
    #[default]
    Auto,
    /// With the default number of waves.
    On,
    /// Never.
    Off,
    /// With this number of waves.
    Waves(usize),
}

/// A season beside those of the calendar.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seasonality {
    /// The name; `yearly`, `weekly` and `daily` replace the season of the calendar where that is `"auto"`.
    pub name: String,
    /// The length in days.
    pub period: f64,
    /// How many waves it has.
    pub fourier_order: usize,
    /// How large it may be; by default as all seasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_scale: Option<f64>,
    /// Whether it is added or multiplies; by default as all seasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// When it holds; by default always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// When a season holds: where every given condition is met.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// Months, 1 to 12; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<u8>,
    /// Days of the week, Monday is 0; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<u8>,
    /// Hours of the day, 0 to 23, UTC; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<u8>,
    /// The name of a column of 0 and 1: the season holds where it is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
}

/// A holiday: days that differ from others.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// The name of the holiday.
    pub name: String,
    /// The dates, past and future.
    pub dates: Vec<Time>,
    /// The first day around each date that belongs to it, at most 0.
    #[serde(default)]
    pub lower_window: i32,
    /// The last day around each date that belongs to it, at least 0.
    #[serde(default)]
    pub upper_window: i32,
    /// How large its effect may be; by default as all holidays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_scale: Option<f64>,
}

/// A column with an effect.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regressor {
    /// The name of the column.
    pub name: String,
    /// How large its effect may be; by default as holidays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior_scale: Option<f64>,
    /// Whether it is centred and divided by its deviation.
    #[serde(default)]
    pub standardize: Standardize,
    /// Whether it is added or multiplies; by default as seasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// Whether a column is centred and divided by its deviation. A column that does not vary is left as it is.
///
/// Written as `"auto"`, `true` or `false`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Standardize {
    /// Unless it holds only 0 and 1.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// The forms in which an order or a choice is written.
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
