//! Who may ask: whoever signed with the one pair of keys, and only for what the operation looks at.

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use super::asks;

/// The one pair of keys that is known.
#[derive(Clone)]
pub(crate) struct Keys {
    access_key: String,
    secret_key: SecretKey,
}

impl Keys {
    /// Makes the pair.
    pub(crate) fn new(access_key: &str, secret_key: &str) -> Self {
        Self {
            access_key: access_key.to_owned(),
            secret_key: SecretKey::from(secret_key),
        }
    }
}

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            return Ok(self.secret_key.clone());
        }
        Err(s3_error!(
            InvalidAccessKeyId,
            "the access key id `{access_key}` is not known"
        ))
    }
}

/// Who is let in, and with what.
pub(super) enum Access {
    /// Whoever signed.
    Signed,
    /// Whoever comes: the signature was checked before.
    Checked,
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if matches!(self, Self::Signed) && request.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "a signature is required"));
        }
        asks::check(request.s3_op().name(), request.headers(), request.uri())
    }
}
