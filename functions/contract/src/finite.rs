//! Finds numbers in a document that JSON cannot hold.
//!
//! JSON writers put `null` where a number is infinite or NaN, and no reader takes that for a number again.

use ciborium::Value;
use serde::{Serialize, ser::Error};

/// Why a value has no canonical JSON.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// A number is infinite or NaN.
    #[error("`{path}` is {value}, only finite numbers can be written")]
    NotFinite {
        /// The path of the number, for example `transform.columns[0].fill`.
        path: String,
        /// The number: NaN or an infinity.
        value: f64,
    },
    /// A map has keys that are not strings, or a value cannot be serialized.
    #[error("the value has no JSON")]
    Shape(#[source] serde_json::Error),
}

/// Checks every number of a document.
///
/// # Errors
/// Returns the first number that is not finite, with its path.
pub(crate) fn check(document: &impl Serialize) -> Result<(), CanonicalError> {
    // CBOR has the same shapes as JSON, and every number.
    let document = Value::serialized(document).map_err(|error| CanonicalError::Shape(Error::custom(error)))?;
    match first_not_finite(&document) {
        Some((path, value)) => Err(CanonicalError::NotFinite { path, value }),
        None => Ok(()),
    }
}

fn first_not_finite(value: &Value) -> Option<(String, f64)> {
    match value {
        Value::Float(number) => (!number.is_finite()).then(|| (String::new(), *number)),
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let (below, number) = first_not_finite(item)?;
            Some((joined(&format!("[{index}]"), &below), number))
        }),
        Value::Map(fields) => fields.iter().find_map(|(key, field)| {
            let (below, number) = first_not_finite(field)?;
            Some((joined(key.as_text().unwrap_or("?"), &below), number))
        }),
        _ => None,
    }
}

/// Joins a field or an index with the path below it.
fn joined(step: &str, below: &str) -> String {
    let dot = if below.is_empty() || below.starts_with('[') {
        ""
    } else {
        "."
    };
    format!("{step}{dot}{below}")
}
