//! SHA-256 digests and the canonical JSON they are taken of.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

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

    /// Digests a value's canonical JSON (RFC 8785).
    #[must_use]
    pub fn of_json(value: &impl Serialize) -> Self {
        Self::of(&canonical(value))
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

/// Writes a value as canonical JSON (RFC 8785): sorted keys, no white space, shortest numbers.
///
/// # Panics
/// When the value has a map with keys that are not strings or a number that is not finite; none of our types has.
#[must_use]
pub fn canonical(value: &impl Serialize) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("our documents have string keys and finite numbers")
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
            String::from_utf8(canonical(&value)).unwrap(),
            r#"{"a":{"aa":[true,null],"z":0.1,"é":1e+21},"b":1}"#
        );
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
