//! What a user may set about rows: cleaning, splitting, sampling and windows, with the range of each.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One setting out of its range.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{path}` is {value}, must be {range}")]
pub struct Problem {
    /// Where it stands, for example `window.horizon`.
    pub path: String,
    /// What stands there.
    pub value: String,
    /// What may stand there.
    pub range: String,
}

impl Problem {
    /// Names a value out of range.
    pub fn new(path: impl Into<String>, value: impl fmt::Display, range: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            value: value.to_string(),
            range: range.into(),
        }
    }

    /// Collects a problem where a check fails.
    pub fn unless(ok: bool, path: impl Into<String>, value: impl fmt::Display, range: &str, into: &mut Vec<Self>) {
        if !ok {
            into.push(Self::new(path, value, range));
        }
    }
}

/// Which rows are held out for scores.
///
/// Written as a fraction below 1, a whole number of rows, or `"test-file"`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Holdout {
    /// The last part of the rows, above 0 and below 1.
    Fraction(f64),
    /// So many last rows, at least 1.
    Rows(usize),
    /// The rows of the test file.
    TestFile,
}

impl Holdout {
    /// Says whether a test file brings the held-out rows.
    #[must_use]
    pub fn is_test_file(&self) -> bool {
        matches!(self, Self::TestFile)
    }
}

/// Which of the sampled rows validate.
///
/// Written as a fraction below 1, a whole number of rows, or `"none"`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Validation {
    /// No row.
    None,
    /// The last part of the sampled rows, above 0 and below 1.
    Fraction(f64),
    /// So many last sampled rows, at least 1.
    Rows(usize),
}

/// Which rows are held out and which validate.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Split {
    /// Which rows are held out for scores.
    pub holdout: Holdout,
    /// Which of the sampled rows validate.
    pub validation: Validation,
}

impl Default for Split {
    fn default() -> Self {
        Self {
            holdout: Holdout::Fraction(0.2),
            validation: Validation::Fraction(0.1),
        }
    }
}

impl Split {
    /// Lists what is out of range.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let holdout = match self.holdout {
            Holdout::Fraction(f) => f > 0.0 && f < 1.0,
            Holdout::Rows(rows) => rows > 0,
            Holdout::TestFile => true,
        };
        let validation = match self.validation {
            Validation::Fraction(f) => f > 0.0 && f < 1.0,
            Validation::Rows(rows) => rows > 0,
            Validation::None => true,
        };
        let join = |name| format!("{path}.{name}");
        Problem::unless(holdout, join("holdout"), self.holdout, HOLDOUT_RANGE, &mut problems);
        Problem::unless(
            validation,
            join("validation"),
            self.validation,
            VALIDATION_RANGE,
            &mut problems,
        );
        problems
    }
}

/// Which of the rows before the holdout are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All of them.
    #[default]
    All,
    /// The first ones.
    Head,
    /// The last ones.
    Tail,
}

/// How training rows are sampled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Which rows.
    pub strategy: Strategy,
    /// How many, for `head` and `tail`; a series with fewer gives all it has.
    pub rows: usize,
    /// The seed of strategies that draw.
    pub seed: u64,
}

impl Sampling {
    /// Lists what is out of range.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let ok = self.strategy == Strategy::All || self.rows > 0;
        let range = "at least 1 row with `head` and `tail`";
        Problem::unless(ok, format!("{path}.rows"), self.rows, range, &mut problems);
        problems
    }
}

/// The shape of the windows that models see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WindowShape {
    /// Rows of history.
    pub context: usize,
    /// Rows that are forecast.
    pub horizon: usize,
    /// Rows between two training origins.
    pub stride: usize,
}

impl Default for WindowShape {
    fn default() -> Self {
        Self {
            context: 10,
            horizon: 1,
            stride: 1,
        }
    }
}

impl WindowShape {
    /// The longest context. A closed form holds its square in memory: 134 MB.
    pub const MAX_CONTEXT: usize = 4_096;
    /// The longest horizon.
    pub const MAX_HORIZON: usize = 4_096;

    /// Gives the rows that one window covers.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.context.saturating_add(self.horizon)
    }

    /// Counts the windows inside so many rows.
    #[must_use]
    pub fn count(&self, rows: usize) -> usize {
        rows.checked_sub(self.rows())
            .map_or(0, |spare| spare / self.stride.max(1) + 1)
    }

    /// Lists what is out of range.
    #[must_use]
    pub fn problems(&self, path: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, value, most) in [
            ("context", self.context, Self::MAX_CONTEXT),
            ("horizon", self.horizon, Self::MAX_HORIZON),
            ("stride", self.stride, 1_000_000),
        ] {
            let range = format!("from 1 to {most}");
            Problem::unless(
                (1..=most).contains(&value),
                format!("{path}.{name}"),
                value,
                &range,
                &mut problems,
            );
        }
        problems
    }
}

/// How missing inputs are filled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// On a line between the neighbours inside the training rows, with the last value after them.
    #[default]
    Interpolate,
    /// With the last value.
    Forward,
    /// With the mean of the training rows.
    Mean,
    /// Training windows that touch one are left out; elsewhere with the last value.
    Drop,
}

/// How outliers of the inputs are treated.
///
/// Written as `"none"`, `"iqr"` (factor 1.5) or `{"iqr": {"factor": 3}}`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Outliers {
    /// Not at all.
    #[default]
    None,
    /// Clipped to the quartiles of the training rows widened by a multiple of their distance.
    Iqr {
        /// The multiple, above 0.
        factor: f64,
    },
}

impl Outliers {
    /// Tukey's factor.
    pub const IQR_FACTOR: f64 = 1.5;
}

/// How columns are brought to one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaler {
    /// The training rows lie in 0 to 1.
    #[default]
    #[serde(rename = "minmax")]
    MinMax,
    /// The training rows have mean 0 and standard deviation 1.
    Standard,
    /// The training rows have median 0 and an interquartile range of 1.
    Robust,
    /// The training rows lie in -1 to 1, zero stays.
    #[serde(rename = "maxabs")]
    MaxAbs,
    /// Not at all.
    None,
}

/// How rows become numbers that models see.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clean {
    /// How missing inputs are filled.
    pub missing: Missing,
    /// The fraction of missing training rows above which an input is left out and a target is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_threshold: Option<f64>,
    /// How outliers of the inputs are treated.
    pub outliers: Outliers,
    /// Lags of the targets that become inputs, in rows.
    pub lags: Vec<usize>,
    /// Whether calendar columns are inputs.
    pub calendar: bool,
    /// How columns are brought to one size.
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

    /// Lists what is out of range.
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

const HOLDOUT_RANGE: &str = "a fraction above 0 and below 1, at least 1 row, or \"test-file\"";
const VALIDATION_RANGE: &str = "a fraction above 0 and below 1, at least 1 row, or \"none\"";

/// What a share of the rows is written as.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Share {
    Rows(u64),
    Fraction(f64),
    Word(String),
}

impl Share {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, range: &'static str) -> Result<Self, D::Error> {
        let share = Self::deserialize(deserializer).map_err(|_| de::Error::custom(format!("must be {range}")))?;
        match share {
            Self::Rows(rows) if rows == 0 || usize::try_from(rows).is_err() => {
                Err(de::Error::custom(format!("{rows} must be {range}")))
            }
            Self::Fraction(f) if !(f > 0.0 && f < 1.0) => Err(de::Error::custom(format!("{f} must be {range}"))),
            share => Ok(share),
        }
    }
}

impl Serialize for Holdout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Fraction(f) => serializer.serialize_f64(f),
            Self::Rows(rows) => serializer.serialize_u64(rows as u64),
            Self::TestFile => serializer.serialize_str("test-file"),
        }
    }
}

impl<'de> Deserialize<'de> for Holdout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Share::read(deserializer, HOLDOUT_RANGE)? {
            Share::Fraction(f) => Ok(Self::Fraction(f)),
            Share::Rows(rows) => Ok(Self::Rows(usize::try_from(rows).map_err(de::Error::custom)?)),
            Share::Word(word) if word == "test-file" => Ok(Self::TestFile),
            Share::Word(word) => Err(de::Error::custom(format!("\"{word}\" must be {HOLDOUT_RANGE}"))),
        }
    }
}

impl fmt::Display for Holdout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(fraction) => fraction.fmt(f),
            Self::Rows(rows) => rows.fmt(f),
            Self::TestFile => f.write_str("test-file"),
        }
    }
}

impl Serialize for Validation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Fraction(f) => serializer.serialize_f64(f),
            Self::Rows(rows) => serializer.serialize_u64(rows as u64),
            Self::None => serializer.serialize_str("none"),
        }
    }
}

impl<'de> Deserialize<'de> for Validation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Share::read(deserializer, VALIDATION_RANGE)? {
            Share::Fraction(f) => Ok(Self::Fraction(f)),
            Share::Rows(rows) => Ok(Self::Rows(usize::try_from(rows).map_err(de::Error::custom)?)),
            Share::Word(word) if word == "none" => Ok(Self::None),
            Share::Word(word) => Err(de::Error::custom(format!("\"{word}\" must be {VALIDATION_RANGE}"))),
        }
    }
}

impl fmt::Display for Validation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fraction(fraction) => fraction.fmt(f),
            Self::Rows(rows) => rows.fmt(f),
            Self::None => f.write_str("none"),
        }
    }
}

/// What outliers are written as.
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
    fn settings_are_written_as_a_user_writes_them() {
        assert_eq!(
            serde_json::to_value(Clean::default()).unwrap(),
            json!({"missing": "interpolate", "outliers": "none", "lags": [], "calendar": true, "scaler": "minmax"})
        );
        assert_eq!(
            serde_json::to_value(Split::default()).unwrap(),
            json!({"holdout": 0.2, "validation": 0.1})
        );
        assert_eq!(
            serde_json::to_value(Sampling::default()).unwrap(),
            json!({"strategy": "all", "rows": 0, "seed": 0})
        );
        assert_eq!(
            serde_json::to_value(WindowShape::default()).unwrap(),
            json!({"context": 10, "horizon": 1, "stride": 1})
        );
    }

    #[test]
    fn every_written_form_is_read_back() {
        for text in [json!(0.25), json!(100), json!("test-file")] {
            let holdout: Holdout = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(holdout).unwrap(), text);
        }
        for text in [json!(0.25), json!(100), json!("none")] {
            let validation: Validation = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(validation).unwrap(), text);
        }
        for text in [json!("none"), json!("iqr"), json!({"iqr": {"factor": 3.0}})] {
            let outliers: Outliers = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(outliers).unwrap(), text);
        }
    }

    #[test]
    fn shares_out_of_range_are_refused_with_the_range() {
        for text in [json!(0), json!(1.5), json!(-1), json!("half"), json!(null)] {
            let error = serde_json::from_value::<Holdout>(text.clone()).unwrap_err().to_string();
            assert!(error.contains("below 1, at least 1 row"), "{text}: {error}");
        }
    }

    #[test]
    fn every_problem_is_named_with_its_path_and_range() {
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
        let window = WindowShape {
            context: 0,
            horizon: 5000,
            stride: 1,
        };
        assert_eq!(
            window.problems("window")[1].to_string(),
            "`window.horizon` is 5000, must be from 1 to 4096"
        );
    }

    #[test]
    fn windows_are_counted_by_stride() {
        let shape = WindowShape {
            context: 2,
            horizon: 1,
            stride: 2,
        };
        for (rows, expected) in [(0, 0), (2, 0), (3, 1), (4, 1), (5, 2), (50, 24)] {
            assert_eq!(shape.count(rows), expected, "{rows} rows");
        }
    }
}
