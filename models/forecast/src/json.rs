//! JSON of settings and descriptions, for the structs of other crates that hold some.
//!
//! The code that serde derives is generic: a crate that reads a struct with a [`ModelSpec`] would compile the settings of all
//! models for itself. A field with `#[serde(with = "forecast::json")]` has the same JSON and calls what is compiled here.

use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de, ser};
use serde_json::value::{RawValue, to_raw_value};

use crate::{About, Later, ModelSpec, Trial};

/// A type whose JSON is written and read in this crate.
pub trait Json: Sized {
    /// Writes the value.
    ///
    /// # Errors
    /// Where the value has no JSON.
    fn write(&self) -> serde_json::Result<Box<RawValue>>;

    /// Reads a value.
    ///
    /// # Errors
    /// Where the JSON is not that of such a value.
    fn read(json: &RawValue) -> serde_json::Result<Self>;
}

macro_rules! json {
    ($($type:ty),*) => {$(
        impl Json for $type {
            #[inline(never)]
            fn write(&self) -> serde_json::Result<Box<RawValue>> {
                to_raw_value(self)
            }

            #[inline(never)]
            fn read(json: &RawValue) -> serde_json::Result<Self> {
                serde_json::from_str(json.get())
            }
        }
    )*};
}

json!(About, Option<About>, ModelSpec, Vec<ModelSpec>, Vec<Trial>, Vec<Later>);

/// Writes a field.
///
/// # Errors
/// Where the value has no JSON, or the format is not JSON.
pub fn serialize<T: Json, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.write().map_err(ser::Error::custom)?.serialize(serializer)
}

/// Reads a field.
///
/// # Errors
/// Where the JSON is not that of such a value, or the format is not JSON.
pub fn deserialize<'de, T: Json, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let json = Box::<RawValue>::deserialize(deserializer)?;
    T::read(&json).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::NaiveSpec;

    #[derive(PartialEq, Debug, Serialize, Deserialize)]
    struct Plain {
        settings: ModelSpec,
        best: Option<About>,
    }

    #[derive(PartialEq, Debug, Serialize, Deserialize)]
    struct Short {
        #[serde(with = "crate::json")]
        settings: ModelSpec,
        #[serde(with = "crate::json")]
        best: Option<About>,
    }

    #[test]
    fn a_field_has_the_json_that_it_would_have_anyway() {
        let settings = || ModelSpec::Naive(NaiveSpec {});
        let plain = serde_json::to_string(&Plain {
            settings: settings(),
            best: None,
        })
        .unwrap();
        let short = Short {
            settings: settings(),
            best: None,
        };
        assert_eq!(serde_json::to_string(&short).unwrap(), plain);
        assert_eq!(serde_json::from_str::<Short>(&plain).unwrap(), short);
    }

    #[test]
    fn a_field_with_other_json_is_refused_with_its_reason() {
        let error = serde_json::from_str::<Short>(r#"{"settings": {"kind": "naïve"}, "best": null}"#).unwrap_err();
        assert!(error.to_string().contains("unknown variant `naïve`"), "{error}");
    }
}
