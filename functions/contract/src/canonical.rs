//! Canonical JSON, in which equal values are equal bytes.
//!
//! A document that is read and digested again must have the same bits, so `serde_json` is built with `float_roundtrip`:
//! without it, a number may be one bit off.

use serde::Serialize;

use crate::finite::{self, CanonicalError};

/// Returns the canonical JSON of a value (RFC 8785): sorted keys, no white space, shortest numbers.
///
/// # Errors
/// Fails if a number is not finite, or if a map has keys that are not strings.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    let json = serde_json_canonicalizer::to_vec(value).map_err(CanonicalError::Shape)?;
    // A number that is not finite is written as `null`; so is what is missing, but documents seldom say that.
    if std::str::from_utf8(&json).is_ok_and(|text| text.contains("null")) {
        finite::check(value)?;
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_sorts_keys_and_shortens_numbers() {
        let value = serde_json::json!({"b": 1.0, "a": {"z": 0.1, "é": 1e21, "aa": [true, null]}});
        assert_eq!(
            String::from_utf8(canonical(&value).unwrap()).unwrap(),
            r#"{"a":{"aa":[true,null],"z":0.1,"é":1e+21},"b":1}"#
        );
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_with_its_place_and_never_written_as_null() {
        #[derive(Serialize)]
        struct Inner {
            fill: f64,
            clip: Option<(f64, f64)>,
        }
        #[derive(Serialize)]
        struct Outer {
            columns: Vec<Inner>,
            targets: std::collections::BTreeMap<String, Option<f32>>,
            #[serde(flatten)]
            more: Inner,
        }
        let inner = |fill, clip| Inner { fill, clip };
        let outer = |last: Inner, mase, more| Outer {
            columns: vec![inner(1.0, None), last],
            targets: std::collections::BTreeMap::from([("down".to_owned(), mase)]),
            more,
        };
        let good = || inner(f64::MAX, Some((f64::MIN, -0.0)));
        assert!(canonical(&outer(good(), Some(f32::MAX), good())).is_ok());
        for (value, message) in [
            (
                outer(inner(f64::INFINITY, None), None, good()),
                "`columns[1].fill` is inf",
            ),
            (
                outer(inner(0.0, Some((0.0, f64::NAN))), None, good()),
                "`columns[1].clip[1]` is NaN",
            ),
            (outer(good(), Some(f32::NEG_INFINITY), good()), "`targets.down` is -inf"),
            (outer(good(), None, inner(f64::NAN, None)), "`fill` is NaN"),
        ] {
            let error = canonical(&value).unwrap_err().to_string();
            assert_eq!(error, format!("{message}, only finite numbers can be written"));
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back_and_what_cannot_be_is_refused(values: Vec<(f64, Option<f64>)>) {
            let finite = values.iter().all(|(a, b)| a.is_finite() && b.is_none_or(f64::is_finite));
            match canonical(&values) {
                Ok(bytes) => {
                    proptest::prop_assert!(finite);
                    let again: Vec<(f64, Option<f64>)> = serde_json::from_slice(&bytes).unwrap();
                    proptest::prop_assert_eq!(again, values);
                }
                Err(_) => proptest::prop_assert!(!finite),
            }
        }
    }
}
