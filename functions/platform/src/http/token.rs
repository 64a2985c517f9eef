use axum::http::{HeaderMap, header};
use contract::Digest;
use subtle::{Choice, ConstantTimeEq as _};

use crate::secret::Secret;

/// The bearer tokens that open an HTTP face: none, one, or two while one is replaced by the other.
///
/// Only their digests are kept. A token is compared in a time that does not depend on how much of it is right.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tokens(Vec<Digest>);

impl Tokens {
    /// Takes the tokens that are valid.
    #[must_use]
    pub fn new<'a>(tokens: impl IntoIterator<Item = &'a Secret>) -> Self {
        let digest = |token: &Secret| Digest::of(token.expose().as_bytes());
        Self(tokens.into_iter().map(digest).collect())
    }

    /// Returns whether no token is configured, so that everybody who reaches the address gets in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a request brings a valid token, or none is configured.
    pub(super) fn admit(&self, headers: &HeaderMap) -> bool {
        if self.is_empty() {
            return true;
        }
        let given = headers
            .get(header::AUTHORIZATION)
            .map(axum::http::HeaderValue::as_bytes);
        let Some(given) = given.and_then(bearer) else {
            return false;
        };
        let given = Digest::of(given);
        let equal = |token: &Digest| token.as_bytes().ct_eq(given.as_bytes());
        self.0
            .iter()
            .map(equal)
            .fold(Choice::from(0), |any, one| any | one)
            .into()
    }
}

/// Returns the token of an `Authorization` header. The scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn admits(tokens: &Tokens, header: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(header));
        }
        tokens.admit(&headers)
    }

    #[test]
    fn both_tokens_open_and_nothing_else_does() {
        let (old, new) = (Secret::new("old".to_owned()), Secret::new("new".to_owned()));
        let tokens = Tokens::new([&old, &new]);
        for (header, expected) in [
            (Some("Bearer old"), true),
            (Some("bearer new"), true),
            (Some("Bearer  new "), true),
            (Some("Bearer ne"), false),
            (Some("Bearer newer"), false),
            (Some("Basic old"), false),
            (Some("old"), false),
            (Some("Bearer"), false),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(admits(&tokens, header), expected, "{header:?}");
        }
    }

    #[test]
    fn without_a_token_everybody_gets_in() {
        assert!(admits(&Tokens::default(), None));
    }

    #[test]
    fn a_token_is_never_printed() {
        let tokens = Tokens::new([&Secret::new("hush".to_owned())]);
        assert!(!format!("{tokens:?}").contains("hush"));
    }
}
