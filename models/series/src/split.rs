//! The settings of the split: which rows are held out and which validate.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Problem;

/// Which rows are held out for scores.
///
/// Written as a fraction below 1, a whole number of rows, or `"test-file"`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Holdout {
    /// A fraction of the rows, the last ones; above 0 and below 1.
    Fraction(f64),
    /// This many rows, the last ones; at least 1.
    Rows(usize),
    /// The rows of the test file.
    TestFile,
}

impl Holdout {
    /// Returns whether the held-out rows come from a test file.
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
    /// A fraction of the sampled rows, the last ones; above 0 and below 1.
    Fraction(f64),
    /// This many sampled rows, the last ones; at least 1.
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
    /// Returns every setting that is out of range; `path` is where these settings stand.
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

const HOLDOUT_RANGE: &str = "a fraction above 0 and below 1, at least 1 row, or \"test-file\"";
const VALIDATION_RANGE: &str = "a fraction above 0 and below 1, at least 1 row, or \"none\"";

/// The forms in which a part of the rows is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SplitText {
    Rows(u64),
    Fraction(f64),
    Word(String),
}

impl SplitText {
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
        match SplitText::read(deserializer, HOLDOUT_RANGE)? {
            SplitText::Fraction(f) => Ok(Self::Fraction(f)),
            SplitText::Rows(rows) => Ok(Self::Rows(usize::try_from(rows).map_err(de::Error::custom)?)),
            SplitText::Word(word) if word == "test-file" => Ok(Self::TestFile),
            SplitText::Word(word) => Err(de::Error::custom(format!("\"{word}\" must be {HOLDOUT_RANGE}"))),
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
        match SplitText::read(deserializer, VALIDATION_RANGE)? {
            SplitText::Fraction(f) => Ok(Self::Fraction(f)),
            SplitText::Rows(rows) => Ok(Self::Rows(usize::try_from(rows).map_err(de::Error::custom)?)),
            SplitText::Word(word) if word == "none" => Ok(Self::None),
            SplitText::Word(word) => Err(de::Error::custom(format!("\"{word}\" must be {VALIDATION_RANGE}"))),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_are_read_and_written_as_a_user_writes_them() {
        assert_eq!(
            serde_json::to_value(Split::default()).unwrap(),
            json!({"holdout": 0.2, "validation": 0.1})
        );
        for text in [json!(0.25), json!(100), json!("test-file")] {
            let holdout: Holdout = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(holdout).unwrap(), text);
        }
        for text in [json!(0.25), json!(100), json!("none")] {
            let validation: Validation = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(serde_json::to_value(validation).unwrap(), text);
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
    fn shares_that_were_made_out_of_range_are_named() {
        let split = Split {
            holdout: Holdout::Rows(0),
            validation: Validation::Fraction(1.0),
        };
        let paths: Vec<_> = split
            .problems("split")
            .into_iter()
            .map(|problem| problem.path)
            .collect();
        assert_eq!(paths, ["split.holdout", "split.validation"]);
        assert_eq!(Split::default().problems("split"), []);
    }
}
