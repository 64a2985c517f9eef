//! The settings of a search for the settings of a model, and their ranges.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use series::Problem;

use super::ModelSpec;

/// Settings of a search: it tries other values of a model's settings and keeps the best on the rows that select.
///
/// ```toml
/// [models.search]
/// strategy = "random"
/// trials = 12
/// [models.search.space]
/// hidden = [64, 128]
/// lr = { min = 1e-4, max = 1e-2, scale = "log" }
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchSpec {
    /// In which order settings are tried.
    pub strategy: Strategy,
    /// The most settings that are tried.
    pub trials: usize,
    /// The seconds of fitting after which no further trial begins; without it all are tried. With it the result depends on the
    /// speed of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The seed of random settings.
    pub seed: u64,
    /// The candidates of each setting, by the name of the setting.
    pub space: BTreeMap<String, Candidates>,
}

/// In which order settings are tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Every combination of the listed values.
    #[default]
    Grid,
    /// Combinations drawn at random from the seed.
    Random,
}

/// The candidates of one setting.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Candidates {
    /// These values.
    Listed(Vec<Value>),
    /// Numbers between two bounds.
    Between(Between),
}

/// A range of numbers, bounds included.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Between {
    /// The smallest number.
    pub min: f64,
    /// The largest number.
    pub max: f64,
    /// How drawn numbers are spread over the range.
    #[serde(default)]
    pub scale: Spread,
}

/// How numbers are spread over a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spread {
    /// The numbers evenly.
    #[default]
    Linear,
    /// Their logarithms evenly.
    Log,
}

impl Default for SearchSpec {
    fn default() -> Self {
        Self {
            strategy: Strategy::Grid,
            trials: 16,
            seconds: None,
            seed: 0,
            space: BTreeMap::new(),
        }
    }
}

impl SearchSpec {
    /// The most trials that may be asked for.
    const MOST_TRIALS: usize = 1_000;
    /// The most values that all settings together may list.
    const MOST_VALUES: usize = 1_000;
    /// The largest seed: JSON numbers are exact up to it.
    const MOST_SEED: u64 = (1 << 53) - 1;

    /// Returns everything that is out of range for a model; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str, model: &ModelSpec) -> Vec<Problem> {
        let mut problems = Vec::new();
        let most = Self::MOST_TRIALS;
        let check = |ok, name: &str, value: &dyn std::fmt::Display, range: &str, problems: &mut Vec<Problem>| {
            Problem::unless(ok, format!("{path}.{name}"), value, range, problems);
        };
        let trials = (1..=most).contains(&self.trials);
        check(
            trials,
            "trials",
            &self.trials,
            &format!("from 1 to {most}"),
            &mut problems,
        );
        if let Some(seconds) = self.seconds {
            let ok = seconds > 0.0 && seconds.is_finite();
            check(ok, "seconds", &seconds, "above 0", &mut problems);
        }
        let seed = self.seed <= Self::MOST_SEED;
        check(
            seed,
            "seed",
            &self.seed,
            &format!("at most {}", Self::MOST_SEED),
            &mut problems,
        );
        let settings = self.space.len();
        check(settings > 0, "space", &"empty", "at least one setting", &mut problems);
        // Each candidate is checked against the ranges of the model below.
        let (values, most) = (self.values(), Self::MOST_VALUES);
        if values > most {
            let range = format!("at most {most} values and ranges in all");
            check(false, "space", &format!("{values} values"), &range, &mut problems);
            return problems;
        }
        for (setting, candidates) in &self.space {
            problems.extend(self.problems_of(&format!("{path}.space.{setting}"), model, setting, candidates));
        }
        let combinations = self.combinations();
        if self.strategy == Strategy::Grid && combinations > self.trials {
            let range = format!("at most `trials`, which is {}", self.trials);
            problems.push(Problem::new(
                format!("{path}.space"),
                format!("{combinations} combinations"),
                range,
            ));
        }
        problems
    }

    /// Returns how many combinations of listed values there are.
    fn combinations(&self) -> usize {
        let listed = self.space.values().filter_map(|candidates| match candidates {
            Candidates::Listed(values) => Some(values.len()),
            Candidates::Between(_) => None,
        });
        listed.fold(1, usize::saturating_mul)
    }

    /// Returns how many values are listed; a range counts as one.
    fn values(&self) -> usize {
        let count = |candidates: &Candidates| match candidates {
            Candidates::Listed(values) => values.len(),
            Candidates::Between(_) => 1,
        };
        self.space.values().map(count).sum()
    }

    fn problems_of(&self, path: &str, model: &ModelSpec, setting: &str, candidates: &Candidates) -> Vec<Problem> {
        let mut problems = Vec::new();
        let values = match candidates {
            Candidates::Listed(values) => {
                Problem::unless(!values.is_empty(), path, "empty", "at least one value", &mut problems);
                values.clone()
            }
            Candidates::Between(between) => {
                let grid = self.strategy == Strategy::Grid;
                let listed = "a list of values where `strategy` is `grid`";
                Problem::unless(!grid, path, "a range", listed, &mut problems);
                let (Between { min, max, scale }, finite) = (between, between.max - between.min);
                let least = if *scale == Spread::Log {
                    f64::MIN_POSITIVE
                } else {
                    f64::MIN
                };
                let ok = finite > 0.0 && finite.is_finite() && *min >= least;
                let range = "a range of numbers with `min` below `max`, above 0 where `scale` is `log`";
                Problem::unless(ok, path, format!("{min} to {max}"), range, &mut problems);
                vec![between.value(model, setting, *min), between.value(model, setting, *max)]
            }
        };
        for value in values {
            match model.with(&BTreeMap::from([(setting.to_owned(), value.clone())])) {
                Ok(changed) => problems.extend(changed.problems(path)),
                Err(error) => problems.push(Problem::new(path, value, format!("a value of the model: {error}"))),
            }
        }
        problems
    }
}

impl Between {
    /// Returns a number as a setting of a model: rounded where the model's own value is a whole number.
    #[must_use]
    pub fn value(&self, model: &ModelSpec, setting: &str, number: f64) -> Value {
        let written = serde_json::to_value(model).unwrap_or_default();
        let is_whole = written
            .get(setting)
            .is_some_and(|value| value.is_u64() || value.is_i64());
        let whole = libm::round(number);
        #[expect(clippy::cast_possible_truncation, reason = "checked to be below 2^53")]
        if is_whole && whole.abs() < 9_007_199_254_740_992.0 {
            Value::from(whole as i64)
        } else {
            Value::from(number)
        }
    }
}

impl ModelSpec {
    /// Returns the model with other settings.
    ///
    /// # Errors
    /// Where the model has no such setting, or the value is of another type.
    pub fn with(&self, settings: &BTreeMap<String, Value>) -> Result<Self, serde_json::Error> {
        let mut written = serde_json::to_value(self)?;
        for (setting, value) in settings {
            if setting == "kind" {
                return Err(serde::de::Error::custom("the kind is no setting"));
            }
            written[setting] = value.clone();
        }
        serde_json::from_value(written)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn search(value: Value) -> SearchSpec {
        serde_json::from_value(value).unwrap()
    }

    fn texts(search: &SearchSpec, kind: &str) -> Vec<String> {
        let model = ModelSpec::of_kind(kind).unwrap();
        search.problems("s", &model).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lists_and_ranges_are_read_and_written() {
        let written = json!({
            "strategy": "random", "trials": 8, "seed": 3, "seconds": 1.5,
            "space": {"hidden": [64, 128], "lr": {"min": 1e-4, "max": 1e-2, "scale": "log"}},
        });
        let read = search(written.clone());
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
        assert_eq!(texts(&read, "gru"), [""; 0]);
        assert!(serde_json::from_value::<SearchSpec>(json!({"trails": 3})).is_err());
    }

    #[test]
    fn every_wrong_setting_of_a_search_is_named() {
        let nothing = search(json!({"trials": 0, "seconds": 0.0}));
        assert_eq!(
            texts(&nothing, "gru"),
            [
                "`s.trials` is 0, must be from 1 to 1000",
                "`s.seconds` is 0, must be above 0",
                "`s.space` is empty, must be at least one setting",
                "`s.space` is 1 combinations, must be at most `trials`, which is 0",
            ]
        );
        for (space, problem) in [
            (
                json!({"hiden": [1]}),
                "`s.space.hiden` is 1, must be a value of the model: unknown field `hiden`",
            ),
            (
                json!({"kind": ["lstm"]}),
                "`s.space.kind` is \"lstm\", must be a value of the model: the kind is no setting",
            ),
            (
                json!({"hidden": [0]}),
                "`s.space.hidden.hidden` is 0, must be from 1 to 4096",
            ),
            (
                json!({"hidden": ["wide"]}),
                "`s.space.hidden` is \"wide\", must be a value of the model: invalid type",
            ),
            (
                json!({"hidden": []}),
                "`s.space.hidden` is empty, must be at least one value",
            ),
            (
                json!({"lr": {"min": 0.1, "max": 0.2}}),
                "`s.space.lr` is a range, must be a list of values",
            ),
            (
                json!({"batch": (1..=17).collect::<Vec<_>>()}),
                "`s.space` is 17 combinations, must be at most `trials`, which is 16",
            ),
        ] {
            let found = texts(&search(json!({"space": space})), "gru");
            assert!(found.iter().any(|text| text.starts_with(problem)), "{space}: {found:?}");
        }
        for range in [
            json!({"min": 2.0, "max": 1.0}),
            json!({"min": 0.0, "max": 1.0, "scale": "log"}),
        ] {
            let found = texts(&search(json!({"strategy": "random", "space": {"lr": range}})), "gru");
            assert!(found[0].starts_with("`s.space.lr` is "), "{found:?}");
        }
    }

    #[test]
    fn numbers_of_whole_settings_are_whole() {
        let model = ModelSpec::of_kind("gru").unwrap();
        let between = Between {
            min: 1.0,
            max: 9.0,
            scale: Spread::Linear,
        };
        assert_eq!(between.value(&model, "hidden", 3.6), json!(4));
        assert_eq!(between.value(&model, "lr", 3.6), json!(3.6));
    }
}
