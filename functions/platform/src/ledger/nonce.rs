//! Nonces: how a writer recognizes its own write when the store gave no clear answer.

use serde::{Deserialize, Serialize};

/// A text that no two writes share: 128 random bits as hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(String);

impl Nonce {
    /// Returns a new random nonce.
    ///
    /// # Panics
    /// When the operating system cannot return random numbers.
    #[must_use]
    pub fn fresh() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        Self(hex::encode(bytes))
    }

    /// Wraps a text that the caller keeps unique.
    #[must_use]
    pub fn of(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
