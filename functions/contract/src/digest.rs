//! SHA-256 digests, the names of everything that is stored.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::canonical::canonical;

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// The id of a job, which names its ledger: the digest of its work and its resolved spec.
pub type JobId = Digest;
/// The id of work, which names its manifest: the digest of everything that decides the outputs.
pub type WorkId = Digest;
/// The id of a round: the id of the `sample` job that opened it.
pub type RoundId = Digest;

/// The error for a text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a digest of 64 lower-case hexadecimal digits")]
pub struct ParseDigestError {
    /// The text.
    pub value: String,
}

impl Digest {
    /// Returns the digest of bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns the digest of a value's canonical JSON (RFC 8785).
    ///
    /// # Panics
    /// Panics if the value has no canonical JSON, see [`canonical`]. Values that are digested here are made of names, digests
    /// and checked settings, which always have one.
    #[must_use]
    pub fn of_json(value: &impl Serialize) -> Self {
        Self::of(&canonical(value).expect("what is digested is made of names, digests and checked settings"))
    }

    /// Wraps a digest that was computed elsewhere, for example while an object was streamed.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Returns the first two hexadecimal digits, by which keys are spread over prefixes.
    #[must_use]
    pub(crate) fn fan(&self) -> String {
        hex::encode(&self.0[..1])
    }

    /// Returns the first twelve hexadecimal digits, for logs and tables.
    #[must_use]
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
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
