//! Who may ask for what: requests must be signed with the one pair of keys and ask only for what is supported.

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use super::supported;

/// The one pair of keys.
#[derive(Clone)]
pub(crate) struct Keys {
    access_key: String,
    secret_key: SecretKey,
}

impl Keys {
    /// Makes the pair from the id and the secret of an access key.
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

/// Which requests are let in.
pub(super) enum Access {
    /// Those that are signed.
    Signed,
    /// All of them: their signature was checked before.
    Checked,
}

#[async_trait]
impl S3Access for Access {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        if matches!(self, Self::Signed) && request.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "a signature is required"));
        }
        supported::check(request.s3_op().name(), request.headers(), request.uri())
    }
}
