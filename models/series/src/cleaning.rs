//! The settings of the transform: missing values, outliers, lags, calendar columns and scaling.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Problem;

/// How missing inputs are filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// Linearly between the neighbours inside the training rows, with the last value after them.
    #[default]
    Interpolate,
    /// With the last value.
    Forward,
    /// With the mean of the training rows.
    Mean,
    /// Training windows that contain a missing value are left out; elsewhere it is filled with the last value.
    Drop,
}

/// How outliers of the inputs are treated.
///
/// Written as `"none"`, `"iqr"` (factor 1.5) or `{"iqr": {"factor": 3}}`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Outliers {
    /// They stay.
    #[default]
    None,
    /// They are clipped to the quartiles of the training rows, widened by a multiple of the distance between the quartiles.
    Iqr {
        /// The multiple, above 0.
        factor: f64,
    },
}

impl Outliers {
    /// Tukey's factor.
    pub const IQR_FACTOR: f64 = 1.5;
}

/// How columns are scaled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaler {
    /// To training rows from 0 to 1.
    #[default]
    #[serde(rename = "minmax")]
    MinMax,
    /// To training rows with mean 0 and standard deviation 1.
    Standard,
    /// To training rows with median 0 and an interquartile range of 1.
    Robust,
    /// To training rows from -1 to 1; zero stays zero.
    #[serde(rename = "maxabs")]
    MaxAbs,
    /// Values stay as they are.
    None,
}

/// How rows in original units become the inputs of models.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clean {
    /// How missing inputs are filled.
    pub missing: Missing,
    /// The fraction of missing training rows, 0 to 1, above which an input is left out and a target is an error; without it any
    /// fraction is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_threshold: Option<f64>,
    /// How outliers of the inputs are treated.
    pub outliers: Outliers,
    /// Lags of the targets that become inputs, in rows from 1.
    pub lags: Vec<usize>,
    /// Whether the calendar columns become inputs.
    pub calendar: bool,
    /// How columns are scaled.
    pub scaler: Scaler,
}

impl Default for Clean {
    fn default() -> Self {
        Self {
            missing: Missing::default(),
            missing_threshold: None,
            outliers: Outliers::default(),
            lags: Vec::new(),
            calendar: true,
            scaler: Scaler::default(),
        }
    }
}

impl Clean {
    /// The longest lag.
    pub const MAX_LAG: usize = 100_000;
    /// The most lags.
    pub const MAX_LAGS: usize = 1_000;

    /// Returns every setting that is out of range; `path` is where these settings stand.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let join = |name| format!("{path}.{name}");
        if let Some(threshold) = self.missing_threshold {
            let ok = (0.0..=1.0).contains(&threshold);
            Problem::unless(ok, join("missing_threshold"), threshold, "from 0 to 1", &mut problems);
        }
        if let Outliers::Iqr { factor } = self.outliers {
            let ok = factor > 0.0 && factor <= 1e6;
            Problem::unless(
                ok,
                join("outliers.iqr.factor"),
                factor,
                "above 0 and at most 1e6",
                &mut problems,
            );
        }
        for (index, lag) in self.lags.iter().enumerate() {
            let ok = (1..=Self::MAX_LAG).contains(lag) && !self.lags[..index].contains(lag);
            let range = "from 1 to 100000, each once";
            Problem::unless(ok, format!("{path}.lags[{index}]"), lag, range, &mut problems);
        }
        let count = self.lags.len();
        Problem::unless(
            count <= Self::MAX_LAGS,
            join("lags"),
            count,
            "at most 1000 lags",
            &mut problems,
        );
        problems
    }
}

/// The forms in which outliers are written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OutliersText {
    Word(OutliersWord),
    Factor(OutliersFactor),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutliersWord {
    None,
    Iqr,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OutliersFactor {
    Iqr { factor: f64 },
}

impl Serialize for Outliers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match *self {
            Self::None => OutliersText::Word(OutliersWord::None),
            Self::Iqr { factor } if factor == Self::IQR_FACTOR => OutliersText::Word(OutliersWord::Iqr),
            Self::Iqr { factor } => OutliersText::Factor(OutliersFactor::Iqr { factor }),
        };
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Outliers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let range = "must be \"none\", \"iqr\" or {iqr = {factor = 1.5}}";
        match OutliersText::deserialize(deserializer).map_err(|_| de::Error::custom(range))? {
            OutliersText::Word(OutliersWord::None) => Ok(Self::None),
            OutliersText::Word(OutliersWord::Iqr) => Ok(Self::Iqr {
                factor: Self::IQR_FACTOR,
            }),
            OutliersText::Factor(OutliersFactor::Iqr { factor }) => Ok(Self::Iqr { factor }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cleaning_is_read_and_written_as_a_user_writes_it() {
        assert_eq!(
            serde_json::to_value(Clean::default()).unwrap(),
            json!({"missing": "interpolate", "outliers": "none", "lags": [], "calendar": true, "scaler": "minmax"})
        );
        for text in [json!("none"), json!("iqr"), json!({"iqr": {"factor": 3.0}})] {
            let outliers: Outliers = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(outliers).unwrap(), text);
        }
        for text in [json!("hampel"), json!({"iqr": {"factor": "x"}}), json!(3)] {
            let error = serde_json::from_value::<Outliers>(text).unwrap_err().to_string();
            assert!(error.contains("must be \"none\", \"iqr\""), "{error}");
        }
    }

    #[test]
    fn every_problem_is_named_with_its_path() {
        let clean = Clean {
            missing_threshold: Some(1.5),
            outliers: Outliers::Iqr { factor: f64::NAN },
            lags: vec![1, 0, 1],
            ..Clean::default()
        };
        let paths: Vec<_> = clean
            .problems("clean")
            .into_iter()
            .map(|problem| problem.path)
            .collect();
        assert_eq!(
            paths,
            [
                "clean.missing_threshold",
                "clean.outliers.iqr.factor",
                "clean.lags[1]",
                "clean.lags[2]"
            ]
        );
        assert_eq!(Clean::default().problems("clean"), []);
    }
}
