//! Settings of the classical models that are written as `"auto"` or a value.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The curvature of the second line of the Theta method.
///
/// Written as `"auto"` or a number.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Curvature {
    /// Fitted together with the smoothing.
    #[default]
    Auto,
    /// This number, from 1 to 1000.
    Given(f64),
}

impl Curvature {
    /// Returns the number; `None` where it is fitted.
    #[must_use]
    pub fn given(self) -> Option<f64> {
        match self {
            Self::Auto => None,
            Self::Given(theta) => Some(theta),
        }
    }
}

/// How many steps each season has.
///
/// Written as `"auto"` or a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Periods {
    /// The season that follows from the data, and a week where it is a day.
    #[default]
    Auto,
    /// These lengths, ascending.
    Given(Vec<usize>),
}

/// The forms in which a curvature is written.
#[derive(Deserialize)]
#[serde(untagged)]
enum CurvatureText {
    Given(f64),
    Word(String),
}

impl Serialize for Curvature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(theta) => serializer.serialize_f64(theta),
        }
    }
}

impl<'de> Deserialize<'de> for Curvature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match CurvatureText::deserialize(deserializer) {
            Ok(CurvatureText::Given(theta)) => Ok(Self::Given(theta)),
            Ok(CurvatureText::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(de::Error::custom("must be \"auto\" or a number")),
        }
    }
}

/// The forms in which periods are written.
#[derive(Deserialize)]
#[serde(untagged)]
enum PeriodsText {
    Given(Vec<usize>),
    Word(String),
}

impl Serialize for Periods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Given(periods) => periods.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Periods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match PeriodsText::deserialize(deserializer) {
            Ok(PeriodsText::Given(periods)) => Ok(Self::Given(periods)),
            Ok(PeriodsText::Word(word)) if word == "auto" => Ok(Self::Auto),
            _ => Err(de::Error::custom("must be \"auto\" or a list of steps")),
        }
    }
}
