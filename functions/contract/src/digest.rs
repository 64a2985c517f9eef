//! SHA-256 digests and the canonical JSON they are taken of.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::finite;

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// Names a ledger: the same work under the same resolved spec.
pub type JobId = Digest;
/// Names outputs: the same inputs, recipe and spec sections.
pub type WorkId = Digest;
/// Names a round: the job id of its `sample` job.
pub type RoundId = Digest;

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a digest of 64 lower-case hexadecimal digits")]
pub struct ParseDigestError {
    /// What stood there instead.
    pub value: String,
}

impl Digest {
    /// Digests bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Digests the canonical JSON (RFC 8785) of what names something: digests, names and checked settings.
    ///
    /// # Panics
    /// When the value has no canonical JSON, see [`canonical`]: a name that others cannot compute again is none.
    #[must_use]
    pub fn of_json(value: &impl Serialize) -> Self {
        Self::of(&canonical(value).expect("names are made of texts, digests and settings whose ranges were checked"))
    }

    /// Wraps a digest that was computed elsewhere, for example while streaming.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives the 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Gives the first two digits, by which keys fan out.
    #[must_use]
    pub fn fan(&self) -> String {
        hex::encode(&self.0[..1])
    }

    /// Gives the first twelve digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

/// A value that canonical JSON cannot hold.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// A number is infinite or NaN: other writers make `null` of it, which no reader takes for a number again.
    #[error("`{path}` is {value}, only finite numbers can be written")]
    NotFinite {
        /// Where it stands, for example `transform.columns[0].fill`.
        path: String,
        /// The number.
        value: f64,
    },
    /// A map has keys that are not strings, or the value refuses to be written.
    #[error("the value has no JSON")]
    Shape(#[source] serde_json::Error),
}

/// Writes a value as canonical JSON (RFC 8785): sorted keys, no white space, shortest numbers.
///
/// # Errors
/// When a number is not finite, or a map has keys that are not strings.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    finite::check(value)?;
    serde_json_canonicalizer::to_vec(value).map_err(CanonicalError::Shape)
}

/// Reads a JSON document of ours.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(bytes)
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl std::str::FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseDigestError { value: text.to_owned() };
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = ParseDigestError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.hex()
    }
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

    #[test]
    fn a_digest_survives_text_and_refuses_anything_else() {
        let digest = Digest::of(b"flits");
        assert_eq!(digest.hex().parse(), Ok(digest));
        for wrong in [
            "",
            "abc",
            &digest.hex().to_uppercase(),
            &format!("{digest}0"),
            &"g".repeat(64),
        ] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
